"""The way of a kernel's output to the server.

Everything that an execution says (text written to stdout and stderr, results, errors) goes through one list, so the order in which
it was said is the order in which it is sent. Writers append and go on. A writer pays for an append and an addition, since programs print
lines by the hundred thousand; whoever sends joins what has gathered.

Two send, never at once: the sender's thread, woken at SEND_AT or DELAY after the first waiting item; and the main thread itself at the end of
a line, as long as it has tokens (BURST, one more every DELAY). For a thread needs Python's lock, and a call in C may hold it for minutes:
`print("started")` before such a call has to be seen before its end.

A writer sleeps while more than MOST is waiting. Sizes are counted in characters plus WEIGHT for each item, which stands for the memory of
the item itself.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from typing import Any, Final

from .. import frames
from .targets import Target

SEND_AT: Final = 64 << 10
MOST: Final = 1 << 20
WEIGHT: Final = 32
DELAY: Final = 0.002
BURST: Final = 16
LATE_MOST: Final = 64 << 10
# How often, and how long each time, the main thread waits for the other one to have sent. That one lacks Python's lock or a processor, unless
# the server does not read.
_GLANCES: Final = 200
_GLANCE: Final = 0.005
_AT_ONCE: Final = 16 << 10  # a socket that poll(2) calls writable takes this much without waiting
_SLICE: Final = 200_000  # characters; in UTF-8 at most 800 kB, so a slice always fits a frame

# What the list holds: a str is text of stdout; a tuple is (kind, payload) with one of the kinds of frames, or one of these.
BEGIN: Final = 10
END: Final = 11
_FIRST: Final = 0
_NOW: Final = 1
_SIGNALS: Final = signal.valid_signals()

Item = Any


class Output:
    """The list and its senders. Items may be put from any thread, and from a thread that is interrupted by a signal."""

    def __init__(self) -> None:
        self.pending: list[Item] = []
        self.size = 0
        self.awake = False
        self.eager = True  # whether the main thread has tokens
        self._tokens = float(BURST)
        self._counted = 0.0
        self._hurried = False
        self._wake: SimpleQueue[int] = SimpleQueue()
        self._sending = threading.Lock()  # held while items are taken and sent; guards what follows
        self._target: Target | None = None
        self._frames: list[bytes] = []  # packed, for the target, not sent yet
        self._framed = 0
        self._late: list[tuple[int, bytes]] = []
        self._late_size = 0

    def start(self) -> None:
        threading.Thread(target=self._run, name="output", daemon=True).start()

    # --- writers ---------------------------------------------------------------------------------------------------------

    def put(self, item: Item, size: int) -> None:
        """Appends one item; sleeps while too much is waiting (so an endless print is slowed by a slow server)."""
        self.pending.append(item)
        self.size += size + WEIGHT
        self.rouse(False)

    def rouse(self, line: bool) -> None:
        """For writers that append and count by themselves: sees to it that what waits is sent. `line`: a line has just ended."""
        if not self.awake:
            self.awake = True
            self._wake.put(_FIRST)
        if line and self.eager and self.size < _AT_ONCE and threading.current_thread() is threading.main_thread():
            self._spend()
            return
        if self.size < SEND_AT:
            return
        if not self._hurried:
            self._hurried = True
            self._wake.put(_NOW)
        pause = 0.0005
        while self.size >= MOST:
            time.sleep(pause)
            pause = min(pause * 2, 0.02)

    def begin(self, target: Target, first: bytes) -> None:
        """From here on what is said goes to `target`: the JSON `first`, then what came since the last execution's end, then the rest."""
        self.put((BEGIN, (target, first)), len(first))

    def end(self, on_end: Callable[[], None]) -> None:
        """The last item of an execution, by the main thread: sends at once, then calls on_end."""
        self.pending.append((END, on_end))
        self._send_here()
        if self.pending:
            self.awake = True
            self._wake.put(_NOW)

    def _spend(self) -> None:
        now = time.monotonic()
        self._tokens = min(float(BURST), self._tokens + (now - self._counted) / DELAY) - 1.0
        self._counted = now
        self.eager = self._tokens >= 1.0
        self._send_here()

    # --- sending ---------------------------------------------------------------------------------------------------------

    def _send_here(self) -> None:
        """Sends from the main thread if that cannot block. Signals wait: a handler that raises would leave the lock taken."""
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, ())
        try:
            signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
            if not self._take_over():
                return
            try:
                if self.size < _AT_ONCE and (self._target is None or self._target.ready(_AT_ONCE)):
                    self._take()
            finally:
                self._sending.release()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)

    def _take_over(self) -> bool:
        """Gets the lock of whoever sends. Not without patience: what follows may be a call in C that lets no other thread send any more."""
        for _ in range(_GLANCES):
            if self._sending.acquire(timeout=_GLANCE):
                return True
            target = self._target
            if target is not None and target.stuck():
                return False
        return False

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
            with self._sending:
                self._take()
            self.eager = True  # at least one token has been earned meanwhile

    def _take(self) -> None:
        batch = self.pending[:]
        del self.pending[: len(batch)]
        self.size = 0
        self._send(batch)
        self._deliver()

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

    def _start(self, target: Target, first: bytes) -> None:
        self._deliver()
        self._target = target
        self._transmit(frames.JSON, first)
        late, self._late, self._late_size = self._late, [], 0
        for kind, payload in late:
            self._transmit(kind, payload)

    def _finish(self, on_end: Callable[[], None]) -> None:
        self._deliver()
        self._target = None
        on_end()

    def _transmit(self, kind: int, payload: bytes) -> None:
        if self._target is None:
            self._keep(kind, payload)
            return
        self._frames.append(frames.pack(kind, payload))
        self._framed += len(payload)
        if self._framed >= SEND_AT:
            self._deliver()

    def _deliver(self) -> None:
        """One write for what was said together: a write wakes the server, and that may take the processor from this process."""
        waiting, self._frames, self._framed = self._frames, [], 0
        if waiting and self._target is not None:
            self._target.send(waiting)

    def _keep(self, kind: int, payload: bytes) -> None:
        """Output of threads and processes while nothing runs: its end is kept and opens the next execution."""
        if kind == frames.JSON:
            return
        self._late.append((kind, payload[-LATE_MOST:]))
        self._late_size += len(self._late[-1][1])
        while self._late_size > LATE_MOST and len(self._late) > 1:
            self._late_size -= len(self._late.pop(0)[1])


@contextmanager
def signals_blocked() -> Iterator[None]:
    """No signal reaches this thread, nor the threads that it starts meanwhile, for as long as they live."""
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


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

