"""Control groups v1: one directory per controller, and a v2 one beside where the host has the tree."""

from __future__ import annotations

import errno
import os
import select
import signal
import time

from athenic_guest.linux import SyscallError
from athenic_guest.roomd import cgroups
from athenic_guest.roomd.cgroups import Group, Limits, Mounted, Usage, write
from athenic_guest.roomd.children import Child

NEEDED = ("memory", "cpu", "cpuacct", "pids", "freezer", "devices")
# What a room may open: null, zero, full, random, urandom, tty, ptmx, pts. There is nothing else in /dev anyway.
_ALLOWED_DEVICES = ("c 1:3 rw", "c 1:5 rw", "c 1:7 rw", "c 1:8 rw", "c 1:9 rw", "c 5:0 rw", "c 5:2 rw", "c 136:* rw")
_THROTTLES = ("blkio.throttle.read_bps_device", "blkio.throttle.write_bps_device")
_DIE_SECONDS = 10.0
_SOCKET_SHARE = 4


class HierarchyV1:
    """All groups of one instance on v1."""

    version = "v1"

    def __init__(self, mounted: Mounted, instance: str) -> None:
        missing = [name for name in NEEDED if name not in mounted.v1]
        if missing:
            raise SyscallError("mount", "cgroup v1 controllers " + ", ".join(missing), errno.ENODEV,
                               "mount them, or boot with cgroup v2 (systemd.unified_cgroup_hierarchy=1)")
        self.notes: list[str] = []
        if mounted.v2 is None:
            self.notes.append("no cgroup v2 tree: rooms are killed through their first process only")
        self._blkio = mounted.v1.get("blkio")
        if self._blkio is None or not os.path.exists(f"{self._blkio}/{_THROTTLES[0]}"):
            self._blkio = None
            self.notes.append("no blkio controller with throttling: how fast a sandbox reads and writes its disk has no bound")
        # Controllers that are mounted together share one directory: dict keeps one of each, in order.
        self._controllers = {name: f"{mounted.v1[name]}/{cgroups.ROOT}" for name in NEEDED}
        self._trees = list(dict.fromkeys(self._controllers.values()))
        self._v2 = f"{mounted.v2}/{cgroups.ROOT}" if mounted.v2 else None
        self._instance = instance

    def prepare(self) -> None:
        for tree in [*self._trees, *([self._v2] if self._v2 else [])]:
            cgroups.make_directory(tree)
            cgroups.make_directory(f"{tree}/{self._instance}")
        # All rooms together weigh as much as one busy thread per core outside, not as one thread.
        for level in ("", f"/{self._instance}"):
            write(f"{self._controllers['cpu']}{level}/cpu.shares", str(1024 * (os.cpu_count() or 1)))
        # Rooms that use all that they may, all at once, run out of memory before the host does.
        try:
            write(f"{self._controllers['memory']}/memory.limit_in_bytes", str(cgroups.rooms_memory()))
        except OSError as error:
            self.notes.append(f"the memory of all sandboxes together has no bound of its own ({error})")
        self._forget_throttles()

    def _forget_throttles(self) -> None:
        """Lifts the bounds that a killed roomd left on loop devices which nobody uses now."""
        if self._blkio is None:
            return
        for name in _THROTTLES:
            for line in cgroups.read(f"{self._blkio}/{name}").splitlines():
                device = line.split()[0]
                major, _, minor = device.partition(":")
                if major == "7" and not os.path.exists(f"/sys/block/loop{minor}/loop/backing_file"):
                    cgroups.write_if_there(f"{self._blkio}/{name}", f"{device} 0")

    def group(self, name: str) -> Group:
        place = f"/{self._instance}/{name}"
        return GroupV1({key: tree + place for key, tree in self._controllers.items()}, self._v2 + place if self._v2 else None, self._blkio)

    def names(self) -> set[str]:
        names: set[str] = set()
        for tree in [*self._trees, *([self._v2] if self._v2 else [])]:
            names |= cgroups.child_groups(f"{tree}/{self._instance}")
        return names

    def close(self) -> None:
        """Removes the directories that no other instance uses."""
        for tree in [*self._trees, *([self._v2] if self._v2 else [])]:
            for path in (f"{tree}/{self._instance}", tree):
                try:
                    os.rmdir(path)
                except OSError:
                    break  # in use by another instance, or gone already


class GroupV1:
    """One room's directories: `paths` by controller, `v2` for birth and kill. `blkio`: the root of that hierarchy, if there is one."""

    def __init__(self, paths: dict[str, str], v2: str | None, blkio: str | None) -> None:
        self._paths = paths
        self._directories = list(dict.fromkeys(paths.values()))
        self._v2 = v2
        self._blkio = blkio

    def make(self) -> None:
        for path in [*self._directories, *([self._v2] if self._v2 else [])]:
            cgroups.make_directory(path)

    def limit(self, limits: Limits) -> None:
        memory, cpu = self._paths["memory"], self._paths["cpu"]
        write(f"{memory}/memory.limit_in_bytes", str(limits.memory_bytes))
        if os.path.exists(f"{memory}/memory.memsw.limit_in_bytes"):
            write(f"{memory}/memory.memsw.limit_in_bytes", str(limits.memory_bytes))
        write(f"{memory}/memory.swappiness", "0")
        # Socket buffers are counted apart on v1, and not at all before this is set: TCP and UDP on the loopback would have no bound.
        if os.path.exists(f"{memory}/memory.kmem.tcp.limit_in_bytes"):
            write(f"{memory}/memory.kmem.tcp.limit_in_bytes", str(limits.memory_bytes // _SOCKET_SHARE))
        write(f"{cpu}/cpu.cfs_period_us", str(cgroups.PERIOD_MICROS))
        write(f"{cpu}/cpu.cfs_quota_us", str(max(1000, limits.cpu_millis * cgroups.PERIOD_MICROS // 1000)))
        write(f"{cpu}/cpu.shares", str(max(2, min(262_144, limits.cpu_millis * 1024 // 1000))))
        write(f"{self._paths['pids']}/pids.max", str(limits.pids))
        write(f"{self._paths['devices']}/devices.deny", "a")
        for device in _ALLOWED_DEVICES:
            write(f"{self._paths['devices']}/devices.allow", device)

    def throttle(self, device: str, io_bytes: int) -> None:
        """On the root group, which is where the kernel's own threads write back what rooms have written: the device is one room's alone."""
        if self._blkio is not None:
            for name in _THROTTLES:
                cgroups.write_if_there(f"{self._blkio}/{name}", f"{device} {io_bytes}")

    def adopt(self, init: Child) -> None:
        """It was born here, or joins by `join_files`."""

    @property
    def process_limits(self) -> dict[str, int]:
        return {}

    def birthplace(self) -> int | None:
        return os.open(self._v2, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC) if self._v2 else None

    def join_files(self) -> list[str]:
        return [f"{path}/cgroup.procs" for path in self._directories]

    def usage(self) -> Usage:
        memory = self._paths["memory"]
        return Usage(
            memory_bytes=int(cgroups.read(f"{memory}/memory.usage_in_bytes")),
            memory_limit_bytes=int(cgroups.read(f"{memory}/memory.limit_in_bytes")),
            cpu_micros=int(cgroups.read(f"{self._paths['cpuacct']}/cpuacct.usage")) // 1000,
            pids=int(cgroups.read(f"{self._paths['pids']}/pids.current")),
            oom_kills=self.oom_kills(),
        )

    def sample(self) -> tuple[int, int]:
        return (int(cgroups.read_bytes(f"{self._paths['memory']}/memory.usage_in_bytes")),
                int(cgroups.read_bytes(f"{self._paths['cpuacct']}/cpuacct.usage")) // 1000)

    def oom_watch(self) -> tuple[int, int]:
        """An eventfd that the kernel raises at an out-of-memory condition (cgroup-v1/memory.rst, section 10)."""
        event = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        try:
            with open(f"{self._paths['memory']}/memory.oom_control", "rb") as control:
                write(f"{self._paths['memory']}/cgroup.event_control", f"{event} {control.fileno()}")
        except BaseException:
            os.close(event)
            raise
        return event, select.EPOLLIN

    def oom_kills(self) -> int:
        return cgroups.read_key(f"{self._paths['memory']}/memory.oom_control", "oom_kill")

    def freeze(self, frozen: bool) -> None:
        path, state = f"{self._paths['freezer']}/freezer.state", "FROZEN" if frozen else "THAWED"
        for _ in cgroups.until(time.monotonic() + _DIE_SECONDS):
            # A process that is just being forked keeps the state at FREEZING until the state is written again.
            write(path, state)
            if cgroups.read(path).strip() == state:
                return
        raise SyscallError("write", f"{state} to {path}", errno.ETIMEDOUT)

    def pids(self) -> set[int]:
        found: set[int] = set()
        for path in [*self._directories, *([self._v2] if self._v2 else [])]:
            found |= cgroups.read_pids(path)
        return found

    def kill(self) -> None:
        if self._v2:
            cgroups.write_if_there(f"{self._v2}/cgroup.kill", "1")
        for pid in self.pids() - {0}:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        cgroups.write_if_there(f"{self._paths['freezer']}/freezer.state", "THAWED")

    def remove(self) -> None:
        deadline = time.monotonic() + _DIE_SECONDS
        cgroups.kill_until_empty(self, deadline)
        for path in [*self._directories, *([self._v2] if self._v2 else [])]:
            cgroups.remove_directory(path, max(0.1, deadline - time.monotonic()))
