"""The agent in a real room, over its socket."""

from __future__ import annotations

import json
import socket
import struct
import threading
import unittest
from typing import Any, ClassVar

from athenic_guest import frames
from guest_case import GuestCase, Run, answered, collect, connect, operate, refused, start_guest


class AgentCase(GuestCase):
    agent: ClassVar[str]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.roomd.room("agent")
        cls.agent = start_guest(cls.roomd, "agent", "agent")

    def operate(self, op: str, **fields: Any) -> Run:
        return operate(self.agent, {"op": op, **fields})

    def ok(self, op: str, **fields: Any) -> dict[str, Any]:
        return answered(self.operate(op, **fields))

    def code(self, op: str, **fields: Any) -> str:
        return refused(self.operate(op, **fields))

    def shell(self, command: str, **fields: Any) -> Run:
        return self.operate("process.start", cmd="/bin/bash", args=["-c", command], **fields)

    def write(self, path: str, data: bytes = b"", **fields: Any) -> dict[str, Any]:
        entry: dict[str, Any] = answered(operate(self.agent, {"op": "fs.write", "path": path, **fields}, [data] if data else [], eof=True))["entry"]
        return entry

    def begin(self, command: str, **fields: Any) -> tuple[frames.Connection, int]:
        """Starts a shell command and leaves its output to be read."""
        connection = connect(self.agent)
        connection.send_json({"op": "process.start", "cmd": "/bin/bash", "args": ["-c", command], **fields})
        start = connection.receive_json()
        assert start is not None
        return connection, start["start"]["pid"]


class Processes(AgentCase):
    def test_output_comes_apart_and_before_the_end(self) -> None:
        run = self.shell("echo out; echo err >&2; exit 3")

        self.assertEqual((run.stdout, run.stderr), ("out\n", "err\n"))
        self.assertEqual(run.messages[-1], {"end": {"exitCode": 3, "exited": True, "status": "exit status 3", "error": "exit status 3"}})
        self.assertEqual(self.shell("true").messages[-1], {"end": {"exitCode": 0, "exited": True, "status": "exit status 0"}})

    def test_a_signal_is_told_in_words(self) -> None:
        run = self.shell("kill -9 $$")

        self.assertEqual(run.messages[-1]["end"], {"exitCode": -1, "exited": False, "status": "signal: killed", "error": "signal: killed"})

    def test_environment_is_the_user_s_the_sandbox_s_and_the_own(self) -> None:
        agent = self.guest("agent")
        answered(operate(agent, {"op": "env.set", "env": {"SANDBOX": "s", "BOTH": "sandbox"}}))

        run = operate(agent, {"op": "process.start", "cmd": "env", "env": {"OWN": "o", "BOTH": "own"}})

        self.assertEqual(dict(line.split("=", 1) for line in run.stdout.splitlines()), {
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/home/user", "USER": "user", "LOGNAME": "user",
            "LANG": "C.UTF-8", "SANDBOX": "s", "BOTH": "own", "OWN": "o"})

    def test_users(self) -> None:
        self.assertEqual(self.shell("id -un; pwd").stdout, "user\n/home/user\n")
        self.assertEqual(self.shell("id -un; pwd", user="root").stdout, "root\n/root\n")
        self.assertEqual(self.shell("sudo -n id -un").stdout, "root\n")
        self.assertEqual(self.code("process.start", cmd="id", user="nobody-here"), "unauthenticated")

    def test_what_cannot_start_says_why(self) -> None:
        self.assertEqual(self.code("process.start", cmd="no-such-command"), "not_found")
        self.assertEqual(self.code("process.start", cmd="/etc/passwd"), "permission_denied")
        self.assertEqual(self.code("process.start", cmd="ls", cwd="/nowhere"), "invalid_argument")
        for wrong in ({"cmd": 5}, {"cmd": "ls", "args": "x"}, {"cmd": "ls", "env": {"a=b": "c"}}, {"cmd": "ls", "timeoutMillis": -1}, {"cmd": "ls", "pty": {"cols": 0, "rows": 1}}):
            self.assertEqual(self.code("process.start", **wrong), "invalid_argument")

    def test_stdin(self) -> None:
        connection, pid = self.begin("cat; echo over", stdin=True)

        answered(operate(self.agent, {"op": "process.input", "pid": pid}, [b"one ", b"x" * 300_000], eof=True))
        self.ok("process.closeStdin", pid=pid)

        self.assertEqual(collect(connection).stdout, "one " + "x" * 300_000 + "over\n")
        self.assertEqual(self.shell("cat; echo empty").stdout, "empty\n")

    def test_input_to_a_process_that_does_not_read_ends_with_its_connection(self) -> None:
        process, pid = self.begin("sleep 1000", stdin=True)
        writer = connect(self.agent)
        writer.send_json({"op": "process.input", "pid": pid})
        for _ in range(8):
            writer.send(frames.STDIN, b"x" * 16_000)
        writer.close()

        self.ok("process.signal", pid=pid, signal=9)
        self.assertEqual(collect(process).messages[-1]["end"]["status"], "signal: killed")

    def test_a_terminal(self) -> None:
        connection, pid = self.begin("tty; stty size; echo $TERM; read line; stty size; echo got $line; read line", pty={"cols": 100, "rows": 30})
        self.ok("process.resize", pid=pid, cols=50, rows=20)
        answered(operate(self.agent, {"op": "process.input", "pid": pid}, [b"typed\n\x04"], eof=True))

        text = collect(connection).text(frames.DATA)

        self.assertIn("/dev/pts/", text)
        self.assertIn("xterm-256color", text)
        self.assertIn("20 50", text)
        self.assertIn("got typed", text)

    def test_a_shell_on_a_terminal_has_job_control(self) -> None:
        connection = connect(self.agent)
        connection.send_json({"op": "process.start", "cmd": "/bin/bash", "args": ["-i", "-l"], "pty": {"cols": 80, "rows": 24}, "tag": "shell"})
        connection.receive_json()

        screen = self.type_and_wait(connection, "", "$ ")
        # Said by the program that has the terminal: a shell that is about to start one loses a Ctrl+C.
        screen += self.type_and_wait(connection, "sh -c 'echo at $((40 + 2)); exec sleep 1000'\n", "at 42\r\n")
        screen += self.type_and_wait(connection, "\x03", "$ ")
        self.type_and_wait(connection, "exit 7\n", "exit")

        self.assertNotIn("no job control", screen)
        self.assertEqual(collect(connection).messages[-1]["end"]["exitCode"], 7)

    def type_and_wait(self, connection: frames.Connection, keys: str, wanted: str) -> str:
        """Types into the process tagged 'shell' and reads its terminal until it shows `wanted`."""
        answered(operate(self.agent, {"op": "process.input", "tag": "shell"}, [keys.encode()], eof=True))
        seen = ""
        while wanted not in seen:
            frame = connection.receive()
            assert frame is not None and frame[0] == frames.DATA, frame
            seen += frame[1].decode()
        return seen

    def test_a_deadline_kills_the_process_and_its_children(self) -> None:
        run = self.shell("sleep 1000 & sleep 1000", timeoutMillis=200)

        self.assertEqual(run.messages[-1]["end"]["status"], "signal: killed")

    def test_signals_reach_the_process(self) -> None:
        connection, pid = self.begin("trap 'echo caught; exit 5' TERM; echo ready; while :; do sleep 0.01; done")
        while (frame := connection.receive()) is not None and frame[0] != frames.STDOUT:
            pass
        self.ok("process.signal", pid=pid, signal=15)

        run = collect(connection)

        self.assertEqual(run.stdout, "caught\n")
        self.assertEqual(run.messages[-1]["end"]["exitCode"], 5)
        self.assertEqual(self.code("process.signal", pid=pid, signal=15), "not_found")
        self.assertEqual(self.code("process.signal", pid=1, signal=9), "not_found")
        self.assertEqual(self.code("process.signal", tag="none", signal=9), "not_found")

    def test_a_process_that_is_signalled_as_it_ends_loses_no_word(self) -> None:
        for _ in range(20):
            connection, pid = self.begin("trap '' CONT; head -c 50000 /dev/zero")
            while self.operate("process.signal", pid=pid, signal=18).messages[-1].get("ok") is not None:
                pass

            run = collect(connection)

            self.assertEqual(len(run.stdout), 50_000)
            self.assertEqual(run.messages[-1]["end"]["exitCode"], 0)

    def test_a_killed_process_does_not_wait_for_its_children(self) -> None:
        connection, pid = self.begin("sleep 1000; true")
        self.ok("process.signal", pid=pid, signal=9)

        self.assertEqual(collect(connection).messages[-1]["end"]["status"], "signal: killed")

    def test_several_readers_see_what_comes_after_they_came(self) -> None:
        first, pid = self.begin("read a; echo $a; read b; echo $b", stdin=True, tag="shared")
        answered(operate(self.agent, {"op": "process.input", "pid": pid}, [b"one\n"], eof=True))
        while (frame := first.receive()) is not None and frame[0] != frames.STDOUT:
            pass
        second = connect(self.agent)
        second.send_json({"op": "process.connect", "tag": "shared"})
        self.assertEqual(second.receive_json(), {"start": {"pid": pid}})
        answered(operate(self.agent, {"op": "process.input", "pid": pid}, [b"two\n"], eof=True))

        self.assertEqual(collect(first).stdout, "two\n")
        self.assertEqual(collect(second).stdout, "two\n")
        late = self.operate("process.connect", pid=pid)
        self.assertEqual([list(message) for message in late.messages], [["start"], ["end"]])

    def test_a_reader_that_leaves_does_not_end_or_stop_the_process(self) -> None:
        connection, pid = self.begin("seq 1 300000; touch /tmp/finished; read line", stdin=True)
        connection.close()

        self.until(lambda: self.operate("fs.stat", path="/tmp/finished").messages[-1].get("ok"), "the process stands still without a reader")
        self.assertIn(pid, [process["pid"] for process in self.ok("process.list")["processes"]])
        self.ok("process.signal", pid=pid, signal=9)

    def test_a_background_child_keeps_the_stream_open(self) -> None:
        self.assertEqual(self.shell("(sleep 0.3; echo late) & echo early").stdout, "early\nlate\n")

    def test_the_list_tells_what_was_started(self) -> None:
        connection, pid = self.begin("sleep 1000", tag="listed", env={"A": "b"}, cwd="/tmp")

        found = next(process for process in self.ok("process.list")["processes"] if process["pid"] == pid)

        self.assertEqual(found, {"pid": pid, "tag": "listed", "cmd": "/bin/bash", "args": ["-c", "sleep 1000"], "env": {"A": "b"}, "cwd": "/tmp"})
        self.ok("process.signal", tag="listed", signal=9)
        collect(connection)
        self.assertNotIn(pid, [process["pid"] for process in self.ok("process.list")["processes"]])

    def test_ten_megabytes_come_whole(self) -> None:
        run = self.shell("head -c 10000000 /dev/zero | tr '\\0' x")

        self.assertEqual(len(run.stdout), 10_000_000)

    def test_readers_that_come_and_go_leave_no_thread(self) -> None:
        agent = self.guest("agent")

        def threads() -> int:
            return int(operate(agent, {"op": "process.start", "cmd": "bash", "args": ["-c", "ps -eo nlwp=,comm= | grep -m1 python3 | tr -dc 0-9"]}).stdout)

        before = threads()
        for number in range(60):
            connection = connect(agent)
            connection.send_json({"op": "process.start", "cmd": "echo", "args": [str(number)]})
            if number % 2:
                connection.receive()
            connection.close()

        self.until(lambda: threads() <= before, "threads of readers are left")

    def test_many_at_once(self) -> None:
        runs: list[Run] = []
        threads = [threading.Thread(target=lambda n=n: runs.append(self.shell(f"echo {n}"))) for n in range(30)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        self.assertEqual(sorted(int(run.stdout) for run in runs), list(range(30)))


class Ports(AgentCase):
    def test_bytes_go_both_ways_with_half_close(self) -> None:
        server, _ = self.begin("python3 -c 'import socket\ns = socket.create_server((\"127.0.0.1\", 9123))\nprint(\"up\", flush=True)\nc, _ = s.accept()\n"
                               "d = b\"\"\nwhile p := c.recv(65536): d += p\nc.sendall(d[::-1])'")
        while (frame := server.receive()) is not None and frame[0] != frames.STDOUT:
            pass
        relay = connect(self.agent)
        relay.send_json({"op": "port.connect", "port": 9123})
        self.assertEqual(relay.receive_json(), {"ok": {}})
        relay.socket.sendall(b"abc" * 100_000)
        relay.socket.shutdown(socket.SHUT_WR)

        data = b""
        while part := relay.socket.recv(65536):
            data += part

        relay.close()
        server.close()
        self.assertEqual(data, (b"abc" * 100_000)[::-1])

    def test_a_closed_port_is_unavailable(self) -> None:
        self.assertEqual(self.code("port.connect", port=9), "unavailable")
        self.assertEqual(self.code("port.connect", port=0), "invalid_argument")
        self.assertEqual(self.code("port.connect", port=65536), "invalid_argument")


class Hostile(AgentCase):
    def test_garbage_harms_nobody(self) -> None:
        for piece in (b"\0\0\0\0\0", b"\xff" * 100, struct.pack(">IB", 3, 0) + b"[]", struct.pack(">IB", 3, 0) + b"{}", struct.pack(">IB", 3, 1) + b"ab"):
            connection = connect(self.agent)
            try:
                connection.socket.sendall(piece)
                connection.socket.shutdown(socket.SHUT_WR)
                while connection.socket.recv(65536):
                    pass
            except (BrokenPipeError, ConnectionResetError):
                pass
            connection.close()

        self.assertEqual(self.ok("ping"), {})

    def test_wrong_fields_are_named(self) -> None:
        for request in ({"op": "x"}, {"op": 5}, {"op": "fs.stat", "path": 5}, {"op": "fs.list", "depth": "1"}, {"op": "process.signal", "pid": "1", "signal": 9},
                        {"op": "process.signal", "pid": 1, "signal": 99}, {"op": "fs.read", "path": "x", "offset": -1}, {"op": "env.set", "env": {"a": 1}}, {"op": "fs.stat", "path": "a\0b"},
                        {"op": "fs.write", "path": "x", "metadata": {"a": "ü"}}, {"op": "fs.stat", "path": "x" * 5000}, {"op": "fs.stat", "path": "~other/x"}):
            with self.subTest(request=json.dumps(request)[:60]):
                self.assertEqual(refused(operate(self.agent, request)), "invalid_argument")


if __name__ == "__main__":
    unittest.main()
