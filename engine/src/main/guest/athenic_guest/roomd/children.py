"""roomd's side of a process that forks for it (the forge, a zygote): requests by packet, answers and ends of children read by one thread."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import threading
from collections.abc import Callable, Sequence
from typing import Any

from athenic_guest.roomd.errors import RoomError

_PACKET_BYTES = 262_144


class Child:
    """A forked process. `pidfd` stays valid after its end, so that a signal can never reach another process of the same number."""

    def __init__(self, pid: int, pidfd: int) -> None:
        self.pid = pid
        self._pidfd = pidfd
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._status: int | None = None
        self._listener: Callable[[int], None] | None = None

    def on_exit(self, listener: Callable[[int], None]) -> None:
        """`listener` gets the wait status once, at once if it has ended already."""
        with self._lock:
            self._listener = listener
            status = self._status
        if status is not None:
            listener(status)

    def ended(self, status: int) -> None:
        """Called by the reader of the forking process."""
        with self._lock:
            if self._status is not None:
                return
            self._status = status
            listener = self._listener
        self._ended.set()
        if listener is not None:
            listener(status)

    @property
    def alive(self) -> bool:
        return not self._ended.is_set()

    def wait(self, seconds: float) -> bool:
        """Whether it has ended, and was reaped, within the time."""
        return self._ended.wait(seconds)

    def lost(self, seconds: float) -> None:
        """The forking process is gone: nobody tells its children's ends, and they were told to die with it."""
        poll = select.poll()
        with self._lock:
            poll.register(self._pidfd, select.POLLIN)
        if poll.poll(seconds * 1000):
            self.ended(signal.SIGKILL)

    def signal(self, number: int) -> None:
        """Sends a signal; an ended process is no error."""
        with self._lock:
            if self._pidfd < 0:
                return
            try:
                signal.pidfd_send_signal(self._pidfd, number)
            except ProcessLookupError:
                pass

    def duplicate(self) -> int:
        """A pidfd of its own for the caller, who closes it."""
        with self._lock:
            if self._pidfd < 0:
                raise RoomError("unavailable", f"process {self.pid} has ended")
            return os.dup(self._pidfd)

    def close(self) -> None:
        """Gives the descriptor back."""
        with self._lock:
            if self._pidfd >= 0:
                os.close(self._pidfd)
                self._pidfd = -1


class Forker:
    """A socket to a forking process. Requests may come from several threads; the answers are matched by number."""

    def __init__(self, name: str, control: socket.socket, on_orphan: Callable[[int, int], None], on_lost: Callable[[list[Child]], None]) -> None:
        self._name = name
        self._control = control
        self._on_orphan = on_orphan
        self._on_lost = on_lost
        self._lock = threading.Lock()  # guards the three below
        self._next = 1
        self._waiting: dict[int, _Answer] = {}
        self._children: dict[int, Child] = {}
        self._lost = False
        self._thread = threading.Thread(target=self._read, name=f"{name}-reader", daemon=True)

    def start(self) -> None:
        """Begins to read; before it, the owner may use the socket by itself."""
        self._thread.start()

    def fork(self, request: dict[str, Any], descriptors: Sequence[int], seconds: float = 20.0) -> Child:
        """Sends a request with descriptors (they stay the caller's) and waits for the new process."""
        answer = _Answer()
        with self._lock:
            if self._lost:
                raise RoomError("unavailable", f"the {self._name} has ended")
            number = self._next
            self._next += 1
            self._waiting[number] = answer
        try:
            socket.send_fds(self._control, [json.dumps({**request, "id": number}).encode()], list(descriptors))
            if not answer.done.wait(seconds):
                raise RoomError("unavailable", f"the {self._name} did not answer within {seconds:.0f} s")
        except OSError as error:
            raise RoomError("unavailable", f"the {self._name} cannot be reached: {error}") from error
        finally:
            with self._lock:
                self._waiting.pop(number, None)
        if answer.child is None:
            raise RoomError("internal", answer.error or f"the {self._name} has ended")
        return answer.child

    def retire(self) -> None:
        """Tells the process to end (it sees the end of file); what it has still told is read."""
        try:
            self._control.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # it is gone already

    def close(self) -> None:
        """Tells the process to end, and listens no more."""
        try:
            self._control.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # it is gone already

    def _read(self) -> None:
        try:
            while True:
                data, descriptors, _, _ = socket.recv_fds(self._control, _PACKET_BYTES, 1)
                if not data:
                    break
                self._dispatch(json.loads(data), descriptors)
        except OSError:
            pass  # a reset is an end, too
        with self._lock:
            self._lost = True
            waiting = list(self._waiting.values())
            children = list(self._children.values())
        for answer in waiting:
            answer.done.set()
        self._control.close()
        self._on_lost(children)

    def _dispatch(self, message: dict[str, Any], descriptors: list[int]) -> None:
        if "exited" in message:
            with self._lock:
                child = self._children.pop(message["exited"], None)
            if child is not None:
                child.ended(message["status"])
            else:
                self._on_orphan(message["exited"], message["status"])
            return
        with self._lock:
            answer = self._waiting.pop(message["id"], None)
            child = Child(message["pid"], descriptors[0]) if "pid" in message else None
            if child is not None:
                self._children[child.pid] = child
        if answer is None:
            if child is not None:  # asked for by somebody who gave up
                child.signal(signal.SIGKILL)
                child.close()
            return
        answer.child = child
        answer.error = message.get("error")
        answer.done.set()


class _Answer:
    """What a request waits for."""

    def __init__(self) -> None:
        self.done = threading.Event()
        self.child: Child | None = None
        self.error: str | None = None


def exit_fields(status: int) -> dict[str, int]:
    """`exitCode` or `signal` of an event, from a wait status."""
    if os.WIFSIGNALED(status):
        return {"signal": os.WTERMSIG(status)}
    return {"exitCode": os.waitstatus_to_exitcode(status)}
