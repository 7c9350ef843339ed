"""What /proc tells about a room's processes, for hosts whose control groups are not ours; proc_pid_stat(5), proc_pid_smaps(5)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

TICKS = os.sysconf("SC_CLK_TCK")
_GONE = (FileNotFoundError, ProcessLookupError, PermissionError, IndexError, ValueError)


@dataclass(frozen=True)
class Process:
    """`start` in ticks since boot: with the pid it names one process. `ticks` of cpu time; `resident`: bytes in memory that no file on a
    disk backs; what processes share is counted for each."""

    pid: int
    state: str
    threads: int
    start: int
    ticks: int
    resident: int


def by_namespace() -> dict[int, list[int]]:
    """All processes that this pid namespace sees, by the inode of their own."""
    found: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdecimal():
            try:
                found.setdefault(os.stat(f"/proc/{name}/ns/pid").st_ino, []).append(int(name))
            except _GONE:
                continue  # it ended meanwhile
    return found


def namespace(pid: int) -> int:
    """The inode of a process's pid namespace."""
    return os.stat(f"/proc/{pid}/ns/pid").st_ino


def processes(pids: list[int]) -> Iterator[Process]:
    """Those that still live."""
    for pid in pids:
        try:
            with open(f"/proc/{pid}/stat", "rb") as file:
                fields = file.read().rpartition(b") ")[2].split()
            if fields[0] != b"Z":
                yield Process(pid, fields[0].decode(), int(fields[17]), int(fields[19]), int(fields[11]) + int(fields[12]),
                              sum(_kilobytes(f"/proc/{pid}/status", (b"RssAnon:", b"RssShmem:"))))
        except _GONE:
            continue


def exact(pid: int) -> tuple[int, int]:
    """The process's share of anonymous and of shared memory; bytes. Costs a walk over its page tables."""
    try:
        anon, shared = _kilobytes(f"/proc/{pid}/smaps_rollup", (b"Pss_Anon:", b"Pss_Shmem:"))
    except _GONE:
        return 0, 0
    return anon, shared


def memfds(pids: list[int]) -> int:
    """Bytes in files that are nothing but memory and mapped or not; each counted once."""
    seen: dict[tuple[int, int], int] = {}
    for pid in pids:
        try:
            for name in os.listdir(f"/proc/{pid}/fd"):
                path = f"/proc/{pid}/fd/{name}"
                if os.readlink(path).startswith("/memfd:"):
                    status = os.stat(path)
                    seen[status.st_dev, status.st_ino] = status.st_blocks * 512
        except _GONE:
            continue
    return sum(seen.values())


def sockets(pid: int) -> int:
    """How many sockets the network namespace of a process has."""
    try:
        with open(f"/proc/{pid}/net/sockstat", encoding="ascii") as file:
            return int(file.readline().split()[2])
    except _GONE:
        return 0


def _kilobytes(path: str, keys: tuple[bytes, ...]) -> list[int]:
    """The values of `key: N kB` lines in bytes; 0 where one is missing."""
    found = dict.fromkeys(keys, 0)
    with open(path, "rb") as file:
        for line in file:
            key, _, rest = line.partition(b":")
            if key + b":" in found:
                found[key + b":"] = int(rest.split()[0]) * 1024
    return list(found.values())


def memory(key: str) -> int:
    """A value of proc_meminfo(5) in bytes."""
    with open("/proc/meminfo", encoding="ascii") as file:
        for line in file:
            if line.startswith(f"{key}:"):
                return int(line.split()[1]) * 1024
    return 0
