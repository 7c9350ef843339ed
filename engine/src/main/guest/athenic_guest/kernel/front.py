"""A kernel whose interpreter is another program: bash, node.

This process keeps the socket, the queue and the captured output; the program runs the cells one by one. It is told a cell on descriptor
COMMANDS and answers on descriptor ANSWERS, both in messages that end with a NUL byte. When it dies, by a cell or by an interrupt
that it did not heed, the next cell finds a new one.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import threading
import time
from abc import ABC, abstractmethod
from typing import Any, ClassVar, Final, NoReturn

from .. import frames, marks
from . import environment, formats, processes
from .capture import Capture
from .output import Output, signals_blocked
from .server import Execution, Server

COMMANDS: Final = 200
ANSWERS: Final = 201
MAX_ANSWER: Final = formats.MAX_MESSAGE + 65536

# An interrupt is repeated after these pauses (seconds): one that comes before the program runs the cell, or between the fork and the exec
# of a child, is lost. What is not heeded then becomes a request to end, and an order.
_REPEATS = (0.05, 0.1, 0.2, 0.35, 0.4, 0.3)
_STRIKES = (signal.SIGINT,) * 5 + (signal.SIGTERM, signal.SIGKILL)
_SILENCE_SECONDS = 0.02
_WHISPER_SECONDS = 0.02
_START_SECONDS = 20.0


class Death(Exception):
    """The interpreter has ended; `status` is its exit status, negative for a signal, `words` what it wrote after its last whole message."""

    def __init__(self, status: int, words: bytes) -> None:
        super().__init__(status)
        self.status = status
        self.words = words


class Front(ABC):
    """The frame of such a kernel; a subclass knows its program."""

    strikes: ClassVar[tuple[int, ...]] = _STRIKES
    """What the program itself is sent, one by one, as long as its cell goes on."""

    def __init__(self) -> None:
        self._output = Output()
        self._capture = Capture(self._output)
        self._server = Server(self._output, self._interrupt, _REPEATS)
        self._count = 1
        self._started = processes.Started(None)
        self._program: Program | None = None

    @abstractmethod
    def launch(self) -> Program:
        """Starts the program, with what is to be kept of its predecessor."""

    @abstractmethod
    def command(self, execution: Execution) -> bytes:
        """The message that makes the program run a cell."""

    @abstractmethod
    def answer(self, message: bytes) -> bool:
        """Handles a message of the program; true when the cell is over."""

    @abstractmethod
    def died(self, death: Death) -> None:
        """The program ended in a cell."""

    def serve(self, listener: socket.socket, env: dict[str, str], cwd: str) -> NoReturn:
        environment.enter(env, cwd)
        with signals_blocked():  # for the threads, which inherit it: a signal is to interrupt the main thread
            self._output.start()
            self._capture.start()
        self._program = self.launch()
        with signals_blocked():
            self._server.listen(listener)
        while True:
            self._execute(self._server.next(self._count))
            self._count += 1

    def say(self, text: str) -> None:
        """A line of the kernel itself, on stderr."""
        self._output.put((frames.STDERR, text), len(text))

    def send(self, message: dict[str, Any]) -> None:
        self._capture.drain()
        try:
            payloads = formats.pieces(message)
        except ValueError as problem:
            payloads = formats.pieces({"type": "error", "name": "ResultTooLarge", "value": str(problem), "traceback": str(problem)})
        for payload in payloads:
            self._output.put((frames.JSON, payload), len(payload))

    def _execute(self, execution: Execution) -> None:
        self._started = processes.Started(self._program.mark(), self._program.pid) if self._program is not None else processes.Started(None)
        try:
            self._run(execution)
        except Death as death:
            self._program = None
            self.died(death)
        self._server.settle(execution)
        if execution.cancelled:
            self._started.end()
        if self._program is None:
            self._program = self.launch()
        self._capture.finish(_SILENCE_SECONDS if execution.cancelled else 0.0)
        self.finish(execution)
        self.send({"type": "end_of_execution"})
        self._server.finish(execution)

    def finish(self, execution: Execution) -> None:
        """What is to be sent after all output and before the end."""

    def _run(self, execution: Execution) -> None:
        if self._program is None:
            self._program = self.launch()
        self._program.tell(self.command(execution))
        while not self.answer(self._program.hear()):
            pass

    def _interrupt(self, strike: int) -> None:
        program = self._program
        if program is None or (self.ending() and strike < len(_STRIKES)):
            return
        self.warn(program)
        program.signal(self.strikes[strike - 1])
        self._started.strike(_STRIKES[strike - 1], again=strike > 4)

    def ending(self) -> bool:
        """Whether the program has obeyed and only writes down what it knows."""
        return False

    def warn(self, program: Program) -> None:
        """Tells the program of an interrupt in another way than by a signal."""


class Program:
    """A running interpreter and the two pipes to it."""

    def __init__(self, arguments: list[str], env: dict[str, str] | None = None, stdin: int = subprocess.DEVNULL) -> None:
        commands, self._commands = os.pipe2(os.O_CLOEXEC)
        self._answers, answers = os.pipe2(os.O_CLOEXEC)
        os.dup2(commands, COMMANDS)
        os.dup2(answers, ANSWERS)
        try:
            self._child = subprocess.Popen(arguments, stdin=stdin, env=env, pass_fds=(COMMANDS, ANSWERS))
        finally:
            for descriptor in (commands, answers, COMMANDS, ANSWERS):
                os.close(descriptor)
        self._waiting = bytearray()
        self._telling = threading.Lock()  # guards _commands, to which two threads may write
        self._pidfd = os.pidfd_open(self._child.pid)
        os.set_blocking(self._answers, False)
        os.set_blocking(self._commands, False)

    @property
    def pid(self) -> int:
        return self._child.pid

    def mark(self) -> int | None:
        """Marks what it will start, and this kernel alike: whoever kills the kernel finds them by it. None when it has died."""
        try:
            mark = marks.take(self.pid)
        except OSError:
            return None
        marks.give(0, mark)
        return mark

    def signal(self, number: int) -> None:
        self._child.send_signal(number)

    def tell(self, message: bytes) -> None:
        poll = select.poll()
        poll.register(self._commands, select.POLLOUT)
        poll.register(self._pidfd, select.POLLIN)
        if not self._write(memoryview(message + b"\0"), poll):
            self._bury()

    def _write(self, view: memoryview, poll: select.poll) -> bool:
        with self._telling:
            while view:
                if dict(poll.poll()).get(self._pidfd):
                    return False
                try:
                    view = view[os.write(self._commands, view[:65536]) :]
                except BlockingIOError:
                    continue
                except BrokenPipeError:
                    return False
        return True

    def whisper(self, message: bytes) -> None:
        """For other threads: a short message that is lost when the program does not listen."""
        if not self._telling.acquire(timeout=_WHISPER_SECONDS):
            return
        try:
            if self._commands >= 0:
                os.write(self._commands, message + b"\0")  # not divided: shorter than PIPE_BUF
        except OSError:
            pass
        finally:
            self._telling.release()

    def hear(self) -> bytes:
        """The next message. Raises Death when the program ends without one."""
        poll = select.poll()
        poll.register(self._answers, select.POLLIN)
        poll.register(self._pidfd, select.POLLIN)
        scanned = 0
        while True:
            end = self._waiting.find(b"\0", scanned)
            if end >= 0:
                message = bytes(self._waiting[:end])
                del self._waiting[: end + 1]
                return message
            scanned = len(self._waiting)
            ready = {descriptor for descriptor, _ in poll.poll()}
            if self._answers in ready and self._read():
                continue
            if self._pidfd in ready:
                self._bury()
            if self._answers in ready:
                poll.unregister(self._answers)  # closed: only the end can come

    def _read(self) -> bool:
        try:
            data = os.read(self._answers, 1 << 16)
        except BlockingIOError:
            return False
        self._waiting += data
        if len(self._waiting) > MAX_ANSWER:
            self._child.kill()
            self._child.wait()
            self._bury()
        return bool(data)

    def _bury(self) -> NoReturn:
        while self._read():
            pass
        status = self._child.wait()
        with self._telling:
            for descriptor in (self._commands, self._answers, self._pidfd):
                os.close(descriptor)
            self._commands = -1
        raise Death(status, bytes(self._waiting))

    def wait_ready(self) -> bytes:
        """The first message of a new program; raises Death also when it takes too long."""
        deadline = time.monotonic() + _START_SECONDS
        poll = select.poll()
        poll.register(self._answers, select.POLLIN)
        if not poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
            self._child.kill()
        return self.hear()
