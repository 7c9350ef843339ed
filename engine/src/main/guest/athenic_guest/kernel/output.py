"""The way of a kernel's output to the server.

Everything that an execution says (text written to stdout and stderr, results, errors) goes through one list, so the order in which
it was said is the order in which it is sent. Writers append and go on; one thread sends. A writer pays for an append and an addition,
since programs print lines by the hundred thousand; the sender joins what has gathered.

Bounds: the sender is woken at SEND_AT or DELAY after the first waiting item; a writer sleeps while more than MOST is waiting. Sizes
are counted in characters plus WEIGHT for each item, which stands for the memory of the item itself.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from queue import Empty, SimpleQueue
from typing import Any, Final

from .. import frames

SEND_AT: Final = 64 << 10
MOST: Final = 1 << 20
WEIGHT: Final = 32
DELAY: Final = 0.002
LATE_MOST: Final = 64 << 10
_SLICE: Final = 200_000  # characters; in UTF-8 at most 800 kB, so a slice always fits a frame

# What the list holds: a str is text of stdout; a tuple is (kind, payload) with one of the kinds of frames, or one of these.
BEGIN: Final = 10
END: Final = 11
_FIRST: Final = 0
_NOW: Final = 1

Item = Any


class Output:
    """The list and its sender. `write` may be called from any thread and from a thread that is interrupted by a signal."""

    def __init__(self) -> None:
        self.pending: list[Item] = []
        self.size = 0
        self.awake = False
        self._hurried = False
        self._wake: SimpleQueue[int] = SimpleQueue()
        self._peer: socket.socket | None = None
        self._gone = False
        self._late: list[tuple[int, bytes]] = []
        self._late_size = 0

    def start(self) -> None:
        threading.Thread(target=self._run, name="output", daemon=True).start()

    # --- writers ---------------------------------------------------------------------------------------------------------

    def put(self, item: Item, size: int) -> None:
        """Appends one item; sleeps while too much is waiting (so an endless print is slowed by a slow server)."""
        self.pending.append(item)
        self.size += size + WEIGHT
        self.rouse()

    def rouse(self) -> None:
        """Wakes the sender when it sleeps or much is waiting. For writers that append and count by themselves."""
        if not self.awake:
            self.awake = True
            self._wake.put(_FIRST)
        if self.size < SEND_AT:
            return
        if not self._hurried:
            self._hurried = True
            self._wake.put(_NOW)
        pause = 0.0005
        while self.size >= MOST:
            time.sleep(pause)
            pause = min(pause * 2, 0.02)

    def begin(self, peer: socket.socket, first: bytes) -> None:
        """From here on what is said goes to `peer`: the JSON `first`, then what came since the last execution's end, then the rest."""
        self.put((BEGIN, (peer, first)), len(first))

    def end(self, on_end: Callable[[], None]) -> None:
        """The last item of an execution: sends at once, closes the connection, then calls on_end in the sender's thread."""
        self.pending.append((END, on_end))
        self.awake = True
        self._wake.put(_NOW)

    # --- the sender ------------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while True:
            if self._wake.get() == _FIRST:
                try:
                    deadline = time.monotonic() + DELAY
                    while self._wake.get(timeout=max(0.0, deadline - time.monotonic())) != _NOW:
                        pass
                except Empty:
                    pass
            # Cleared before the list is taken: whoever appends later wakes the sender again.
            self.awake = self._hurried = False
            batch = self.pending[:]
            del self.pending[: len(batch)]
            self.size = 0
            self._send(batch)

    def _send(self, batch: list[Item]) -> None:
        try:
            self._text(frames.STDOUT, "".join(batch))  # nothing but stdout: the usual batch
            return
        except TypeError:
            pass
        run: list[Any] = []
        kind = frames.STDOUT
        for item in batch:
            if type(item) is str:
                item_kind, payload = frames.STDOUT, item
            else:
                item_kind, payload = item
            if run and (item_kind != kind or type(payload) is not type(run[0])):
                self._flush(kind, run)
                run = []
            if item_kind in (frames.STDOUT, frames.STDERR):
                kind = item_kind
                run.append(payload)
            elif item_kind == BEGIN:
                self._start(*payload)
            elif item_kind == END:
                self._finish(payload)
            else:
                self._transmit(item_kind, payload)
        self._flush(kind, run)

    def _flush(self, kind: int, run: list[Any]) -> None:
        if not run:
            return
        if type(run[0]) is str:
            self._text(kind, "".join(run))
        else:
            self._bytes(kind, b"".join(run))

    def _text(self, kind: int, text: str) -> None:
        for start in range(0, len(text), _SLICE):
            self._transmit(kind, text[start : start + _SLICE].encode("utf-8", "replace"))

    def _bytes(self, kind: int, data: bytes) -> None:
        for part in _whole(data):
            self._transmit(kind, part)

    def _start(self, peer: socket.socket, first: bytes) -> None:
        self._peer, self._gone = peer, False
        self._transmit(frames.JSON, first)
        late, self._late, self._late_size = self._late, [], 0
        for kind, payload in late:
            self._transmit(kind, payload)

    def _finish(self, on_end: Callable[[], None]) -> None:
        self._peer = None
        on_end()

    def _transmit(self, kind: int, payload: bytes) -> None:
        if self._peer is None:
            self._keep(kind, payload)
            return
        if self._gone:
            return
        try:
            self._peer.sendall(frames.pack(kind, payload))
        except OSError:
            # The server has gone. Its execution is interrupted by the thread that watches the connection; what it still says is dropped.
            self._gone = True

    def _keep(self, kind: int, payload: bytes) -> None:
        """Output of threads and processes while nothing runs: its end is kept and opens the next execution."""
        if kind == frames.JSON:
            return
        self._late.append((kind, payload[-LATE_MOST:]))
        self._late_size += len(self._late[-1][1])
        while self._late_size > LATE_MOST and len(self._late) > 1:
            self._late_size -= len(self._late.pop(0)[1])


def _whole(data: bytes) -> Iterator[bytes]:
    """Slices that end at whole UTF-8 characters where the data has them."""
    start, size = 0, 4 * _SLICE
    while start < len(data):
        end = min(start + size, len(data))
        if end < len(data):
            end -= incomplete(data[max(start, end - 4) : end])
        yield data[start:end]
        start = end


def incomplete(tail: bytes) -> int:
    """How many bytes at the end are the beginning of a UTF-8 character that is not whole (0..3)."""
    for back in range(1, min(4, len(tail) + 1)):
        byte = tail[-back]
        if byte & 0xC0 == 0x80:
            continue
        need = 2 if byte & 0xE0 == 0xC0 else 3 if byte & 0xF0 == 0xE0 else 4 if byte & 0xF8 == 0xF0 else 1
        return back if need > back else 0
    return 0

