"""Control groups v2 of an ordinary user: a part of the tree that systemd has delegated (`systemd-run --user --scope -p Delegate=yes`).

A group that hands controllers on to others has no process of its own (cgroup-v2.rst, "No Internal Process Constraint"): so what is to become
roomd moves into a leaf first. In roomd's pid namespace it is too late: who is outside of it cannot be moved from there.
"""

from __future__ import annotations

import os
from typing import Final

from athenic_guest.roomd import cgroups
from athenic_guest.roomd.cgroup_v2 import GroupV2, HierarchyV2
from athenic_guest.roomd.cgroups import Limits
from athenic_guest.roomd.watched import INOTIFY

_LEAF: Final = "athenic-roomd"
_NEEDED: Final = ("memory", "pids")
_NO_CPU: Final = "rootless: no cpu limit (systemd does not delegate the cpu controller to you): a sandbox can use every core"


def enter() -> None:
    """Moves this process into a leaf of its group, where that is delegated and this process alone in it. Otherwise nothing changes."""
    group = _own()
    if group is None or _usable(group) is None or cgroups.read_pids(group) != {os.getpid()}:
        return
    try:
        os.mkdir(f"{group}/{_LEAF}")
        cgroups.write(f"{group}/{_LEAF}/cgroup.procs", "0")
    except OSError:
        return  # not ours after all: the watch is what is left


def find() -> str | None:
    """The delegated group, when this process is in its leaf."""
    leaf = _own()
    if leaf is None or os.path.basename(leaf) != _LEAF:
        return None
    return _usable(os.path.dirname(leaf))


def _own() -> str | None:
    """The directory of this process's v2 group."""
    tree = cgroups.find_mounts().v2
    if tree is None:
        return None
    with open("/proc/self/cgroup", encoding="utf-8", errors="surrogateescape") as file:
        path = next((line[3:].rstrip("\n") for line in file if line.startswith("0::")), "/")
    group = tree + path.rstrip("/")
    return group if path != "/" and os.getpid() in cgroups.read_pids(group) else None


def _usable(group: str) -> str | None:
    try:
        offered = cgroups.read(f"{group}/cgroup.controllers").split()
    except OSError:
        return None
    writable = all(os.access(path, os.W_OK) for path in (group, f"{group}/cgroup.procs", f"{group}/cgroup.subtree_control"))
    return group if writable and all(name in offered for name in _NEEDED) else None


class DelegatedHierarchy(HierarchyV2):
    """As with root, below the delegated group. The cpu controller may be missing, which is told."""

    needed = _NEEDED

    def prepare(self) -> None:
        super().prepare()
        self.notes = [] if "cpu" in self.enabled else [_NO_CPU]

    def group(self, name: str) -> DelegatedGroup:
        return DelegatedGroup(f"{self._place}/{name}")


class DelegatedGroup(GroupV2):
    """A room's directory; what the kernel counts per user is bounded as without it."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self._pids = 0

    def limit(self, limits: Limits) -> None:
        super().limit(limits)
        self._pids = limits.pids

    @property
    def process_limits(self) -> dict[str, int]:
        return {"pids": self._pids, "inotify": INOTIFY} if self._pids else {}
