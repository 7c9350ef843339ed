"""Bounds of rooms where no control group may be used: by the kernel per process, and by a watch that looks twice a second.

Hard: the number of processes (RLIMIT_NPROC of the room's user namespace, `forge.py`) and the private memory of each (RLIMIT_DATA,
`confine.py`). Watched: the memory of a room as a whole; over its limit its largest process is killed, as the kernel would. The machine's
own memory is guarded as well, for what is attributed to nobody: when it runs short, the room that holds most is ended. No bound: cpu.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import signal
import threading
import time
from collections.abc import Callable
from typing import Final

from athenic_guest.linux import SyscallError
from athenic_guest.roomd import cgroups, proc
from athenic_guest.roomd.cgroups import Limits, Usage
from athenic_guest.roomd.children import Child
from athenic_guest.roomd.server import log

NOTES: Final = (
    "rootless: no memory limit of the kernel, where no control groups are delegated to you: a process that asks for more than its sandbox may "
    "have is refused, the sandbox as a whole is looked at twice a second and loses its largest process; the buffers of sockets and pipes are not counted; when the machine runs short of "
    "memory, the sandbox that holds most is ended",
    "rootless: no cpu limit: a sandbox can use every core, and shares them with the others process by process",
    "rootless: pausing stops the processes by signals (SIGSTOP), which they can notice",
)
_PERIOD_SECONDS: Final = 0.5
_FREEZE_SECONDS: Final = 10.0
# inotify instances of a room, of the 128 that the kernel gives to a user.
INOTIFY: Final = 16
# The most that an ordinary socket holds in the kernel (net.core.wmem_default), which nobody counts.
_SOCKET_BYTES: Final = 212_992
_GROWTH_BYTES: Final = 32 << 20
# The machine's reserve: this share of its memory, at most so many bytes.
_RESERVE_SHARE, _RESERVE_BYTES = 20, 512 << 20


class WatchedHierarchy:
    """Implements `cgroups.Hierarchy`. Nothing of it outlives the pid namespace that it watches, so there is nothing to sweep."""

    version = "none"

    def __init__(self) -> None:
        self.notes = list(NOTES)
        self._lock = threading.Lock()  # guards the table
        self._groups: dict[str, WatchedGroup] = {}
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)

    def prepare(self) -> None:
        self._thread.start()

    def group(self, name: str) -> WatchedGroup:
        with self._lock:
            return self._groups.setdefault(name, WatchedGroup(name, self._forget))

    def names(self) -> set[str]:
        return set()

    def close(self) -> None:
        self._closing.set()
        self._thread.join(10.0)

    def _forget(self, name: str) -> None:
        with self._lock:
            self._groups.pop(name, None)

    def _run(self) -> None:
        reserve = min(proc.memory("MemTotal") // _RESERVE_SHARE, _RESERVE_BYTES)
        shared = proc.memory("Shmem")
        while not self._closing.wait(_PERIOD_SECONDS):
            with self._lock:
                groups = [group for group in self._groups.values() if group.watched]
            if not groups:
                continue
            now = proc.memory("Shmem")
            short = proc.memory("MemAvailable") < reserve
            # Files in memory have no place in a process's own count: only when they grow is it worth to ask whose they are.
            with_files = short or now - shared >= _GROWTH_BYTES
            shared = now if with_files else min(shared, now)
            found = proc.by_namespace()
            for group in groups:
                group.look(found, with_files)
            if short:
                largest = max(groups, key=lambda group: group.held())
                log(f"less than {reserve >> 20} MiB of the machine's memory are available: sandbox {largest.name}, which holds most, is ended")
                largest.end_for_memory()


class WatchedGroup:
    """Implements `cgroups.Group` for one room: its processes are those of its pid namespace."""

    def __init__(self, name: str, forget: Callable[[str], None]) -> None:
        self.name = name
        self._forget = forget
        self._lock = threading.Lock()  # guards everything below
        self._init: Child | None = None
        self._namespace = 0
        self._limits: Limits | None = None
        self._memory = self._files = self._kills = self._past_ticks = self._threads = 0
        self._looked = False
        self._ticks: dict[tuple[int, int], int] = {}
        self._event = -1

    @property
    def watched(self) -> bool:
        return self._init is not None and self._init.alive

    def make(self) -> None:
        """Nothing to make."""

    def limit(self, limits: Limits) -> None:
        with self._lock:
            self._limits = limits

    def throttle(self, device: str, io_bytes: int) -> None:
        """Disks are memory here: there is no device to bound."""

    def adopt(self, init: Child) -> None:
        """The room's first process: whatever is in its pid namespace belongs to this group."""
        with self._lock:
            self._init = init
            self._namespace = proc.namespace(init.pid)

    def birthplace(self) -> int | None:
        return None

    def join_files(self) -> list[str]:
        return []

    @property
    def process_limits(self) -> dict[str, int]:
        """What the kernel enforces per process and user namespace in place of a group."""
        limits = self._limits
        return {} if limits is None else {"pids": limits.pids, "dataBytes": limits.memory_bytes, "inotify": INOTIFY}

    def usage(self) -> Usage:
        """As the watch saw it, at most half a second ago: a look at all processes for each sandbox that somebody asks about would add up."""
        if not self._looked:
            self.look(proc.by_namespace(), False)
        with self._lock:
            ticks = self._past_ticks + sum(self._ticks.values())
            limit = self._limits.memory_bytes if self._limits else 0
            return Usage(self._memory, limit, ticks * 1_000_000 // proc.TICKS, self._threads, self._kills)

    def oom_watch(self) -> tuple[int, int]:
        """An eventfd that is written at each kill; eventfd(2)."""
        with self._lock:
            if self._event < 0:
                self._event = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
            return os.dup(self._event), select.EPOLLIN

    def oom_kills(self) -> int:
        return self._kills

    def pids(self) -> set[int]:
        return set(proc.by_namespace().get(self._namespace, ())) if self._namespace else set()

    def look(self, found: dict[int, list[int]], with_files: bool) -> None:
        """Counts, and kills the largest process when the room is over its limit."""
        with self._lock:
            if self._init is None or self._limits is None:
                return
            living = list(proc.processes(found.get(self._namespace, [])))
            self._looked = True
            self._threads = sum(process.threads for process in living)
            self._count_cpu(living)
            shm = _file_system_use(f"/proc/{self._init.pid}/root/dev/shm")
            if with_files:
                self._files = proc.memfds([process.pid for process in living])
            memory = sum(process.resident for process in living) + shm + self._files
            # Forked processes share pages, which the quick count takes several times, and files may have gone with a process that was killed.
            if memory > self._limits.memory_bytes:
                self._files = proc.memfds([process.pid for process in living])
                shares = {process.pid: proc.exact(process.pid) for process in living}
                memory = sum(anon for anon, _ in shares.values()) + max(shm + self._files, sum(mapped for _, mapped in shares.values()))
                if memory > self._limits.memory_bytes:
                    self._kill_largest(shares)
            self._memory = memory

    def held(self) -> int:
        """All memory that may be this room's, its disk and the buffers of its sockets included; bytes."""
        init = self._init
        if init is None:
            return self._memory
        return self._memory + _file_system_use(f"/proc/{init.pid}/root") + proc.sockets(init.pid) * _SOCKET_BYTES

    def end_for_memory(self) -> None:
        with self._lock:
            self._count_kill()
        self.kill()

    def freeze(self, frozen: bool) -> None:
        """Stops or continues every process but the idle init. Repeated until none was born meanwhile."""
        number = signal.SIGSTOP if frozen else signal.SIGCONT
        init = self._init.pid if self._init is not None else 0
        for _ in cgroups.until(time.monotonic() + _FREEZE_SECONDS):
            living = list(proc.processes(sorted(self.pids() - {init})))
            if all((process.state == "T") == frozen for process in living):
                return
            for process in living:
                if (process.state == "T") != frozen:
                    _send(process.pid, number, self._namespace)
        raise SyscallError("kill", f"{number.name} to every process of {self.name}", errno.ETIMEDOUT)

    def kill(self) -> None:
        """The kernel kills everything in a pid namespace with its first process; pid_namespaces(7)."""
        init = self._init
        if init is not None:
            init.signal(signal.SIGKILL)

    def remove(self) -> None:
        self.kill()
        with self._lock:
            self._init = None
            if self._event >= 0:
                os.close(self._event)
                self._event = -1
        self._forget(self.name)

    def _count_cpu(self, living: list[proc.Process]) -> None:
        now = {(process.pid, process.start): process.ticks for process in living}
        self._past_ticks += sum(ticks for key, ticks in self._ticks.items() if key not in now)
        self._ticks = now

    def _kill_largest(self, shares: dict[int, tuple[int, int]]) -> None:
        init = self._init.pid if self._init is not None else 0
        candidates = {pid: anon + mapped for pid, (anon, mapped) in shares.items() if pid != init}
        if not candidates:
            return
        pid = max(candidates, key=lambda each: candidates[each])
        _send(pid, signal.SIGKILL, self._namespace)
        self._count_kill()

    def _count_kill(self) -> None:
        self._kills += 1
        if self._event >= 0:
            os.eventfd_write(self._event, 1)


def _send(pid: int, number: signal.Signals, namespace: int) -> None:
    """Through a pidfd whose process was seen to be in the room: its number may be another's by now."""
    with contextlib.suppress(OSError):
        descriptor = os.pidfd_open(pid)
        try:
            if proc.namespace(pid) == namespace:
                signal.pidfd_send_signal(descriptor, number)
        finally:
            os.close(descriptor)


def _file_system_use(path: str) -> int:
    try:
        status = os.statvfs(path)
    except OSError:
        return 0
    return (status.f_blocks - status.f_bfree) * status.f_frsize
