"""Snapshots as layers, rooms made from them, and disks that outlive their rooms."""

from __future__ import annotations

import json
import os
import shutil
import threading
import time
import unittest
from typing import Any

from roomd_case import RoomdCase, census
from roomd_client import ENVIRONMENT, LIMITS, Roomd, RoomdError, probe, until

_MIB = 1 << 20
_LOTS = 1 << 40
# As the room's root and as its user: everything that an overlay keeps in its own way.
_FURNISH = """
import os, subprocess
def sh(text): subprocess.run(text, shell=True, check=True)
os.makedirs('/home/user/folder')
open('/home/user/folder/text', 'w').write('first')
os.symlink('folder/text', '/home/user/link'); os.link('/home/user/folder/text', '/home/user/hard')
with open('/home/user/sparse', 'wb') as file: file.truncate(64 << 20); file.seek(32 << 20); file.write(b'middle')
os.chmod('/home/user/folder/text', 0o640)
sh('chown -hR 1000:1000 /home/user')
sh('rm /etc/hosts.allow /etc/issue 2>/dev/null; rm /etc/debian_version; rm -rf /usr/share/common-licenses; mkdir /usr/share/common-licenses')
open('/usr/share/common-licenses/new', 'w').write('new')
sh('mv /usr/share/bash-completion /usr/share/renamed || mv /usr/share/perl5 /usr/share/renamed')
os.setxattr('/home/user/folder', 'user.note', b'kept')
"""
_LOOK = """
import os
def mode(path):
    status = os.lstat(path)
    return [oct(status.st_mode), status.st_uid, status.st_gid]
status = os.stat('/home/user/sparse')
with open('/home/user/sparse', 'rb') as file:
    file.seek(32 << 20); middle = file.read(6).decode()
result = {'text': open('/home/user/folder/text').read(), 'link': os.readlink('/home/user/link'),
          'hard': os.stat('/home/user/hard').st_ino == os.stat('/home/user/folder/text').st_ino, 'mode': mode('/home/user/folder/text'),
          'sparse': [status.st_size, status.st_blocks < 1000, middle], 'gone': os.path.exists('/etc/debian_version'),
          'opaque': os.listdir('/usr/share/common-licenses'), 'renamed': len(os.listdir('/usr/share/renamed')) > 0,
          'folder': mode('/home/user/folder'), 'note': os.getxattr('/home/user/folder', 'user.note').decode()}
"""
_EXPECTED = {"text": "first", "link": "folder/text", "hard": True, "mode": ["0o100640", 1000, 1000], "sparse": [64 * _MIB, True, "middle"],
             "gone": False, "opaque": ["new"], "renamed": True, "folder": ["0o40755", 1000, 1000], "note": "kept"}

# Generation by generation: files of those before are changed, deleted, renamed, replaced by what is of another kind.
_CHANGE = """
import os, shutil, subprocess
os.chdir('/srv')
def fresh(path):
    if os.path.isdir(path) and not os.path.islink(path): shutil.rmtree(path)
    elif os.path.lexists(path): os.unlink(path)
def write(path, text):
    fresh(path)
    os.makedirs(os.path.dirname(path) or '.', exist_ok=True)
    open(path, 'w').write(text)
write(f'file{number}', f'text {number}')
write(f'tree{number % 7}/branch{number % 3}/leaf', f'leaf {number}')
for old in (number - 5, number - 20):
    if old >= 0: fresh(f'file{old}')
what = f'turn{number % 4}'
fresh(what)
if number % 3 == 0: write(what, 'a file')
elif number % 3 == 1: write(f'{what}/inner/file', f'a folder {number}')
else: os.symlink(f'file{number}', what)
if number % 4 == 1: fresh('moved'); os.rename(f'tree{number % 7}', 'moved')
if number % 6 == 2: os.rename('/usr/share/common-licenses', '/usr/share/licenses') if os.path.exists('/usr/share/common-licenses') else os.rename('/usr/share/licenses', '/usr/share/common-licenses')
if number == 9: shutil.rmtree('/usr/share/bash-completion', ignore_errors=True); fresh('/etc/debian_version')
if number == 12: os.mkdir('/usr/share/bash-completion'); write('/usr/share/bash-completion/mine', 'm')
write(f'links/{number}', f'linked {number}'); os.link(f'links/{number}', f'links/{number}-twin')
fresh(f'links/{number - 2}')
os.chown(f'file{number}', 1000, number); os.chmod(f'file{number}', 0o4750); os.setxattr(f'file{number}', 'user.number', str(number).encode())
with open('sparse', 'r+b' if os.path.exists('sparse') else 'wb') as file: file.seek(number << 22); file.write(b'here'); file.truncate((number + 1) << 22)
subprocess.run(['chmod', '700', 'tree0'], capture_output=True)
"""
_WALK = """
import hashlib, os, stat
seen, together = {}, {}
for top in ('/srv', '/usr/share/licenses', '/usr/share/common-licenses', '/usr/share/bash-completion', '/etc/debian_version', '/home/user'):
    paths = [top]
    for folder, folders, files in os.walk(top): paths += [os.path.join(folder, name) for name in (*folders, *files)]
    for path in sorted(paths):
        if not os.path.lexists(path): seen[path] = None; continue
        status = os.lstat(path)
        entry = [oct(status.st_mode), status.st_uid, status.st_gid]
        if stat.S_ISREG(status.st_mode):
            entry += [status.st_size, status.st_blocks < 1024, int(status.st_mtime * 1000), together.setdefault((status.st_dev, status.st_ino), path)]
            try: entry.append(hashlib.sha256(open(path, 'rb').read(1 << 20)).hexdigest()[:16])
            except PermissionError: pass
        elif stat.S_ISLNK(status.st_mode): entry.append(os.readlink(path))
        entry.append(sorted(name for name in os.listxattr(path, follow_symlinks=False) if name.startswith('user.')))
        seen[path] = entry
result = seen
"""


class LayersCase(RoomdCase):
    def room_on(self, sandbox: str, layers: list[str], **fields: Any) -> dict[str, Any]:
        answer = self.roomd.call("room.create", sandbox=sandbox, template="probe", hostname="sandbox", limits=LIMITS, layers=layers, **fields)
        self.addCleanup(self._destroy, sandbox)
        return answer

    def snapshot(self, sandbox: str, snapshot: str, most: int = _LOTS) -> dict[str, Any]:
        made = self.roomd.call("snapshot.create", sandbox=sandbox, snapshot=snapshot, note=f"of {sandbox}", maxTotalBytes=most)
        self.addCleanup(self._drop, snapshot)
        return made

    def names(self) -> list[str]:
        return [each["snapshot"] for each in self.roomd.call("snapshot.list")["snapshots"]]

    def files(self, folder: str = "snapshots") -> list[str]:
        """Without the drafts that roomd writes behind its client's back."""
        return sorted(name for name in os.listdir(f"{self.roomd.data}/{folder}") if ".json." not in name)

    def refused(self, code: str, op: str, **fields: Any) -> str:
        with self.assertRaises(RoomdError) as failed:
            self.roomd.call(op, **fields)
        self.assertEqual(failed.exception.code, code)
        return str(failed.exception)

    def _drop(self, snapshot: str) -> None:
        if snapshot in self.names():
            self.roomd.call("snapshot.drop", snapshot=snapshot)


class Snapshots(LayersCase):
    def test_a_room_on_a_snapshot_has_its_files(self) -> None:
        base = self.room()
        uid_base = self.answer["uidBase"]
        probe(self.roomd.guest(base, "agent", "agent"), _FURNISH)
        first = self.snapshot(base, "snap1")
        probe(self.roomd.guest(base), "open('/home/user/folder/text', 'w').write('second')")

        other = self.room_on("copy1", first["layers"])

        self.assertNotEqual(other["uidBase"], uid_base)
        self.assertEqual(probe(self.roomd.guest("copy1", "agent", "agent"), _LOOK), _EXPECTED)
        self.assertEqual(probe(self.roomd.guest("copy1"), _LOOK), _EXPECTED)
        self.assertEqual((first["snapshot"], first["template"], first["layers"], first["note"]), ("snap1", "probe", ["snap1"], f"of {base}"))
        self.assertGreater(first["bytes"], 0)
        self.assertLess(first["bytes"], 32 * _MIB)

    def test_the_user_owns_and_changes_what_was_his(self) -> None:
        base = self.room()
        probe(self.roomd.guest(base), "open('/home/user/mine', 'w').write('1')")
        probe(self.roomd.guest(base, "agent", "agent"), "import os; open('/root/secret', 'w').write('1'); os.chmod('/root/secret', 0o600)")
        self.room_on("copy2", self.snapshot(base, "snap2")["layers"])
        kernel = self.roomd.guest("copy2")

        changed = probe(kernel, "open('/home/user/mine', 'a').write('2'); result = open('/home/user/mine').read()")

        self.assertEqual(changed, "12")
        with self.assertRaises(PermissionError):
            probe(kernel, "open('/root/secret')")
        with self.assertRaises(FileNotFoundError):
            probe(self.roomd.guest(self.room()), "open('/home/user/mine')")
        self.assertEqual(probe(self.roomd.guest(base, "kernel2"), "result = open('/home/user/mine').read()"), "1")

    def test_layers_lie_on_layers_and_deletions_reach_down(self) -> None:
        base = self.room()
        probe(self.roomd.guest(base), "for name in 'abc': open('/home/user/' + name, 'w').write('1')")
        first = self.snapshot(base, "low")
        self.room_on("middle", first["layers"])
        probe(self.roomd.guest("middle"), "import os; os.unlink('/home/user/a'); open('/home/user/b', 'w').write('2'); open('/home/user/d', 'w')")
        second = self.snapshot("middle", "high")

        self.room_on("top", second["layers"])

        self.assertEqual(second["layers"], ["low", "high"])
        self.assertEqual(probe(self.roomd.guest("top"), "import os; result = [sorted(n for n in os.listdir('/home/user') if n in 'abcd'),"
                                                        " open('/home/user/b').read(), open('/home/user/c').read()]"), [["b", "c", "d"], "2", "1"])

    def test_a_snapshot_in_use_goes_with_its_last_user(self) -> None:
        base = self.room()
        probe(self.roomd.guest(base), "open('/home/user/x', 'w').write('1')")
        low = self.snapshot(base, "used")
        self.room_on("user1", low["layers"])
        high = self.snapshot("user1", "child")

        self.roomd.call("snapshot.drop", snapshot="used")

        self.assertNotIn("used", self.names())
        self.refused("not_found", "snapshot.drop", snapshot="used")
        self.refused("not_found", "room.create", sandbox="late", template="probe", hostname="sandbox", limits=LIMITS, layers=["used"])
        self.assertEqual(probe(self.roomd.guest("user1"), "result = open('/home/user/x').read()"), "1")
        self.room_on("user2", high["layers"])
        self.roomd.call("snapshot.drop", snapshot="child")
        self.roomd.call("room.destroy", sandbox="user1")
        self.assertIn("used.img", self.files())
        self.roomd.call("room.destroy", sandbox="user2")
        self.assertEqual([name for name in self.files() if name.startswith(("used", "child"))], [])

    def test_layers_are_mounted_once_and_let_go(self) -> None:
        base = self.room()
        layers = self.snapshot(base, "shared")["layers"]
        threads = [threading.Thread(target=self.room_on, args=(f"many{number}", layers)) for number in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        images = [line for line in census(self.roomd.data) if line.startswith("loop")]

        self.assertEqual(len(images), 1 + 6 + 1)  # the first room's, the copies' and one for the layer
        for number in range(6):
            self.roomd.call("room.destroy", sandbox=f"many{number}")
        self.assertEqual(len([line for line in census(self.roomd.data) if line.startswith("loop")]), 1)

    def test_a_paused_room_and_a_busy_one(self) -> None:
        base = self.room()
        kernel = self.roomd.guest(base)
        probe(kernel, "import subprocess; subprocess.Popen(['sh', '-c', 'i=0; while :; do i=$((i+1)); echo $i > /home/user/count; done'])")
        self.roomd.call("room.freeze", sandbox=base)
        self.snapshot(base, "frozen")
        self.assertRaises(TimeoutError, probe, kernel, "result = 1", 0.3)
        self.roomd.call("room.thaw", sandbox=base)
        self.assertEqual(probe(kernel, "result = 1"), 1)

        self.snapshot(base, "busy")

        self.assertEqual(probe(kernel, "result = 2"), 2)  # it goes on
        self.room_on("later", ["busy"])
        probe(self.roomd.guest("later"), "result = open('/home/user/count').read()")

    def test_what_is_refused(self) -> None:
        base = self.room()
        message = self.refused("resource_exhausted", "snapshot.create", sandbox=base, snapshot="big", note="", maxTotalBytes=1000)
        self.assertIn("MiB that are allowed: delete some", message)
        self.snapshot(base, "twice")
        self.refused("already_exists", "snapshot.create", sandbox=base, snapshot="twice", note="", maxTotalBytes=_LOTS)
        self.refused("not_found", "snapshot.create", sandbox="nobody", snapshot="s", note="", maxTotalBytes=_LOTS)
        self.refused("invalid_argument", "snapshot.create", sandbox=base, snapshot="../s", note="", maxTotalBytes=_LOTS)
        self.refused("invalid_argument", "snapshot.create", sandbox=base, snapshot="s", note="x" * 513, maxTotalBytes=_LOTS)
        late = {"sandbox": "late", "template": "probe", "hostname": "sandbox", "limits": LIMITS}
        self.refused("not_found", "room.create", **late, layers=["none"])
        self.refused("invalid_argument", "room.create", **late, layers=["twice", "twice"])
        self.refused("invalid_argument", "room.create", **late, layers=["a"] * 17)
        self.refused("not_found", "room.create", **late, kept=True)
        self.assertEqual([name for name in self.files() if name.startswith(("big", "late", ".big", ".late"))], [])

    def test_forty_snapshots_on_each_other_show_what_was_left(self) -> None:
        layers: list[str] = []
        left: object = None
        depths = []
        for number in range(40):
            self.room_on(f"deep{number}", layers)
            agent = self.roomd.guest(f"deep{number}", "agent", "agent")
            if number:
                self.assertEqual(probe(agent, _WALK), left, f"in generation {number}")
            left = probe(agent, f"number = {number}\n{_CHANGE}\n{_WALK}")
            layers = self.snapshot(f"deep{number}", f"layer{number}")["layers"]
            depths.append(len(layers))
            self.roomd.call("room.destroy", sandbox=f"deep{number}")
        self.room_on("deepest", layers)

        self.assertEqual(depths, [*range(1, 17), *range(2, 17), *range(2, 11)])
        self.assertEqual(probe(self.roomd.guest("deepest", "agent", "agent"), _WALK), left)
        self.assertEqual(self.names(), sorted(f"layer{number}" for number in range(40)), "what was joined is not listed")
        for number in reversed(range(40)):
            self.roomd.call("snapshot.drop", snapshot=f"layer{number}")
        self.assertNotEqual(self.files(), [])
        self.roomd.call("room.destroy", sandbox="deepest")
        self.assertEqual(self.files(), [])

    def test_rooms_on_as_many_layers_share_what_is_made_of_them(self) -> None:
        layers: list[str] = []
        for number in range(16):
            self.room_on(f"low{number}", layers)
            layers = self.snapshot(f"low{number}", f"base{number}")["layers"]
            self.roomd.call("room.destroy", sandbox=f"low{number}")
        for sandbox in ("one", "two"):
            self.room_on(sandbox, layers)
            probe(self.roomd.guest(sandbox), f"open('/home/user/{sandbox}', 'w').write('x')")
        made: dict[str, list[str]] = {}
        threads = [threading.Thread(target=lambda name=name: made.update({name: self.snapshot(name, f"of{name}")["layers"]}))
                   for name in ("one", "two")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        self.assertEqual([made["one"][1:], made["two"][1:]], [["ofone"], ["oftwo"]])
        self.assertEqual(made["one"][0], made["two"][0])
        again = self.snapshot("one", "again")["layers"]
        self.assertEqual(again, [made["one"][0], "again"])
        self.room_on("onone", again)
        self.assertEqual(probe(self.roomd.guest("onone"), "import os; result = os.path.exists('/home/user/one')"), True)
        message = self.refused("not_found", "snapshot.drop", snapshot=made["one"][0])
        self.assertIn("there is no snapshot", message)
        for sandbox in ("one", "two", "onone"):
            self.roomd.call("room.destroy", sandbox=sandbox)
        for name in ("ofone", "oftwo", "again"):
            self.assertIn(f"{made['one'][0]}.img", self.files())
            self.roomd.call("snapshot.drop", snapshot=name)
        self.assertNotIn(f"{made['one'][0]}.img", self.files())
        for layer in reversed(layers):
            self.roomd.call("snapshot.drop", snapshot=layer)
        self.assertEqual(self.files(), [])


class KeptDisks(LayersCase):
    def resume(self, sandbox: str, layers: list[str] | None = None) -> None:
        self.room_on(sandbox, layers or [], kept=True)

    def test_a_kept_disk_comes_back_with_its_files(self) -> None:
        sandbox = self.room()
        probe(self.roomd.guest(sandbox, "agent", "agent"), _FURNISH)

        self.roomd.call("room.destroy", sandbox=sandbox, keep=True)

        self.assertEqual(self.roomd.call("rooms")["sandboxes"], [])
        self.assertEqual([(each["sandbox"], each["layers"]) for each in self.roomd.call("kept.list")["kept"]], [(sandbox, [])])
        self.assertEqual(census(self.roomd.data), [])
        self.refused("already_exists", "room.create", sandbox=sandbox, template="probe", hostname="sandbox", limits=LIMITS)
        self.resume(sandbox)
        self.assertEqual(probe(self.roomd.guest(sandbox, "agent", "agent"), _LOOK), _EXPECTED)
        self.assertEqual(self.roomd.call("kept.list")["kept"], [])
        self.assertEqual(self.files("kept"), [])

    def test_a_kept_disk_holds_its_layers(self) -> None:
        base = self.room()
        probe(self.roomd.guest(base), "open('/home/user/low', 'w').write('1')")
        layers = self.snapshot(base, "below")["layers"]
        self.room_on("upper", layers)
        probe(self.roomd.guest("upper"), "open('/home/user/high', 'w').write('2')")
        self.roomd.call("room.destroy", sandbox="upper", keep=True)
        self.roomd.call("snapshot.drop", snapshot="below")

        self.refused("invalid_argument", "room.create", sandbox="upper", template="probe", hostname="sandbox", limits=LIMITS, kept=True)
        self.resume("upper", layers)

        self.assertEqual(probe(self.roomd.guest("upper"), "result = open('/home/user/low').read() + open('/home/user/high').read()"), "12")
        self.roomd.call("room.destroy", sandbox="upper")
        self.assertEqual([name for name in self.files() if name.startswith("below")], [])

    def test_a_dropped_disk_is_gone(self) -> None:
        sandbox = self.room()
        self.roomd.call("room.destroy", sandbox=sandbox, keep=True)

        self.roomd.call("kept.drop", sandbox=sandbox)

        self.refused("not_found", "kept.drop", sandbox=sandbox)
        self.assertEqual(self.files("kept"), [])

    def test_a_destroyed_paused_room_leaves_nothing(self) -> None:
        sandbox = self.room()
        self.roomd.call("room.freeze", sandbox=sandbox, keep=True)
        self.assertEqual(self.files("kept"), [f"{sandbox}.json"])

        self.roomd.call("room.destroy", sandbox=sandbox)

        self.assertEqual((self.files("kept"), census(self.roomd.data)), ([], []))

    def test_a_room_that_went_on_is_not_kept(self) -> None:
        sandbox = self.room()
        self.roomd.call("room.freeze", sandbox=sandbox, keep=True)

        self.roomd.call("room.thaw", sandbox=sandbox)

        self.assertEqual(self.files("kept"), [])


class Restarts(unittest.TestCase):
    def setUp(self) -> None:
        self.roomd = Roomd()
        self.addCleanup(self._end)
        self.roomd.zygote()

    def _end(self) -> None:
        if self.roomd.process.poll() is None:
            self.roomd.hang_up()
            self.roomd.process.wait(60)
        self.roomd.kill()
        shutil.rmtree(self.roomd.folder, ignore_errors=True)

    def _again(self) -> None:
        self.roomd = Roomd(folder=self.roomd.folder)
        self.roomd.zygote()

    def _room(self, sandbox: str, text: str, **fields: Any) -> dict[str, Any]:
        answer = self.roomd.call("room.create", sandbox=sandbox, template="probe", hostname="sandbox", limits=LIMITS, **fields)
        probe(self.roomd.guest(sandbox), f"open('/home/user/note', 'a').write({text!r})")
        return answer

    def _note(self, sandbox: str) -> str:
        path = self.roomd.call("guest.start", sandbox=sandbox, name="reader", kind="python", env=ENVIRONMENT, cwd="/home/user")["socket"]
        return str(probe(path, "result = open('/home/user/note').read()"))

    def test_paused_rooms_and_snapshots_survive_an_orderly_end(self) -> None:
        self._room("paused", "1")
        self._room("running", "1")
        layers = self.roomd.call("snapshot.create", sandbox="running", snapshot="snap", note="n", maxTotalBytes=_LOTS)["layers"]
        self._room("onsnap", "2", layers=layers)
        for sandbox in ("paused", "onsnap"):
            self.roomd.call("room.freeze", sandbox=sandbox, keep=True)
        self.roomd.call("snapshot.drop", snapshot="snap")  # its user still needs it

        self.roomd.hang_up()
        self.assertEqual(self.roomd.process.wait(60), 0)
        self.roomd.kill()
        self._again()

        self.assertEqual([each["sandbox"] for each in self.roomd.call("kept.list")["kept"]], ["onsnap", "paused"])
        self.assertEqual(self.roomd.call("snapshot.list")["snapshots"], [])
        self._room("paused", "3", kept=True)
        self._room("onsnap", "3", kept=True, layers=layers)
        self.assertEqual((self._note("paused"), self._note("onsnap")), ("13", "123"))
        for sandbox in ("paused", "onsnap"):
            self.roomd.call("room.destroy", sandbox=sandbox)
        until(lambda: os.listdir(f"{self.roomd.data}/snapshots") + os.listdir(f"{self.roomd.data}/kept") == [], "the folders are empty")
        self.assertEqual(census(self.roomd.data), [])

    def test_paused_rooms_and_snapshots_survive_kill_9(self) -> None:
        self._room("paused", "1")
        self._room("running", "1")
        made = self.roomd.call("snapshot.create", sandbox="running", snapshot="snap", note="n", maxTotalBytes=_LOTS)
        self.roomd.call("room.freeze", sandbox="paused", keep=True)

        self.roomd.kill()
        self._again()

        found = self.roomd.call("snapshot.list")["snapshots"]
        self.assertEqual([(each["snapshot"], each["layers"], each["note"], each["createdMillis"]) for each in found],
                         [("snap", ["snap"], "n", made["createdMillis"])])
        self._room("paused", "2", kept=True)
        self._room("copy", "3", layers=["snap"])
        self.assertEqual((self._note("paused"), self._note("copy")), ("12", "13"))

    def test_kill_9_while_snapshots_are_made_leaves_none_half_made(self) -> None:
        for round_number, delay in enumerate((0.001, 0.004, 0.01, 0.02, 0.04)):
            if self.roomd.process.poll() is not None:
                self._again()
            self._room("source", "x")
            probe(self.roomd.guest("source", "filler"), "open('/home/user/big', 'wb').write(bytes(range(256)) * (16 << 12))")
            counter = [0]

            def work(roomd: Roomd, number: int, made: list[int]) -> None:
                try:
                    while True:
                        roomd.call("snapshot.create", sandbox="source", snapshot=f"s{number}x{made[0]}", note="", maxTotalBytes=_LOTS)
                        made[0] += 1
                except (OSError, RoomdError):
                    return

            worker = threading.Thread(target=work, args=(self.roomd, round_number, counter))
            worker.start()
            until(lambda: counter[0] >= 1, "a snapshot")
            time.sleep(delay)
            self.roomd.kill()
            worker.join(60)
        self._again()

        names = []
        after: dict[str, str] = {}
        while True:
            page = self.roomd.call("snapshot.list", **after)
            names += [each["snapshot"] for each in page["snapshots"]]
            if not page["more"]:
                break
            after = {"after": names[-1]}
        files = sorted(file for name in names for file in (f"{name}.img", f"{name}.json"))
        self.assertEqual(sorted(os.listdir(f"{self.roomd.data}/snapshots")), files)
        self.assertGreaterEqual(len(names), 5)
        self._room("copy", "y", layers=[names[-1]])
        self.assertEqual(self._note("copy"), "xy")
        whole = "result = open('/home/user/big', 'rb').read() == bytes(range(256)) * (16 << 12)"
        self.assertIs(probe(self.roomd.guest("copy", "big"), whole), True)

    def test_kill_9_while_layers_are_made_one_leaves_them(self) -> None:
        layers: list[str] = []
        for number in range(16):
            self._room(f"room{number}", f"{number} ", layers=layers)
            if number == 3:
                probe(self.roomd.guest(f"room{number}", "filler"), "import os; os.mkdir('/home/user/many')\n"
                      "for name in range(6000): open(f'/home/user/many/{name}', 'w').write(str(name))")
            layers = self.roomd.call("snapshot.create", sandbox=f"room{number}", snapshot=f"s{number}", note="", maxTotalBytes=_LOTS)["layers"]
            self.roomd.call("room.destroy", sandbox=f"room{number}")
        folder = f"{self.roomd.data}/snapshots"

        def drafts() -> list[str]:
            return [name for name in os.listdir(folder) if name.startswith(".f") and name.endswith(".draft")]

        for _ in range(10):
            self._room("deep", "end", layers=layers)
            request = {"id": 900, "op": "snapshot.create", "sandbox": "deep", "snapshot": "late", "note": "", "maxTotalBytes": _LOTS}
            self.roomd.socket.sendall(json.dumps(request).encode() + b"\n")
            until(lambda: bool(drafts()) or os.path.exists(f"{folder}/late.json"), "the draft")
            self.roomd.kill()
            left = drafts()
            self._again()
            if left:
                break
            self.roomd.call("snapshot.drop", snapshot="late")  # it was too late to kill it
        self.assertEqual(len(left), 1, "it was killed before the end")
        self.assertEqual(sorted(os.listdir(folder)), sorted(f"s{number}.{kind}" for number in range(16) for kind in ("img", "json")))
        self._room("deep", "end", layers=layers)
        made = self.roomd.call("snapshot.create", sandbox="deep", snapshot="late", note="", maxTotalBytes=_LOTS)["layers"]
        self._room("copy", "", layers=made)
        self.assertEqual(self._note("copy"), "".join(f"{number} " for number in range(16)) + "end")
        self.roomd.kill()
        self._again()
        self.assertIn(f"{made[0]}.img", os.listdir(folder), "what a snapshot lies on stays")
        self._room("copy", "", layers=made)
        whole = "result = all(open(f'/home/user/many/{name}').read() == str(name) for name in range(6000))"
        self.assertIs(probe(self.roomd.guest("copy", "many"), whole), True)

    def test_foreign_and_broken_records_are_swept(self) -> None:
        self._room("source", "x")
        self.roomd.call("snapshot.create", sandbox="source", snapshot="good", note="", maxTotalBytes=_LOTS)
        self.roomd.kill()
        folder = f"{self.roomd.data}/snapshots"
        with open(f"{folder}/good.json", encoding="utf-8") as file:
            record = json.load(file)
        for name, text in (("broken", "{"), ("orphan", json.dumps({**record, "parents": ["none"]})),
                           ("lost", json.dumps({**record, "boot": "another run of the machine"}))):
            shutil.copy(f"{folder}/good.img", f"{folder}/{name}.img")
            with open(f"{folder}/{name}.json", "w", encoding="utf-8") as file:
                file.write(text)
        open(f"{folder}/.half.draft", "wb").close()
        with open(f"{self.roomd.data}/kept/nobody.json", "w", encoding="utf-8") as file:
            file.write(json.dumps({"template": "probe", "layers": [], "since": 1, "boot": None}))

        self._again()

        self.assertEqual(sorted(os.listdir(folder)), ["good.img", "good.json"])
        self.assertEqual(os.listdir(f"{self.roomd.data}/kept"), [])


class InMemory(RoomdCase):
    """Where disks are memory nothing can be kept, which is said."""

    arguments = ("--disk", "tmpfs")

    def test_snapshots_and_kept_disks_are_refused(self) -> None:
        sandbox = self.room()
        for op, fields in (("snapshot.create", {"snapshot": "s", "note": "", "maxTotalBytes": _LOTS}), ("room.freeze", {"keep": True}),
                           ("room.destroy", {"keep": True})):
            with self.assertRaises(RoomdError) as failed:
                self.roomd.call(op, sandbox=sandbox, **fields)
            self.assertEqual(failed.exception.code, "failed_precondition")
            self.assertIn("no loop devices", str(failed.exception))
        self.roomd.call("room.freeze", sandbox=sandbox)
        self.roomd.call("room.thaw", sandbox=sandbox)
        self.assertEqual(probe(self.roomd.guest(sandbox), "result = 1"), 1)
        self.assertEqual(self.roomd.call("kept.list"), {"kept": [], "more": False})


if __name__ == "__main__":
    unittest.main()
