"""Control groups of rooms: cgroups(7), cgroup v1 (kernel's admin-guide/cgroup-v1) and v2 (admin-guide/cgroup-v2.rst).

Every group is named `athenic/INSTANCE/NAME`, so that the next roomd finds what a crash left. On a hybrid host (controllers on v1,
an empty v2 tree beside) the v2 group is made as well: a room is born in it (CLONE_INTO_CGROUP) and it can be killed as a whole (cgroup.kill).
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from athenic_guest.linux import SyscallError
from athenic_guest.roomd.children import Child

ROOT = "athenic"
PERIOD_MICROS = 100_000


@dataclass(frozen=True)
class Limits:
    """Bounds of one room. Bytes, thousandths of a core, counts."""

    memory_bytes: int
    cpu_millis: int
    pids: int
    disk_bytes: int
    inodes: int
    io_bytes: int = 0
    """A second, to the room's disk and from it; 0: no bound."""


@dataclass(frozen=True)
class Usage:
    """What a room uses now. Bytes, microseconds of cpu time since it was made, counts."""

    memory_bytes: int
    memory_limit_bytes: int
    cpu_micros: int
    pids: int
    oom_kills: int


class Group(Protocol):
    """The control group of one room or of the zygotes."""

    def make(self) -> None: ...
    def limit(self, limits: Limits) -> None: ...
    def throttle(self, device: str, io_bytes: int) -> None:
        """Bounds reads and writes of the disk `device` (`MAJOR:MINOR`, used by this room alone) in bytes a second; 0 lifts the bound."""
    def adopt(self, init: Child) -> None:
        """Told once, after the room's first process was born and before it does anything."""
    @property
    def process_limits(self) -> dict[str, int]:
        """What the kernel shall enforce otherwise, where this group cannot: `pids` of the room, `dataBytes` of each process."""
    def birthplace(self) -> int | None:
        """A descriptor of the v2 directory to clone into; the caller closes it."""
    def join_files(self) -> list[str]:
        """The `cgroup.procs` files that a process which was not born here has to write to."""
    def usage(self) -> Usage: ...
    def sample(self) -> tuple[int, int]:
        """Memory in bytes and cpu time in microseconds: what changes all the time, at the lowest price."""
    def oom_watch(self) -> tuple[int, int]:
        """A descriptor to poll for out-of-memory kills, and the poll event to wait for. The caller closes it."""
    def oom_kills(self) -> int: ...
    def freeze(self, frozen: bool) -> None: ...
    def pids(self) -> set[int]: ...
    def kill(self) -> None:
        """Sends SIGKILL to every process; frozen ones are thawed to die."""
    def remove(self) -> None:
        """Kills what is left, waits for it, removes the directories. Missing ones are no error."""


class Hierarchy(Protocol):
    """All groups of one instance of roomd."""

    version: str
    notes: list[str]

    def prepare(self) -> None: ...
    def group(self, name: str) -> Group: ...
    def names(self) -> set[str]: ...
    def close(self) -> None: ...


@dataclass(frozen=True)
class Mounted:
    """Where the host has its control groups: v1 controllers by name, and the v2 tree."""

    v1: dict[str, str]
    v2: str | None


def find_mounts(mountinfo: str = "/proc/self/mountinfo") -> Mounted:
    """Reads proc_pid_mountinfo(5)."""
    v1: dict[str, str] = {}
    v2: str | None = None
    with open(mountinfo, encoding="utf-8", errors="surrogateescape") as file:
        for line in file:
            left, _, right = line.partition(" - ")
            path = left.split()[4]
            kind, _, options = right.split()[:3]
            if kind == "cgroup2":
                v2 = v2 or path
            elif kind == "cgroup":
                for option in options.split(","):
                    v1.setdefault(option, path)
    return Mounted(v1, v2)


def write(path: str, value: str) -> None:
    """Writes a value to a control file in one write(2), as the kernel wants it."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(descriptor, value.encode("ascii"))
        finally:
            os.close(descriptor)
    except OSError as error:
        raise SyscallError("write", f"{value!r} to {path}", error.errno or errno.EIO) from None


def rooms_memory(meminfo: str = "/proc/meminfo") -> int:
    """What all rooms together may use: the machine's memory less a tenth of it, which is the host's own (256 MiB at least, 2 GiB at most)."""
    total = 0
    with open(meminfo, encoding="ascii") as file:
        for line in file:
            if line.startswith("MemTotal:"):
                total = int(line.split()[1]) << 10
    return total - max(256 << 20, min(2 << 30, total // 10))


def write_if_there(path: str, value: str) -> None:
    """As `write`; a group that is gone or going (ENODEV) is no failure."""
    try:
        write(path, value)
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.ENODEV):
            raise


def read(path: str) -> str:
    """The content of a control file."""
    with open(path, encoding="ascii") as file:
        return file.read()


def read_bytes(path: str) -> bytes:
    """The content of a small control file, without what a Python file object costs."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(descriptor, 4096)
    finally:
        os.close(descriptor)


def read_key(path: str, key: str) -> int:
    """A value of a file of `key value` lines; 0 when it is not there."""
    for line in read(path).splitlines():
        name, _, value = line.partition(" ")
        if name == key:
            return int(value)
    return 0


def read_pids(directory: str) -> set[int]:
    """The processes of one group; none when it does not exist."""
    try:
        return {int(line) for line in read(f"{directory}/cgroup.procs").split()}
    except OSError:  # gone, or being removed (ENODEV)
        return set()


def make_directory(path: str) -> None:
    """mkdir(2) of a group; it may exist."""
    try:
        os.mkdir(path, 0o755)
    except FileExistsError:
        pass
    except OSError as error:
        raise SyscallError("mkdir", path, error.errno or errno.EIO) from None


def remove_directory(path: str, patience: float) -> None:
    """rmdir(2) of a group that is emptying itself: EBUSY until the last process is reaped, at most `patience` seconds."""
    for _ in until(time.monotonic() + patience):
        try:
            os.rmdir(path)
            return
        except FileNotFoundError:
            return
        except OSError as error:
            if error.errno != errno.EBUSY:
                raise SyscallError("rmdir", path, error.errno or errno.EIO) from None
    raise SyscallError("rmdir", path, errno.EBUSY, "processes of the group do not end")


def kill_until_empty(group: Group, deadline: float) -> None:
    """Kills again what was forked meanwhile, until no process is left or the deadline has passed."""
    for _ in until(deadline):
        if not group.pids():
            break
        group.kill()


def until(deadline: float) -> Iterator[None]:
    """Iterates with short pauses that grow from 0.2 to 10 ms until the deadline has passed (at least once)."""
    pause = 0.0002
    while True:
        yield
        if time.monotonic() > deadline:
            return
        time.sleep(pause)
        pause = min(pause * 1.5, 0.01)


def child_groups(directory: str) -> set[str]:
    """Names of the groups below a group."""
    try:
        with os.scandir(directory) as entries:
            return {entry.name for entry in entries if entry.is_dir(follow_symlinks=False)}
    except FileNotFoundError:
        return set()
