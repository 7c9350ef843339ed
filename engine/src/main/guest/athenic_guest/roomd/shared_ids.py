"""User ids of rooms without root: all share one range, since a template's files can have only one owner (ADR 0014).

What each room has of its own is the *owner* of its user namespace: the kernel counts processes, inotify instances, pending signals
and message queues by it, so that one room cannot use up the others' (user_namespaces(7), /proc/sys/user).
"""

from __future__ import annotations

import threading
from typing import Final

from athenic_guest.roomd.errors import RoomError
from athenic_guest.rootless import outer

SLOTS: Final = 512
_FIRST_OWNER: Final = outer.FIRST + outer.ROOM_IDS  # up to 65,512: not in any room


class SharedRange:
    """The interface of `UidRanges`; a base is a room's owner id."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._free = list(range(SLOTS))

    def take(self) -> int:
        with self._lock:
            if not self._free:
                raise RoomError("resource_exhausted", f"{SLOTS} sandboxes are alive, more are not possible: destroy one")
            return _FIRST_OWNER + self._free.pop(0)

    def give_back(self, base: int) -> None:
        with self._lock:
            self._free.append(base - _FIRST_OWNER)

    def map(self, base: int) -> str:
        """Lines of uid_map and gid_map."""
        del base
        return f"0 {outer.FIRST} {outer.ROOM_IDS}\n{outer.NOBODY} {outer.FIRST + outer.NOBODY} 1"

    def root(self, base: int) -> int:
        """The room's root, as roomd sees it."""
        del base
        return outer.FIRST

    def close(self) -> None:
        """Nothing is held outside of this process."""
