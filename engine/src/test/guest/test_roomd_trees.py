"""Trees: what a room has changed is kept as a template's tree, whatever a hostile room does, and nothing is lost or left."""

from __future__ import annotations

import glob
import hashlib
import json
import os
import stat
import unittest

from roomd_case import RoomdCase
from roomd_client import LIMITS, Roomd, RoomdError, probe, until


def name_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


# Removes what the tests do not need: a tree has a folder for each of its parent's, and to remove thousands of them takes seconds.
_TRIM = """
import os, shutil
for folder in ('/usr/lib/python3', '/usr/lib/gcc', '/usr/share', '/usr/include', '/usr/lib/git-core', '/var/lib/dpkg', '/usr/lib/x86_64-linux-gnu/perl', '/usr/lib/x86_64-linux-gnu/nodejs'):
    shutil.rmtree(folder, ignore_errors=True)
result = 1
"""


class TreeCase(RoomdCase):
    small: str

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.small = name_of("small")
        cls.roomd.room("small")
        probe(cls.roomd.guest("small", "agent", "agent"), _TRIM)
        cls.roomd.call("template.commit", sandbox="small", tree=cls.small)
        cls.roomd.call("room.destroy", sandbox="small")

    def on_tree(self, tree: str, kind: str = "agent", **limits: int) -> str:
        """The socket of a guest in a new room on a tree."""
        return self.roomd.guest(self.room_on(tree, **limits), "agent", kind)

    def room_on(self, tree: str, **limits: int) -> str:
        sandbox = f"tree{next(self.numbers)}"
        self.answer = self.roomd.call("room.create", sandbox=sandbox, template="probe", hostname="sandbox", limits={**LIMITS, **limits}, tree=tree)
        self.addCleanup(self._destroy, sandbox)
        return sandbox

    numbers = iter(range(1, 1000))

    def root_of(self, tree: str) -> str:
        return f"{self.roomd.data}/templates/.trees/{tree}/rootfs"

    def build(self, source: str, tree: str, on: str | None = None, **limits: int) -> dict[str, object]:
        """Runs a probe as the room's root and keeps what it has changed."""
        on = self.small if on is None else on
        sandbox = self.room_on(on, **limits) if on else self.room(**limits)
        probe(self.roomd.guest(sandbox, "agent", "agent"), source)
        try:
            return self.roomd.call("template.commit", sandbox=sandbox, tree=tree)
        finally:
            self.roomd.call("room.destroy", sandbox=sandbox)

    def trees(self) -> dict[str, dict[str, object]]:
        return {tree["tree"]: tree for tree in self.roomd.call("template.trees")["trees"]}


class Commit(TreeCase):
    def test_every_kind_of_change_is_kept_and_all_else_is_as_in_the_template(self) -> None:
        tree = name_of("changes")
        made = self.build(
            "import os, socket\n"
            "os.makedirs('/srv/a/b')\n"
            "open('/srv/a/b/file', 'w').write('new'); os.chmod('/srv/a/b/file', 0o640); os.chown('/srv/a/b/file', 1000, 33)\n"
            "os.utime('/srv/a/b/file', (1e9, 1e9)); os.setxattr('/srv/a/b/file', 'user.note', b'x')\n"
            "os.link('/srv/a/b/file', '/srv/a/twin'); os.symlink('/etc/shadow', '/srv/a/link'); os.mkfifo('/srv/a/pipe')\n"
            "listener = socket.socket(socket.AF_UNIX); listener.bind('/srv/a/socket')\n"
            "open('/etc/passwd', 'a').write('more:x:1:1::/:/bin/sh\\n')\n"
            "os.unlink('/usr/bin/jq')\n"
            "import shutil; shutil.rmtree('/usr/share/zoneinfo'); os.mkdir('/usr/share/zoneinfo'); open('/usr/share/zoneinfo/only', 'w')\n"
            "os.rename('/usr/share/perl', '/usr/share/pearl'); open('/usr/share/pearl/inside', 'w').write('i')\n"
            "os.rename('/usr/share/pearl', '/opt/pearl')\n"
            "shutil.rmtree('/usr/share/fonts'); open('/usr/share/fonts', 'w').write('a file now')\n"
            "with open('/srv/hole', 'w') as hole: hole.truncate(1 << 40); hole.seek(1 << 39); hole.write('deep')\n"
            "open('/run/gone', 'w'); open('/tmp/kept', 'w')\n"
            "result = 1", tree, "")
        base = f"{self.roomd.data}/templates/probe/rootfs"
        root = self.root_of(tree)

        found = os.stat(f"{root}/srv/a/b/file")
        self.assertEqual((found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode), found.st_mtime), (1000, 33, 0o640, 1e9))
        self.assertEqual(os.getxattr(f"{root}/srv/a/b/file", "user.note"), b"x")
        self.assertEqual(os.stat(f"{root}/srv/a/twin").st_ino, found.st_ino)
        self.assertEqual(os.readlink(f"{root}/srv/a/link"), "/etc/shadow")
        self.assertTrue(stat.S_ISFIFO(os.stat(f"{root}/srv/a/pipe").st_mode))
        self.assertFalse(os.path.lexists(f"{root}/srv/a/socket"))
        self.assertFalse(os.path.exists(f"{root}/usr/bin/jq"))
        self.assertEqual(os.listdir(f"{root}/usr/share/zoneinfo"), ["only"])
        self.assertFalse(os.path.exists(f"{root}/usr/share/perl"))
        self.assertEqual(sorted(os.listdir(f"{root}/opt/pearl")), sorted([*os.listdir(f"{base}/usr/share/perl"), "inside"]))
        self.assertTrue(os.path.isfile(f"{root}/usr/share/fonts"))
        self.assertEqual(os.stat(f"{root}/srv/hole").st_size, 1 << 40)
        self.assertLess(os.stat(f"{root}/srv/hole").st_blocks, 64)
        self.assertFalse(os.path.exists(f"{root}/run/gone"))
        self.assertTrue(os.path.exists(f"{root}/tmp/kept"))
        self.assertEqual(os.stat(f"{root}/bin/bash").st_ino, os.stat(f"{base}/bin/bash").st_ino)
        self.assertEqual(stat.S_IMODE(os.stat(os.path.dirname(os.path.dirname(root))).st_mode), 0o700)
        self.assertLess(made["ownBytes"], 4 << 20)
        self.assertGreater(made["bytes"], 100 << 20)

        path = self.on_tree(tree)
        seen = probe(path, "import os, subprocess\n"
                     "result = [open('/srv/a/b/file').read(), os.stat('/srv/a/b/file').st_uid, open('/etc/passwd').read().count('more'), os.path.exists('/usr/bin/jq'),"
                     " open('/etc/hostname').read(), subprocess.run(['sudo', '-u', 'user', 'id', '-u'], capture_output=True, text=True).stdout]")
        self.assertEqual(seen, ["new", 1000, 1, False, "sandbox\n", "1000\n"])

    def test_a_tree_on_a_tree_and_the_same_again(self) -> None:
        first, second = name_of("first"), name_of("second")
        self.build("open('/home/user/one', 'w').write('1')\nresult = 1", first)
        made = self.build("import os\nos.unlink('/home/user/one'); open('/home/user/two', 'w').write('2')\nresult = 1", second, first)
        again = self.build("open('/home/user/never', 'w')\nresult = 1", second, first)

        self.assertEqual(again, made)
        self.assertEqual(made["parent"], first)
        self.assertEqual([os.path.exists(f"{self.root_of(tree)}/home/user/{name}") for tree in (first, second) for name in ("one", "two")],
                         [True, False, False, True])
        self.assertEqual(set(self.trees()) & {first, second}, {first, second})

    def test_setuid_stays_but_no_user_of_the_host_reaches_it(self) -> None:
        tree = name_of("setuid")
        self.build("import os, shutil\nshutil.copy('/bin/cat', '/srv/cat'); os.chmod('/srv/cat', 0o6755)\nresult = 1", tree)

        self.assertEqual(stat.S_IMODE(os.stat(f"{self.root_of(tree)}/srv/cat").st_mode), 0o6755)
        child = os.fork()
        if child == 0:
            os.setresuid(65_534, 65_534, 65_534)
            try:
                os.stat(f"{self.root_of(tree)}/srv/cat")
            except PermissionError:
                os._exit(0)
            os._exit(1)
        self.assertEqual(os.waitpid(child, 0)[1], 0)

    def test_folders_too_deep_are_refused_and_leave_nothing(self) -> None:
        with self.assertRaisesRegex(RoomdError, "failed_precondition.*nested more than 100"):
            self.build("import os\nos.chdir('/srv')\nfor _ in range(150): os.mkdir('d'); os.chdir('d')\nresult = 1", name_of("deep"))

        self.assertEqual(glob.glob(f"{self.roomd.data}/templates/.trees/.*"), [])
        self.assertNotIn(name_of("deep"), self.trees())

    def test_the_room_goes_on_after_it_was_kept(self) -> None:
        sandbox = self.room()
        path = self.roomd.guest(sandbox, "agent", "agent")
        probe(path, "import threading, time\nopen('/srv/x', 'w').write('x')\nresult = 1")

        self.roomd.call("template.commit", sandbox=sandbox, tree=name_of("goes on"))

        self.assertEqual(probe(path, "result = open('/srv/x').read()"), "x")

    def test_snapshots_and_trees_do_not_mix(self) -> None:
        sandbox = self.room_on(self.small)
        with self.assertRaisesRegex(RoomdError, "failed_precondition.*builds a template"):
            self.roomd.call("snapshot.create", sandbox=sandbox, snapshot="ofbuild", note="", maxTotalBytes=1 << 40)
        self.roomd.call("snapshot.create", sandbox=self.room(), snapshot="snap", note="", maxTotalBytes=1 << 40)
        self.addCleanup(self.roomd.call, "snapshot.drop", snapshot="snap")
        self.roomd.call("room.create", sandbox="onsnap", template="probe", hostname="sandbox", limits=LIMITS, layers=["snap"])
        self.addCleanup(self.roomd.call, "room.destroy", sandbox="onsnap")
        with self.assertRaisesRegex(RoomdError, "failed_precondition.*made from a snapshot"):
            self.roomd.call("template.commit", sandbox="onsnap", tree=name_of("mixed"))

    def test_wrong_requests_are_refused(self) -> None:
        sandbox = self.room()
        for fields in ({"sandbox": sandbox, "tree": "../../etc"}, {"sandbox": sandbox}, {"sandbox": sandbox, "tree": name_of("x"), "base": 1},
                       {"sandbox": sandbox, "tree": "A" * 32}):
            with self.assertRaisesRegex(RoomdError, "invalid_argument"):
                self.roomd.call("template.commit", **fields)
        with self.assertRaisesRegex(RoomdError, "not_found"):
            self.roomd.call("template.commit", sandbox="nobody", tree=name_of("x"))
        with self.assertRaisesRegex(RoomdError, "not_found.*build the template again"):
            self.room_on(name_of("no such tree"))
        with self.assertRaisesRegex(RoomdError, "invalid_argument"):
            self.roomd.call("template.collect", keep=["x"], bytes=0)

    def test_a_zygote_of_a_tree(self) -> None:
        tree = name_of("zygote")
        self.build("open('/srv/mine', 'w').write('m')\nresult = 1", tree)
        template = f"{'n' * 63}.{tree}"

        with self.assertRaisesRegex(RoomdError, "invalid_argument.*ends with it"):
            self.roomd.call("zygote.start", template="other", path=self.root_of(tree))
        self.roomd.call("zygote.start", template=template, path=self.root_of(tree))
        self.addCleanup(self.roomd.call, "zygote.stop", template=template)
        self.roomd.call("room.create", sandbox="ontree", template=template, hostname="sandbox", limits=LIMITS)
        self.addCleanup(self.roomd.call, "room.destroy", sandbox="ontree")

        self.assertEqual(probe(self.roomd.guest("ontree"), "result = open('/srv/mine').read()"), "m")


class Collect(TreeCase):
    def test_one_below_a_snapshot_or_a_kept_disk_stays(self) -> None:
        tree = name_of("held")
        self.build("open('/srv/file', 'w').write('x' * 9000)\nresult = 1", tree)
        template = f"held.{tree}"
        self.roomd.call("zygote.start", template=template, path=self.root_of(tree))
        for sandbox in ("copied", "kept"):
            self.roomd.call("room.create", sandbox=sandbox, template=template, hostname="sandbox", limits=LIMITS)
        self.roomd.call("snapshot.create", sandbox="copied", snapshot="held", note="", maxTotalBytes=1 << 40)
        self.roomd.call("room.destroy", sandbox="copied")
        self.roomd.call("room.destroy", sandbox="kept", keep=True)
        self.roomd.call("zygote.stop", template=template)

        self.assertNotIn(tree, self.roomd.call("template.collect", keep=[self.small], bytes=0)["removed"])
        self.roomd.call("snapshot.drop", snapshot="held")
        self.assertNotIn(tree, self.roomd.call("template.collect", keep=[self.small], bytes=0)["removed"])
        self.roomd.call("kept.drop", sandbox="kept")
        self.assertIn(tree, self.roomd.call("template.collect", keep=[self.small], bytes=0)["removed"])

    def test_the_longest_unused_go_first_and_those_in_use_never(self) -> None:
        big = "import os\nopen('/srv/{0}', 'wb').write(os.urandom(3 << 20))\nresult = 1"
        names = [name_of(f"collect {number}") for number in range(4)]
        for name in names:
            self.build(big.format(name), name)
        sandbox = self.room_on(names[0])
        child = name_of("collect child")
        self.build("result = 1", child, names[1])
        self.assertGreaterEqual(self.trees()[names[1]]["ownBytes"], 3 << 20)
        bound = 8 << 20

        removed = self.roomd.call("template.collect", keep=[child, self.small], bytes=bound)["removed"]

        # 0 is in use, 1 was used when the child was made, 2 and 3 are older than that.
        self.assertEqual(removed, names[2:])
        removed = self.roomd.call("template.collect", keep=[child, self.small], bytes=0)["removed"]
        self.assertEqual(removed, [names[1]])
        left = self.trees()
        self.assertEqual(set(left), {names[0], child, self.small})
        self.assertGreaterEqual(left[child]["ownBytes"], 3 << 20, "the child keeps what it shared with its parent")
        self.assertEqual(left[child]["parent"], self.small)
        self.roomd.call("room.destroy", sandbox=sandbox)
        self.assertEqual(set(self.roomd.call("template.collect", keep=[], bytes=0)["removed"]), {names[0], child, self.small})
        self.assertEqual(os.listdir(f"{self.roomd.data}/templates/.trees"), [])


class Crash(unittest.TestCase):
    def test_a_killed_roomd_leaves_a_draft_that_the_next_one_removes(self) -> None:
        roomd = Roomd()
        roomd.zygote()
        roomd.room("build")
        probe(roomd.guest("build", "agent", "agent"),
              "import os\nfor number in range(3000): open(f'/srv/{number}', 'wb').write(b'x' * 5000)\nresult = 1")
        trees = f"{roomd.data}/templates/.trees"
        request = {"id": 900, "op": "template.commit", "sandbox": "build", "tree": name_of("killed")}
        roomd.socket.sendall(json.dumps(request).encode() + b"\n")
        until(lambda: bool(glob.glob(f"{trees}/.draft-*/rootfs/*")), "the draft")

        roomd.kill()

        draft = glob.glob(f"{trees}/.draft-*")
        following = Roomd(folder=roomd.folder)
        try:
            self.assertEqual(len(draft), 1, "it was killed before the end")
            self.assertEqual(os.listdir(trees), [])
        finally:
            following.close()


if __name__ == "__main__":
    unittest.main()
