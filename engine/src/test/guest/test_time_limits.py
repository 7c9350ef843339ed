"""What a command or a cell has started ends with its time, however it hides; what was there before stays."""

from __future__ import annotations

import socket
import unittest
from typing import ClassVar

from athenic_guest import frames
from guest_case import GuestCase, Run, answered, begin, collect, connect, operate, start_guest

# Three ways to leave: the terminal's hang-up ignored, a session of its own, a parent that is gone.
_DAEMONS = ("nohup sleep {0}1 >/dev/null 2>&1 </dev/null & setsid sleep {0}2 >/dev/null 2>&1 </dev/null &"
            " (setsid sh -c 'trap \"\" INT TERM HUP; sleep {0}3 & wait' >/dev/null 2>&1 </dev/null &)")


class TimeLimits(GuestCase):
    agent: ClassVar[str]
    sandbox: ClassVar[str] = "limits"

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.roomd.room(cls.sandbox)
        cls.agent = start_guest(cls.roomd, cls.sandbox, "agent")

    def shell(self, command: str, **fields: object) -> Run:
        return operate(self.agent, {"op": "process.start", "cmd": "/bin/bash", "args": ["-c", command], **fields})

    def sleepers(self, number: str) -> list[str]:
        """The arguments of the sleeps whose number begins so."""
        return sorted(self.shell(f"pgrep -af 'sleep {number}' | grep -v pgrep | grep -o 'sleep {number}[0-9]*$' | sort -u").stdout.split("\n"))[1:]

    def await_sleepers(self, number: str) -> None:
        """The daemons start in their own time."""
        self.until(lambda: len(self.sleepers(number)) == 3, f"the daemons of {number} run")

    def test_a_command_takes_its_daemons_along_at_its_deadline(self) -> None:
        self.shell(_DAEMONS.format(700))
        self.await_sleepers("700")

        run = self.shell(_DAEMONS.format(800) + "; sleep 1000", timeoutMillis=700)

        self.assertEqual(run.messages[-1]["end"]["status"], "signal: killed")
        self.assertEqual(self.sleepers("800"), [])
        self.assertEqual(self.sleepers("700"), ["sleep 7001", "sleep 7002", "sleep 7003"], "of a command that ended in time")

    def test_children_that_keep_the_output_open_end_at_the_deadline(self) -> None:
        run = self.shell("setsid sleep 9001 & echo gone", timeoutMillis=4000)  # time for the shell on a slow machine

        self.assertEqual((run.stdout, run.messages[-1]["end"]["exitCode"]), ("gone\n", 0))
        self.assertEqual(self.sleepers("900"), [])

    def test_all_of_a_command_can_be_killed(self) -> None:
        connection = connect(self.agent)
        connection.send_json({"op": "process.start", "cmd": "/bin/bash", "args": ["-c", _DAEMONS.format(850) + "; echo ready; sleep 1000"]})
        start = connection.receive_json()
        assert start is not None
        while (frame := connection.receive()) is not None and frame[0] != frames.STDOUT:
            pass

        answered(operate(self.agent, {"op": "process.signal", "pid": start["start"]["pid"], "signal": 9, "all": True}))

        self.assertEqual(collect(connection).messages[-1]["end"]["status"], "signal: killed")
        self.assertEqual(self.sleepers("850"), [])

    def test_a_fork_bomb_ends_at_its_deadline_and_the_agent_answers_meanwhile(self) -> None:
        sandbox = self.room(pids=64)
        agent = start_guest(self.roomd, sandbox, "agent")
        connection = connect(agent)
        connection.send_json({"op": "process.start", "cmd": "/bin/bash", "args": ["-c", "bomb() { bomb | bomb & }; bomb; sleep 1000"], "timeoutMillis": 5000})
        self.until(lambda: self.roomd.call("room.stat", sandbox=sandbox)["pids"] >= 48, "the bomb has gone off")

        self.assertEqual(answered(operate(agent, {"op": "ping"})), {})
        collect(connection)

        self.until(lambda: self.roomd.call("room.stat", sandbox=sandbox)["pids"] < 16, "the bomb is over")

    def interrupted(self, kernel: str, code: str) -> Run:
        connection = begin(kernel, code)
        while (frame := connection.receive()) is not None and frame[0] != frames.STDOUT:
            pass
        connection.socket.shutdown(socket.SHUT_WR)
        return collect(connection)

    def test_an_interrupted_cell_takes_its_daemons_along(self) -> None:
        kernels = {"python": "import subprocess\nsubprocess.run('''{}''', shell=True)\n{}", "bash": "{}\n{}"}
        waits = {"python": "import time\nprint('ready')\ntime.sleep(1000)", "bash": "echo ready\nsleep 1000"}
        for number, language in enumerate(kernels):
            with self.subTest(language=language):
                kernel = start_guest(self.roomd, self.sandbox, language)
                collect(begin(kernel, kernels[language].format(_DAEMONS.format(f"5{number}"), "")))
                self.await_sleepers(f"5{number}")

                self.interrupted(kernel, kernels[language].format(_DAEMONS.format(f"6{number}"), waits[language]))

                self.assertEqual(self.sleepers(f"6{number}"), [])
                self.assertEqual(len(self.sleepers(f"5{number}")), 3, "of an earlier cell")

    def test_guests_do_not_end_what_others_have_started(self) -> None:
        sandbox = self.room()
        paths = [self.roomd.call("guest.start", sandbox=sandbox, name=f"python{n}", kind="python", env={}, cwd="/home/user")["socket"] for n in range(2)]
        for path in paths:
            collect(begin(path, "import subprocess\nmine = subprocess.Popen(['sleep', '1000'])"))

        self.interrupted(paths[0], "print('ready')\nimport time\ntime.sleep(1000)")
        agent = start_guest(self.roomd, sandbox, "agent")
        for _ in range(8):  # one of their marks would be a kernel's
            operate(agent, {"op": "process.start", "cmd": "/bin/sleep", "args": ["100"], "timeoutMillis": 1})

        for path in paths:
            self.assertEqual(collect(begin(path, "mine.poll() is None")).result["text"], "True")

    def test_a_killed_kernel_takes_the_daemons_of_its_last_cell_along(self) -> None:
        sandbox = self.room()
        kernel = start_guest(self.roomd, sandbox, "python")
        connection = begin(kernel, f"import subprocess, time\nsubprocess.run('''{_DAEMONS.format(650)}''', shell=True)\nprint('ready')\ntime.sleep(1000)")
        while (frame := connection.receive()) is not None and frame[0] != frames.STDOUT:
            pass
        self.until(lambda: self.roomd.call("room.stat", sandbox=sandbox)["pids"] >= 5, "the daemons run")

        self.roomd.call("guest.kill", sandbox=sandbox, name="python", signal=9)

        self.until(lambda: self.roomd.call("room.stat", sandbox=sandbox)["pids"] == 1, "only the init is left")
        collect(connection)


if __name__ == "__main__":
    unittest.main()
