"""kill -9 of roomd at the steps of every operation that changes a room: the next start finds and removes all that is left.

Every step of every operation is some 400 starts of roomd; by default a part of them, evenly spread, is taken. ATHENIC_FAULTS=all takes all.
"""

from __future__ import annotations

import glob
import os
import shutil
import sys
import threading
import unittest
from collections.abc import Callable

from roomd_case import census, groups, processes_of
from roomd_client import Roomd, RoomdError, probe, until

FAULTY = os.path.join(os.path.dirname(os.path.realpath(__file__)), "probe", "faulty.py")
_EACH = 5


class Faulty(Roomd):
    """A roomd that is killed at a step of a place; step 0: which only counts."""

    def __init__(self, place: str, step: int, folder: str | None = None) -> None:
        self.place_of_fault, self.step = place, step
        super().__init__(folder=folder)

    def launch(self, arguments: list[str]) -> list[str]:
        return [sys.executable, "-I", FAULTY, f"{self.folder}/guest", self.place_of_fault, str(self.step), f"{self.folder}/steps", *arguments[1:]]

    def steps(self) -> int:
        with open(f"{self.folder}/steps", encoding="ascii") as file:
            return int(file.read())


def create(roomd: Roomd) -> None:
    roomd.room("victim")


def start_guest(roomd: Roomd) -> None:
    roomd.guest("room", "late")


def destroy(roomd: Roomd) -> None:
    roomd.call("room.destroy", sandbox="room")


def freeze(roomd: Roomd) -> None:
    roomd.call("room.freeze", sandbox="room")


def keep(roomd: Roomd) -> None:
    roomd.call("room.destroy", sandbox="room", keep=True)


def snapshot(roomd: Roomd) -> None:
    roomd.call("snapshot.create", sandbox="room", snapshot="copy", note="", maxTotalBytes=1 << 40)


def freeze_and_thaw(roomd: Roomd) -> None:
    freeze(roomd)
    roomd.call("room.thaw", sandbox="room")


class Faults(unittest.TestCase):
    def test_create(self) -> None:
        self._kill_at_the_steps("room.create", create, with_room=False)

    def test_the_first_process_of_a_room(self) -> None:
        self._kill_at_the_steps("entry", create, with_room=False)

    def test_start_of_a_guest(self) -> None:
        self._kill_at_the_steps("guest.start", start_guest)

    def test_destroy(self) -> None:
        self._kill_at_the_steps("room.destroy", destroy)

    def test_freeze(self) -> None:
        self._kill_at_the_steps("room.freeze", freeze)

    def test_thaw(self) -> None:
        self._kill_at_the_steps("room.thaw", freeze_and_thaw)

    def test_destroy_that_keeps_the_disk(self) -> None:
        self._kill_at_the_steps("room.destroy", keep, kept=True)

    def test_snapshot(self) -> None:
        self._kill_at_the_steps("snapshot.create", snapshot, kept=True)

    def _kill_at_the_steps(self, place: str, action: Callable[[Roomd], None], with_room: bool = True, kept: bool = False) -> None:
        roomd = Faulty(place, 0)
        self.addCleanup(shutil.rmtree, roomd.folder, ignore_errors=True)
        bases = self._prepare(roomd, with_room and place != "guest.start")
        if place == "guest.start":
            roomd.room("room")
        action(roomd)
        until(lambda: os.path.exists(f"{roomd.folder}/steps") and os.path.getsize(f"{roomd.folder}/steps") > 0, "the steps are counted")
        count = roomd.steps()
        self.assertGreater(count, 3)
        roomd.kill()
        steps = range(1, count + 1)
        if os.environ.get("ATHENIC_FAULTS") != "all":
            steps = sorted({1 + (count - 1) * index // (_EACH - 1) for index in range(_EACH)})
        for step in steps:
            roomd = Faulty(place, step, roomd.folder)
            self._nothing_left(roomd, bases, kept, f"before {place} {step}")
            try:
                bases = self._prepare(roomd, with_room and place != "guest.start")
                if place == "guest.start":
                    roomd.room("room")
                action(roomd)
            except (ConnectionError, RoomdError, OSError):
                pass
            if self._died(roomd):
                self.assertEqual(roomd.process.returncode, -9, f"{place} {step}")
            roomd.kill()  # also where the last steps, which depend on how long something took, were not reached
        last = Roomd(folder=roomd.folder)
        self._nothing_left(last, bases, kept, f"after {place}")
        last.call("shutdown")
        last.hang_up()
        self.assertEqual(last.process.wait(60), 0)
        last.kill()
        self.assertFalse(os.path.exists(last.runtime))

    @staticmethod
    def _died(roomd: Roomd) -> bool:
        try:
            roomd.call("rooms")
        except (ConnectionError, OSError):
            roomd.process.wait(60)
            return True
        return False

    def _prepare(self, roomd: Roomd, with_room: bool) -> list[int]:
        """A room with a busy guest; the first user ids of the rooms that there may be."""
        roomd.zygote()
        if not with_room:
            return []
        base: int = roomd.room("room")["uidBase"]
        probe(roomd.guest("room"), "import subprocess\nsubprocess.Popen(['sleep', '3600'], start_new_session=True)\n"
                                   "open('/home/user/data', 'wb').write(bytes(1 << 20))")
        return [base]

    def _nothing_left(self, roomd: Roomd, bases: list[int], kept: bool, when: str) -> None:
        """Right after the start: it has swept."""
        until(lambda: not any(processes_of(roomd.instance, base) for base in bases), f"the processes are gone {when}")
        left = [f"group {path}" for path in groups(roomd.instance) if "/_" not in path]
        left += [line for line in census(roomd.data) if not (kept and "loop device" in line and roomd.data + "/layers" in line)]
        left += glob.glob(f"{roomd.runtime}/s/*")
        self.assertEqual(left, [], when)
        self.assertEqual(roomd.call("hello")["rooms"], [], when)
        # What is kept on purpose is whole, and can be dropped.
        for disk in roomd.call("kept.list")["kept"]:
            roomd.call("kept.drop", sandbox=disk["sandbox"])
        for layer in roomd.call("snapshot.list")["snapshots"]:
            roomd.call("snapshot.drop", snapshot=layer["snapshot"])


class Repeated(unittest.TestCase):
    """A removal that fails is tried again."""

    def test_undo_keeps_what_failed(self) -> None:
        from athenic_guest.roomd.undo import Undo
        undo, calls = Undo(), []

        def fail() -> None:
            calls.append("fails")
            if calls.count("fails") < 3:
                raise OSError(5, "not yet")
        undo.add(lambda: calls.append("ids"), after_success=True)
        undo.add(fail)
        undo.add(lambda: calls.append("once"))
        for _ in range(2):
            with self.assertRaises(OSError):
                undo.run()
        undo.run()
        self.assertEqual(calls, ["once", "fails", "fails", "fails", "ids"])

    def test_leftovers_are_tried_until_they_are_gone(self) -> None:
        from athenic_guest.roomd.leftovers import Leftovers
        leftovers, done, tries = Leftovers(first_pause=0.01), threading.Event(), []

        def remove() -> None:
            tries.append(1)
            if len(tries) < 3:
                raise OSError(16, "busy")
            done.set()
        leftovers.add("room", remove)
        self.assertTrue(done.wait(60))
        until(lambda: leftovers.names() == [], "nothing is left")
        leftovers.close()

    def test_a_room_whose_disk_is_busy_is_removed_when_it_is_free(self) -> None:
        roomd = Roomd()
        try:
            roomd.zygote()
            roomd.room("busy", **{})
            image = f"{roomd.data}/sandboxes/busy.img"
            os.rename(image, f"{image}.away")
            os.mkdir(image)  # cannot be unlinked

            with self.assertRaises(RoomdError):
                roomd.call("room.destroy", sandbox="busy")
            self.assertEqual(roomd.call("rooms"), {"sandboxes": []})
            with self.assertRaises(RoomdError):
                roomd.room("busy")  # its name stays taken

            os.rmdir(image)
            os.rename(f"{image}.away", image)
            until(lambda: not os.path.exists(image), "the room is removed")
            self.assertEqual([path for path in groups(roomd.instance) if "busy" in path], [])
            until(lambda: self._can_be_made(roomd), "its name is free")
        finally:
            roomd.close()

    @staticmethod
    def _can_be_made(roomd: Roomd) -> bool:
        try:
            roomd.room("busy")
        except RoomdError:
            return False
        return True


if __name__ == "__main__":
    unittest.main()
