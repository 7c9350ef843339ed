"""What a server that comes back needs to know of the rooms: the answer of `hello` and `room.list`, in pages that fit a line."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final

from athenic_guest.roomd.room import Room

# A line has at most 64 KiB (server.LINE_BYTES); the rest of `hello` is far below the difference.
PAGE_BYTES: Final = 40_960


def page(rooms: Iterable[Room], after: str) -> dict[str, Any]:
    """The rooms whose names come after `after`, in the order of names: `rooms`, and `more` when there are others behind them."""
    listed: list[dict[str, Any]] = []
    used = 0
    for room in sorted(rooms, key=lambda each: each.sandbox):
        if room.sandbox <= after:
            continue
        entry = describe(room)
        used += len(json.dumps(entry))
        if used > PAGE_BYTES and listed:
            return {"rooms": listed, "more": True}
        listed.append(entry)
    return {"rooms": listed, "more": False}


def describe(room: Room) -> dict[str, Any]:
    """Reads without the room's lock: a request may hold it for long, and everything here is one read of one value."""
    limits = room.limits
    return {
        "sandbox": room.sandbox,
        "template": room.template,
        "tree": room.tree,
        "layers": list(room.layers),
        "uidBase": room.uid_base,
        "folder": room.folder,
        "pid": room.init.pid,
        "dead": not room.init.alive,
        "frozen": room.frozen,
        "guests": [{"name": name, "kind": room.kinds.get(name, ""), "pid": guest.pid} for name, guest in list(room.guests.items())],
        "ended": [{"name": name, **how} for name, how in list(room.ended.items())],
        "limits": {"memoryBytes": limits.memory_bytes, "cpuMillis": limits.cpu_millis, "pids": limits.pids,
                   "diskBytes": limits.disk_bytes, "inodes": limits.inodes, "ioBytes": limits.io_bytes},
        "oomKills": _oom_kills(room),
    }


def _oom_kills(room: Room) -> int:
    try:
        return room.group.oom_kills()
    except (OSError, ValueError):  # its group is being removed
        return 0
