"""The Python kernel in a real room, over its socket."""

from __future__ import annotations

import signal
import socket
import struct
import unittest
from typing import ClassVar

from athenic_guest import frames
from guest_case import GuestCase, Run, answered, begin, collect, connect, operate, start_guest


class PythonCase(GuestCase):
    kernel: ClassVar[str]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.roomd.room("python")
        cls.kernel = start_guest(cls.roomd, "python", "python")

    def execute(self, code: str, env: dict[str, str] | None = None) -> Run:
        return collect(begin(self.kernel, code, env))

    def interrupt(self, code: str) -> Run:
        """Starts a cell, waits until it says so, hangs up, and runs the next cell."""
        connection = begin(self.kernel, "print('running', flush=True)\n" + code)
        while (frame := connection.receive()) is not None and frame[0] != frames.STDOUT:
            pass
        connection.close()
        return self.execute("'alive'")


class Cells(PythonCase):
    def test_a_fresh_kernel_counts_from_one_in_a_clean_namespace(self) -> None:
        kernel = self.guest("python")

        run = collect(begin(kernel, "[[name for name in globals() if not name.startswith('_')], len(In), len(Out)]"))

        self.assertEqual(run.messages[0], {"type": "number_of_executions", "execution_count": 1})
        names, inputs, outputs = run.result["json"]
        self.assertLessEqual(set(names), {"In", "Out", "exit", "quit", "open", "get_ipython"})
        self.assertEqual((inputs, outputs), (2, 0))  # In[0] is always there

    def test_kernels_draw_numbers_of_their_own(self) -> None:
        code = "import numpy, random, uuid\nprint(random.random(), numpy.random.rand(), numpy.random.default_rng().random(), uuid.uuid4(), sep='\\n')"
        drawn = [collect(begin(self.guest("python"), code)).stdout.split() for _ in range(2)]

        self.assertEqual([len(drawn[0]), len(set(drawn[0]) & set(drawn[1]))], [4, 0])

    def test_memory_of_a_guest_is_mostly_shared(self) -> None:
        sandbox = self.room()
        agent = self.roomd.call("guest.start", sandbox=sandbox, name="agent", kind="agent", env={}, cwd="/home/user")["pid"]
        kernel = self.roomd.call("guest.start", sandbox=sandbox, name="python", kind="python", env={}, cwd="/home/user")
        collect(begin(kernel["socket"], "import pandas as pd\npd.DataFrame({'a': range(1000)}).describe()"))

        own = 0
        for pid in (agent, kernel["pid"]):
            with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as rollup:
                own += sum(int(line.split()[1]) for line in rollup if line.startswith("Private_Dirty:"))
        self.assertLess(own, 18_000)  # kB; 15,000 were measured when this was written

    def test_modules_of_the_user_and_stdin_are_the_child_s(self) -> None:
        run = self.execute("import site, sys\nprint(site.getusersitepackages() in sys.path, site.USER_BASE, repr(sys.stdin.read()))")

        self.assertEqual(run.stdout, "True /home/user/.local ''\n")

    def test_state_and_counter_carry_over(self) -> None:
        first = self.execute("value = 41")
        second = self.execute("value + 1")

        self.assertEqual(second.result, {"type": "result", "is_main_result": True, "text": "42", "extra": {}})
        count = [run.of("number_of_executions")[0]["execution_count"] for run in (first, second)]
        self.assertEqual(count[1], count[0] + 1)
        self.assertEqual(second.messages[-1], {"type": "end_of_execution"})

    def test_output_of_python_and_programs_comes_in_order(self) -> None:
        run = self.execute(
            "import subprocess, sys\nprint('a')\nprint('b', file=sys.stderr)\nprint('c')\n"
            "subprocess.run(['sh', '-c', 'echo d'])\nprint('e')\n!echo f\nprint('g')"
        )

        self.assertEqual(run.stdout, "a\nc\nd\ne\nf\ng\n")
        self.assertEqual(run.stderr, "b\n")
        order = [payload for kind, payload in run.items if kind in (frames.STDOUT, frames.STDERR)]
        self.assertEqual(b"".join(order).decode(), "a\nb\nc\nd\ne\nf\ng\n")

    def test_a_hundred_thousand_lines_come_unchanged(self) -> None:
        run = self.execute("for i in range(100_000): print(i)")

        self.assertEqual(run.stdout, "".join(f"{i}\n" for i in range(100_000)))

    def test_frames_end_at_whole_characters(self) -> None:
        run = self.execute("print('ü€😀' * 200_000)\nimport os\nos.write(1, ('ü€😀' * 50_000).encode());")

        for kind, payload in run.items:
            if kind == frames.STDOUT:
                payload.decode()  # raises when a character is split
        self.assertEqual(run.stdout, "ü€😀" * 200_000 + "\n" + "ü€😀" * 50_000)

    def test_an_error_has_name_value_and_plain_traceback(self) -> None:
        run = self.execute("def broken():\n    return 1 / 0\nbroken()")

        assert run.error is not None
        self.assertEqual((run.error["name"], run.error["value"]), ("ZeroDivisionError", "division by zero"))
        self.assertIn("return 1/0", run.error["traceback"].replace("1 / 0", "1/0"))
        self.assertNotIn("\x1b", run.error["traceback"])
        self.assertIsNone(self.execute("1").error)

    def test_syntax_error_is_one_error(self) -> None:
        run = self.execute("x = = 1")

        self.assertEqual([error["name"] for error in run.of("error")], ["SyntaxError"])

    def test_exit_ends_the_cell_and_not_the_kernel(self) -> None:
        failed = self.execute("kept = 1\nimport sys\nsys.exit(3)\nkept = 2")
        fine = self.execute("print(kept)\nexit()\nprint('never')")

        assert failed.error is not None
        self.assertEqual((failed.error["name"], failed.error["value"]), ("SystemExit", "3"))
        self.assertIsNone(fine.error)
        self.assertEqual(fine.stdout, "1\n")

    def test_input_says_that_nobody_can_type(self) -> None:
        run = self.execute("input('name? ')")

        assert run.error is not None
        self.assertEqual(run.stdout, "name? ")
        self.assertIn("nobody can type", run.error["value"])
        self.assertNotIn("athenic", run.error["traceback"])

    def test_top_level_await(self) -> None:
        run = self.execute("import asyncio\nawait asyncio.sleep(0.01)\nasyncio.run if False else 'done'")

        self.assertEqual(run.result["text"], "done")

    def test_variables_of_one_execution_are_taken_back(self) -> None:
        code = "import os\nos.environ.get('ONCE'), os.environ['MARK']"

        self.assertEqual(self.execute(code, {"ONCE": "1"}).result["text"], "('1', 'in the room')")
        self.assertEqual(self.execute(code).result["text"], "(None, 'in the room')")

    def test_magics(self) -> None:
        run = self.execute("%%bash\necho from bash\necho aside >&2")

        self.assertEqual((run.stdout, run.stderr), ("from bash\n", "aside\n"))
        self.assertIn("pip", self.execute("%pip --version").stdout)

    def test_a_program_on_the_shell_line_streams_and_its_status_is_kept(self) -> None:
        run = self.execute("!printf one; sleep 0.2; printf two; exit 5\nprint(_exit_code)")

        self.assertEqual(run.stdout, "onetwo5\n")

    def test_the_process_is_the_plain_user_at_home(self) -> None:
        run = self.execute("import os\nprint(os.getuid(), os.getcwd(), os.environ['HOME'], os.environ['USER'])")

        self.assertEqual(run.stdout, "1000 /home/user /home/user user\n")


class Copies(PythonCase):
    def test_forks_and_pools_print_and_end(self) -> None:
        forked = self.execute("import os\npid = os.fork()\nif pid == 0:\n    print('child')\nelse:\n    os.waitpid(pid, 0)\n    print('parent')")
        pool = self.execute("from multiprocessing import Pool\ndef double(x):\n    return 2 * x\nwith Pool(2) as pool:\n    print(pool.map(double, [1, 2]))")

        self.assertEqual(forked.stdout, "child\nparent\n")
        self.assertEqual(pool.stdout, "[2, 4]\n")
        self.assertEqual(len(forked.of("end_of_execution")), 1)

    def test_what_a_thread_prints_late_opens_the_next_execution(self) -> None:
        self.execute("import os, threading, time\ndef late():\n    while not os.path.exists('/tmp/go'): time.sleep(0.005)\n    print('late')\n    os.mkdir('/tmp/gone')\n"
                     "thread = threading.Thread(target=late)\nthread.start()")
        agent = start_guest(self.roomd, "python", "agent")  # acts while no cell runs
        answered(operate(agent, {"op": "fs.mkdir", "path": "/tmp/go"}))
        self.until(lambda: "ok" in operate(agent, {"op": "fs.stat", "path": "/tmp/gone"}).messages[-1], "the thread prints")
        run = self.execute("thread.join()")

        self.assertEqual(run.stdout, "late\n")


class Interrupts(PythonCase):
    def assert_interrupted(self, code: str) -> None:
        run = self.interrupt(code)
        self.assertEqual(run.result["text"], "alive")
        self.assertEqual(run.stdout, "", "output of the interrupted cell came into the next")

    def test_a_loop(self) -> None:
        self.assert_interrupted("while True: pass")

    def test_sleep(self) -> None:
        self.assert_interrupted("import time\ntime.sleep(1000)")

    def test_a_loop_that_prints(self) -> None:
        self.assert_interrupted("while True: print('x' * 1000)")

    def test_a_call_in_c_that_holds_the_lock(self) -> None:
        self.assert_interrupted("import re\nre.match('(a+)+$', 'a' * 50 + 'b')")

    def test_programs(self) -> None:
        self.assert_interrupted("import subprocess\nsubprocess.run('yes', shell=True)")
        self.assert_interrupted("!sleep 1000")
        self.assert_interrupted("%%bash\nsleep 1000")

    def test_programs_that_are_just_being_started(self) -> None:
        for _ in range(20):  # from before the fork to after the shell's own
            self.assert_interrupted("import subprocess\nsubprocess.run('yes', shell=True)")

    def test_programs_in_the_background_and_those_that_ignore_the_interrupt(self) -> None:
        self.assert_interrupted("import subprocess\nsubprocess.run('yes & sleep 1000', shell=True)")
        self.assert_interrupted("import subprocess\nfor _ in range(3): subprocess.Popen(['bash', '-c', 'trap \"\" INT TERM; yes'])\nimport time\ntime.sleep(1000)")
        self.assertNotIn("yes", self.execute("!ps -eo stat=,args= | grep -v ^Z").stdout)

    def test_top_level_await(self) -> None:
        self.assert_interrupted("import asyncio\nawait asyncio.sleep(1000)")

    def test_locks_and_queues(self) -> None:
        self.assert_interrupted("import queue\nqueue.Queue().get()")

    def test_ending_our_half_interrupts_and_the_rest_still_comes(self) -> None:
        connection = begin(self.kernel, "print('running')\nimport time\ntime.sleep(1000)")
        while (frame := connection.receive()) is not None and frame[0] != frames.STDOUT:
            pass
        connection.socket.shutdown(socket.SHUT_WR)

        run = collect(connection)

        assert run.error is not None
        self.assertEqual(run.error["name"], "KeyboardInterrupt")
        self.assertEqual(run.messages[-1], {"type": "end_of_execution"})

    def test_a_program_of_an_earlier_cell_lives_on(self) -> None:
        self.execute("import subprocess\nearlier = subprocess.Popen(['sleep', '1000'])")
        self.interrupt("import time\ntime.sleep(1000)")

        self.assertEqual(self.execute("earlier.poll() is None").result["text"], "True")
        self.execute("earlier.kill()")

    def test_what_waits_is_dropped_when_its_server_leaves(self) -> None:
        running = begin(self.kernel, "print(1)\nimport time\ntime.sleep(1000)")
        while (frame := running.receive()) is not None and frame[0] != frames.STDOUT:
            pass
        waiting = [begin(self.kernel, "never = True") for _ in range(5)]
        for connection in waiting:
            connection.close()
        running.close()

        self.assertEqual(self.execute("'never' in globals()").result["text"], "False")

    def test_a_server_that_does_not_read_slows_the_cell_and_can_still_interrupt_it(self) -> None:
        connection = begin(self.kernel, "while True: print('y' * 5000)")
        self.execute_after(connection)

        memory = self.execute("import re\nint(re.search(r'VmRSS:\\s+(\\d+)', open('/proc/self/status').read()).group(1))")
        self.assertLess(int(memory.result["text"]), 400_000)

    def execute_after(self, connection: frames.Connection) -> None:
        """Waits until the cell is held up, which shows in its kernel's CPU time standing still, and hangs up."""
        self.until(lambda: self._idle(), "a cell that nobody reads goes on printing")
        connection.close()
        self.assertEqual(self.execute("'alive'").result["text"], "alive")

    def _idle(self) -> bool:
        before = self.roomd.call("room.stat", sandbox="python")["cpuMicros"]
        signal.sigtimedwait([], 0.3)
        return bool(self.roomd.call("room.stat", sandbox="python")["cpuMicros"] - before < 30_000)

    def test_servers_that_come_and_go_use_nothing_up(self) -> None:
        for number in range(300):  # more than the kernel takes at once
            connection = begin(self.kernel, "1" if number % 2 else "while True: pass")
            if number % 3:
                connection.receive()
            connection.close()

        self.assertEqual(self.execute("import threading\nthreading.active_count() < 20").result["text"], "True")

    def test_threads_and_programs_can_print_together(self) -> None:
        run = self.execute(
            "import subprocess, threading\nprogram = subprocess.Popen(['seq', '1', '2000'])\n"
            "threads = [threading.Thread(target=lambda: [print('line') for _ in range(1000)]) for _ in range(4)]\n"
            "for thread in threads: thread.start()\nfor thread in threads: thread.join()\nprogram.wait()"
        )

        self.assertEqual(run.stderr, "")
        self.assertEqual(run.stdout.count("line"), 4000)
        self.assertEqual(sum(run.stdout.count(f"{n}") > 0 for n in (1, 1000, 2000)), 3)

    def test_ping_is_answered_while_a_cell_runs(self) -> None:
        running = begin(self.kernel, "import time\ntime.sleep(1000)")
        ping = connect(self.kernel)
        ping.send_json({"op": "ping"})

        self.assertEqual(ping.receive_json(), {"ok": {}})
        ping.close()
        running.close()


class Hostile(PythonCase):
    def test_garbage_on_the_socket_harms_nobody(self) -> None:
        pieces = [b"", b"\0", b"\0\0\0\1\0", struct.pack(">IB", 2, 0) + b"[", struct.pack(">IB", 1 << 31, 0), struct.pack(">IB", 5, 9) + b"null",
                  struct.pack(">IB", 201, 0) + b"[" * 200, struct.pack(">IB", 3, 0) + b"\xff\xfe", b"\xff" * 5000]
        for piece in pieces:
            connection = connect(self.kernel)
            try:
                connection.socket.sendall(piece)
                connection.socket.shutdown(socket.SHUT_WR)
                while connection.socket.recv(65536):
                    pass
            except (BrokenPipeError, ConnectionResetError):
                pass
            connection.close()

        self.assertEqual(self.execute("'alive'").result["text"], "alive")

    def test_a_wrong_request_is_refused_by_name(self) -> None:
        for request in ({"op": "nothing"}, {"op": "execute"}, {"op": "execute", "code": 5}, {"op": "execute", "code": "", "env": {"A=": "b"}}):
            connection = connect(self.kernel)
            connection.send_json(request)
            answer = connection.receive_json()

            assert answer is not None
            self.assertEqual(answer["error"]["code"], "invalid_argument")
            connection.close()

    def test_killed_kernel_is_an_end_without_a_word(self) -> None:
        kernel = self.guest("python")

        run = collect(begin(kernel, "import os\nos._exit(1)"))

        self.assertEqual(run.of("end_of_execution"), [])

    def test_a_cell_that_breaks_its_own_streams_is_over_with_the_cell(self) -> None:
        self.execute("import sys, os\nsys.stdout.close()\nos.chdir('/tmp')\nimport signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)")

        self.assertEqual(self.execute("print('still here')").stdout, "still here\n")
        self.assertEqual(self.interrupt("while True: pass").result["text"], "alive")


if __name__ == "__main__":
    unittest.main()
