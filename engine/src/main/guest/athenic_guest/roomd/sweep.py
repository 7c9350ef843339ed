"""Removes what an earlier roomd of the same data directory left. It reads only the OS: control groups, images, socket folders, all found by name."""

from __future__ import annotations

import os

from athenic_guest.roomd.cgroups import Hierarchy
from athenic_guest.roomd.disk import Disks
from athenic_guest.roomd.room import remove_socket_folder
from athenic_guest.roomd.zygotes import GROUP


def sweep(hierarchy: Hierarchy, disks: Disks, sockets: str) -> int:
    """How many sandboxes were removed. Processes end first: they hold mounts, and those hold the images' loop devices."""
    names = hierarchy.names()
    for name in names:
        hierarchy.group(name).kill()
    for name in names:
        hierarchy.group(name).remove()
    swept = names - {GROUP}
    swept |= disks.sweep()
    for name in os.listdir(sockets):
        remove_socket_folder(f"{sockets}/{name}")
        swept.add(name)
    return len(swept)
