"""What roomd needs of the host, found out once at its start. What is missing fails the start; what is weaker is noted for `hello`."""

from __future__ import annotations

import contextlib
import os
import resource
import socket
import time
from typing import Final

from athenic_guest.linux import SyscallError
from athenic_guest.roomd import cgroups, delegated, folders
from athenic_guest.roomd.cgroup_v1 import HierarchyV1
from athenic_guest.roomd.cgroup_v2 import HierarchyV2
from athenic_guest.roomd.cgroups import Hierarchy
from athenic_guest.roomd.delegated import DelegatedHierarchy
from athenic_guest.roomd.disk import Disks, LoopDisks, TmpfsDisks
from athenic_guest.roomd.errors import RoomError
from athenic_guest.roomd.helper import Helper
from athenic_guest.roomd.holds import TreeHolds
from athenic_guest.roomd.kept import Kept
from athenic_guest.roomd.layers import Layers
from athenic_guest.roomd.lockfile import LockFile
from athenic_guest.roomd.loop import LoopDevices
from athenic_guest.roomd.server import log
from athenic_guest.roomd.watched import WatchedHierarchy

_LOCK_SECONDS: Final = 5.0
_PROBE_DISK: Final = (16 << 20, 256)


def lock_instance(instance: str, home: str) -> LockFile:
    """One roomd per data directory: a second one would sweep the first one's rooms."""
    os.makedirs(home, mode=0o711, exist_ok=True)
    # The children of one that was killed hold it for a moment longer.
    for _ in cgroups.until(time.monotonic() + _LOCK_SECONDS):
        lock = LockFile.try_take(f"{home}/{instance}.lock")
        if lock is not None:
            _forget_dead_locks(home)
            return lock
    raise RoomError("failed_precondition", "another roomd serves this data directory: end it first")


def _forget_dead_locks(home: str) -> None:
    """Removes the files of those that were killed and whose data directory nobody serves any more."""
    for name in os.listdir(home):
        if name.endswith(".lock"):
            dead = LockFile.try_take(f"{home}/{name}")
            if dead is not None:
                dead.release()


def raise_open_files() -> None:
    """About five descriptors per room; getrlimit(2)."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def prefer_life() -> None:
    """When the machine runs out of memory, others go before roomd; proc_pid_oom_score_adj(5). Only a wish: not everybody may."""
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:
        file.write("-800")


def make_runtime(runtime: str) -> str:
    """Makes the runtime directory and the sockets' folder in it; returns the latter. Others may pass, nobody may list or write."""
    os.makedirs(runtime, mode=0o711, exist_ok=True)
    parent = os.open(os.path.dirname(runtime), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        opened = folders.open_owned(parent, os.path.basename(runtime), 0o711)
    finally:
        os.close(parent)
    try:
        os.fchmod(opened, 0o711)
        sockets = folders.open_owned(opened, "s", 0o711)
        os.fchmod(sockets, 0o711)
        os.close(sockets)
    finally:
        os.close(opened)
    return f"{runtime}/s"


def listen(path: str, uid: int, gid: int) -> socket.socket:
    """The socket of the protocol: a file that only the server's user can open."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        listener.bind(path)
    finally:
        os.umask(before)
    os.chown(path, uid, gid, follow_symlinks=False)
    listener.listen(4)
    return listener


def choose_hierarchy(instance: str) -> Hierarchy:
    """v2 where it has the controllers, else v1."""
    mounted = cgroups.find_mounts()
    if mounted.v2 is not None:
        available = cgroups.read(f"{mounted.v2}/cgroup.controllers").split()
        if all(name in available for name in ("memory", "pids")):
            return HierarchyV2(mounted.v2, instance)
    if not mounted.v1:
        raise SyscallError("open", "/sys/fs/cgroup", 2, "no control groups are mounted: rooms could not be limited")
    return HierarchyV1(mounted, instance)


def choose_rootless_hierarchy(instance: str) -> Hierarchy:
    """Groups that are delegated to the user and can really be made; else the watch is what is left."""
    tree = delegated.find()
    if tree is not None:
        try:
            hierarchy = DelegatedHierarchy(tree, instance)
            hierarchy.prepare()
            return hierarchy
        except OSError as error:
            log(f"the delegated control groups in {tree} are of no use: {error}")
    return WatchedHierarchy()


def open_layers(data: str, stage: str, loops: LoopDevices, trees: TreeHolds, helper: Helper) -> Layers:
    opened = os.open(data, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        return Layers(folders.open_owned(opened, "snapshots"), f"{stage}/layers", loops, trees, helper)
    finally:
        os.close(opened)


def open_kept(data: str, disks: Disks, layers: Layers, trees: TreeHolds) -> Kept | None:
    """None where disks are memory."""
    if not isinstance(disks, LoopDisks):
        return None
    opened = os.open(data, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        return Kept(folders.open_owned(opened, "kept"), disks, layers, trees)
    finally:
        os.close(opened)


def choose_disks(wanted: str, data: str, loops: LoopDevices, notes: list[str]) -> Disks:
    """Loop devices, else memory, which is said."""
    if wanted != "tmpfs":
        opened = os.open(data, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            disks = LoopDisks(folders.open_owned(opened, "sandboxes"), folders.open_owned(opened, "disks"), loops)
        finally:
            os.close(opened)
        try:
            disks.create("_probe", *_PROBE_DISK).discard()
            return disks
        except OSError as error:
            if wanted == "loop":
                raise
            notes.append(f"no ext4 on loop devices ({error}): what sandboxes write is kept in memory and counts as theirs")
    return TmpfsDisks()


def weaknesses() -> list[str]:
    """What this host makes weaker than it could be, with the remedy."""
    notes = []
    with open("/proc/sys/kernel/core_pattern", encoding="utf-8", errors="replace") as file:
        if file.read().startswith("|"):
            notes.append("core dumps go to a program of the host (kernel.core_pattern): a crash in a sandbox starts it as root; "
                         "set kernel.core_pattern=core")
    if not os.path.isdir("/sys/kernel/security") or not os.path.exists("/sys/kernel/security/lsm"):
        return notes
    with open("/sys/kernel/security/lsm", encoding="ascii", errors="replace") as file:
        modules = file.read().split(",")
    if not {"apparmor", "selinux", "landlock"} & set(modules):
        notes.append("no Linux security module confines sandboxes a second time")
    return notes
