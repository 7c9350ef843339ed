"""The socket side of a kernel: connections, the queue of executions, and the interrupt when a server goes away.

The main thread runs the cells, one after the other, since only the main thread of a Python process can be interrupted. Every connection
has a thread of its own, which answers `ping` and `env.set`, queues an `execute`, and then waits for its end: an end that comes before the
execution's is the server's wish to interrupt it.
"""

from __future__ import annotations

import select
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Any, NoReturn

from ..frames import Connection, Failure, FrameError, encode
from . import environment
from .output import Output

_MAX_CONNECTIONS = 256
_MAX_WAITING = 64
_MAX_CODE = 16 << 20
# How long an execution lets a connection that was made before it deliver its request, in seconds.
_TURN_SECONDS = 5.0


@dataclass(eq=False)
class Execution:
    """One `execute` on its connection. `cancelled` is set once, when the server has gone; `done` when its end is sent."""

    connection: Connection
    code: str
    env: dict[str, str]
    cancelled: bool = False
    done: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True)
class Turn:
    """The place of a connection in the order in which they were made: each has a thread, and threads overtake one another."""

    before: threading.Event
    mine: threading.Event = field(default_factory=threading.Event)

    def come(self) -> None:
        """Waits until the request of the connection before this one has been taken."""
        self.before.wait(_TURN_SECONDS)

    def take(self) -> None:
        self.mine.set()


def _first_turn() -> Turn:
    nobody = threading.Event()
    nobody.set()
    return Turn(nobody)


class Server:
    """Accepts connections and hands executions to `next`.

    `interrupt` is called from another thread to stop the running one, with 1, and again with 2, 3 while it goes on, each after the
    pauses (seconds) of `repeats`.
    """

    def __init__(self, output: Output, interrupt: Callable[[int], None], repeats: tuple[float, ...]) -> None:
        self._output = output
        self._interrupt = interrupt
        self._repeats = repeats
        self._queue: SimpleQueue[Execution] = SimpleQueue()
        self._slots = threading.BoundedSemaphore(_MAX_CONNECTIONS)
        self._lock = threading.Lock()  # guards _current and _waiting
        self._current: Execution | None = None
        self._waiting = 0
        self._listener: socket.socket | None = None
        self._open: set[Connection] = set()

    def listen(self, listener: socket.socket) -> None:
        self._listener = listener
        threading.Thread(target=self._accept, args=(listener,), name="accept", daemon=True).start()

    def adopt(self, peer: socket.socket) -> None:
        """Serves a connection that was made in another way than by the listener."""
        threading.Thread(target=self._serve, args=(Connection(peer), _first_turn()), name="connection", daemon=True).start()

    def next(self, count: int) -> Execution:
        """The next execution whose server still waits for it; blocks. It will be number `count`. For the main thread."""
        while True:
            execution = self._queue.get()
            with self._lock:
                self._waiting -= 1
                if not execution.cancelled:
                    self._current = execution
                    break
            execution.done.set()
            execution.connection.end()
        self._output.begin(execution.connection.socket, encode({"type": "number_of_executions", "execution_count": count}))
        return execution

    def settle(self, execution: Execution) -> None:
        """From here on the execution is not interrupted any more. For the main thread."""
        with self._lock:
            if self._current is execution:
                self._current = None

    def finish(self, execution: Execution) -> None:
        """Ends a settled execution: after everything it said its connection is closed. For the main thread."""

        def ended() -> None:
            execution.done.set()
            execution.connection.end()  # its own thread closes it

        self._output.end(ended)

    def forget(self) -> None:
        """In a forked copy of the kernel: its sockets belong to the kernel, and the server must see when that dies."""
        for holder in (self._listener, *(connection.socket for connection in self._open)):
            if holder is not None:
                holder.close()  # without shutdown(), which would reach the kernel's own end

    def _accept(self, listener: socket.socket) -> NoReturn:
        last = _first_turn()
        last.take()
        while True:
            try:
                peer, _ = listener.accept()
            except OSError:
                time.sleep(0.05)  # out of descriptors: the cells of this kernel use them too
                continue
            if not self._slots.acquire(blocking=False):
                peer.close()
                continue
            turn = Turn(last.mine)
            thread = threading.Thread(target=self._serve_slot, args=(Connection(peer), turn), name="connection", daemon=True)
            try:
                thread.start()
                last = turn
            except RuntimeError:  # the room's limit of processes is reached
                self._slots.release()
                peer.close()

    def _serve_slot(self, connection: Connection, turn: Turn) -> None:
        try:
            self._serve(connection, turn)
        finally:
            self._slots.release()

    def _serve(self, connection: Connection, turn: Turn) -> None:
        self._open.add(connection)
        try:
            request = connection.receive_json()
            if request is None:
                return
            try:
                execution = self._request(connection, request, turn)
            except Failure as failure:
                connection.send_failure(failure)
                return
            turn.take()
            if execution is not None:
                self._watch(execution)
        except (FrameError, OSError):
            return
        finally:
            turn.take()
            self._open.discard(connection)
            connection.close()

    def _request(self, connection: Connection, request: dict[str, Any], turn: Turn) -> Execution | None:
        op = request.get("op")
        if op == "ping":
            connection.send_json({"ok": {}})
            return None
        if op not in ("execute", "env.set"):
            raise Failure("invalid_argument", f"unknown op '{op}': a kernel knows ping, env.set and execute")
        env = request.get("env") or {}
        if not isinstance(env, dict) or not all(_good_variable(key, value) for key, value in env.items()):
            raise Failure("invalid_argument", "env must map names without '=' and NUL to texts without NUL")
        if op == "env.set":
            environment.apply(env)
            connection.send_json({"ok": {}})
            return None
        code = request.get("code")
        if not isinstance(code, str) or len(code) > _MAX_CODE:
            raise Failure("invalid_argument", f"code must be a text of at most {_MAX_CODE} characters")
        execution = Execution(connection, code, env)
        turn.come()
        with self._lock:
            if self._waiting >= _MAX_WAITING:
                raise Failure("resource_exhausted", f"{_MAX_WAITING} executions wait for this context already")
            self._waiting += 1
        self._queue.put(execution)
        return execution

    def _watch(self, execution: Execution) -> None:
        """Waits for the connection's end; bytes that the server sends meanwhile mean nothing.

        By poll(2): while a thread waits in recv(2), the kernel wakes that and sends no signal (hangup.py).
        """
        peer = execution.connection.socket
        poll = select.poll()
        try:
            poll.register(peer, select.POLLIN)
            while poll.poll() and peer.recv(4096, socket.MSG_DONTWAIT):
                pass
        except (OSError, ValueError):
            pass  # ended by us
        if execution.done.is_set():
            return
        execution.cancelled = True
        self._interrupt_if_running(execution, 1)
        for strike, pause in enumerate(self._repeats, 2):
            if execution.done.wait(pause):
                return
            self._interrupt_if_running(execution, strike)
        execution.done.wait()

    def _interrupt_if_running(self, execution: Execution, strike: int) -> None:
        with self._lock:
            if self._current is execution:
                self._interrupt(strike)


def _good_variable(key: Any, value: Any) -> bool:
    return isinstance(key, str) and isinstance(value, str) and bool(key) and "=" not in key and "\0" not in key + value

