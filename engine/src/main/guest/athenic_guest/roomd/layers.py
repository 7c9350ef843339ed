"""Layers: copies of rooms' disks that other rooms are made from. One is an image that is never written again, and a record beside it.

A layer lies on its parents, and all on a template. It is mounted once, read-only, for all rooms on it. One that is dropped goes away when
its last user has: a room, a kept disk, or a layer on top of it.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

from athenic_guest import linux
from athenic_guest.linux import SyscallError
from athenic_guest.roomd import mounts, records
from athenic_guest.roomd.disk import copy_sparse
from athenic_guest.roomd.errors import RoomError
from athenic_guest.roomd.flattening import Flattening
from athenic_guest.roomd.helper import Helper
from athenic_guest.roomd.holds import TreeHolds
from athenic_guest.roomd.loop import LoopDevices

MAX_DEPTH: Final = 16
MAX_LAYERS: Final = 4096
# What must stay free on the file system of the images: the host's other programs need it too.
_SPARE_BYTES: Final = 512 << 20
_ATTRIBUTES: Final = mounts.ATTR_RDONLY | mounts.ATTR_NODEV | mounts.ATTR_NOATIME


@dataclass
class Layer:
    """A record. `note` is the client's own text; `boot` the machine's run that it was made in, until it is known to be on the medium."""

    name: str
    template: str
    parents: tuple[str, ...]
    bytes: int
    created: int
    note: str
    boot: str | None
    dropped: bool = False
    users: int = 0
    mounted: tuple[int, str] | None = None  # an open folder of the mount, and the loop device's path

    def to_json(self) -> dict[str, Any]:
        return {"template": self.template, "parents": list(self.parents), "bytes": self.bytes, "created": self.created, "note": self.note,
                "boot": self.boot, "dropped": self.dropped}


class Layers:
    """All layers of a data directory. `folder` is a directory descriptor that only root writes to, `stage` where they are mounted. Each holds
    its template's tree."""

    def __init__(self, folder: int, stage: str, devices: LoopDevices, trees: TreeHolds, helper: Helper) -> None:
        self._folder = folder
        self._stage = stage
        self._devices = devices
        self._trees = trees
        self._flattening = Flattening(folder, devices, helper)
        self._lock = threading.Lock()  # guards all records; held while a layer is mounted, which takes a few ms
        self._layers: dict[str, Layer] = {}
        self._making: set[str] = set()
        self._reserved = 0
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="layers")

    def load(self) -> int:
        """Reads the records and removes what was half made; returns how many of those there were. To be called once, first."""
        boot = records.boot_id()
        for name, record in records.read_all(self._folder):
            layer = _parse(name, record)
            if layer is not None and layer.boot in (None, boot) and self._there(name):
                self._layers[name] = layer
        lost = True
        while lost:  # one whose parent is not there is of no use
            lost = any(self._layers.pop(layer.name, None) is not None for layer in list(self._layers.values())
                       if not all(parent in self._layers for parent in layer.parents))
        wanted = {file for name in self._layers for file in (f"{name}.img", f"{name}.json")}
        unwanted = [name for name in os.listdir(self._folder) if name not in wanted]
        for name in unwanted:
            self._devices.unbind_file(self._folder, name)
            os.unlink(name, dir_fd=self._folder)
        for layer in self._layers.values():
            self._trees.hold(layer.template)
            for parent in layer.parents:
                self._layers[parent].users += 1
        return len(unwanted)

    def collect(self) -> None:
        """Removes dropped ones without a user. To be called at the start when all users are known."""
        with self._lock:
            for layer in list(self._layers.values()):
                self._forget_unused(layer)

    def add(self, name: str, template: str, parents: Sequence[str], image: int, most_bytes: int, note: str) -> dict[str, Any]:
        """Makes a layer of an image that nobody writes to meanwhile. Precondition: the caller holds the parents, which are less than MAX_DEPTH."""
        layer = Layer(name, template, tuple(parents), 0, int(time.time() * 1000), note, records.boot_id())
        self._make(layer, os.fstat(image).st_blocks * 512, most_bytes, lambda: self._copy(name, image))
        return _described(layer)

    def flattened(self, names: Sequence[str], template: str, root: int, most_bytes: int) -> tuple[str, ...]:
        """Layers that can carry another one and show the same as these, held for the caller; `root` is the template's open folder.

        They are these where they are few. Else it is one that is made of them: it takes as long as all their files to be copied, is listed
        nowhere, and goes with its last user; while it is there it serves all rooms on these. Precondition: the caller holds them, or a room.
        """
        if len(names) < MAX_DEPTH:
            self.reserve(names, template)
            return tuple(names)
        name = f"f{hashlib.sha256(' '.join(names).encode()).hexdigest()[:31]}"
        with self._flattening.turn():
            if not self._reserved_flat(name):
                folders = self.hold(names, template, dropped_too=True)
                try:
                    needed = self._flattening.bytes_of(folders)
                    layer = Layer(name, template, (), 0, int(time.time() * 1000), "", records.boot_id(), dropped=True, users=1)
                    self._make(layer, needed, most_bytes, lambda: self._flattening.make(name, folders, root))
                finally:
                    self.release(names)
        return (name,)

    def _reserved_flat(self, name: str) -> bool:
        with self._lock:
            layer = self._layers.get(name)
            if layer is not None:
                layer.users += 1
            return layer is not None

    def _make(self, layer: Layer, needed: int, most_bytes: int, work: Callable[[], None]) -> None:
        """`work` makes the image of a layer that will have about so many bytes."""
        name = layer.name
        self._begin(name, needed, most_bytes)
        try:
            work()
            with self._lock:
                layer.bytes = self._size(name)
                records.write(self._folder, name, layer.to_json())
                self._layers[name] = layer
                self._trees.hold(layer.template)
                for parent in layer.parents:
                    self._layers[parent].users += 1
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(f"{name}.img", dir_fd=self._folder)
            raise
        finally:
            with self._lock:
                self._making.discard(name)
                self._reserved -= needed
        self._writer.submit(self._make_lasting, layer)

    def hold(self, names: Sequence[str], template: str, dropped_too: bool = False) -> list[int]:
        """Mounts the layers, oldest first, for one more user; returns their folders, which stay ours. `release` ends it."""
        with self._lock:
            self._check(names, template, dropped_too)
            for name in names:
                self._layers[name].users += 1
            try:
                return [self._mounted(self._layers[name]) for name in names]
            except BaseException:
                self._release(names)
                raise

    def reserve(self, names: Sequence[str], template: str) -> None:
        """As `hold`, without mounting: for a disk that is kept."""
        with self._lock:
            self._check(names, template, True)
            for name in names:
                self._layers[name].users += 1

    def release(self, names: Sequence[str]) -> None:
        with self._lock:
            self._release(names)

    def drop(self, name: str) -> None:
        """No room can be made from it any more; its space is free when its last user is gone."""
        with self._lock:
            layer = self._layers.get(name)
            if layer is None or layer.dropped:
                raise RoomError("not_found", f"there is no snapshot {name}")
            layer.dropped = True
            records.write(self._folder, name, layer.to_json())
            self._forget_unused(layer)

    def page(self, after: str, count: int) -> dict[str, Any]:
        """Those that are not dropped, by name; and what all together take."""
        with self._lock:
            names = sorted(name for name, layer in self._layers.items() if not layer.dropped and name > after)
            return {"snapshots": [_described(self._layers[name]) for name in names[:count]], "more": len(names) > count,
                    "bytes": sum(layer.bytes for layer in self._layers.values())}

    def close(self) -> None:
        """Waits for what is being written. Every room must be gone."""
        self._writer.shutdown(wait=True, cancel_futures=True)
        with self._lock:
            for layer in self._layers.values():
                self._unmount(layer)

    def _check(self, names: Sequence[str], template: str, dropped_too: bool) -> None:
        for depth, name in enumerate(names):
            layer = self._layers.get(name)
            if layer is None or (layer.dropped and depth == len(names) - 1 and not dropped_too):
                raise RoomError("not_found", f"there is no snapshot {name}")
            if layer.template != template or layer.parents != tuple(names[:depth]):
                raise RoomError("invalid_argument", f"layers: {name} was made on template {layer.template} and the layers {list(layer.parents)}")

    def _begin(self, name: str, needed: int, most_bytes: int) -> None:
        with self._lock:
            if name in self._layers or name in self._making:
                raise RoomError("already_exists", f"there is a snapshot {name}")
            if len(self._layers) + len(self._making) >= MAX_LAYERS:
                raise RoomError("resource_exhausted", f"there are {MAX_LAYERS} snapshots: delete some")
            taken = sum(layer.bytes for layer in self._layers.values()) + self._reserved
            if taken + needed > most_bytes:
                raise RoomError("resource_exhausted", f"snapshots take {taken >> 20} MiB and this one needs {needed >> 20}, of "
                                                      f"{most_bytes >> 20} MiB that are allowed: delete some")
            self.check_space(needed)
            self._making.add(name)
            self._reserved += needed

    def check_space(self, needed: int) -> None:
        """A snapshot must not be what fills the disk."""
        space = os.fstatvfs(self._folder)
        if needed + _SPARE_BYTES > space.f_bavail * space.f_frsize:
            raise RoomError("resource_exhausted", f"the disk of the data folder has {space.f_bavail * space.f_frsize >> 20} MiB free; a snapshot of "
                                                  f"{needed >> 20} must leave {_SPARE_BYTES >> 20}: delete snapshots or other files")

    def _copy(self, name: str, image: int) -> None:
        draft = f".{name}.draft"
        target = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=self._folder)
        try:
            copy_sparse(image, target, os.fstat(image).st_size)
            os.rename(draft, f"{name}.img", src_dir_fd=self._folder, dst_dir_fd=self._folder)
        except BaseException:
            os.unlink(draft, dir_fd=self._folder)
            raise
        finally:
            os.close(target)

    def _make_lasting(self, layer: Layer) -> None:
        """Brings it to the medium behind its maker's back: 50 MB take longer than the whole snapshot."""
        try:
            descriptor = os.open(f"{layer.name}.img", os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=self._folder)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            dropped = layer.dropped
            written = records.draft(self._folder, layer.name, {**layer.to_json(), "boot": None})
            with self._lock:
                if self._layers.get(layer.name) is layer and layer.dropped == dropped:
                    layer.boot = None
                    records.commit(self._folder, layer.name, written)
                else:
                    records.discard(self._folder, written)
        except OSError:
            pass  # gone meanwhile, or the medium fails: it is lost if the machine stops now

    def _mounted(self, layer: Layer) -> int:
        if layer.mounted is None:
            target = f"{self._stage}/{layer.name}"
            image = os.open(f"{layer.name}.img", os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=self._folder)
            with contextlib.ExitStack() as undo:
                undo.callback(os.close, image)
                device, descriptor = self._devices.bind(image, read_only=True)
                undo.callback(os.close, descriptor)
                mount = mounts.new_mount("ext4", {"source": device}, ("ro", "noload"), _ATTRIBUTES)
                undo.callback(os.close, mount)
                os.makedirs(target, mode=0o700, exist_ok=True)
                mounts.attach(mount, target)
                try:
                    layer.mounted = os.open(f"{target}/upper", os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC), device
                except BaseException:
                    linux.umount(target)
                    raise
        return layer.mounted[0]

    def _unmount(self, layer: Layer) -> None:
        if layer.mounted is None:
            return
        folder, device = layer.mounted
        layer.mounted = None
        os.close(folder)
        linux.umount(f"{self._stage}/{layer.name}")
        os.rmdir(f"{self._stage}/{layer.name}")
        self._devices.await_unbound(device, self._folder, f"{layer.name}.img")

    def _release(self, names: Sequence[str]) -> None:
        for name in reversed(names):
            layer = self._layers[name]
            layer.users -= 1
            if layer.users == 0:
                self._unmount(layer)
                self._forget_unused(layer)

    def _forget_unused(self, layer: Layer) -> None:
        if not layer.dropped or layer.users or layer.name not in self._layers:
            return
        records.remove(self._folder, layer.name)
        os.unlink(f"{layer.name}.img", dir_fd=self._folder)
        del self._layers[layer.name]
        self._trees.release(layer.template)
        self._release(layer.parents)

    def _there(self, name: str) -> bool:
        try:
            os.stat(f"{name}.img", dir_fd=self._folder, follow_symlinks=False)
            return True
        except FileNotFoundError:
            return False

    def _size(self, name: str) -> int:
        return os.stat(f"{name}.img", dir_fd=self._folder, follow_symlinks=False).st_blocks * 512


def sync(mount: int) -> None:
    """Brings what a stopped room has written into its image."""
    root = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=mount)
    try:
        linux.syncfs(root)
    except SyscallError as error:
        if error.errno in (errno.EIO, errno.ENOSPC, errno.EDQUOT):  # said once for all that could not be written since the last time
            raise RoomError("resource_exhausted", "files of the sandbox could not be brought to the disk of the data folder: free space on it; "
                                                  "another try takes them as they are now") from None
        raise RoomError("internal", f"the disk of the sandbox cannot be written: {error}") from None
    finally:
        os.close(root)


def _described(layer: Layer) -> dict[str, Any]:
    return {"snapshot": layer.name, "template": layer.template, "layers": [*layer.parents, layer.name], "bytes": layer.bytes,
            "createdMillis": layer.created, "note": layer.note}


def _parse(name: str, record: dict[str, Any] | None) -> Layer | None:
    """Our own records; whatever else is there is not taken."""
    try:
        assert record is not None
        return Layer(name, str(record["template"]), tuple(map(str, record["parents"])), int(record["bytes"]), int(record["created"]),
                     str(record["note"]), record["boot"], bool(record["dropped"]))
    except (AssertionError, KeyError, TypeError, ValueError):
        return None
