"""Decides when a zygote is replaced by a fresh one.

All children of a zygote share its address layout and its seed of `hash()`: who learns them in one sandbox knows them of its neighbours. So
a zygote serves for a time, and for a number of forks; and one whose memory has grown would hand that on to every guest.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from athenic_guest.roomd.children import Child, Forker

_CHECK_SECONDS = 30.0
_RETRY_SECONDS = 60.0


@dataclass(frozen=True)
class Bounds:
    """`seconds` counts from the first fork on: an unused zygote has told nobody anything."""

    forks: int = 10_000
    seconds: float = 3600.0
    growth_bytes: int = 64 << 20


@dataclass(eq=False)
class Zygote:
    """A zygote that can fork. `template` is the open root folder of its template. The counts are guarded by the lock of its keeper."""

    child: Child
    forker: Forker
    path: str
    template: int
    millis: int
    users: int = 0
    forks: int = 0
    retired: bool = False
    first_fork: float = 0.0
    not_before: float = 0.0
    memory: int = field(init=False)

    def __post_init__(self) -> None:
        self.memory = own_memory(self.child.pid)

    def stale(self, bounds: Bounds) -> bool:
        """Whether it is time for another one."""
        now = time.monotonic()
        if self.retired or not self.forks or now < self.not_before:
            return False
        return (self.forks >= bounds.forks or now - self.first_fork >= bounds.seconds
                or own_memory(self.child.pid) - self.memory >= bounds.growth_bytes)

    def put_off(self) -> None:
        """After a replacement that did not start."""
        self.not_before = time.monotonic() + _RETRY_SECONDS


class Renewal:
    """A thread that calls `renew` from time to time, and soon after `hurry`."""

    def __init__(self, renew: Callable[[], None], bounds: Bounds) -> None:
        self._renew = renew
        self._pause = min(_CHECK_SECONDS, bounds.seconds / 2)
        self._wake = threading.Event()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="zygote-renewal", daemon=True)
        self._thread.start()

    def hurry(self) -> None:
        self._wake.set()

    def close(self) -> None:
        """Returns when no replacement is under way; at the latest when one could not have started."""
        self._closing = True
        self._wake.set()
        self._thread.join(10.0)

    def _run(self) -> None:
        while not self._closing:
            self._wake.wait(self._pause)
            self._wake.clear()
            if self._closing:
                return
            try:
                self._renew()
            except Exception as error:  # the outermost frame of this thread: the old zygotes go on
                print(f"roomd: a zygote could not be replaced: {error}", file=sys.stderr, flush=True)


def own_memory(pid: int) -> int:
    """Bytes of a process's memory that are no file's; 0 when it is gone. proc_pid_status(5)"""
    try:
        with open(f"/proc/{pid}/status", "rb") as status:
            for line in status:
                if line.startswith(b"RssAnon:"):
                    return int(line.split()[1]) << 10
    except OSError:
        pass
    return 0
