"""Ends rooms that use up what the kernel charges to nobody, or counts for the whole machine.

What a netlink socket has received is charged to nobody: 10,000 of them with an unread dump each held 460 MB outside a room of 128 MiB
(measured). Rooms need netlink (getifaddrs(3), if_nameindex(3)), and the number of sockets has no bound of its own. So this thread looks
once a second whether the kernel's unreclaimable memory has grown, and only then at whose it is.

Open files are bounded for each process (8,192), but 512 processes of one room can hold more of them than the machine has
(`fs.file-max` is a tenth of the memory's KiB): then no process without root's rights opens anything, the server's among them.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable
from typing import Final

from athenic_guest.roomd.server import log

_PERIOD_SECONDS: Final = 1.0
_GROWTH_BYTES: Final = 32 << 20
# A program that asks for the interfaces and reads the answer holds some KiB for a moment.
ALLOWED_BYTES: Final = 32 << 20
# Shares of fs.file-max: when the machine's open files are looked at, and how many of them a room may have then.
_LOOK_SHARE: Final = 4
ALLOWED_SHARE: Final = 8


class Guard:
    """`rooms` gives the living rooms as (name, pid of the init); `end` is called with the name of one that has to go; `files` says how many
    files are open on the machine, and how many can be."""

    def __init__(self, rooms: Callable[[], Iterable[tuple[str, int]]], end: Callable[[str], None],
                 files: Callable[[], tuple[int, int]] | None = None) -> None:
        self._rooms = rooms
        self._end = end
        self._files = files or open_files
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="guard", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._closing.set()
        self._thread.join(10.0)

    def _run(self) -> None:
        base = unreclaimable_bytes()
        while not self._closing.wait(_PERIOD_SECONDS):
            now = unreclaimable_bytes()
            base = min(base, now)
            if now - base >= _GROWTH_BYTES:
                base = now
                self._look()
            used, limit = self._files()
            if used > limit // _LOOK_SHARE:
                self._look_at_files(limit // ALLOWED_SHARE)

    def _look_at_files(self, allowed: int) -> None:
        for name, init in self._rooms():
            held = files_of(init)
            if held > allowed:
                log(f"sandbox {name} has {held} open files, {allowed} are allowed while the machine's run short: it is ended")
                self._end(name)

    def _look(self) -> None:
        for name, init in self._rooms():
            try:
                held = netlink_bytes(f"/proc/{init}/net/netlink", ALLOWED_BYTES)
            except OSError:
                continue  # it ended meanwhile
            if held > ALLOWED_BYTES:
                log(f"sandbox {name} holds {held} bytes in netlink sockets, {ALLOWED_BYTES} are allowed: it is ended")
                self._end(name)


def unreclaimable_bytes() -> int:
    """`SUnreclaim` of proc_meminfo(5)."""
    with open("/proc/meminfo", encoding="ascii") as file:
        for line in file:
            if line.startswith("SUnreclaim:"):
                return int(line.split()[1]) * 1024
    return 0


def open_files() -> tuple[int, int]:
    """How many files are open on the machine, and how many can be; proc_sys_fs(5)."""
    with open("/proc/sys/fs/file-nr", encoding="ascii") as file:
        used, _, limit = file.read().split()
    return int(used), int(limit)


def files_of(init: int) -> int:
    """The descriptors of all processes of a room, which are those in the pid namespace of its init."""
    try:
        room = os.stat(f"/proc/{init}/ns/pid").st_ino
    except OSError:
        return 0  # it ended meanwhile
    total = 0
    for name in os.listdir("/proc"):
        try:
            if name.isdigit() and os.stat(f"/proc/{name}/ns/pid").st_ino == room:
                # Since Linux 6.2 the size is the number of descriptors; before it is 0.
                total += os.stat(f"/proc/{name}/fd").st_size or len(os.listdir(f"/proc/{name}/fd"))
        except OSError:
            continue
    return total


def netlink_bytes(path: str, enough: int) -> int:
    """What the netlink sockets of a network namespace have received and not read; reads no further once it is more than `enough`."""
    total = 0
    with open(path, encoding="ascii") as file:
        next(file)
        for line in file:
            total += int(line.split()[4])
            if total > enough:
                break
    return total
