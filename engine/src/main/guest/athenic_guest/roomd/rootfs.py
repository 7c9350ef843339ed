"""The root of a room: an overlay of the template (read-only, its owners shifted into the room's ids) and the room's disk.

Everything is mounted in roomd's own mount namespace, for the moment that overlayfs needs paths, and goes to the room as a descriptor.
overlayfs with an id-mapped lower layer: Linux 5.19. An id-mapped *upper* comes out read-only (measured): so the upper layer belongs
to the room's ids on the disk itself.
"""

from __future__ import annotations

import contextlib
import os
import threading

from athenic_guest import linux
from athenic_guest.roomd import mounts


# redirect_dir: directories of the template can be renamed.
_OPTIONS = {"source": "sandbox", "lowerdir": "lower", "upperdir": "disk/upper", "workdir": "disk/work", "redirect_dir": "on",
            "metacopy": "off", "index": "off"}


class RootFactory:
    """Mounts roots below `stage`, a folder that is mounted in no other namespace. roomd uses no other relative paths."""

    def __init__(self, stage: str) -> None:
        self._stage = stage
        self._working_directory = threading.Lock()

    def create(self, name: str, template: int, disk: int, init: int, uid_base: int) -> int:
        """The descriptor of the overlay for the room whose first process is `init` (its user namespace has its map already).

        `template` is the template's folder, `disk` the mount of the room's disk; both stay the caller's.
        """
        folder = f"{self._stage}/{name}"
        with contextlib.ExitStack() as undo:
            for path in (folder, f"{folder}/lower", f"{folder}/disk"):
                os.mkdir(path, 0o700)
                undo.callback(os.rmdir, path)
            lower = mounts.clone_tree(template)
            undo.callback(os.close, lower)
            namespace = os.open(f"/proc/{init}/ns/user", os.O_RDONLY | os.O_CLOEXEC)
            try:
                mounts.set_attributes(lower, mounts.ATTR_RDONLY | mounts.ATTR_NODEV | mounts.ATTR_IDMAP, namespace)
            finally:
                os.close(namespace)
            mounts.attach(lower, f"{folder}/lower")
            undo.callback(linux.umount, f"{folder}/lower")
            copy = mounts.clone_tree(disk)
            undo.callback(os.close, copy)
            mounts.attach(copy, f"{folder}/disk")
            undo.callback(linux.umount, f"{folder}/disk")
            for layer, mode in (("upper", 0o755), ("work", 0o700)):
                os.mkdir(f"{folder}/disk/{layer}", mode)
                os.chown(f"{folder}/disk/{layer}", uid_base, uid_base)
            # The room sees these texts in its table of mounts: relative, they tell nothing about the host.
            with self._working_directory:
                os.chdir(folder)
                try:
                    return mounts.new_mount("overlay", _OPTIONS, (), mounts.ATTR_NODEV | mounts.ATTR_NOATIME)
                finally:
                    os.chdir("/")
