"""Executions that outlive the connection of their server.

The frames of such an execution are numbered from 1 and kept until the server says that it has them safely (`ack`). A connection that ends is no
interrupt: the cell goes on, and waits when MOST bytes are kept, until a server attaches and names the last frame that it has.
"""

from __future__ import annotations

import socket
import threading
from collections import deque
from typing import Final

from ..frames import Connection, Failure
from .targets import writable

MOST: Final = 4 << 20
# How many executions that have ended are kept for a server that has not acknowledged all of them.
_FINISHED: Final = 8
_PATIENCE: Final = 0.1
_WEIGHT: Final = 64  # what a kept frame costs besides its bytes


class Durable:
    """The frames of one execution, and the connection that they go to while there is one. Safe for use by several threads."""

    def __init__(self, name: str, connection: Connection) -> None:
        self.name = name
        self.finished = False
        self._lock = threading.Lock()  # held while frames are sent, so that they are sent in order
        self._space = threading.Condition(self._lock)
        self._kept: deque[bytes] = deque()
        self._size = 0
        self._forgotten = 0  # how many of the first frames are not kept any more
        self._connection: Connection | None = connection

    @property
    def position(self) -> int:
        """The number of the newest frame."""
        return self._forgotten + len(self._kept)

    def send(self, waiting: list[bytes]) -> None:
        """Keeps packed frames, and sends them if there is a connection. Waits while too much is kept."""
        with self._space:
            sent = 0
            for count, frame in enumerate(waiting):
                if self._size >= MOST:
                    self._deliver(waiting[sent:count])
                    sent = count
                    while self._size >= MOST:
                        self._space.wait()
                self._kept.append(frame)
                self._size += len(frame) + _WEIGHT
            self._deliver(waiting[sent:])

    def ready(self, size: int) -> bool:
        """Whether `send` takes this many bytes without waiting."""
        if not self._lock.acquire(timeout=_PATIENCE):  # held for long only while a server that does not read attaches
            return False
        try:
            return self._size + size < MOST and (self._connection is None or writable(self._connection.socket))
        finally:
            self._lock.release()

    def stuck(self) -> bool:
        """Whether a `send` of another thread waits for the server, or for space."""
        peer = self.peer
        return self._size >= MOST or (peer is not None and not writable(peer))

    def acknowledge(self, position: int) -> None:
        """The server has all frames up to this one."""
        with self._space:
            while self._kept and self._forgotten < position:
                self._size -= len(self._kept.popleft()) + _WEIGHT
                self._forgotten += 1
            self._space.notify_all()

    def attach(self, connection: Connection, after: int) -> None:
        """From now on the frames after this one go to this connection. Raises Failure."""
        earlier = self._connection
        if earlier is not None:
            earlier.end()  # also frees the lock from a server that does not read
        with self._lock:
            if not self._forgotten <= after <= self.position:
                raise Failure("failed_precondition", f"frames {self._forgotten + 1} to {self.position} are kept: {after} is not among those before them")
            connection.send_json({"ok": {}})
            self._connection = connection
            self._deliver(list(self._kept)[after - self._forgotten :])

    def detach(self, connection: Connection) -> None:
        """This connection has ended."""
        with self._lock:
            if self._connection is connection:
                self._connection = None

    def end(self) -> None:
        """Tells the server that follows it, if there is one, that nothing more comes."""
        connection = self._connection
        if connection is not None:
            connection.end()

    @property
    def peer(self) -> socket.socket | None:
        connection = self._connection
        return None if connection is None else connection.socket

    @property
    def acknowledged(self) -> bool:
        return not self._kept

    def _deliver(self, frames: list[bytes]) -> None:
        connection = self._connection
        if connection is None or not frames:
            return
        try:
            connection.socket.sendall(b"".join(frames))
        except OSError:
            self._connection = None  # what it lacks is kept


class Durables:
    """The durable executions of one kernel by their names: those that wait or run, and the last ones that ended. Not for two threads at once."""

    def __init__(self) -> None:
        self._known: dict[str, Durable] = {}

    def add(self, durable: Durable) -> None:
        if durable.name in self._known:
            raise Failure("already_exists", f"there is an execution {durable.name}: attach to it")
        self._known[durable.name] = durable

    def get(self, name: str) -> Durable:
        found = self._known.get(name)
        if found is None:
            raise Failure("not_found", f"this context has no execution {name[:64]}")
        return found

    def remove(self, durable: Durable) -> None:
        if self._known.get(durable.name) is durable:
            del self._known[durable.name]

    def finish(self, durable: Durable) -> None:
        durable.finished = True
        ended = [each for each in self._known.values() if each.finished]
        for each in ended:
            if each.acknowledged or (len(ended) > _FINISHED and each is ended[0]):
                self.remove(each)

    def listed(self) -> list[dict[str, object]]:
        return [{"execution": each.name, "position": each.position, "finished": each.finished} for each in self._known.values()]
