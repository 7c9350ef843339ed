"""Where the frames of an execution go."""

from __future__ import annotations

import select
import socket
from typing import Protocol


class Target(Protocol):
    """Takes the frames of one execution, in order, by one thread at a time."""

    def send(self, waiting: list[bytes]) -> None:
        """Takes packed frames; waits while it has no room for them. A server that is gone is no error."""

    def ready(self, size: int) -> bool:
        """Whether `send` takes this many bytes without waiting."""

    def stuck(self) -> bool:
        """Whether a `send` that is under way in another thread waits for the server."""


class Direct:
    """A connection that the execution ends with."""

    def __init__(self, peer: socket.socket) -> None:
        self._peer = peer
        self._gone = False

    def send(self, waiting: list[bytes]) -> None:
        if self._gone:
            return
        try:
            self._peer.sendall(b"".join(waiting))
        except OSError:
            # The server has gone. Its execution is interrupted by the thread that watches the connection; what it still says is dropped.
            self._gone = True

    def ready(self, _size: int) -> bool:
        return self._gone or writable(self._peer)

    def stuck(self) -> bool:
        return not self._gone and not writable(self._peer)


def writable(peer: socket.socket) -> bool:
    """Whether a little can be sent without waiting; a closed socket does not wait either."""
    poll = select.poll()
    try:
        poll.register(peer, select.POLLOUT)
    except ValueError:
        return True
    return bool(poll.poll(0))
