"""The root of a room: an overlay of the template, the layers of a snapshot (both read-only) and the room's disk.

All of them hold the room's own ids, 0 to 65,535, and are id-mapped into its range: so a disk and a layer fit every room, whatever range it has.
overlayfs over id-mapped layers: Linux 5.19. An id-mapped *upper* needs a maker whose files it can hold: the thread that mounts makes files as
the room's root, with the capabilities of ours (mounted by root it came out read-only: the folder that overlayfs makes in `work` had no owner there).
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from athenic_guest import linux
from athenic_guest.roomd import mounts
from athenic_guest.roomd.disk import Disk
from athenic_guest.roomd.mode import Mode

_OPTIONS = {"source": "sandbox", "upperdir": "disk/upper", "workdir": "disk/work"}


class RootFactory:
    """Mounts roots below `stage`, a folder that is mounted in no other namespace. roomd uses no other relative paths."""

    def __init__(self, stage: str, mode: Mode) -> None:
        self._stage = stage
        self._mode = mode
        self._working_directory = threading.Lock()
        self._lower_attributes = mounts.ATTR_RDONLY | mounts.ATTR_NODEV | (mounts.ATTR_IDMAP if mode.idmap else 0)
        self._capabilities = linux.permitted_capabilities()

    def create(self, name: str, template: int, layers: Sequence[int], disk: Disk, init: int, root: int) -> int:
        """The descriptor of the overlay for the room whose first process is `init` (its user namespace has its map already)
        and whose root is our user `root`.

        `template` is the template's folder, `layers` those of a snapshot, oldest first; all stay the caller's.
        """
        folder = f"{self._stage}/{name}"
        names = ["lower", *(f"layer{number}" for number in range(1, len(layers) + 1))]
        with contextlib.ExitStack() as undo:
            for path in (folder, f"{folder}/disk", *(f"{folder}/{layer}" for layer in names)):
                os.mkdir(path, 0o700)
                undo.callback(os.rmdir, path)
            namespace = os.open(f"/proc/{init}/ns/user", os.O_RDONLY | os.O_CLOEXEC)
            undo.callback(os.close, namespace)
            for layer, source in zip(names, (template, *layers), strict=True):
                lower = mounts.clone_tree(source)
                undo.callback(os.close, lower)
                mounts.set_attributes(lower, self._lower_attributes, namespace)
                mounts.attach(lower, f"{folder}/{layer}")
                undo.callback(linux.umount, f"{folder}/{layer}")
            if disk.mapped:
                mounts.set_attributes(disk.mount, mounts.ATTR_IDMAP, namespace)
            mounts.attach(disk.mount, f"{folder}/disk")
            undo.callback(linux.umount, f"{folder}/disk")
            if not disk.mapped:
                for part in ("upper", "work"):
                    os.chown(f"{folder}/disk/{part}", root, root)
            options = {**_OPTIONS, **self._mode.overlay, "lowerdir": ":".join(reversed(names))}
            # The room sees these texts in its table of mounts: relative, they tell nothing about the host.
            with self._working_directory:
                os.chdir(folder)
                try:
                    return self._mount(options, root if disk.mapped else None)
                finally:
                    os.chdir("/")

    def _mount(self, options: dict[str, str], owner: int | None) -> int:
        if owner is None:
            return self._overlay(options)

        def mount_as_owner() -> int:
            linux.set_file_owner(owner)
            linux.set_capabilities(self._capabilities)
            return self._overlay(options)

        # In a thread that ends with it: nothing else is ever done as the room's root.
        with ThreadPoolExecutor(1, thread_name_prefix="overlay") as pool:
            return pool.submit(mount_as_owner).result()

    def _overlay(self, options: dict[str, str]) -> int:
        return mounts.new_mount("overlay", options, self._mode.overlay_flags, mounts.ATTR_NODEV | mounts.ATTR_NOATIME)
