"""The two ways roomd runs: as the machine's root, or as root of an ordinary user's namespace (`rootless/outer.py`, ADR 0014).

All differences are here, so that the code of rooms asks no further. What is weaker is listed in `notes` for `hello`; what is not
listed holds in both ways, or the start fails.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from athenic_guest.linux import SyscallError
from athenic_guest.rootless import outer

MACHINE_HOME: Final = "/run/athenic"
# What is weaker without root, for people.
NOTES: Final = (
    "rootless: sandboxes share one range of user ids (this kernel shifts a template's owners only for the machine's root): namespaces, "
    "seccomp and file views alone keep them apart, and a way out of one would reach the others. Your own user id is not in it",
    "rootless: what sandboxes write is kept in memory, each up to its disk limit, and is gone with the sandbox: no loop devices without root",
    "rootless: moving a folder of the template copies it",
)


@dataclass(frozen=True)
class Mode:
    """`home`: where roomd processes keep their locks. `builder`: who owns templates besides root. `overlay`: options of
    a room's root. `idmap`: whether a template's owners are shifted into the room's ids by its mount."""

    rootless: bool
    home: str
    builder: int | None = None
    overlay: Mapping[str, str] = field(default_factory=dict)
    overlay_flags: tuple[str, ...] = ()
    idmap: bool = True
    notes: tuple[str, ...] = ()


def machine() -> Mode:
    """Root of the machine. redirect_dir: directories of the template can be renamed."""
    return Mode(rootless=False, home=MACHINE_HOME, overlay={"redirect_dir": "on", "metacopy": "off", "index": "off"})


def rootless(runtime: str) -> Mode:
    """Root of a user's namespace. Raises SyscallError when this is none."""
    with open("/proc/self/uid_map", encoding="ascii") as file:
        extents = [tuple(int(number) for number in line.split()) for line in file]
    if [(inside, count) for inside, _, count in extents] != [(0, 1), (outer.FIRST, outer.subids.COUNT)]:
        raise SyscallError("read", "/proc/self/uid_map", 1, "roomd --rootless must be started by rootless.py")
    return Mode(
        rootless=True,
        home=os.path.dirname(runtime),
        builder=outer.FIRST,
        # An overlay of a user namespace keeps its marks in user.* attributes, which rules out redirect_dir.
        overlay={"index": "off"},
        overlay_flags=("userxattr",),
        idmap=False,
        notes=NOTES,
    )
