"""Captures descriptors 1 and 2, which subprocesses and C libraries write to, into the kernel's output."""

from __future__ import annotations

import fcntl
import os
import select
import threading

from .. import frames
from .output import Output, incomplete

_READ_BYTES = 64 << 10
_PIPE_BYTES = 1 << 20


class Capture:
    """Two pipes in the place of descriptors 1 and 2.

    A thread reads them as data comes. A writer of Python text that must not overtake what a child has written calls `drain` first.
    The lock covers read and append together: else a later read could be appended before an earlier one.
    """

    def __init__(self, output: Output) -> None:
        self._output = output
        self._lock = threading.Lock()
        self._poll = select.poll()  # guarded by the lock, as is _held
        self._kinds: dict[int, int] = {}
        self._held: dict[int, bytes] = {}
        self._ends = (-1, -1)

    def start(self) -> None:
        ends = []
        for target, kind in ((1, frames.STDOUT), (2, frames.STDERR)):
            reading, writing = os.pipe2(os.O_CLOEXEC)
            os.set_blocking(reading, False)
            try:
                fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
            except OSError:
                pass  # the room's quota for pipe buffers is used up; the default size does
            os.dup2(writing, target)
            os.close(writing)
            self._kinds[reading] = kind
            self._held[reading] = b""
            self._poll.register(reading, select.POLLIN)
            ends.append(reading)
        self._ends = (ends[0], ends[1])
        threading.Thread(target=self._run, name="capture", daemon=True).start()

    def drain(self) -> None:
        """Appends what lies in the pipes, at most one read of each. From any thread: a poll object is not made for two at once."""
        with self._lock:
            if self._poll.poll(0):
                for reading in self._ends:
                    self._read(reading)

    def finish(self, patience: float = 0.0) -> None:
        """Appends all that was written so far, and the first bytes of a character that never became whole.

        Bounded by what the pipes can hold: a process in the background may go on writing. With `patience` (seconds) it waits for
        processes that are being stopped to fall silent.
        """
        waiting = self._waiter()
        for _ in range(2 * _PIPE_BYTES // _READ_BYTES):
            if not waiting.poll(patience * 1000):
                break
            self.drain()
        with self._lock:
            for reading, held in self._held.items():
                if held:
                    self._held[reading] = b""
                    self._output.put((self._kinds[reading], held), len(held))

    def forget(self) -> None:
        """In a forked copy: the pipes' reading ends belong to the kernel."""
        for reading in self._kinds:
            os.close(reading)
        self._kinds.clear()

    def _waiter(self) -> select.poll:
        waiting = select.poll()
        for reading in self._ends:
            waiting.register(reading, select.POLLIN)
        return waiting

    def _run(self) -> None:
        waiting = self._waiter()
        while True:
            waiting.poll()
            with self._lock:
                for reading in self._ends:
                    self._read(reading)

    def _read(self, reading: int) -> None:
        try:
            data = self._held[reading] + os.read(reading, _READ_BYTES)
        except BlockingIOError:
            return
        rest = incomplete(data[-4:])
        self._held[reading] = data[len(data) - rest :] if rest else b""
        data = data[: len(data) - rest] if rest else data
        if data:
            self._output.put((self._kinds[reading], data), len(data))
