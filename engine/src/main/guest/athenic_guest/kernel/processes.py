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


def descendants() -> dict[int, int]:
    """The pids of this process's children and theirs, each with the moment it was started, which tells a pid used again."""
    found: dict[int, tuple[int, int]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            entry = _parent_and_start(name)
            if entry:
                found[int(name)] = entry
    own = os.getpid()
    return {pid: started for pid, (_, started) in found.items() if pid != own and _descends(pid, own, found)}


def interrupt_new(earlier: dict[int, int], number: int = signal.SIGINT) -> None:
    """Signals the descendants that are not among the earlier ones, which belong to earlier cells."""
    for pid, started in descendants().items():
        if earlier.get(pid) != started:
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
