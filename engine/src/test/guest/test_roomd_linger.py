"""Rooms outlive the server: the next one finds them, with what happened meanwhile; `shutdown`, time, or a roomd of other code ends them."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import unittest

from roomd_case import census, groups, processes_of
from roomd_client import LIMITS, Roomd, RoomdError, probe, until


class LingerCase(unittest.TestCase):
    """A roomd of the test's own; after it nothing may be left."""

    seconds = "600"

    def setUp(self) -> None:
        self.roomd = Roomd("--linger", self.seconds)
        self.addCleanup(self._end)
        self.roomd.zygote()

    def _end(self) -> None:
        if self.roomd.process.poll() is None:
            self.roomd.process.send_signal(signal.SIGTERM)
            self.roomd.process.wait(60)
        self.roomd.kill()
        left = census(self.roomd.data) + groups(self.roomd.instance)
        shutil.rmtree(self.roomd.folder)
        self.assertEqual(left, [])

    def _come_back(self) -> dict[str, dict[str, object]]:
        """The next server: what `hello` tells it of the rooms, by name."""
        self.roomd.hang_up()
        self.roomd.connect()
        answer = self.roomd.call("hello")
        self.assertFalse(answer["more"])
        return {room["sandbox"]: room for room in answer["rooms"]}


class Linger(LingerCase):
    """One server after another."""

    def test_the_next_client_finds_the_rooms_and_their_memory(self) -> None:
        made = self.roomd.room("one", pids=99)
        path = self.roomd.guest("one")
        agent = self.roomd.call("guest.start", sandbox="one", name="agent", kind="agent", env={}, cwd="/")
        probe(path, "import builtins; builtins.kept = 41")

        rooms = self._come_back()

        self.assertEqual(list(rooms), ["one"])
        self.assertEqual({key: rooms["one"][key] for key in ("template", "uidBase", "folder", "pid", "dead", "frozen", "oomKills", "ended")},
                         {"template": "probe", **made, "dead": False, "frozen": False, "oomKills": 0, "ended": []})
        self.assertEqual(rooms["one"]["limits"], {**LIMITS, "pids": 99, "ioBytes": 256 << 20})
        guests = {guest["name"]: guest for guest in rooms["one"]["guests"]}
        self.assertEqual({name: guest["kind"] for name, guest in guests.items()}, {"kernel": "python", "agent": "agent"})
        self.assertEqual(guests["agent"]["pid"], agent["pid"])
        self.assertEqual(probe(path, "import builtins; result = builtins.kept + 1"), 42)
        self.assertEqual(probe(self.roomd.guest("one", "second"), "result = 2"), 2)
        self.roomd.call("room.destroy", sandbox="one")
        self.assertEqual(self.roomd.call("rooms"), {"sandboxes": []})

    def test_what_happened_meanwhile_is_seen(self) -> None:
        init = self.roomd.room("gone")["pid"]
        self.roomd.room("lost")
        self.roomd.room("cold")
        killed = self.roomd.call("guest.start", sandbox="lost", name="k1", kind="python", env={}, cwd="/")["pid"]
        left = self.roomd.call("guest.start", sandbox="lost", name="k2", kind="python", env={}, cwd="/")
        self.roomd.call("room.freeze", sandbox="cold")
        self.roomd.hang_up()

        os.kill(init, signal.SIGKILL)
        os.kill(killed, signal.SIGKILL)
        try:
            probe(left["socket"], "import os; os._exit(7)")
        except ConnectionError:
            pass

        def seen() -> bool:
            rooms = self._come_back()
            return bool(rooms["gone"]["dead"]) and rooms["lost"]["guests"] == []
        until(seen, "the ends are seen")
        rooms = self._come_back()
        self.assertEqual(sorted(rooms["lost"]["ended"], key=str), sorted(
            [{"name": "k1", "signal": 9}, {"name": "k2", "exitCode": 7}], key=str))
        self.assertTrue(rooms["cold"]["frozen"])
        self.roomd.call("room.destroy", sandbox="gone")
        self.roomd.call("room.thaw", sandbox="cold")

    def test_an_oom_kill_while_nobody_listens_is_counted(self) -> None:
        self.roomd.room("tight", memoryBytes=64 << 20)
        path = self.roomd.guest("tight")
        self.roomd.hang_up()

        with self.assertRaises((ConnectionError, OSError)):
            probe(path, "result = len(bytearray(200 << 20))")

        until(lambda: self._come_back()["tight"]["oomKills"] == 1, "the kill is counted")

    def test_more_rooms_than_fit_a_line_come_in_pages(self) -> None:
        for number in range(3):
            self.roomd.room(f"r{number}", pids=256)
            for guest in range(40):
                self.roomd.guest(f"r{number}", f"g{guest:02}{'x' * 28}")
        self.roomd.hang_up()
        self.roomd.connect()

        page = self.roomd.call("hello")
        rooms = page["rooms"]
        while page["more"]:
            page = self.roomd.call("room.list", after=rooms[-1]["sandbox"])
            rooms += page["rooms"]

        self.assertEqual([(room["sandbox"], len(room["guests"])) for room in rooms], [("r0", 40), ("r1", 40), ("r2", 40)])

    def test_only_one_client_at_a_time(self) -> None:
        self._come_back()
        with socket.socket(socket.AF_UNIX) as second:
            second.settimeout(60)
            second.connect(f"{self.roomd.runtime}/roomd.sock")
            self.assertEqual(second.recv(1), b"")
        self.assertEqual(self.roomd.call("rooms"), {"sandboxes": []})

    def test_a_request_under_way_is_finished_before_the_next_client_is_let_in(self) -> None:
        for number in range(8):
            self.roomd.socket.sendall(json.dumps({"id": 1000 + number, "op": "room.create", "sandbox": f"half{number}", "template": "probe",
                                                  "hostname": "sandbox", "limits": LIMITS}).encode() + b"\n")

        rooms = self._come_back()

        self.assertEqual(self.roomd.call("rooms"), {"sandboxes": sorted(rooms)})  # and no other comes later
        for sandbox in rooms:
            self.roomd.call("room.destroy", sandbox=sandbox)

    def test_shutdown_ends_everything_at_once(self) -> None:
        base = self.roomd.room("one")["uidBase"]
        self.roomd.guest("one")

        self.roomd.call("shutdown")
        self.roomd.hang_up()

        self.assertEqual(self.roomd.process.wait(60), 0)
        self.assertEqual(processes_of(self.roomd.instance, base), [])
        self.assertFalse(os.path.exists(self.roomd.runtime))

    def test_sigterm_while_nobody_is_connected_ends_everything(self) -> None:
        base = self.roomd.room("one")["uidBase"]
        self.roomd.hang_up()

        self.roomd.process.send_signal(signal.SIGTERM)

        self.assertEqual(self.roomd.process.wait(60), 0)
        self.assertEqual(processes_of(self.roomd.instance, base), [])


class ShortLinger(LingerCase):
    """With little patience."""

    seconds = "0.5"

    def test_when_nobody_comes_everything_ends(self) -> None:
        base = self.roomd.room("one")["uidBase"]

        self.roomd.hang_up()

        self.assertEqual(self.roomd.process.wait(60), 0)
        self.assertEqual(processes_of(self.roomd.instance, base), [])


class Join(LingerCase):
    """A second roomd of the same data."""

    def _start(self, code: str | None = None) -> subprocess.Popen[bytes]:
        if code is not None:
            with open(f"{self.roomd.folder}/guest/athenic_guest/version.py", "w", encoding="ascii") as file:
                file.write(code)
        second = subprocess.Popen([sys.executable, "-I", f"{self.roomd.folder}/guest/roomd.py", "--data", self.roomd.data, "--runtime",
                                   self.roomd.runtime, "--uid", str(os.getuid()), "--gid", str(os.getgid()), "--linger", self.seconds],
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={"SECRET_OF_THE_HOST": "must not be seen"})
        self.addCleanup(self._stop, second)
        return second

    @staticmethod
    def _stop(second: subprocess.Popen[bytes]) -> None:
        second.terminate()
        second.communicate(timeout=60)

    def _ready(self, second: subprocess.Popen[bytes]) -> None:
        assert second.stdout is not None
        self.assertEqual(second.stdout.readline(), b"roomd ready\n")

    def test_it_joins_the_one_that_waits_and_stands_in_for_it(self) -> None:
        path_before = self.roomd.room("one")["pid"]
        self.roomd.hang_up()

        second = self._start()
        self._ready(second)

        self.roomd.connect()
        self.assertEqual(self.roomd.call("hello")["rooms"][0]["pid"], path_before)
        second.terminate()
        self.assertEqual(self.roomd.process.wait(60), 0)
        self.assertEqual(second.wait(60), 0)

    def test_it_tells_that_the_one_it_joined_was_killed(self) -> None:
        base = self.roomd.room("one")["uidBase"]
        self.roomd.hang_up()
        second = self._start()
        self._ready(second)

        self.roomd.process.kill()

        self.assertEqual(second.wait(60), 137)
        until(lambda: not processes_of(self.roomd.instance, base), "the rooms die with roomd")
        again = Roomd(folder=self.roomd.folder)
        again.call("shutdown")
        again.hang_up()
        again.process.wait(60)
        again.kill()

    def test_one_with_other_code_ends_the_one_that_waits(self) -> None:
        base = self.roomd.room("one")["uidBase"]
        self.roomd.hang_up()

        second = self._start(code="OTHER = 1\n")
        self._ready(second)

        self.assertEqual(self.roomd.process.wait(60), 0)
        self.assertEqual(processes_of(self.roomd.instance, base), [])
        self.roomd.connect()
        self.assertEqual(self.roomd.call("hello")["rooms"], [])

    def test_one_that_serves_is_left_alone(self) -> None:
        self.roomd.room("one")

        second = self._start()

        self.assertEqual(second.wait(60), 1)
        assert second.stderr is not None
        self.assertIn(b"another roomd serves this data directory", second.stderr.read())
        self.assertEqual(self.roomd.call("rooms"), {"sandboxes": ["one"]})


class Stop(unittest.TestCase):
    def test_a_thread_that_stops_roomd_while_a_client_stays(self) -> None:
        """The death of the forge: the main thread may be told before the one that tells it has closed the client's connection."""
        from athenic_guest.roomd.clients import Clients
        clients = Clients(os.getuid(), 600, lambda _state: None)
        wake = clients._wake

        def slow() -> None:
            wake()
            until(lambda: clients._session is None, "the main thread goes on first")
        clients._wake = slow  # type: ignore[method-assign]
        with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as client:
            listener.bind(f"{folder}/s")
            listener.listen()
            main = threading.Thread(target=clients.serve, args=(listener, {}), daemon=True)
            main.start()
            client.connect(f"{folder}/s")
            until(lambda: clients._session is not None, "the client is served")

            clients.stop()

            main.join(60)
            self.assertFalse(main.is_alive())


if __name__ == "__main__":
    unittest.main()
