"""The Python kernel: `serve` runs in each child that the zygote has forked; `prepare` ran before, in the zygote itself."""

from __future__ import annotations

import _posixsubprocess
import ctypes
import functools
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any, NoReturn

from .. import frames, marks
from . import absent, environment, formats, hangup, processes
from .capture import Capture
from .output import Output, signals_blocked
from .prepared import NO_SHELL, SHELL, prepare, restore, warm_up
from .server import Execution, Server
from .streams import Gate, Stream

# How long a thread may compute while another one waits: the sender must not wait longer for a busy cell than its own delay.
_SWITCH_SECONDS = 0.001

_SILENCE_SECONDS = 0.02
# An interrupt is repeated: the first ones wait while a program is being started, since Popen would forget a child whose number it has not
# yet stored; and one is lost when it strikes in a destructor, where Python drops exceptions.
_REPEATS = (0.02, 0.05, 0.93, 2.0)
_FIRST_STRIKES = 3

_STARTING = subprocess.Popen._execute_child.__code__  # type: ignore[attr-defined]

__all__ = ["prepare", "serve"]


def serve(listener: socket.socket, env: dict[str, str], cwd: str) -> NoReturn:
    """Serves one context until it is killed. For the child's main and only thread."""
    if not SHELL:
        absent.serve(listener, env, cwd, NO_SHELL)
    environment.enter(env, cwd)
    sys.path[:] = ["", *(path for path in sys.path if path and not path.startswith("/run/guest")), *environment.site_folders()]
    sys.argv[:] = [""]
    Kernel(SHELL[0]).run(listener)


class Kernel:
    """The parts of one Python context."""

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self._pid = os.getpid()
        self._main = threading.main_thread().ident or 0
        self._output = Output()
        self._capture = Capture(self._output)
        self._gate = Gate()
        self._server = Server(self._output, self._interrupt, _REPEATS, self._attached)
        self._running: Execution | None = None
        self._strike = self._struck = self._unread = 0
        self._started = processes.Started(None)
        self._libc = ctypes.CDLL(None)
        self._stdout = Stream(self._output, self._capture, self._gate, frames.STDOUT)
        self._stderr = Stream(self._output, self._capture, self._gate, frames.STDERR)

    def run(self, listener: socket.socket) -> NoReturn:
        self._install()
        with signals_blocked():  # for the threads, which inherit it: a signal is to interrupt the main thread
            self._output.start()
            self._capture.start()
        self._warm_up()
        with signals_blocked():
            self._server.listen(listener)
        while True:
            self._execute(self._server.next(self._shell.execution_count))

    def _install(self) -> None:
        sys.setswitchinterval(_SWITCH_SECONDS)
        sys.stdout = sys.__stdout__ = self._stdout  # type: ignore[misc]
        sys.stderr = sys.__stderr__ = self._stderr  # type: ignore[misc]
        self._shell.emit = self._emit
        os.register_at_fork(before=self._before_fork, after_in_child=self._after_fork)
        _posixsubprocess.fork_exec = self._marks_children(_posixsubprocess.fork_exec)
        if hasattr(subprocess, "_fork_exec"):
            subprocess._fork_exec = _posixsubprocess.fork_exec
        for name in ("posix_spawn", "posix_spawnp", "system"):
            setattr(os, name, self._marks_children(getattr(os, name)))

    def _warm_up(self) -> None:
        """Runs cells the way a server's cells run: what they touch is copied from the zygote's memory now, not in the user's first cell."""
        namespace = dict(self._shell.user_ns)
        for code in ("1+1", warm_up()):
            ours, theirs = socket.socketpair()
            self._server.adopt(theirs)
            frames.Connection(ours).send_json({"op": "execute", "code": code})
            self._execute(self._server.next(self._shell.execution_count))
            while ours.recv(65536):
                pass
            ours.close()
        restore(self._shell, namespace)

    def _execute(self, execution: Execution) -> None:
        shell = self._shell
        shell.error = None
        before = environment.apply(execution.env)
        self._gate.exact = processes.any_children()
        self._started = processes.Started(marks.take())
        self._strike = self._struck = self._unread = 0
        signal.signal(signal.SIGINT, self._on_interrupt)
        signal.signal(hangup.SIGNAL, self._on_hangup)
        self._attached(execution.peer)
        self._running = execution
        try:
            self._run_cell(execution)
        except KeyboardInterrupt as interrupt:
            shell.error = _interrupted(interrupt)
        except BaseException as error:  # IPython's own machinery failed: tell the user, stay alive
            shell.error = {"type": "error", "name": type(error).__name__, "value": str(error), "traceback": ""}
        self._running = None
        if os.getpid() != self._pid:
            self._leave_copy()
        environment.restore(before)
        self._libc.fflush(None)
        self._server.settle(execution)
        # The signal of the hang-up may have ended the cell before the connection's thread has seen it.
        stopped = execution.stop_asked
        if stopped:
            self._started.end()
        self._capture.finish(_SILENCE_SECONDS if stopped else 0.0)
        if shell.error is not None:
            self._send(shell.error)
        self._send({"type": "end_of_execution"})
        self._server.finish(execution)

    def _run_cell(self, execution: Execution) -> None:
        """An interrupt is raised in this frame and what it calls, and nowhere else: see `_interruptible`."""
        if execution.stop_asked:
            raise KeyboardInterrupt
        self._shell.run_cell(execution.code, store_history=True)

    def _emit(self, bundle: dict[str, Any], main: bool) -> None:
        if os.getpid() == self._pid:
            self._send(formats.result(bundle, main))

    def _send(self, message: dict[str, Any]) -> None:
        try:
            payloads = formats.pieces(message)
        except ValueError as problem:
            self._shell.error = self._shell.error or {"type": "error", "name": "ResultTooLarge", "value": str(problem), "traceback": str(problem)}
            return
        if self._gate.exact:
            self._capture.drain()
        for payload in payloads:
            self._output.put((frames.JSON, payload), len(payload))

    # --- interrupts ------------------------------------------------------------------------------------------------------

    def _interrupt(self, strike: int) -> None:
        """Called by a connection's thread while its cell runs: the main thread, and the processes that the cell has started."""
        if 1 < strike <= _FIRST_STRIKES and self._struck:
            return
        self._strike = strike
        signal.pthread_kill(self._main, signal.SIGINT)
        self._started.strike(signal.SIGINT, again=strike > _FIRST_STRIKES)

    def _attached(self, peer: socket.socket) -> None:
        hangup.watch(peer, self._pid)  # the main thread's id is the process's

    def _on_interrupt(self, _number: int, frame: FrameType | None) -> None:
        if not _interruptible(frame, self._strike <= _FIRST_STRIKES) or (self._strike and self._strike == self._struck):
            return  # too late or too early, or the hang-up has done it
        self._struck = self._strike
        self._strike_main()

    def _on_hangup(self, _number: int, frame: FrameType | None) -> None:
        running = self._running
        if running is None or not _interruptible(frame, True):
            return
        unread = running.unread_interrupts
        again = unread > self._unread  # the one before was lost on its way: no thread has got Python's lock to repeat it
        self._unread = unread
        if again or (not self._struck and running.stop_asked):
            self._struck = max(self._struck, 1)
            self._strike_main()

    def _strike_main(self) -> NoReturn:
        self._started.strike(signal.SIGINT, again=False)  # the cell may wait for them in ending
        raise KeyboardInterrupt

    # --- processes -------------------------------------------------------------------------------------------------------

    def _marks_children(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def marked(*arguments: Any, **options: Any) -> Any:
            self._gate.exact = True
            return function(*arguments, **options)

        return marked

    def _before_fork(self) -> None:
        self._gate.exact = True

    def _after_fork(self) -> None:
        self._gate.exact = False
        self._server.forget()
        self._capture.forget()
        self._stdout.become_child()
        self._stderr.become_child()

    def _leave_copy(self) -> NoReturn:
        """A cell that forked and did not end its copy: the copy must not go on as a second kernel."""
        status = 0
        if self._shell.error is not None:
            self._stderr.write(self._shell.error["traceback"] + "\n")
            status = 1
        self._stdout.flush()
        self._stderr.flush()
        os._exit(status)


def _interruptible(frame: FrameType | None, first: bool) -> bool:
    """Whether the main thread is in a cell: an interrupt that came a moment too late must not strike the kernel itself."""
    while frame is not None:
        if first and frame.f_code is _STARTING:
            return False
        if frame.f_code is Kernel._run_cell.__code__:
            return True
        if frame.f_code in (Kernel._execute.__code__, Kernel.run.__code__):
            return False
        frame = frame.f_back
    return True  # a stack of its own, as greenlets have


def _interrupted(error: BaseException) -> dict[str, Any]:
    return {"type": "error", "name": "KeyboardInterrupt", "value": str(error), "traceback": "KeyboardInterrupt"}
