"""The agent's file operations in a real room."""

from __future__ import annotations

import unittest

from athenic_guest import frames
from guest_case import answered, collect, connect, operate, refused
from test_agent import AgentCase


class Entries(AgentCase):
    def test_a_written_file(self) -> None:
        entry = self.write("deep/folder/file.txt", b"hello")

        self.assertEqual({key: entry[key] for key in entry if key != "modifiedMicros"}, {
            "name": "file.txt", "type": "file", "path": "/home/user/deep/folder/file.txt", "size": 5, "mode": 0o644, "permissions": "-rw-r--r--", "owner": "user", "group": "user"})
        self.assertEqual(self.ok("fs.stat", path="~/deep")["entry"]["owner"], "user")
        self.assertEqual(self.shell("stat -c %a deep/folder").stdout, "755\n")

    def test_kinds_and_permissions_in_go_s_words(self) -> None:
        self.shell("ln -s /usr/bin/env good; ln -s nowhere bad; ln -s loop loop; mkfifo pipe; touch set; chmod 4755 set; mkdir sticky; chmod 1777 sticky")
        found = {name: self.ok("fs.stat", path=name)["entry"] for name in ("good", "bad", "loop", "pipe", "set", "sticky")}

        self.assertEqual((found["good"]["type"], found["good"]["symlinkTarget"], found["good"]["mode"], found["good"]["permissions"]), ("file", "/usr/bin/env", 0o755, "Lrwxrwxrwx"))
        self.assertEqual((found["bad"]["type"], found["bad"]["symlinkTarget"]), ("symlink", "/home/user/bad"))
        self.assertEqual(found["loop"]["type"], "symlink")
        self.assertEqual((found["pipe"]["type"], found["pipe"]["permissions"][0]), ("other", "p"))
        self.assertEqual(found["set"]["permissions"], "urwxr-xr-x")
        self.assertEqual(found["sticky"]["permissions"], "dtrwxrwxrwx")

    def test_paths(self) -> None:
        self.assertEqual(self.ok("fs.stat", path="")["entry"]["path"], "/home/user")
        self.assertEqual(self.ok("fs.stat", path="a/../.././../etc/passwd")["entry"]["path"], "/etc/passwd")
        self.assertEqual(self.ok("fs.stat", path="~", user="root")["entry"]["path"], "/root")
        self.assertEqual(self.code("fs.stat", path="/no/such"), "not_found")

    def test_list(self) -> None:
        for name in ("tree/b/c/d.txt", "tree/a.txt", "tree/b.txt"):
            self.write(name)
        self.shell("ln -s /etc tree/link; ln -s tree seen")

        def listed(path: str, depth: int) -> list[str]:
            run = self.operate("fs.list", path=path, depth=depth)
            answered(run)
            return [entry["path"].removeprefix("/home/user/") for message in run.messages for entry in message.get("entries", [])]

        self.assertEqual(listed("tree", 1), ["tree/a.txt", "tree/b", "tree/b.txt", "tree/link"])
        self.assertEqual(listed("tree", 9), ["tree/a.txt", "tree/b", "tree/b/c", "tree/b/c/d.txt", "tree/b.txt", "tree/link"])
        self.assertEqual(listed("seen", 1), ["seen/a.txt", "seen/b", "seen/b.txt", "seen/link"])
        self.assertEqual(self.code("fs.list", path="tree/a.txt"), "invalid_argument")
        self.assertEqual(self.code("fs.list", path="nothing"), "not_found")

    def test_a_long_list_comes_in_several_frames(self) -> None:
        self.shell("mkdir many; cd many; seq -f %0200g 1 6000 | xargs touch")

        run = self.operate("fs.list", path="many")

        self.assertEqual(sum(len(message.get("entries", [])) for message in run.messages), 6000)
        self.assertGreater(len(run.messages), 2)


class Changes(AgentCase):
    def test_mkdir(self) -> None:
        self.assertEqual(self.ok("fs.mkdir", path="new/one")["entry"]["type"], "directory")
        self.assertEqual(self.code("fs.mkdir", path="new/one"), "already_exists")
        self.write("plain")
        self.assertEqual(self.code("fs.mkdir", path="plain"), "invalid_argument")
        self.assertEqual(self.code("fs.mkdir", path="plain/below"), "invalid_argument")

    def test_move(self) -> None:
        self.write("from.txt", b"moved")
        self.assertEqual(self.ok("fs.move", source="from.txt", destination="some/where.txt")["entry"]["path"], "/home/user/some/where.txt")
        self.assertEqual(self.code("fs.stat", path="from.txt"), "not_found")
        self.assertEqual(self.code("fs.move", source="from.txt", destination="x"), "not_found")
        self.assertEqual(self.ok("fs.move", source="some/where.txt", destination="/dev/shm/across")["entry"]["size"], 5)

    def test_remove(self) -> None:
        self.shell("mkdir -p gone/a; touch gone/a/b; ln -s /etc gone/etc")
        self.ok("fs.remove", path="gone")
        self.ok("fs.remove", path="gone")
        self.assertEqual(self.code("fs.stat", path="gone"), "not_found")
        self.assertEqual(self.ok("fs.stat", path="/etc/passwd")["entry"]["type"], "file")
        self.assertEqual(self.code("fs.remove", path="/"), "invalid_argument")

    def test_metadata_is_replaced_as_a_whole(self) -> None:
        self.assertEqual(self.write("meta", metadata={"a": "1", "b": "2"})["metadata"], {"a": "1", "b": "2"})
        self.assertEqual(self.write("meta", metadata={"c": "3"})["metadata"], {"c": "3"})
        self.assertNotIn("metadata", self.write("meta"))


class Content(AgentCase):
    def read(self, path: str, **fields: int) -> bytes:
        run = self.operate("fs.read", path=path, **fields)
        data = b"".join(payload for kind, payload in run.items if kind == frames.DATA)
        self.assertEqual(answered(run), {"bytes": len(data)})
        return data

    def test_what_is_written_is_read(self) -> None:
        data = bytes(range(256)) * 20_000
        connection = connect(self.agent)
        connection.send_json({"op": "fs.write", "path": "big"})
        for at in range(0, len(data), 1_000_000):
            connection.send(frames.STDIN, data[at : at + 1_000_000])
        connection.send_json({"eof": True})

        self.assertEqual(answered(collect(connection))["entry"]["size"], len(data))
        self.assertEqual(self.read("big"), data)
        self.assertEqual(self.read("big", offset=255, length=3), b"\xff\x00\x01")
        self.assertEqual(self.read("big", offset=1 << 40), b"")

    def test_an_empty_file_and_files_of_proc(self) -> None:
        self.write("empty")
        self.assertEqual(self.read("empty"), b"")
        self.assertIn(b"Mem", self.read("/proc/meminfo"))

    def test_what_came_before_a_lost_connection_stays(self) -> None:
        connection = connect(self.agent)
        connection.send_json({"op": "fs.write", "path": "part"})
        connection.send(frames.STDIN, b"first half")
        connection.close()

        self.until(lambda: self.operate("fs.stat", path="part").messages[-1].get("ok", {}).get("entry", {}).get("size") == 10, "the first half is lost")

    def test_what_is_no_file_is_refused(self) -> None:
        self.shell("mkfifo fifo")
        for path in ("fifo", "/", "/dev/null"):
            self.assertEqual(self.code("fs.read", path=path), "invalid_argument")
            self.assertEqual(self.code("fs.write", path=path), "invalid_argument")
        self.assertEqual(self.code("fs.read", path="missing"), "not_found")

    def test_a_full_disk_is_told(self) -> None:
        agent = self.guest("agent", diskBytes=64 << 20)

        run = operate(agent, {"op": "fs.write", "path": "huge"}, (b"x" * 1_000_000 for _ in range(200)), eof=True)

        self.assertEqual(refused(run), "resource_exhausted")

    def test_compose(self) -> None:
        self.write("p1", b"one")
        self.write("p2", b"two")

        self.assertEqual(self.ok("fs.compose", sources=["p1", "p2"], destination="out/whole")["entry"]["size"], 6)
        self.assertEqual(self.read("out/whole"), b"onetwo")
        self.assertEqual(self.code("fs.stat", path="p1"), "not_found")
        self.assertEqual(self.code("fs.compose", sources=["p1"], destination="x"), "not_found")
        self.assertEqual(self.code("fs.compose", sources=[], destination="x"), "invalid_argument")


class Watching(AgentCase):
    def watch(self, **fields: object) -> frames.Connection:
        connection = connect(self.agent)
        connection.send_json({"op": "fs.watch", **fields})
        self.assertEqual(connection.receive_json(), {"start": {}})
        self.addCleanup(connection.close)
        return connection

    def events_until(self, connection: frames.Connection, name: str, kind: str) -> list[tuple[str, str]]:
        found: list[tuple[str, str]] = []
        while (name, kind) not in found:
            message = connection.receive_json()
            assert message is not None
            found.append((message["event"]["name"], message["event"]["type"]))
        return found

    def test_changes_of_a_folder(self) -> None:
        self.ok("fs.mkdir", path="watched")
        connection = self.watch(path="watched", includeEntry=True)

        self.shell("cd watched; echo x > f; chmod 600 f; mv f g; rm g; mkdir sub; touch sub/unseen; touch last")

        found = self.events_until(connection, "last", "create")
        wanted = [("f", "create"), ("f", "write"), ("f", "chmod"), ("f", "rename"), ("g", "create"), ("g", "remove"), ("sub", "create")]
        self.assertEqual([event for event in dict.fromkeys(found) if event in wanted], wanted)
        self.assertNotIn("sub/unseen", [name for name, _ in found])

    def test_folders_made_later_are_watched_too(self) -> None:
        self.ok("fs.mkdir", path="deep/a")
        connection = self.watch(path="deep", recursive=True)

        self.shell("touch deep/a/one; mkdir -p deep/b/c")
        self.events_until(connection, "b/c", "create")
        self.shell("touch deep/b/c/two")

        self.events_until(connection, "b/c/two", "create")

    def test_what_cannot_be_watched(self) -> None:
        self.write("plain")
        self.assertEqual(self.code("fs.watch", path="plain"), "invalid_argument")
        self.assertEqual(self.code("fs.watch", path="missing"), "not_found")


if __name__ == "__main__":
    unittest.main()
