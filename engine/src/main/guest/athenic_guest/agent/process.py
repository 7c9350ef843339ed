"""One process started through the agent: its output goes to every reader that is connected, its end is told to all."""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import signal
import struct
import subprocess
import termios
import threading
import time
from dataclasses import dataclass
from typing import Any

from .. import frames, marks
from ..frames import Connection, Failure

_PIPE_CHUNK = 32 << 10
_PTY_CHUNK = 16 << 10
_READER_SECONDS = 30.0
_GRACE_SECONDS = 1.0
_POLL_SECONDS = 3600.0


@dataclass(frozen=True)
class Config:
    """What a process was started with, as `process.list` tells it."""

    cmd: str
    args: tuple[str, ...]
    env: dict[str, str]
    cwd: str | None
    tag: str | None


class Process:
    """`outputs` maps the descriptors to read to the type of their frames; with a pty, `terminal` is its parent side. `mark`: what all
    that it starts is known by."""

    def __init__(self, config: Config, child: subprocess.Popen[bytes], outputs: dict[int, int], terminal: int | None, mark: int) -> None:
        self.config = config
        self.tag = config.tag
        self.pid = child.pid
        self.end: dict[str, Any] | None = None
        self._child = child
        self._outputs = outputs
        self._terminal = terminal
        self._mark = mark
        # Signals go by it: Popen's own would take the exit status from under the thread that waits for the end.
        self._pidfd = os.pidfd_open(child.pid)
        self._stdin = child.stdin.fileno() if child.stdin else None
        self._stdin_lock = threading.Lock()  # guards _stdin and keeps the inputs of two connections apart
        self._lock = threading.Lock()  # guards _readers, end and the closing of _pidfd
        self._readers: list[Connection] = []

    # --- readers ---------------------------------------------------------------------------------------------------------

    def attach(self, connection: Connection) -> bool:
        """Sends `start` and from then on the output. False when all has been said; else the connection is ended when it has."""
        connection.socket.settimeout(_READER_SECONDS)
        with self._lock:
            connection.send_json({"start": {"pid": self.pid}})
            if self.end is None:
                self._readers.append(connection)
                return True
        connection.send_json({"end": self.end})
        return False

    def detach(self, connection: Connection) -> None:
        with self._lock:
            if connection in self._readers:
                self._readers.remove(connection)
        connection.end()

    def _tell(self, data: bytes) -> None:
        with self._lock:
            readers = list(self._readers)
        for reader in readers:
            try:
                reader.socket.sendall(data)
            except OSError:  # gone, or it has not read for _READER_SECONDS
                self.detach(reader)

    # --- output ----------------------------------------------------------------------------------------------------------

    def pump(self, deadline: float | None) -> None:
        """Passes output on until the process has ended and its pipes are closed. `deadline` (monotonic): then it is killed, with
        all that it has started, and so are those that it left behind with its pipes open."""
        poll = select.poll()
        for descriptor in self._outputs:
            poll.register(descriptor, select.POLLIN)
        poll.register(self._pidfd, select.POLLIN)
        stop_at: float | None = None
        chunk = _PTY_CHUNK if self._terminal is not None else _PIPE_CHUNK
        while self._outputs:
            limit = min(at for at in (deadline, stop_at, time.monotonic() + _POLL_SECONDS) if at is not None)
            ready = poll.poll(max(0.0, limit - time.monotonic()) * 1000)
            for descriptor, _ in ready:
                if descriptor == self._pidfd:
                    poll.unregister(self._pidfd)
                    stop_at = self._patience()
                elif not self._pass_on(descriptor, chunk):
                    poll.unregister(descriptor)
            now = time.monotonic()
            if deadline is not None and now >= deadline:
                deadline = None
                self.end_all()
            if stop_at is not None and now >= stop_at and not ready:
                break
        self._wait(deadline)

    def _patience(self) -> float | None:
        """Children of a process that ended by itself may go on writing; those of a killed one are not waited for."""
        info = os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
        killed = info is not None and info.si_code != os.CLD_EXITED
        if self._terminal is not None and not killed:
            return time.monotonic() + _GRACE_SECONDS  # a shell's jobs keep the terminal open; its session is over
        return time.monotonic() + _GRACE_SECONDS if killed else None

    def _pass_on(self, descriptor: int, chunk: int) -> bool:
        try:
            data = os.read(descriptor, chunk)
        except BlockingIOError:
            return True
        except OSError:  # EIO: no process has the terminal open
            data = b""
        if data:
            self._tell(frames.pack(self._outputs[descriptor], data))
            return True
        kind = self._outputs.pop(descriptor)
        if kind != frames.DATA:
            os.close(descriptor)
        return False

    def _wait(self, deadline: float | None) -> None:
        """The process has closed its output but may run on."""
        try:
            self._child.wait(None if deadline is None else max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.end_all()
            self._child.wait()

    def finish(self) -> None:
        """Tells the end to all readers and gives the descriptors back."""
        status = self._child.returncode
        end = _ending(status)
        with self._lock:
            self.end = end
            readers, self._readers = self._readers, []
            os.close(self._pidfd)
        for reader in readers:
            try:
                reader.send_json({"end": end})
            except OSError:
                pass
            reader.end()
        with self._stdin_lock:
            self._close_stdin()
        for descriptor, kind in self._outputs.items():
            if kind != frames.DATA:
                os.close(descriptor)
        if self._terminal is not None:
            with self._stdin_lock:
                os.close(self._terminal)
                self._terminal = None

    # --- input and signals -----------------------------------------------------------------------------------------------

    def write(self, data: bytes, connection: Connection) -> None:
        """Writes to stdin or the terminal; waits while the process does not read, as long as the connection is there."""
        with self._stdin_lock:
            target = self._terminal if self._terminal is not None else self._stdin
            if target is None:
                raise Failure("failed_precondition", "stdin of the process is closed, or it was started without stdin")
            view = memoryview(data)
            poll = select.poll()
            poll.register(target, select.POLLOUT)
            poll.register(connection.socket, select.POLLRDHUP)
            while view:
                ready = dict(poll.poll())
                if connection.socket.fileno() in ready and target not in ready:
                    raise ConnectionResetError
                try:
                    view = view[os.write(target, view[:65536]) :]
                except BlockingIOError:
                    continue
                except OSError:
                    raise Failure("failed_precondition", "the process has closed its stdin") from None

    def close_stdin(self) -> None:
        if self._terminal is not None:
            raise Failure("failed_precondition", "a terminal has no stdin to close: send the character Ctrl-D instead")
        with self._stdin_lock:
            self._close_stdin()

    def _close_stdin(self) -> None:
        if self._stdin is not None and self._child.stdin is not None:
            self._child.stdin.close()
            self._stdin = None

    def signal(self, number: int) -> None:
        with self._lock:
            if self.end is None:
                with contextlib.suppress(ProcessLookupError):
                    signal.pidfd_send_signal(self._pidfd, number)

    def end_all(self) -> None:
        """Kills it and everything that it has started."""
        marks.end_all(self._mark)

    def resize(self, cols: int, rows: int) -> None:
        with self._stdin_lock:
            if self._terminal is None:
                raise Failure("failed_precondition", "the process has no terminal")
            set_size(self._terminal, cols, rows)


def set_size(terminal: int, cols: int, rows: int) -> None:
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))


def _ending(status: int) -> dict[str, Any]:
    """The `end` of a process by its return code as Python tells it (negative for a signal), in the words of Go's os package."""
    if status >= 0:
        text = f"exit status {status}"
        end: dict[str, Any] = {"exitCode": status, "exited": True, "status": text}
        return end if status == 0 else {**end, "error": text}
    text = f"signal: {_SIGNALS.get(-status, f'signal {-status}')}"
    return {"exitCode": -1, "exited": False, "status": text, "error": text}


_SIGNALS = {
    signal.SIGHUP: "hangup",
    signal.SIGINT: "interrupt",
    signal.SIGQUIT: "quit",
    signal.SIGILL: "illegal instruction",
    signal.SIGTRAP: "trace/breakpoint trap",
    signal.SIGABRT: "aborted",
    signal.SIGBUS: "bus error",
    signal.SIGFPE: "floating point exception",
    signal.SIGKILL: "killed",
    signal.SIGUSR1: "user defined signal 1",
    signal.SIGSEGV: "segmentation fault",
    signal.SIGUSR2: "user defined signal 2",
    signal.SIGPIPE: "broken pipe",
    signal.SIGALRM: "alarm clock",
    signal.SIGTERM: "terminated",
}
