"""A worn zygote is replaced by a fresh one, and nobody notices."""

from __future__ import annotations

import os
import unittest
from typing import ClassVar

from roomd_case import RoomdCase
from roomd_client import probe, until


class ByForks(RoomdCase):
    arguments: ClassVar[tuple[str, ...]] = ("--zygote-forks", "3")

    def test_another_takes_its_place_and_its_guests_live_on(self) -> None:
        first = self.roomd.zygote()["pid"]
        sandbox = self.room()
        old = [self.roomd.guest(sandbox, f"old{n}") for n in range(3)]
        until(lambda: self.roomd.zygote()["pid"] != first and not os.path.exists(f"/proc/{first}"), "the worn zygote goes on")

        young = self.roomd.guest(sandbox, "young")

        # Each generation has an address layout and a seed of its own.
        seeds = [probe(path, "result = [hash('athenic'), id(object)]") for path in (*old, young)]
        self.assertEqual(seeds[0], seeds[2])
        self.assertNotEqual(seeds[0], seeds[3])
        for code, path in ((3, old[1]), (4, young)):
            with self.assertRaises((ConnectionError, RuntimeError)):
                probe(path, f"import os\nos._exit({code})")
        for name, code in (("old1", 3), ("young", 4)):
            self.roomd.await_event(lambda event: event.get("name") == name and event["sandbox"] == sandbox and event["exitCode"] == code)
        self.assertEqual([event for event in self.roomd.events if event["event"] == "zygote.exit"], [])

    def test_no_fork_fails_meanwhile(self) -> None:
        sandbox = self.room(pids=64)
        pids = set()
        for number in range(30):
            path = self.roomd.guest(sandbox, f"guest{number}")
            pids.add(self.roomd.zygote()["pid"])
            self.assertEqual(probe(path, "result = kind"), "python")
            self.roomd.call("guest.kill", sandbox=sandbox, name=f"guest{number}", signal=9)
        until(lambda: len(pids) > 1 or bool(pids.add(self.roomd.zygote()["pid"])), "no zygote was replaced")

    def test_a_replacement_that_is_not_wanted_any_more_is_ended(self) -> None:
        sandbox = self.room()
        for number in range(3):
            self.roomd.guest(sandbox, f"guest{number}")
        self.roomd.call("zygote.stop", template="probe")
        self.roomd.await_event(lambda event: event["event"] == "zygote.exit")
        self.roomd.events.clear()

        self.assertEqual(probe(f"{self.roomd.runtime}/s/{sandbox}/guest0.sock", "result = 1"), 1)
        self.roomd.zygote()


class ByAge(RoomdCase):
    arguments: ClassVar[tuple[str, ...]] = ("--zygote-seconds", "0.5")

    def test_one_that_has_forked_ages(self) -> None:
        first = self.roomd.zygote()["pid"]
        self.roomd.guest(self.room())

        until(lambda: self.roomd.zygote()["pid"] != first, "the old zygote goes on")


if __name__ == "__main__":
    unittest.main()
