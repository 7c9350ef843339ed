"""Disks that outlive their rooms: of paused sandboxes, when their room ends with roomd or by request.

A record is written when a room is paused, while its image is still in use; so its files are there after roomd's death too: the dead room's
file system is unmounted by the kernel, whole, and the next start moves the image here.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

from athenic_guest.linux import SyscallError
from athenic_guest.roomd import layers, records
from athenic_guest.roomd.disk import Disk, LoopDisks
from athenic_guest.roomd.errors import RoomError
from athenic_guest.roomd.holds import TreeHolds
from athenic_guest.roomd.layers import Layers

MAX_KEPT: Final = 2048


@dataclass
class KeptDisk:
    """A record. `boot` as a layer's; `leaving`: its room is being ended; `waiting`: its room is gone and the image is here;
    `holding`: it holds its layers and its template's tree."""

    name: str
    template: str
    layers: tuple[str, ...]
    since: int
    boot: str | None
    waiting: bool = False
    leaving: bool = False
    holding: bool = False

    def to_json(self) -> dict[str, Any]:
        return {"template": self.template, "layers": list(self.layers), "since": self.since, "boot": self.boot}


class Kept:
    """The kept disks of a data directory. `folder` is a directory descriptor that only root writes to."""

    def __init__(self, folder: int, disks: LoopDisks, layers_of_all: Layers, trees: TreeHolds) -> None:
        self._folder = folder
        self._disks = disks
        self._layers = layers_of_all
        self._trees = trees
        self._lock = threading.Lock()  # guards the records
        self._kept: dict[str, KeptDisk] = {}
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="kept")

    def load(self) -> set[str]:
        """Takes the disks that rooms of an earlier life were to leave; removes what is no disk. Returns the names of images still in use."""
        boot, busy = records.boot_id(), set()
        for name, record in records.read_all(self._folder):
            disk = _parse(name, record)
            if disk is None or disk.boot not in (None, boot):
                continue
            try:
                if not self._there(name):
                    self._disks.give_up(name, self._folder)
                self._layers.reserve(disk.layers, disk.template)
            except FileNotFoundError:
                continue
            except RoomError:  # a layer is lost
                continue
            except SyscallError:
                busy.add(name)
                continue
            self._trees.hold(disk.template)
            disk.waiting = disk.holding = True
            self._kept[name] = disk
        wanted = {file for name in {*self._kept, *busy} for file in (f"{name}.img", f"{name}.json")}
        for file in os.listdir(self._folder):
            if file not in wanted:
                os.unlink(file, dir_fd=self._folder)
        return busy

    def mark(self, name: str, template: str, layer_names: tuple[str, ...], disk: Disk) -> None:
        """The disk of this room, which stands still, is to outlive it."""
        with self._lock:
            if name not in self._kept and len(self._kept) >= MAX_KEPT:
                raise RoomError("resource_exhausted", f"{MAX_KEPT} sandboxes are paused: resume or kill one")
            record = KeptDisk(name, template, layer_names, int(time.time() * 1000), records.boot_id())
            records.write(self._folder, name, record.to_json())
            self._kept[name] = record
        self._writer.submit(self._make_lasting, record, disk)

    def unmark(self, name: str) -> None:
        """Takes a mark back, if there is one."""
        with self._lock:
            record = self._kept.get(name)
            if record is not None and not record.waiting and not record.leaving:
                del self._kept[name]
                records.remove(self._folder, name)

    def marked(self, name: str) -> bool:
        """Whether the disk of this sandbox is kept, or is to be."""
        with self._lock:
            return name in self._kept

    def leave(self, name: str) -> None:
        """The marked room is about to end: `discard` is to put its image here."""
        with self._lock:
            self._kept[name].leaving = True

    def discard(self, name: str, disk: Disk) -> None:
        """Ends the use of a room's disk: its image comes here if it is to outlive the room, else it is deleted."""
        with self._lock:
            record = self._kept.get(name)
            if record is None or not record.leaving:
                record = None
        if record is None:
            disk.discard()
            return
        disk.retain(self._folder)
        disk.discard()
        with self._lock:
            if not record.holding:
                self._layers.reserve(record.layers, record.template)
                self._trees.hold(record.template)
            record.waiting, record.leaving, record.holding, record.boot = True, False, True, records.boot_id()
            with contextlib.suppress(OSError):  # the disk is full: the record is the one that `mark` wrote, which says as much
                records.write(self._folder, name, record.to_json())
        self._writer.submit(self._make_lasting, record, None)

    def take(self, name: str, template: str, layer_names: tuple[str, ...]) -> Disk:
        """The disk, for a new room of its sandbox; `taken` is to follow when there is one."""
        with self._lock:
            record = self._kept.get(name)
            if record is None or not record.waiting:
                raise RoomError("not_found", f"no disk of sandbox {name} is kept")
            if record.template != template or record.layers != layer_names:
                raise RoomError("invalid_argument", f"the disk of {name} lies on template {record.template} and the layers {list(record.layers)}")
            record.waiting, record.leaving = False, True  # should the making of the room fail, it comes back here
        try:
            return self._disks.take_back(name, self._folder)
        except BaseException:
            with self._lock:
                record.waiting, record.leaving = True, False
            raise

    def taken(self, name: str) -> None:
        """The new room stands: with its own hold on the layers."""
        with self._lock:
            record = self._kept.pop(name)
            records.remove(self._folder, name)
        self._let_go(record)

    def drop(self, name: str) -> None:
        with self._lock:
            record = self._kept.get(name)
            if record is None or not record.waiting:
                raise RoomError("not_found", f"no disk of sandbox {name} is kept")
            del self._kept[name]
            records.remove(self._folder, name)
            os.unlink(f"{name}.img", dir_fd=self._folder)
        self._let_go(record)

    def page(self, after: str, count: int) -> dict[str, Any]:
        """Those whose room is gone, by name."""
        with self._lock:
            names = sorted(name for name, record in self._kept.items() if record.waiting and name > after)
            return {"kept": [self._described(self._kept[name]) for name in names[:count]], "more": len(names) > count}

    def close(self) -> None:
        """Waits for what is being written; the kernel writes the rest when it likes."""
        self._writer.shutdown(wait=True, cancel_futures=True)

    def _let_go(self, record: KeptDisk) -> None:
        self._layers.release(record.layers)
        self._trees.release(record.template)

    def _described(self, record: KeptDisk) -> dict[str, Any]:
        size = os.stat(f"{record.name}.img", dir_fd=self._folder, follow_symlinks=False).st_blocks * 512
        return {"sandbox": record.name, "template": record.template, "layers": list(record.layers), "bytes": size, "sinceMillis": record.since}

    def _make_lasting(self, record: KeptDisk, disk: Disk | None) -> None:
        """Brings the image to the medium; `disk` is its mount while the room is there."""
        opened: list[int] = []
        try:
            with self._lock:
                if self._kept.get(record.name) is not record or record.leaving or record.waiting != (disk is None):
                    return  # it went on, or is on its way here
                if disk is None:
                    opened.append(os.open(f"{record.name}.img", os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=self._folder))
                else:
                    opened.append(disk.image())
                    opened.append(os.dup(disk.mount))
            if disk is not None:
                layers.sync(opened[1])
            os.fsync(opened[0])
            written = records.draft(self._folder, record.name, {**record.to_json(), "boot": None})
            with self._lock:
                if self._kept.get(record.name) is record and not record.leaving and record.waiting == (disk is None):
                    record.boot = None
                    records.commit(self._folder, record.name, written)
                else:
                    records.discard(self._folder, written)
        except (OSError, RoomError):
            pass  # the medium fails: the files are lost if the machine stops now
        finally:
            for descriptor in opened:
                os.close(descriptor)

    def _there(self, name: str) -> bool:
        try:
            os.stat(f"{name}.img", dir_fd=self._folder, follow_symlinks=False)
            return True
        except FileNotFoundError:
            return False


def _parse(name: str, record: dict[str, Any] | None) -> KeptDisk | None:
    try:
        assert record is not None
        return KeptDisk(name, str(record["template"]), tuple(map(str, record["layers"])), int(record["since"]), record["boot"])
    except (AssertionError, KeyError, TypeError, ValueError):
        return None
