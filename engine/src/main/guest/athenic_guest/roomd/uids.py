"""Ranges of 65,536 user ids for rooms.

Ids from 0x70000000 on are divided into blocks of 512 ranges. A block belongs to one roomd of the machine, which holds the flock(2) of
`/run/athenic/uids/BLOCK`; so two rooms never share an id, whoever made them. Below that, distributions and systemd-nspawn give ids away.
"""

from __future__ import annotations

import os
import threading
from typing import Final

from athenic_guest.roomd.errors import RoomError
from athenic_guest.roomd.lockfile import LockFile

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
            held = LockFile.try_take(f"{folder}/{block}")
            if held is not None:
                self._held = held
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

    def map(self, base: int) -> str:
        """The text of uid_map and gid_map: ids 0 to 65,535 of the room are the host's from `base` on; user_namespaces(7)."""
        return f"0 {base} {RANGE}"

    def root(self, base: int) -> int:
        """The room's root, as roomd sees it."""
        return base

    def close(self) -> None:
        """Gives the block back; every room must be gone."""
        self._held.release()
