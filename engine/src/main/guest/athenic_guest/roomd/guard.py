"""Ends rooms that fill kernel memory which no control group counts.

What a netlink socket has received is charged to nobody: 10,000 of them with an unread dump each held 460 MB outside a room of 128 MiB
(measured). Rooms need netlink (getifaddrs(3), if_nameindex(3)), and the number of sockets has no bound of its own. So this thread looks
once a second whether the kernel's unreclaimable memory has grown, and only then at whose it is.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Final

from athenic_guest.roomd.server import log

_PERIOD_SECONDS: Final = 1.0
_GROWTH_BYTES: Final = 32 << 20
# A program that asks for the interfaces and reads the answer holds some KiB for a moment.
ALLOWED_BYTES: Final = 32 << 20


class Guard:
    """`rooms` gives the living rooms as (name, pid of the init); `end` is called with the name of one that has to go."""

    def __init__(self, rooms: Callable[[], Iterable[tuple[str, int]]], end: Callable[[str], None]) -> None:
        self._rooms = rooms
        self._end = end
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
