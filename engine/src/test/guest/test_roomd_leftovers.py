"""What is left after roomd's end, orderly or not: nothing, at the latest after the next start."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import unittest

from roomd_case import census, groups, processes_of
from roomd_client import Roomd, RoomdError, probe, until


class Leftovers(unittest.TestCase):
    def setUp(self) -> None:
        self.roomd = Roomd()
        self.addCleanup(self._end)

    def _end(self) -> None:
        if self.roomd.process.poll() is None:
            self.roomd.hang_up()
            self.roomd.process.wait(60)
        self.roomd.kill()
        shutil.rmtree(self.roomd.folder, ignore_errors=True)

    def _fill(self, count: int) -> list[int]:
        """Rooms with busy guests; returns their first user ids."""
        self.roomd.zygote()
        bases = []
        for number in range(count):
            bases.append(self.roomd.room(f"r{number}")["uidBase"])
            path = self.roomd.guest(f"r{number}")
            probe(path, "import subprocess\nfor _ in range(3): subprocess.Popen(['sleep', '3600'], start_new_session=True)\n"
                        "open('/home/user/data', 'wb').write(bytes(20 << 20))")
        return bases

    def _nothing_left(self, bases: list[int]) -> None:
        self.assertEqual([pid for base in bases for pid in processes_of(self.roomd.instance, base)], [])
        self.assertEqual(census(self.roomd.data), [])
        self.assertEqual(groups(self.roomd.instance), [])

    def test_the_client_leaves(self) -> None:
        bases = self._fill(4)

        self.roomd.hang_up()

        self.assertEqual(self.roomd.process.wait(60), 0)
        self._nothing_left(bases)
        self.assertFalse(os.path.exists(self.roomd.runtime))

    def test_sigterm(self) -> None:
        bases = self._fill(4)

        self.roomd.process.send_signal(signal.SIGTERM)

        self.assertEqual(self.roomd.process.wait(60), 0)
        self._nothing_left(bases)

    def test_sigint_is_the_servers_business(self) -> None:
        bases = self._fill(1)

        self.roomd.process.send_signal(signal.SIGINT)

        self.assertEqual(self.roomd.call("rooms"), {"sandboxes": ["r0"]})
        self.assertNotEqual(processes_of(self.roomd.instance, bases[0]), [])

    def test_kill_9_ends_the_rooms_and_the_next_start_sweeps(self) -> None:
        bases = self._fill(4)

        self.roomd.kill()

        until(lambda: not any(processes_of(self.roomd.instance, base) for base in bases), "the rooms die with roomd")
        self.assertNotEqual(groups(self.roomd.instance), [])
        again = Roomd(folder=self.roomd.folder)
        self.assertEqual(again.call("hello")["swept"], 4)
        self._nothing_left(bases)
        again.close()

    def test_kill_9_while_rooms_are_made_and_destroyed(self) -> None:
        for delay in (0.003, 0.008, 0.015, 0.03, 0.06):
            roomd = Roomd(folder=self.roomd.folder) if self.roomd.process.poll() is not None else self.roomd
            roomd.zygote()
            base = roomd.room("first")["uidBase"]

            def work(name: str) -> None:
                try:
                    while True:
                        roomd.room(name)
                        roomd.guest(name)
                        roomd.call("room.destroy", sandbox=name)
                except (OSError, RoomdError):
                    return

            workers = [threading.Thread(target=work, args=(f"w{number}",)) for number in range(4)]
            for worker in workers:
                worker.start()
            threading.Event().wait(delay)
            roomd.kill()
            for worker in workers:
                worker.join(60)
            until(lambda: not any(processes_of(self.roomd.instance, base + 65_536 * slot) for slot in range(64)), "the rooms die with roomd")
        again = Roomd(folder=self.roomd.folder)
        self._nothing_left([])
        again.zygote()
        again.room("fresh")
        self.assertEqual(probe(again.guest("fresh"), "result = 1"), 1)
        again.close()

    def test_the_forges_death_ends_roomd_and_its_rooms(self) -> None:
        bases = self._fill(2)
        with open(f"/proc/{self.roomd.process.pid}/task/{self.roomd.process.pid}/children", encoding="ascii") as file:
            forge = int(file.read().split()[0])

        os.kill(forge, signal.SIGKILL)

        self.assertEqual(self.roomd.process.wait(60), 1)
        until(lambda: not any(processes_of(self.roomd.instance, base) for base in bases), "the rooms die with the forge")
        self._nothing_left(bases)

    def test_a_second_roomd_of_the_same_data_is_refused(self) -> None:
        done = subprocess.run([sys.executable, "-I", f"{self.roomd.folder}/guest/roomd.py", "--data", self.roomd.data, "--runtime",
                               f"{self.roomd.runtime}-2", "--uid", "0", "--gid", "0"], capture_output=True, text=True, check=False, timeout=60)

        self.assertEqual(done.returncode, 1)
        self.assertIn("another roomd serves this data directory", done.stderr)

    def test_two_roomds_share_no_user_ids(self) -> None:
        other = Roomd()
        try:
            self.roomd.zygote()
            other.zygote()
            self.assertNotEqual(self.roomd.room("same")["uidBase"], other.room("same")["uidBase"])
        finally:
            other.close()


if __name__ == "__main__":
    unittest.main()
