"""The bash kernel in a real room, over its socket."""

from __future__ import annotations

import unittest
from typing import ClassVar

from athenic_guest import frames
from guest_case import GuestCase, Run, begin, collect, start_guest


class BashCase(GuestCase):
    kernel: ClassVar[str]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.roomd.room("bash")
        cls.kernel = start_guest(cls.roomd, "bash", "bash")

    def execute(self, code: str, env: dict[str, str] | None = None) -> Run:
        return collect(begin(self.kernel, code, env))

    def interrupt(self, code: str) -> None:
        connection = begin(self.kernel, f"echo running\n{code}")
        while (frame := connection.receive()) is not None and frame[0] != frames.STDOUT:
            pass
        connection.close()


class Cells(BashCase):
    def test_directory_variables_and_functions_are_kept(self) -> None:
        self.execute("cd /tmp; kept='a b'; list=(1 '2 3'); greet() { echo \"hello $1\"; }")

        self.assertEqual(self.execute("pwd; echo \"$kept\" \"${list[1]}\"; greet you").stdout, "/tmp\na b 2 3\nhello you\n")

    def test_stdout_and_stderr_are_apart(self) -> None:
        run = self.execute("echo out; echo err >&2")

        self.assertEqual((run.stdout, run.stderr), ("out\n", "err\n"))
        self.assertEqual([next(iter(message.values())) for message in run.messages], ["number_of_executions", "end_of_execution"])

    def test_a_status_other_than_zero_is_an_error(self) -> None:
        error = self.execute("(exit 7)").error

        self.assertEqual(error, {"type": "error", "name": "ExitCode", "value": "7", "traceback": "exit code 7"})
        self.assertIsNone(self.execute("true").error)

    def test_a_syntax_error_is_bash_s_own(self) -> None:
        run = self.execute("for in (")

        self.assertIn("syntax error", run.stderr)
        assert run.error is not None
        self.assertNotEqual(run.error["value"], "0")

    def test_exit_and_errexit_keep_the_state(self) -> None:
        self.execute("before='it is'; declare -A map=([key]='va lue'); shown() { echo shown; }; alias say=echo; cd /usr")
        exited = self.execute("exit 4")
        failed = self.execute("set -e; false; echo never")
        run = self.execute("set +e; echo $before ${map[key]}; shown; pwd")

        assert exited.error is not None and failed.error is not None
        self.assertEqual((exited.error["value"], failed.error["value"], failed.stdout), ("4", "1", ""))
        self.assertEqual(run.stdout, "it is va lue\nshown\n/usr\n")

    def test_a_large_state_survives_an_exit(self) -> None:
        self.execute("large=$(head -c 1000000 /dev/zero | tr '\\0' x)")
        self.execute("exit 0")

        self.assertEqual(self.execute("echo ${#large}; unset large").stdout, "1000000\n")

    def test_here_documents_and_reading_of_nothing(self) -> None:
        self.assertEqual(self.execute("cat <<END\n$((6 * 7))\nEND\nread line || echo nothing; cat").stdout, "42\nnothing\n")

    def test_background_jobs_live_on(self) -> None:
        self.execute("sleep 1000 & job=$!")

        self.assertEqual(self.execute("kill -0 $job && echo alive; kill $job").stdout, "alive\n")

    def test_variables_of_one_execution(self) -> None:
        self.execute("export TWICE=before")

        self.assertEqual(self.execute("echo $ONCE $TWICE", {"ONCE": "it's \"1\"", "TWICE": "during"}).stdout, "it's \"1\" during\n")
        self.assertEqual(self.execute("echo [$ONCE] $TWICE $MARK").stdout, "[] before in the room\n")

    def test_output_is_streamed(self) -> None:
        connection = begin(self.kernel, "echo first; read -t 1000 < <(sleep 1000)")
        while (frame := connection.receive()) is not None and frame[0] != frames.STDOUT:
            pass

        self.assertEqual(frame, (frames.STDOUT, b"first\n"))
        connection.close()

    def test_long_output_comes_unchanged(self) -> None:
        self.assertEqual(self.execute("seq 1 100000").stdout, "".join(f"{n}\n" for n in range(1, 100_001)))


class Interrupts(BashCase):
    def assert_interrupted(self, code: str) -> None:
        self.execute("kept=yes")
        self.interrupt(code)
        self.assertEqual(self.execute("echo $kept").stdout, "yes\n")

    def test_programs_loops_and_pipelines(self) -> None:
        for code in ("sleep 1000", "while :; do :; done", "yes | cat", "while true; do echo x; done", "sleep 1000 | cat; echo no", "x=$(sleep 1000)"):
            with self.subTest(code=code):
                self.assert_interrupted(code)

    def test_programs_in_the_background(self) -> None:
        for code in ("yes & wait", "yes & sleep 1000", "while :; do /bin/true; done", "while :; do yes | head -1; done"):
            for _ in range(3):
                with self.subTest(code=code):
                    self.assert_interrupted(code)

    def test_what_ignores_the_interrupt_is_ended(self) -> None:
        self.assert_interrupted("python3 -c 'import signal, time; signal.signal(2, signal.SIG_IGN); time.sleep(1000)'")
        self.interrupt("trap '' INT TERM; while :; do sleep 1000; done")
        self.assertEqual(self.execute("echo usable").stdout, "usable\n")

    def test_a_killed_bash_is_replaced(self) -> None:
        killed = self.execute("lost=1; kill -9 $$")

        assert killed.error is not None
        self.assertEqual(killed.error["value"], "137")
        self.assertIn("starts anew", killed.stderr)
        self.assertEqual(self.execute("echo [$lost]").stdout, "[]\n")


if __name__ == "__main__":
    unittest.main()
