"""Making, using and destroying rooms."""

from __future__ import annotations

import os
import signal
import stat
import unittest
from concurrent.futures import ThreadPoolExecutor

from roomd_case import FIRST_ROOM_UID, RoomdCase, census, groups, processes_of
from roomd_client import RoomdError, probe, until


class Rooms(RoomdCase):
    def test_a_room_has_its_own_everything(self) -> None:
        path = self.kernel()

        here = probe(path, "import os\nresult = {name: os.readlink('/proc/self/ns/' + name) for name in os.listdir('/proc/self/ns')}")

        for name in ("user", "pid", "mnt", "net", "ipc", "uts", "cgroup"):
            self.assertNotEqual(here[name], os.readlink(f"/proc/self/ns/{name}"), name)
        self.assertGreaterEqual(self.answer["uidBase"], FIRST_ROOM_UID)

    def test_the_kernel_is_the_user_and_the_agent_is_root(self) -> None:
        sandbox = self.room()

        kernel = probe(self.roomd.guest(sandbox), "import os\nresult = [os.getuid(), os.getgid(), os.getgroups(), os.getcwd()]")
        agent = probe(self.roomd.guest(sandbox, "agent", "agent"), "import os\nresult = [os.getuid(), os.getgid(), os.getgroups()]")

        self.assertEqual(kernel, [1000, 1000, [], "/home/user"])
        self.assertEqual(agent, [0, 0, []])

    def test_two_rooms_share_neither_users_nor_files(self) -> None:
        first = self.kernel()
        base = self.answer["uidBase"]
        second = self.kernel()
        self.assertNotEqual(base, self.answer["uidBase"])

        probe(first, "open('/tmp/mine', 'w').write('x'); open('/home/user/mine', 'w').write('x')")

        self.assertEqual(probe(second, "import os\nresult = [os.path.exists('/tmp/mine'), os.path.exists('/home/user/mine')]"), [False, False])

    def test_the_template_stays_as_it_is(self) -> None:
        path = self.agent()
        before = os.stat(f"{self.roomd.data}/templates/probe/rootfs/etc/passwd").st_mtime_ns

        probe(path, "import os\nopen('/etc/passwd', 'a').write('x:x:0:0::/:/bin/sh\\n')\nos.rename('/usr/share', '/usr/moved')\nos.unlink('/bin/ls')")

        self.assertEqual(os.stat(f"{self.roomd.data}/templates/probe/rootfs/etc/passwd").st_mtime_ns, before)
        self.assertTrue(os.path.exists(f"{self.roomd.data}/templates/probe/rootfs/usr/share"))

    def test_sockets_belong_to_the_server_alone(self) -> None:
        path = self.kernel()

        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        self.assertEqual(stat.S_IMODE(os.stat(os.path.dirname(path)).st_mode), 0o700)
        self.assertEqual(stat.S_IMODE(os.stat(self.roomd.runtime).st_mode), 0o711)
        self.assertEqual(os.stat(path).st_uid, os.getuid())

    def test_the_end_of_a_guest_is_told(self) -> None:
        sandbox = self.room()
        path = self.roomd.guest(sandbox, "first")
        self.roomd.guest(sandbox, "second")

        with self.assertRaises((ConnectionError, RuntimeError)):
            probe(path, "import os\nos._exit(7)")
        self.roomd.call("guest.kill", sandbox=sandbox, name="second", signal=9)

        first = self.roomd.await_event(lambda event: event["event"] == "guest.exit" and event["sandbox"] == sandbox and event["name"] == "first")
        second = self.roomd.await_event(lambda event: event["event"] == "guest.exit" and event["sandbox"] == sandbox and event["name"] == "second")
        self.assertEqual(first["exitCode"], 7)
        self.assertEqual(second["signal"], 9)
        self.assertFalse(os.path.exists(path))
        self.roomd.guest(sandbox, "first")  # the name is free again

    def test_the_end_of_the_init_is_told_and_the_room_can_be_destroyed(self) -> None:
        sandbox = self.room()
        path = self.roomd.guest(sandbox)

        os.kill(self.answer["pid"], signal.SIGKILL)

        self.assertEqual(self.roomd.await_event(lambda event: event["event"] == "room.exit" and event["sandbox"] == sandbox)["signal"], 9)
        with self.assertRaises(OSError):
            probe(path, "result = 1")
        with self.assertRaises(RoomdError):
            self.roomd.guest(sandbox, "late")
        self.roomd.call("room.destroy", sandbox=sandbox)

    def test_destroy_leaves_nothing(self) -> None:
        sandbox = self.room()
        path = self.roomd.guest(sandbox)
        base, folder = self.answer["uidBase"], self.answer["folder"]
        probe(path, "import subprocess\nfor _ in range(20): subprocess.Popen(['sleep', '3600'], start_new_session=True)")
        probe(path, "open('/home/user/big', 'wb').write(bytes(100 << 20))", 60)
        self.assertGreater(len(processes_of(self.roomd.instance, base)), 20)

        self.roomd.call("room.destroy", sandbox=sandbox)

        self.assertEqual(processes_of(self.roomd.instance, base), [])
        self.assertFalse(os.path.exists(folder))
        self.assertEqual([path for path in groups(self.roomd.instance) if sandbox in path], [])
        self.assertEqual([line for line in census(self.roomd.data) if f"{sandbox}.img" in line], [])
        with self.assertRaises(RoomdError) as caught:
            self.roomd.call("room.destroy", sandbox=sandbox)
        self.assertEqual(caught.exception.code, "not_found")

    def test_many_rooms_at_once(self) -> None:
        with ThreadPoolExecutor(8) as pool:
            paths = list(pool.map(lambda _number: self.roomd.guest(self.room()), range(24)))
            answers = list(pool.map(lambda path: probe(path, "import os\nresult = os.getpid()"), paths))

        self.assertEqual(len(set(paths)), 24)
        self.assertTrue(all(pid < 10 for pid in answers), answers)

    def test_a_frozen_room_stands_still_and_can_be_destroyed(self) -> None:
        sandbox = self.room()
        path = self.roomd.guest(sandbox)
        self.roomd.call("room.freeze", sandbox=sandbox)
        before = self.roomd.call("room.stat", sandbox=sandbox)["cpuMicros"]
        with self.assertRaises(TimeoutError):
            probe(path, "result = 1", 0.3)
        self.assertEqual(self.roomd.call("room.stat", sandbox=sandbox)["cpuMicros"], before)

        self.roomd.call("room.thaw", sandbox=sandbox)
        self.assertEqual(probe(path, "result = 2"), 2)

        self.roomd.call("room.freeze", sandbox=sandbox)
        self.roomd.call("room.destroy", sandbox=sandbox)

    def test_kernels_outlive_their_zygote(self) -> None:
        sandbox = self.room()
        path = self.roomd.guest(sandbox)
        other = self.roomd.guest(sandbox, "other")

        os.kill(self.roomd.zygote()["pid"], signal.SIGKILL)
        self.roomd.await_event(lambda event: event["event"] == "zygote.exit" and event.get("signal") == 9)

        self.assertEqual(probe(path, "result = 5"), 5)
        with self.assertRaises(RoomdError) as caught:
            self.roomd.guest(sandbox, "late")
        self.assertEqual(caught.exception.code, "failed_precondition")
        self.roomd.zygote()
        self.assertEqual(probe(self.roomd.guest(sandbox, "late"), "result = 6"), 6)
        with self.assertRaises((ConnectionError, RuntimeError)):
            probe(other, "import os\nos._exit(3)")
        event = self.roomd.await_event(lambda event: event["event"] == "guest.exit" and event["sandbox"] == sandbox and event["name"] == "other")
        self.assertEqual(event["exitCode"], 3)

    def test_uid_ranges_are_given_back(self) -> None:
        for _ in range(3):
            sandbox = self.room()
            self.roomd.call("room.destroy", sandbox=sandbox)
        until(lambda: processes_of(self.roomd.instance, self.answer["uidBase"]) == [], "no process of the last room")


if __name__ == "__main__":
    unittest.main()
