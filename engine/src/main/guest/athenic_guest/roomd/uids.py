"""Ranges of 65,536 user ids for rooms.

Ids from 0x70000000 on are divided into blocks of 512 ranges. A block belongs to one roomd of the machine, which holds the flock(2) of
`/run/athenic/uids/BLOCK`; so two rooms never share an id, whoever made them. Below that, distributions and systemd-nspawn give ids away.
"""

from __future__ import annotations

import fcntl
import os
import threading
from typing import Final

from athenic_guest.roomd.errors import RoomError

RANGE: Final = 65_536
SLOTS: Final = 512
FIRST: Final = 0x7000_0000
# The last block ends below 0xFFFF0000: the highest ids mean "none".
BLOCKS: Final = (0xFFFF_0000 - FIRST) // (RANGE * SLOTS)


class UidRanges:
    """The ranges of one block. A range is used again as late as possible."""

    def __init__(self, folder: str) -> None:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        for block in range(BLOCKS):
            descriptor = os.open(f"{folder}/{block}", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(descriptor)
                continue
            self._descriptor = descriptor
            self._first = FIRST + block * RANGE * SLOTS
            break
        else:
            raise RoomError("resource_exhausted", f"all {BLOCKS} blocks of user ids are held by other roomd processes")
        self._lock = threading.Lock()
        self._free = list(range(SLOTS))

    def take(self) -> int:
        """The first id of a free range."""
        with self._lock:
            if not self._free:
                raise RoomError("resource_exhausted", f"{SLOTS} sandboxes are alive, more are not possible: destroy one")
            return self._first + self._free.pop(0) * RANGE

    def give_back(self, base: int) -> None:
        """Frees a range whose room, processes and files are gone."""
        with self._lock:
            self._free.append((base - self._first) // RANGE)
