"""Executions that outlive the connection of their server, in every kernel."""

from __future__ import annotations

import hashlib
import signal
import threading
import unittest
from typing import Any, ClassVar

from athenic_guest import frames
from athenic_guest.frames import Connection
from guest_case import GuestCase, Run, begin, collect, connect, start_guest

LINES = 200_000


class Follower:
    """One server's view of a durable execution."""

    def __init__(self, connection: Connection, after: int = 0) -> None:
        self.connection = connection
        self.position = after
        self.out = bytearray()
        self.messages: list[dict[str, Any]] = []

    def take(self) -> bool:
        """The next frame; false at the end of the execution."""
        frame = self.connection.receive()
        if frame is None:
            raise AssertionError(f"the kernel closed the connection after frame {self.position}; {self.messages[-3:]}")
        self.position += 1
        kind, payload = frame
        if kind == frames.STDOUT:
            self.out += payload
        elif kind == frames.JSON:
            self.messages.append(frames.decode(payload))
            return self.messages[-1].get("type") != "end_of_execution"
        return True

    def to_end(self) -> None:
        while self.take():
            self.acknowledge()
        self.acknowledge()

    def acknowledge(self) -> None:
        self.connection.send_json({"op": "ack", "frames": self.position})

    def interrupt(self) -> None:
        self.connection.send_json({"op": "interrupt"})


class DurableCase(GuestCase):
    kind: ClassVar[str] = "python"
    kernel: ClassVar[str]
    endless: ClassVar[str] = "print('running', flush=True)\nwhile True: pass"

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.roomd.room(cls.kind)
        cls.kernel = start_guest(cls.roomd, cls.kind, cls.kind)

    def start(self, name: str, code: str) -> Follower:
        connection = connect(self.kernel)
        connection.send_json({"op": "execute", "code": code, "execution": name})
        return Follower(connection)

    def attach(self, name: str, after: int) -> Follower:
        connection = connect(self.kernel)
        connection.send_json({"op": "attach", "execution": name, "after": after})
        self.assertEqual(connection.receive_json(), {"ok": {}})
        return Follower(connection, after)

    def refused(self, **request: Any) -> str:
        connection = connect(self.kernel)
        connection.send_json(request)
        answer = connection.receive_json()
        connection.close()
        assert answer is not None
        return str(answer["error"]["code"]) if "error" in answer else ""

    def listed(self) -> list[dict[str, Any]]:
        connection = connect(self.kernel)
        connection.send_json({"op": "executions"})
        answer = connection.receive_json()
        connection.close()
        assert answer is not None
        return list(answer["ok"]["executions"])

    def execute(self, code: str) -> Run:
        return collect(begin(self.kernel, code))


class Python(DurableCase):
    def test_output_of_servers_that_die_is_whole(self) -> None:
        whole = hashlib.sha256("".join(f"{n}\n" for n in range(LINES)).encode())
        follower = self.start("lines", f"for n in range({LINES}): print(n)")
        seen = bytearray()
        deaths = 0
        while True:
            try:
                for _ in range(7 + 5 * deaths):
                    if not follower.take():
                        raise StopIteration
                follower.connection.close()  # without a word, and with frames on their way
                seen += follower.out
                deaths += 1
                follower = self.attach("lines", follower.position)
            except StopIteration:
                seen += follower.out
                break
        follower.acknowledge()
        follower.connection.close()

        self.assertEqual(hashlib.sha256(seen).hexdigest(), whole.hexdigest())
        self.assertGreater(deaths, 0)

    def test_code_runs_on_without_a_server_and_its_end_is_kept(self) -> None:
        follower = self.start("alone", "print('first')\nimport time\ntime.sleep(0.3)\nkept = 6 * 7\nkept")
        while not follower.out:
            follower.take()
        follower.connection.close()
        self.assertEqual(self.execute("kept").result["text"], "42")  # waited for its turn behind it

        again = self.attach("alone", follower.position)
        again.to_end()
        again.connection.close()

        self.assertEqual([message.get("text") for message in again.messages], ["42", None])
        self.until(lambda: "alone" not in [each["execution"] for each in self.listed()], "an acknowledged execution is kept for ever")

    def test_a_server_that_does_not_acknowledge_slows_the_cell_and_memory_stays_bounded(self) -> None:
        follower = self.start("flood", "for n in range(3000): print('x' * 9999)")
        while follower.position < 12:
            follower.take()
        follower.connection.close()
        self.until(lambda: self._stands("flood"), "a cell whose output nobody has goes on printing")
        self.assertLess(self._memory(), 400_000)

        again = self.attach("flood", follower.position)
        again.to_end()
        again.connection.close()

        self.assertEqual(len(follower.out) + len(again.out), 30_000_000)

    def _stands(self, name: str) -> bool:
        before = self._position(name)
        signal.sigtimedwait([], 0.3)
        return self._position(name) == before

    def _position(self, name: str) -> int:
        return next(int(each["position"]) for each in self.listed() if each["execution"] == name)

    def _memory(self) -> int:
        return int(self.roomd.call("room.stat", sandbox=self.kind)["memoryBytes"]) >> 10

    def test_what_was_acknowledged_is_gone_and_unknown_ones_are_refused(self) -> None:
        follower = self.start("some", "print('a')\nprint('b', flush=True)\nimport time\ntime.sleep(1000)")
        while b"b" not in follower.out:
            follower.take()
        follower.acknowledge()

        self.until(lambda: self.refused(op="attach", execution="some", after=0) == "failed_precondition", "acknowledged frames are kept")
        self.assertEqual(self.refused(op="attach", execution="some", after=99), "failed_precondition")
        self.assertEqual(self.refused(op="attach", execution="other", after=0), "not_found")
        self.assertEqual(self.refused(op="attach", execution="some", after=-1), "invalid_argument")
        self.assertEqual(self.refused(op="execute", code="1", execution="some"), "already_exists")
        self.assertEqual(self.refused(op="execute", code="1", execution="no/name"), "invalid_argument")

        again = self.attach("some", follower.position)
        again.interrupt()
        again.to_end()
        again.connection.close()
        self.assertEqual(again.messages[0]["name"], "KeyboardInterrupt")

    def test_an_interrupt_reaches_a_call_in_c_that_holds_the_lock(self) -> None:
        follower = self.start("regex", "print('running', flush=True)\nimport re\nre.match('(a+)+$', 'a' * 50 + 'b')")
        while not follower.out:
            follower.take()

        ended = threading.Event()
        threading.Thread(target=self._insist, args=(follower, ended)).start()  # as the engine does
        follower.to_end()
        ended.set()
        follower.connection.close()

        self.assertEqual(follower.messages[-2]["name"], "KeyboardInterrupt")

    @staticmethod
    def _insist(follower: Follower, ended: threading.Event) -> None:
        follower.interrupt()
        while not ended.wait(1.0):
            follower.interrupt()

    def test_one_that_waits_is_dropped_by_an_interrupt_and_not_by_a_death(self) -> None:
        running = self.start("running", self.endless)
        while not running.out:
            running.take()
        dropped = self.start("dropped", "never = True")
        orphan = self.start("orphan", "ran = True")
        self.until(lambda: len(self.listed()) >= 3, "the executions do not arrive")
        dropped.interrupt()
        self.until(lambda: "dropped" not in [each["execution"] for each in self.listed()], "it is not dropped before its turn")
        orphan.connection.close()
        self.assertIsNone(self._after_its_turn(dropped, running))

        again = self.attach("orphan", 0)
        again.to_end()
        again.connection.close()
        self.assertEqual(self.execute("('never' in globals(), ran)").result["text"], "(False, True)")

    def _after_its_turn(self, dropped: Follower, running: Follower) -> Any:
        running.interrupt()
        running.to_end()
        running.connection.close()
        ended = dropped.connection.receive()
        dropped.connection.close()
        return ended

    def test_the_last_server_wins(self) -> None:
        first = self.start("taken", "print('one', flush=True)\nimport time\ntime.sleep(1000)")
        while not first.out:
            first.take()
        second = self.attach("taken", first.position)

        self.assertIsNone(first.connection.receive())
        first.connection.close()
        second.interrupt()
        second.to_end()
        second.connection.close()


class Bash(DurableCase):
    kind = "bash"
    endless = "echo running; while :; do :; done"

    def test_it_runs_on_and_is_interrupted_by_word_alone(self) -> None:
        follower = self.start("loop", self.endless)
        while not follower.out:
            follower.take()
        follower.connection.close()

        again = self.attach("loop", 0)
        again.take()
        again.interrupt()
        again.to_end()
        again.connection.close()

        self.assertEqual(again.out, b"running\n")
        self.assertEqual(self.execute("echo alive").stdout, "alive\n")


class JavaScript(Bash):
    kind = "javascript"
    endless = "console.log('running'); while (true);"

    def execute(self, code: str) -> Run:
        return super().execute("console.log('alive')" if code == "echo alive" else code)


if __name__ == "__main__":
    unittest.main()
