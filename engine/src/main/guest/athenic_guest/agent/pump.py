"""Carries bytes between two stream sockets, both ways, in one thread: a thread is a process to the room's limit."""

from __future__ import annotations

import select
import socket

_CHUNK = 64 << 10


class _Way:
    """One direction: what was read and not yet written, at most a chunk."""

    def __init__(self, source: socket.socket, target: socket.socket) -> None:
        self.source, self.target = source, target
        self.waiting = memoryview(b"")
        self.ended = False  # the source has ended, and the target was told

    def read(self) -> None:
        data = self.source.recv(_CHUNK)
        if data:
            self.waiting = memoryview(data)
            self.write()
        else:
            self.ended = True
            self.target.shutdown(socket.SHUT_WR)

    def write(self) -> None:
        try:
            self.waiting = self.waiting[self.target.send(self.waiting) :]
        except BlockingIOError:
            pass


def pump(left: socket.socket, right: socket.socket) -> None:
    """Until both directions have ended, or one side broke. A side that ends first may still be written to."""
    ways = (_Way(left, right), _Way(right, left))
    for end in (left, right):
        end.setblocking(False)
    poll = select.poll()
    try:
        while not all(way.ended for way in ways):
            wanted = {left: 0, right: 0}
            for way in ways:
                if way.waiting:
                    wanted[way.target] |= select.POLLOUT
                elif not way.ended:
                    wanted[way.source] |= select.POLLIN
            for end, events in wanted.items():
                # A side from which nothing is wanted is left out: its hang-up would be reported without a pause.
                if events:
                    poll.register(end, events)
                else:
                    _forget(poll, end)
            _move(ways, {descriptor for descriptor, _ in poll.poll()})
    except OSError:
        pass  # broken: the caller closes both


def _forget(poll: select.poll, end: socket.socket) -> None:
    try:
        poll.unregister(end)
    except KeyError:
        pass


def _move(ways: tuple[_Way, _Way], ready: set[int]) -> None:
    for way in ways:
        if way.waiting:
            if way.target.fileno() in ready:
                way.write()
        elif not way.ended and way.source.fileno() in ready:
            try:
                way.read()
            except BlockingIOError:
                continue  # the readiness was for writing
