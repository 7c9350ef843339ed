"""The processes that a cell has started, found in /proc."""

from __future__ import annotations

import os
import signal


def any_children() -> bool:
    """Whether this process has a child, alive or not yet waited for."""
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


def now_ticks() -> int:
    """The present moment in the unit in which /proc tells when a process was started."""
    with open("/proc/uptime") as uptime:
        return int(float(uptime.read().split()[0]) * os.sysconf("SC_CLK_TCK"))


def interrupt_since(ticks: int, number: int = signal.SIGINT) -> None:
    """Signals the descendants of this process that were started at `ticks` or later; older ones belong to earlier cells."""
    parents: dict[int, tuple[int, int]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            found = _parent_and_start(name)
            if found:
                parents[int(name)] = found
    own = os.getpid()
    for pid, (_, started) in parents.items():
        if pid != own and started >= ticks and _descends(pid, own, parents):
            try:
                os.kill(pid, number)
            except (ProcessLookupError, PermissionError):
                continue


def _parent_and_start(name: str) -> tuple[int, int] | None:
    try:
        with open(f"/proc/{name}/stat", "rb") as stat:
            fields = stat.read().rpartition(b")")[2].split()
    except OSError:
        return None
    return int(fields[1]), int(fields[19])  # proc(5): ppid is field 4, starttime field 22


def _descends(pid: int, ancestor: int, parents: dict[int, tuple[int, int]]) -> bool:
    for _ in range(len(parents)):
        if pid not in parents:
            return False
        pid = parents[pid][0]
        if pid == ancestor:
            return True
    return False
