"""Removes what an earlier roomd of the same data directory left. It reads only the OS: control groups, images, socket folders, all found by name."""

from __future__ import annotations

import os

from athenic_guest.roomd.cgroups import Hierarchy
from athenic_guest.roomd.disk import Disks
from athenic_guest.roomd.kept import Kept
from athenic_guest.roomd.layers import Layers
from athenic_guest.roomd.room import remove_socket_folder
from athenic_guest.roomd.zygotes import GROUP


def sweep(hierarchy: Hierarchy, disks: Disks, layers: Layers, kept: Kept | None, sockets: str) -> int:
    """How many sandboxes were removed. Processes end first: they hold mounts, and those hold the images' loop devices.

    Snapshots and the disks of paused sandboxes stay.
    """
    names = hierarchy.names()
    for name in names:
        hierarchy.group(name).kill()
    for name in names:
        hierarchy.group(name).remove()
    swept = names - {GROUP}
    layers.load()
    swept |= disks.sweep(spared=kept.load() if kept is not None else ())
    layers.collect()
    for name in os.listdir(sockets):
        remove_socket_folder(f"{sockets}/{name}")
        swept.add(name)
    return len(swept)
