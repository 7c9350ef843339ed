"""The socket side of a kernel: connections, the queue of executions, and the interrupt when a server goes away.

The main thread runs the cells, one after the other, since only the main thread of a Python process can be interrupted. Every connection
has a thread of its own, which answers `ping` and `env.set`, queues an `execute`, and then waits for its end: an end that comes before the
execution's is the server's wish to interrupt it.
"""

from __future__ import annotations

import re
import select
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Any, NoReturn

from ..frames import Connection, Failure, FrameError, encode
from . import environment, hangup
from .durable import Durable, Durables
from .output import Output
from .targets import Direct, Target

_MAX_CONNECTIONS = 256
_MAX_WAITING = 64
_MAX_CODE = 16 << 20
_NAME = re.compile("[A-Za-z0-9-]{1,64}")
# How long an execution lets a connection that was made before it deliver its request, in seconds.
_TURN_SECONDS = 5.0


@dataclass(eq=False)
class Execution:
    """One `execute` on its connection. `cancelled` is set once, when the server wants it to end; `done` when its end is sent."""

    connection: Connection
    code: str
    env: dict[str, str]
    durable: Durable | None = None
    begun: bool = False  # its turn has come
    cancelled: bool = False
    done: threading.Event = field(default_factory=threading.Event)

    @property
    def target(self) -> Target:
        return self.durable or Direct(self.connection.socket)

    @property
    def peer(self) -> socket.socket:
        """The socket of the server that follows it; the last one's when there is none."""
        return (self.durable.peer if self.durable is not None else None) or self.connection.socket

    @property
    def stop_asked(self) -> bool:
        """Whether the server wants it to end, also when no other thread could notice that yet."""
        if self.cancelled:
            return True
        if self.durable is None:
            return hangup.hung_up(self.connection.socket)
        return self.unread_interrupts > 0

    @property
    def unread_interrupts(self) -> int:
        """Of a durable execution: the thread that reads them cannot go on while a call in C holds Python's lock."""
        peer = None if self.durable is None else self.durable.peer
        return 0 if peer is None else hangup.interrupts_waiting(peer)


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
    pauses (seconds) of `repeats`. `attached` is told the socket of a server that follows a durable execution.
    """

    def __init__(self, output: Output, interrupt: Callable[[int], None], repeats: tuple[float, ...],
                 attached: Callable[[socket.socket], None] = lambda _peer: None) -> None:
        self._attached = attached
        self._output = output
        self._interrupt = interrupt
        self._repeats = repeats
        self._queue: SimpleQueue[Execution] = SimpleQueue()
        self._slots = threading.BoundedSemaphore(_MAX_CONNECTIONS)
        self._lock = threading.Lock()  # guards _current and _waiting
        self._current: Execution | None = None
        self._waiting = 0
        self._durables = Durables()  # guarded by _lock, as is which execution is whose
        self._executions: dict[Durable, Execution] = {}
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
                if not execution.stop_asked:
                    execution.begun = True
                    self._current = execution
                    break
            self._drop(execution)
        self._output.begin(execution.target, encode({"type": "number_of_executions", "execution_count": count}))
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
            if execution.durable is None:
                execution.connection.end()  # its own thread closes it
                return
            with self._lock:  # its server may still acknowledge, and closes then
                self._executions.pop(execution.durable, None)
                self._durables.finish(execution.durable)

        self._output.end(ended)

    def _drop(self, execution: Execution) -> None:
        """It was cancelled before its turn."""
        execution.done.set()
        if execution.durable is not None:
            with self._lock:
                self._executions.pop(execution.durable, None)
                self._durables.remove(execution.durable)
            execution.durable.end()
        execution.connection.end()

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
            if execution is not None and execution.durable is not None:
                self._follow(connection, execution.durable)
            elif execution is not None:
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
        if op == "attach":
            turn.take()
            self._attach(connection, request)
            return None
        if op == "ack":
            self._acknowledge(request)
            connection.send_json({"ok": {}})
            return None
        if op == "executions":
            with self._lock:
                listed = self._durables.listed()
            connection.send_json({"ok": {"executions": listed}})
            return None
        if op not in ("execute", "env.set"):
            raise Failure("invalid_argument", f"unknown op '{op}': a kernel knows ping, env.set, execute, attach, ack and executions")
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
        name = request.get("execution")
        if name is not None and not (isinstance(name, str) and _NAME.fullmatch(name)):
            raise Failure("invalid_argument", "execution must be 1 to 64 letters, digits and hyphens")
        execution = Execution(connection, code, env, None if name is None else Durable(name, connection))
        turn.come()
        with self._lock:
            if self._waiting >= _MAX_WAITING:
                raise Failure("resource_exhausted", f"{_MAX_WAITING} executions wait for this context already")
            if execution.durable is not None:
                self._durables.add(execution.durable)
                self._executions[execution.durable] = execution
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
        if not execution.done.is_set():
            self._cancel(execution)

    def _cancel(self, execution: Execution) -> None:
        """Strikes until the execution has ended."""
        execution.cancelled = True
        self._interrupt_if_running(execution, 1)
        for strike, pause in enumerate(self._repeats, 2):
            if execution.done.wait(pause):
                return
            self._interrupt_if_running(execution, strike)
        execution.done.wait()

    def _attach(self, connection: Connection, request: dict[str, Any]) -> None:
        name, after = request.get("execution"), request.get("after", 0)
        if not isinstance(name, str) or type(after) is not int or after < 0:
            raise Failure("invalid_argument", "attach takes execution (a text) and after (a whole number from 0)")
        with self._lock:
            durable = self._durables.get(name)
        self._attached(connection.socket)
        durable.attach(connection, after)
        self._follow(connection, durable)

    def _acknowledge(self, request: dict[str, Any]) -> None:
        name, position = request.get("execution"), request.get("frames")
        if not isinstance(name, str) or type(position) is not int:
            raise Failure("invalid_argument", "ack takes execution (a text) and frames (a whole number)")
        with self._lock:
            durable = self._durables.get(name)
        self._forget(durable, position)

    def _forget(self, durable: Durable, position: int) -> None:
        durable.acknowledge(position)
        if durable.finished and durable.acknowledged:
            with self._lock:
                self._durables.remove(durable)

    def _follow(self, connection: Connection, durable: Durable) -> None:
        """Hears what the server has to say of a durable execution until it leaves, which is no interrupt. By poll(2), as in `_watch`."""
        poll = select.poll()
        try:
            poll.register(connection.socket, select.POLLIN)
            while poll.poll() and (message := connection.receive_json()) is not None:
                position = message.get("frames")
                if message.get("op") == "ack" and type(position) is int:
                    self._forget(durable, position)
                elif message.get("op") == "interrupt":
                    self._cancel_apart(durable)
        except (FrameError, OSError, ValueError):
            pass  # the server has died
        finally:
            durable.detach(connection)

    def _cancel_apart(self, durable: Durable) -> None:
        """In a thread of its own, since the server goes on acknowledging meanwhile. One that waits for its turn is dropped at once."""
        with self._lock:
            execution = self._executions.get(durable)
            if execution is None or execution.cancelled:
                return
            execution.cancelled = True
            begun = execution.begun
        if not begun:
            self._drop(execution)
            return
        try:
            threading.Thread(target=self._cancel, args=(execution,), name="cancel", daemon=True).start()
        except RuntimeError:  # the room's limit of processes is reached
            self._interrupt_if_running(execution, 1)

    def _interrupt_if_running(self, execution: Execution, strike: int) -> None:
        with self._lock:
            if self._current is execution:
                self._interrupt(strike)


def _good_variable(key: Any, value: Any) -> bool:
    return isinstance(key, str) and isinstance(value, str) and bool(key) and "=" not in key and "\0" not in key + value

