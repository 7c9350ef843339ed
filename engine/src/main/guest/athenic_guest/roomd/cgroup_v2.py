"""Control groups v2: one directory per room. Kernel: admin-guide/cgroup-v2.rst."""

from __future__ import annotations

import errno
import os
import select
import time

from athenic_guest.linux import SyscallError
from athenic_guest.roomd import cgroups
from athenic_guest.roomd.cgroups import Group, Limits, Usage, write
from athenic_guest.roomd.children import Child

NEEDED = ("memory", "cpu", "pids")
_DIE_SECONDS = 10.0


class HierarchyV2:
    """All groups of one instance on v2. Limits that cannot be set fail the start: rooms without limits are not made."""

    version = "v2"
    needed: tuple[str, ...] = NEEDED

    def __init__(self, tree: str, instance: str) -> None:
        self.notes: list[str] = []
        self.enabled: list[str] = []
        self._tree = tree
        self._home = f"{tree}/{cgroups.ROOT}"
        self._place = f"{self._home}/{instance}"

    def prepare(self) -> None:
        available = cgroups.read(f"{self._tree}/cgroup.controllers").split()
        missing = [name for name in self.needed if name not in available]
        if missing:
            raise SyscallError("open", f"cgroup v2 controllers {', '.join(missing)} in {self._tree}", errno.ENODEV,
                               "they are off or held by a v1 hierarchy")
        wanted = self.enabled = [*self.needed, *(name for name in ("cpu", "io") if name in available and name not in self.needed)]
        for path in (self._tree, self._home, self._place):
            cgroups.make_directory(path)
            write(f"{path}/cgroup.subtree_control", " ".join(f"+{name}" for name in wanted))
        if "io" not in wanted:
            self.notes.append("no io controller: how fast a sandbox reads and writes its disk has no bound")
        # Rooms that use all that they may, all at once, run out of memory before the host does.
        try:
            write(f"{self._home}/memory.max", str(cgroups.rooms_memory()))
        except OSError as error:
            self.notes.append(f"the memory of all sandboxes together has no bound of its own ({error})")

    def group(self, name: str) -> Group:
        return GroupV2(f"{self._place}/{name}")

    def names(self) -> set[str]:
        return cgroups.child_groups(self._place)

    def close(self) -> None:
        """Removes the directories that no other instance uses."""
        for path in (self._place, self._home):
            try:
                os.rmdir(path)
            except OSError:
                return


class GroupV2:
    """One room's directory."""

    def __init__(self, path: str) -> None:
        self._path = path

    def make(self) -> None:
        cgroups.make_directory(self._path)

    def limit(self, limits: Limits) -> None:
        write(f"{self._path}/memory.max", str(limits.memory_bytes))
        if os.path.exists(f"{self._path}/memory.swap.max"):  # absent in a kernel without swap
            write(f"{self._path}/memory.swap.max", "0")
        if os.path.exists(f"{self._path}/cpu.max"):  # absent where it is not delegated, see `prepare`
            write(f"{self._path}/cpu.max", f"{max(1000, limits.cpu_millis * cgroups.PERIOD_MICROS // 1000)} {cgroups.PERIOD_MICROS}")
            write(f"{self._path}/cpu.weight", str(max(1, min(10_000, limits.cpu_millis // 10))))
        write(f"{self._path}/pids.max", str(limits.pids))

    def throttle(self, device: str, io_bytes: int) -> None:
        """`io.max`: what the kernel writes back counts as its writer's (cgroup writeback)."""
        if os.path.exists(f"{self._path}/io.max"):
            bound = str(io_bytes) if io_bytes else "max"
            cgroups.write_if_there(f"{self._path}/io.max", f"{device} rbps={bound} wbps={bound}")

    def adopt(self, init: Child) -> None:
        """It was born here, or joins by `join_files`."""

    @property
    def process_limits(self) -> dict[str, int]:
        return {}

    def birthplace(self) -> int | None:
        return os.open(self._path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def join_files(self) -> list[str]:
        return []

    def usage(self) -> Usage:
        return Usage(
            memory_bytes=int(cgroups.read(f"{self._path}/memory.current")),
            memory_limit_bytes=int(cgroups.read(f"{self._path}/memory.max")),
            cpu_micros=cgroups.read_key(f"{self._path}/cpu.stat", "usage_usec"),
            pids=int(cgroups.read(f"{self._path}/pids.current")),
            oom_kills=self.oom_kills(),
        )

    def sample(self) -> tuple[int, int]:
        first = cgroups.read_bytes(f"{self._path}/cpu.stat").split(b"\n", 1)[0]  # usage_usec
        return int(cgroups.read_bytes(f"{self._path}/memory.current")), int(first.split()[1])

    def oom_watch(self) -> tuple[int, int]:
        """`memory.events` wakes poll(2) with POLLPRI when it changes."""
        return os.open(f"{self._path}/memory.events", os.O_RDONLY | os.O_CLOEXEC), select.EPOLLPRI

    def oom_kills(self) -> int:
        return cgroups.read_key(f"{self._path}/memory.events", "oom_kill")

    def freeze(self, frozen: bool) -> None:
        write(f"{self._path}/cgroup.freeze", "1" if frozen else "0")
        for _ in cgroups.until(time.monotonic() + _DIE_SECONDS):
            if cgroups.read_key(f"{self._path}/cgroup.events", "frozen") == int(frozen):
                return
        raise SyscallError("write", f"{int(frozen)} to {self._path}/cgroup.freeze", errno.ETIMEDOUT)

    def pids(self) -> set[int]:
        return cgroups.read_pids(self._path)

    def kill(self) -> None:
        """Frozen processes die of cgroup.kill as well (Linux 5.14)."""
        cgroups.write_if_there(f"{self._path}/cgroup.kill", "1")

    def remove(self) -> None:
        deadline = time.monotonic() + _DIE_SECONDS
        cgroups.kill_until_empty(self, deadline)
        cgroups.remove_directory(self._path, max(0.1, deadline - time.monotonic()))
