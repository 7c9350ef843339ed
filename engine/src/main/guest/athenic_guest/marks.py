"""Finds every process that another has started, also those that made themselves a session of their own and whose parent is gone.

The mark is a limit that Linux ignores but hands on to children and shows to everybody: RLIMIT_LOCKS, getrlimit(2). The hard limit can only
be lowered, so marks count down, and a process cannot take its mark off. Each guest of a room counts from a number of its own, so nobody
ends what another guest has started. A process that lowers its limit is out of sight here; it ends with its sandbox.
"""

from __future__ import annotations

import os
import resource
import signal
import time
from typing import Final

_RLIMIT_LOCKS: Final = 10  # asm-generic/resource.h
_EACH: Final = 1 << 32  # how many marks a guest has
_LINE: Final = b"Max file locks"
_END_SECONDS: Final = 5.0


def take(pid: int = 0) -> int:
    """Marks a process (0: this one), and so the children that it starts from now on, with a number that none of its children had."""
    _, hard = resource.prlimit(pid, _RLIMIT_LOCKS)
    mark = (os.getpid() + 1) * _EACH - 1 if hard == resource.RLIM_INFINITY else hard - 1
    give(pid, mark)
    return mark


def give(pid: int, mark: int) -> None:
    """Marks a process with that number, which must not be above the one it has."""
    resource.prlimit(pid, _RLIMIT_LOCKS, (mark, mark))


def end_all(mark: int, spared: int = 0) -> None:
    """Kills the processes with the mark, this one and `spared` excepted, until none is left: a fork bomb forks on meanwhile. At most 5 s."""
    deadline = time.monotonic() + _END_SECONDS
    while (found := [pid for pid in marked(mark) if pid != spared]) and time.monotonic() < deadline:
        for pid in found:
            try:
                os.kill(pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                continue
        time.sleep(0.002)  # they need a moment to die


def marked(mark: int) -> list[int]:
    """The living processes with the mark, without this one."""
    return [int(name) for name in os.listdir("/proc") if name.isdigit() and int(name) != os.getpid() and of(name) == mark and _alive(name)]


def of(pid: int | str) -> int | None:
    """A process's mark, if it has one. proc_pid_limits(5): name, soft, hard and unit, in columns."""
    try:
        with open(f"/proc/{pid}/limits", "rb") as limits:
            for line in limits:
                if line.startswith(_LINE):
                    hard = line[len(_LINE):].split()[1]
                    return int(hard) if hard.isdigit() else None
    except OSError:
        pass
    return None


def _alive(pid: str) -> bool:
    """A dead process keeps its limits until its parent has waited for it. proc_pid_stat(5): the state follows the name."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as stat:
            return stat.read().rpartition(b")")[2].split()[0] not in (b"Z", b"X")
    except OSError:
        return False
