"""Rooms of an ordinary user: the same escapes and programs as with root, the bounds that hold without control groups, and the user's own things."""

from __future__ import annotations

import os
import tempfile
import unittest
from typing import ClassVar

import test_roomd_escapes
import test_roomd_limits
import test_roomd_programs
import test_roomd_rooms
from rootless_user import RootlessRoomd, User
from roomd_case import RoomdCase
from roomd_client import RoomdError, probe, until

from athenic_guest.roomd import cgroups
from athenic_guest.rootless import outer, subids
from athenic_guest.rootless.problem import Problem

_MIB = 1 << 20


class RootlessCase(RoomdCase):
    """A roomd that a user without any right of root's has started."""

    account: ClassVar[User]

    @classmethod
    def _start(cls) -> RootlessRoomd:
        cls.account = User()
        cls.addClassCleanup(cls.account.close)
        return RootlessRoomd(cls.account)

    @classmethod
    def _end(cls) -> None:
        cls.roomd.close()
        ids = (cls.account.ids.uid, cls.account.ids.uid + subids.COUNT)
        left = [f"process {pid}" for pid in _processes(cls.account.uid, *ids)] + os.listdir(os.path.dirname(cls.roomd.runtime))
        if left:
            raise AssertionError(f"left behind: {left}")


class Escapes(RootlessCase, test_roomd_escapes.Escapes):
    test_setuid_files_of_a_room_mean_nothing_outside = None  # type: ignore[assignment]  # the numbers of processes are not the host's


class Programs(RootlessCase, test_roomd_programs.Programs):
    pass


class Limits(RootlessCase, test_roomd_limits.Limits):
    test_memory_ends_at_the_limit_and_the_kill_is_told = None  # type: ignore[assignment]  # below: a process is refused, not killed
    test_shared_memory_counts_as_memory = None  # type: ignore[assignment]  # below: the watch sees it half a second later
    test_socket_buffers_have_a_bound = None  # type: ignore[assignment]  # a weakness that `hello` tells
    test_the_disk_is_no_faster_than_its_limit = None  # type: ignore[assignment]  # it is memory
    test_a_room_with_the_machines_open_files_is_ended = None  # type: ignore[assignment]  # the numbers of processes are not the host's
    test_cpu_is_shared_by_quota = None  # type: ignore[assignment]  # a weakness that `hello` tells

    def test_a_process_is_refused_what_its_room_may_not_have(self) -> None:
        kernel = self.kernel(memoryBytes=128 * _MIB)

        with self.assertRaisesRegex(RuntimeError, "MemoryError"):
            probe(kernel, "x = bytes(200 << 20)")
        self.assertEqual(probe(kernel, "result = 6 * 7"), 42)

    def test_many_processes_together_end_at_the_memory_limit(self) -> None:
        sandbox = self.room(memoryBytes=128 * _MIB)
        kernel = self.roomd.guest(sandbox)

        ended = probe(kernel, """
import os, signal
pids = []
for _ in range(8):
    pid = os.fork()
    if pid == 0:
        x = b"x" * (60 << 20)
        signal.pause()
    pids.append(pid)
result = os.WTERMSIG(os.waitpid(-1, 0)[1])
for pid in pids:
    try: os.kill(pid, 9)
    except ProcessLookupError: pass
""", 60)

        self.assertEqual(ended, 9)
        self.roomd.await_event(lambda event: event["event"] == "oom" and event["sandbox"] == sandbox)
        self.assertGreaterEqual(self.roomd.call("room.stat", sandbox=sandbox)["oomKills"], 1)


    def test_shared_memory_counts_as_memory_when_the_watch_looks(self) -> None:
        sandbox = self.room(memoryBytes=96 * _MIB)

        with self.assertRaises(OSError):  # no more than half of the memory
            probe(self.roomd.guest(sandbox), "f = open('/dev/shm/x', 'wb')\nfor _ in range(400): f.write(bytes(1 << 20))\n")
        for source in ("import os, signal\nos.unlink('/dev/shm/x')\nfd = os.memfd_create('x')\nfor _ in range(200): os.write(fd, bytes(1 << 20))\nsignal.pause()",
                       "import mmap, signal\nx = mmap.mmap(-1, 200 << 20)\nfor at in range(0, len(x), 4096): x[at] = 1\nsignal.pause()"):
            with self.assertRaises(ConnectionError):
                probe(self.roomd.guest(sandbox, f"k{len(source)}"), source)
            # What has gone with it is held against nobody: this one lives through the next looks.
            self.assertEqual(probe(self.roomd.guest(sandbox, f"next{len(source)}"), "import time\ntime.sleep(1.2)\nresult = 42"), 42)


class Rooms(RootlessCase):
    test_the_kernel_is_the_user_and_the_agent_is_root = test_roomd_rooms.Rooms.test_the_kernel_is_the_user_and_the_agent_is_root
    test_two_rooms_share_neither_users_nor_files = test_roomd_rooms.Rooms.test_two_rooms_share_neither_users_nor_files
    test_the_end_of_a_guest_is_told = test_roomd_rooms.Rooms.test_the_end_of_a_guest_is_told
    test_many_rooms_at_once = test_roomd_rooms.Rooms.test_many_rooms_at_once
    test_a_frozen_room_stands_still_and_can_be_destroyed = test_roomd_rooms.Rooms.test_a_frozen_room_stands_still_and_can_be_destroyed

    def test_what_is_weaker_is_told(self) -> None:
        hello = self.roomd.call("hello")

        self.assertEqual((hello["cgroup"], hello["disk"]), ("none", "tmpfs"))
        told = "\n".join(hello["notes"])
        for word in ("user ids", "kept in memory", "no memory limit", "no cpu limit", "SIGSTOP", "sockets"):
            self.assertIn(word, told)

    def test_the_users_files_are_not_there(self) -> None:
        secret = f"{self.account.home}/.ssh/id_ed25519"
        os.makedirs(os.path.dirname(secret), mode=0o700, exist_ok=True)
        with open(secret, "w", encoding="ascii") as file:
            file.write("the user's key")
        for path in (os.path.dirname(secret), secret):
            os.chown(path, self.account.uid, self.account.gid)

        for guest in (self.kernel(), self.agent()):
            self.assertEqual(probe(guest, f"import os\nresult = [path for path in ({secret!r}, '/proc/1/root' + {secret!r}, {self.account.folder!r})"
                                          " if os.path.lexists(path)]"), [])

    def test_attributes_of_users_do_not_steer_the_overlay(self) -> None:
        """overlayfs keeps its own marks in user.overlay.* here; it hides them from the room, or gives those of the room other names."""
        seen = probe(self.agent(), """
import os
def mark(path, name, value):
    try: os.setxattr(path, 'user.overlay.' + name, value)
    except OSError: pass
before = sorted(os.listdir('/etc/apt'))
os.mkdir('/etc/apt/new')
mark('/etc/apt', 'opaque', b'y')
os.mkdir('/var/empty'); mark('/var/empty', 'redirect', b'/etc'); os.rename('/var/empty', '/var/still-empty')
os.rename('/etc/apt/new', '/etc/apt/newer')
result = [before + ['newer'], sorted(os.listdir('/etc/apt')), os.listdir('/var/still-empty')]
""")

        self.assertEqual(sorted(seen[0]), seen[1])
        self.assertEqual(seen[2], [])

    def test_no_process_of_a_room_is_the_user(self) -> None:
        base = self.account.ids.uid
        self.roomd.zygote()
        before = set(_processes(self.account.uid, 0, 0))

        sandbox = self.room()
        for kind in ("agent", "python"):
            self.roomd.guest(sandbox, kind, kind)

        # roomd's helpers come and go; one of a room would stay.
        until(lambda: set(_processes(self.account.uid, 0, 0)) <= before, "a process of the room is the user's")
        self.assertGreaterEqual(len(_processes(-1, base, base + outer.ROOM_IDS)), 3)  # the init, the agent, the kernel

    def test_destroy_leaves_nothing(self) -> None:
        base = self.account.ids.uid
        sandbox = self.room()
        kernel = self.roomd.guest(sandbox)
        probe(kernel, "import subprocess\nfor _ in range(20): subprocess.Popen(['sleep', '600'], start_new_session=True)")
        self.assertGreater(len(_processes(-1, base, base + outer.ROOM_IDS)), 20)

        self.roomd.call("room.destroy", sandbox=sandbox)

        self.assertEqual(_processes(-1, base, base + outer.ROOM_IDS), [])
        self.assertFalse(os.path.exists(f"{self.roomd.runtime}/s/{sandbox}"))

    def test_files_are_not_kept(self) -> None:
        sandbox = self.room()

        for op, fields in (("snapshot.create", {"snapshot": "s1", "note": "", "maxTotalBytes": 1 << 30}), ("template.commit", {"tree": "0" * 32})):
            with self.assertRaises(RoomdError) as caught:
                self.roomd.call(op, sandbox=sandbox, **fields)
            self.assertEqual(caught.exception.code, "failed_precondition", op)

    def test_only_the_user_may_connect(self) -> None:
        status = os.stat(f"{self.roomd.runtime}/roomd.sock")

        self.assertEqual((status.st_uid, status.st_mode & 0o777), (self.account.uid, 0o600))
        self.assertEqual(os.stat(os.path.dirname(self.roomd.runtime)).st_mode & 0o777, 0o700)


class Deaths(unittest.TestCase):
    """Whoever dies, nothing stays: the kernel sees to it."""

    def test_a_killed_starter_takes_everything_along(self) -> None:
        account = User()
        self.addCleanup(account.close)
        roomd = RootlessRoomd(account)
        roomd.zygote()
        roomd.room("one")
        roomd.guest("one")

        roomd.kill()  # -9, of rootless.py

        until(lambda: not _processes(account.uid, account.ids.uid, account.ids.uid + subids.COUNT), "processes are left")


class Delegation(unittest.TestCase):
    def test_delegated_groups_are_used_when_they_can_limit(self) -> None:
        tree = cgroups.find_mounts().v2
        assert tree is not None, "this machine has no control groups v2"
        group = f"{tree}/athenic-test-{os.getpid()}"
        os.mkdir(group)
        self.addCleanup(os.rmdir, group)
        account = User()
        self.addCleanup(account.close)
        for name in ("", "cgroup.procs", "cgroup.subtree_control", "cgroup.threads"):
            os.chown(f"{group}/{name}", account.uid, account.gid)
        able = {"memory", "pids"} <= set(cgroups.read(f"{group}/cgroup.controllers").split())

        roomd = DelegatedRoomd(account, group)
        self.addCleanup(lambda: [os.rmdir(f"{group}/{name}") for name in cgroups.child_groups(group)])
        self.addCleanup(roomd.close)
        roomd.zygote()
        roomd.room("one")

        self.assertEqual(probe(roomd.guest("one"), "result = 6 * 7"), 42)
        hello = roomd.call("hello")
        self.assertEqual(hello["cgroup"], "v2" if able else "none")
        self.assertEqual("no memory limit" in str(hello["notes"]), not able)
        self.assertEqual(cgroups.child_groups(group), {"athenic", "athenic-roomd"} if able else set())


class DelegatedRoomd(RootlessRoomd):
    """Started in a control group that belongs to its user, as `systemd-run --user --scope -p Delegate=yes` does."""

    def __init__(self, user: User, group: str) -> None:
        self._group = group
        super().__init__(user)

    def launch(self, arguments: list[str]) -> list[str]:
        return ["sh", "-c", 'echo $$ > "$0" && exec "$@"', f"{self._group}/cgroup.procs", *super().launch(arguments)]


class SubIds(unittest.TestCase):
    def test_the_first_range_that_is_long_enough_counts(self) -> None:
        with self._etc("nobody:5:10\n65534:200000:65536\n", "nobody:300000:70000\n") as folder:
            self.assertEqual(subids.find(65534, folder), subids.SubIds(200_000, 300_000))

    def test_without_ids_the_line_for_root_is_told(self) -> None:
        with self._etc("other:100000:65536\n", "broken line\nnobody:x:y\n") as folder, self.assertRaises(Problem) as caught:
            subids.find(65534, folder)

        self.assertIn("usermod --add-subuids 165536-231071 --add-subgids 165536-231071 nobody", str(caught.exception))

    def test_the_user_is_in_no_rooms_map(self) -> None:
        inside = {number for first, own, count in outer.roomd_map(1000, 100_000) for number in range(first, first + count) if own == 1000}

        self.assertEqual(inside, {0})
        self.assertNotIn(0, range(outer.FIRST, outer.FIRST + outer.ROOM_IDS))

    def _etc(self, users: str, groups: str) -> tempfile.TemporaryDirectory[str]:
        folder = tempfile.TemporaryDirectory()
        for name, text in (("subuid", users), ("subgid", groups)):
            with open(f"{folder.name}/{name}", "w", encoding="ascii") as file:
                file.write(text)
        return folder


def _processes(uid: int, first: int, end: int) -> list[int]:
    """The machine's processes of a user and of a range of users."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/status", encoding="ascii", errors="replace") as file:
                    owner = next(int(line.split()[1]) for line in file if line.startswith("Uid:"))
            except (OSError, StopIteration):
                continue
            if owner == uid or first <= owner < end:
                found.append(int(name))
    return found


if __name__ == "__main__":
    unittest.main()
