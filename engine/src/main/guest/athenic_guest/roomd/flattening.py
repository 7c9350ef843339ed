"""Makes the image of one layer out of several. The files are copied by another process (`trees/flatten.py`); the image is a draft until it is whole."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator, Sequence
from typing import Final

from athenic_guest import linux
from athenic_guest.linux import SyscallError
from athenic_guest.roomd import mounts
from athenic_guest.roomd.disk import make_ext4
from athenic_guest.roomd.errors import RoomError
from athenic_guest.roomd.helper import Helper
from athenic_guest.roomd.loop import LoopDevices

_SECONDS: Final = 240.0  # the client waits for five minutes
_WAITING: Final = 4
_BLOCK: Final = 4096
_MIB: Final = 1 << 20
_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class Flattening:
    """`folder` is the directory of the layers' images. One is made at a time; a few wait."""

    def __init__(self, folder: int, devices: LoopDevices, helper: Helper) -> None:
        self._folder = folder
        self._devices = devices
        self._helper = helper
        self._lock = threading.Lock()
        self._places = threading.BoundedSemaphore(_WAITING)

    @contextlib.contextmanager
    def turn(self) -> Iterator[None]:
        """The threads that serve requests must not all wait here."""
        if not self._places.acquire(blocking=False):
            raise RoomError("unavailable", f"the layers of {_WAITING} other sandboxes are being joined: try again")
        try:
            with self._lock:
                yield
        finally:
            self._places.release()

    @staticmethod
    def bytes_of(layers: Sequence[int]) -> int:
        """What the files of these take together, those included that a later layer hides."""
        used = 0
        for layer in layers:
            disk = os.fstatvfs(layer)
            used += (disk.f_blocks - disk.f_bfree) * disk.f_frsize
        return used

    def make(self, name: str, layers: Sequence[int], template: int) -> None:
        """Makes NAME.img of these, oldest first."""
        draft = f".{name}.draft"
        image = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=self._folder)
        try:
            self._format(image, layers)
            device, mount = self._mount(image)
            try:
                self._fill(mount, layers, template)
            finally:
                os.close(mount)
                self._devices.await_unbound(device, self._folder, draft)
            os.rename(draft, f"{name}.img", src_dir_fd=self._folder, dst_dir_fd=self._folder)
        except BaseException:
            os.unlink(draft, dir_fd=self._folder)
            raise
        finally:
            os.close(image)

    def _format(self, image: int, layers: Sequence[int]) -> None:
        """Sparse, and larger than needed: the same files in other places may need more blocks."""
        inodes = 1024
        for layer in layers:
            disk = os.fstatvfs(layer)
            inodes += disk.f_files - disk.f_ffree
        # ext4 has at most 32,768 inodes in a group of 128 MiB.
        size = max(self.bytes_of(layers) * 5 // 4 + inodes * 512, inodes * _BLOCK * 5 // 4) + 64 * _MIB
        size = size // _BLOCK * _BLOCK
        os.ftruncate(image, size)
        make_ext4(f"/proc/{os.getpid()}/fd/{image}", size, inodes)

    def _mount(self, image: int) -> tuple[str, int]:
        device, descriptor = self._devices.bind(image)
        try:
            attributes = mounts.ATTR_NODEV | mounts.ATTR_NOATIME
            return device, mounts.new_mount("ext4", {"source": device}, ("noinit_itable", "nobarrier"), attributes)
        finally:
            os.close(descriptor)

    def _fill(self, mount: int, layers: Sequence[int], template: int) -> None:
        with contextlib.ExitStack() as opened:
            for part in ("upper", "work", "links"):
                os.mkdir(part, 0o700, dir_fd=mount)
            upper = os.open("upper", _FOLDER, dir_fd=mount)
            opened.callback(os.close, upper)
            links = os.open("links", _FOLDER, dir_fd=mount)
            opened.callback(os.close, links)
            uppermost_first = list(reversed(layers))
            self._helper.run({"do": "flatten", "layers": uppermost_first, "template": template, "out": upper, "links": links},
                             (*uppermost_first, template, upper, links), _SECONDS)
            for name in os.listdir(links):
                os.unlink(name, dir_fd=links)
            os.rmdir("links", dir_fd=mount)
            try:
                linux.syncfs(upper)
            except SyscallError as error:
                raise RoomError("internal", f"the joined layer cannot be written: {error}") from None
