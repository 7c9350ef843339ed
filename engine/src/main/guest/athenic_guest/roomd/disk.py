"""The writable layer of a room: a file system of its own, bounded in bytes and inodes.

A sparse ext4 image on a loop device; without loop devices a tmpfs (which counts as the room's memory). The image is a copy of one that
was made once per size: mkfs takes 36 ms, the sparse copy of its few blocks well under one. No journal and no barriers: a room does
not outlive a power failure, and its fsync must not slow its neighbours. Files on an image belong to the room's own ids, 0 to 65,535:
so an image that is kept, or copied as a layer, fits whatever range of the host's ids a room has.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import struct
import subprocess
import threading
from collections.abc import Collection
from typing import Final, Protocol

from athenic_guest.linux import SyscallError
from athenic_guest.roomd import mounts
from athenic_guest.roomd.errors import RoomError
from athenic_guest.roomd.loop import LoopDevices

_BLOCK: Final = 4096
_EXT4_IOC_SHUTDOWN: Final = 0x8004_587D  # fs/ext4/ext4.h: _IOR('X', 125, __u32)
_NO_LOG_FLUSH: Final = 2
_ATTRIBUTES: Final = mounts.ATTR_NODEV | mounts.ATTR_NOATIME
IN_MEMORY: Final = "this host has no loop devices: what sandboxes write is in memory, and is neither kept nor copied"
_MKFS: Final = ("/usr/sbin/mkfs.ext4", "/sbin/mkfs.ext4")


class Disk(Protocol):
    """A mounted file system that is visible nowhere: `mount` is its descriptor. In it are the folders `upper` and `work` of an overlay.

    `mapped`: its owners are the room's own ids, to be shifted into the room's range by an id-mapped mount.
    """

    mount: int
    mapped: bool
    device: str | None
    """`MAJOR:MINOR` of a block device that this disk has for itself."""

    def discard(self) -> None:
        """Throws the content away, unless it is retained. Afterwards no mount or device is left. May be called again after a failure."""

    def image(self) -> int:
        """A new descriptor of the image's file."""

    def retain(self, folder: int) -> None:
        """From now on `discard` moves the image into the directory instead of deleting it."""


class Disks(Protocol):
    """Makes disks. Safe for use by several threads."""

    kind: str

    def create(self, name: str, size: int, inodes: int) -> Disk: ...
    def sweep(self, spared: Collection[str] = ()) -> set[str]:
        """Removes what an earlier life left, but for the spared names; returns the names of the sandboxes."""


class LoopDisks:
    """Disks on loop devices. `folder` (images in use) and `bases` (made images) are directory descriptors that only root writes to."""

    kind = "loop"

    def __init__(self, folder: int, bases: int, devices: LoopDevices) -> None:
        self._folder = folder
        self._bases = bases
        self._devices = devices
        self._base_lock = threading.Lock()  # one mkfs at a time

    def create(self, name: str, size: int, inodes: int) -> Disk:
        image = f"{name}.img"
        with contextlib.ExitStack() as opened:
            base = self._base(size, inodes)
            opened.callback(os.close, base)
            target = os.open(image, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=self._folder)
            opened.callback(os.close, target)
            try:
                copy_sparse(base, target, size)
                disk = self._mount(image, target)
            except BaseException:
                os.unlink(image, dir_fd=self._folder)
                raise
        try:
            _make_parts(disk.mount)
        except BaseException:
            disk.discard()
            raise
        return disk

    def take_back(self, name: str, kept: int) -> Disk:
        """The disk of an image that `retain` put into the directory `kept`. When it cannot be mounted it stays there."""
        image = f"{name}.img"
        os.rename(image, image, src_dir_fd=kept, dst_dir_fd=self._folder)
        try:
            target = os.open(image, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=self._folder)
            try:
                return self._mount(image, target)
            finally:
                os.close(target)
        except BaseException:
            os.rename(image, image, src_dir_fd=self._folder, dst_dir_fd=kept)
            raise

    def give_up(self, name: str, kept: int) -> None:
        """Moves the image of a dead room into the directory `kept`, once no device uses it any more."""
        image = f"{name}.img"
        self._devices.unbind_file(self._folder, image)
        self._devices.await_unused(self._folder, image)
        os.rename(image, image, src_dir_fd=self._folder, dst_dir_fd=kept)

    def _mount(self, image: str, target: int) -> LoopDisk:
        device, descriptor = self._devices.bind(target)
        try:
            # From here on the mount keeps the device; without a user the kernel unbinds it (LO_FLAGS_AUTOCLEAR).
            mount = mounts.new_mount("ext4", {"source": device}, ("noinit_itable", "nobarrier"), _ATTRIBUTES)
        finally:
            os.close(descriptor)
        return LoopDisk(mount, self._folder, image, device, self._devices)

    def _base(self, size: int, inodes: int) -> int:
        """An open image of the wanted shape, made at its first use."""
        name = f"ext4-{size}-{inodes}.img"
        with self._base_lock:
            try:
                return os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=self._bases)
            except FileNotFoundError:
                pass
            draft = f".{name}.draft"
            descriptor = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=self._bases)
            try:
                os.ftruncate(descriptor, size)
                make_ext4(f"/proc/{os.getpid()}/fd/{descriptor}", size, inodes)
                os.rename(draft, name, src_dir_fd=self._bases, dst_dir_fd=self._bases)
            except BaseException:
                os.close(descriptor)
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(draft, dir_fd=self._bases)
                raise
            return descriptor

    def sweep(self, spared: Collection[str] = ()) -> set[str]:
        """Deletes images; their devices unbind themselves as the dead rooms' mounts go, and are unbound here where they do not."""
        names = [name for name in os.listdir(self._folder) if name.removesuffix(".img") not in spared]
        for name in names:
            self._devices.unbind_file(self._folder, name)
            os.unlink(name, dir_fd=self._folder)
        return {name.removesuffix(".img") for name in names}


class LoopDisk:
    """One room's image, bound and mounted."""

    mapped = True

    def __init__(self, mount: int, folder: int, image: str, device: str, devices: LoopDevices) -> None:
        self.mount = mount
        self._retained: int | None = None
        self._folder = folder
        self._image = image
        self._device = device
        self._devices = devices
        number = os.stat(device).st_rdev
        self.device: str | None = f"{os.major(number)}:{os.minor(number)}"

    def image(self) -> int:
        return os.open(self._image, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=self._folder)

    def retain(self, folder: int) -> None:
        self._retained = folder

    def discard(self) -> None:
        if self.mount >= 0:
            if self._retained is None:
                self._shut_down()
            mount, self.mount = self.mount, -1
            os.close(mount)
        self._devices.await_unbound(self._device, self._folder, self._image)
        with contextlib.suppress(FileNotFoundError):  # an attempt before this one came so far
            if self._retained is None:
                os.unlink(self._image, dir_fd=self._folder)
            else:
                os.rename(self._image, self._image, src_dir_fd=self._folder, dst_dir_fd=self._retained)

    def _shut_down(self) -> None:
        try:
            # Nothing that is still unwritten gets written: the room is gone. Without it a full disk took seconds to unmount.
            root = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=self.mount)
            try:
                fcntl.ioctl(root, _EXT4_IOC_SHUTDOWN, struct.pack("I", _NO_LOG_FLUSH))
            finally:
                os.close(root)
        except OSError:
            pass  # an optimisation only


class TmpfsDisks:
    """Disks in memory, for hosts without loop devices."""

    kind = "tmpfs"

    def create(self, name: str, size: int, inodes: int) -> Disk:
        del name
        mount = mounts.new_mount("tmpfs", {"size": str(size), "nr_inodes": str(inodes), "mode": "755"}, (), _ATTRIBUTES)
        _make_parts(mount)
        return TmpfsDisk(mount)

    def sweep(self, spared: Collection[str] = ()) -> set[str]:
        """Nothing outlives its mount."""
        del spared
        return set()


class TmpfsDisk:
    """One room's tmpfs. It belongs to the host's ids: tmpfs can be id-mapped since Linux 6.3 only."""

    mapped = False

    device: str | None = None

    def __init__(self, mount: int) -> None:
        self.mount = mount

    def image(self) -> int:
        raise RoomError("failed_precondition", IN_MEMORY)

    def retain(self, folder: int) -> None:
        raise RoomError("failed_precondition", IN_MEMORY)

    def discard(self) -> None:
        if self.mount >= 0:
            mount, self.mount = self.mount, -1
            os.close(mount)


def _make_parts(mount: int) -> None:
    os.mkdir("upper", 0o755, dir_fd=mount)
    os.mkdir("work", 0o700, dir_fd=mount)


def copy_sparse(source: int, target: int, size: int) -> None:
    """Makes `target` a copy of `source` with the same holes: by reflink where the file system can, else by the parts with data."""
    ficlone = 0x4004_9409  # linux/fs.h
    try:
        fcntl.ioctl(target, ficlone, source)
        return
    except OSError as error:
        if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL, errno.EXDEV, errno.ENOTTY, errno.ENOSYS):
            raise SyscallError("ioctl", "FICLONE", error.errno or errno.EIO) from None
    os.ftruncate(target, size)
    end = 0
    while end < size:
        try:
            start = os.lseek(source, end, os.SEEK_DATA)
        except OSError as error:
            if error.errno == errno.ENXIO:  # nothing but holes
                return
            raise
        end = os.lseek(source, start, os.SEEK_HOLE)
        while start < end:
            start += _copy_part(source, target, start, end - start)


def _copy_part(source: int, target: int, start: int, length: int) -> int:
    """Within the kernel where it can."""
    try:
        copied = os.copy_file_range(source, target, length, start, start)
    except OSError as error:
        if error.errno not in (errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP):
            raise
        copied = 0
    return copied or os.pwrite(target, os.pread(source, min(length, 1 << 20), start), start)


def make_ext4(path: str, size: int, inodes: int) -> None:
    """mke2fs(8). The image is new and sparse, so that no zeroes need to be written."""
    program = next((candidate for candidate in _MKFS if os.access(candidate, os.X_OK)), None)
    if program is None:
        raise SyscallError("execve", _MKFS[0], errno.ENOENT, "install e2fsprogs")
    features = "^has_journal,^resize_inode,^orphan_file,extent,dir_index,metadata_csum,64bit,sparse_super2"
    result = subprocess.run(
        [program, "-q", "-F", "-t", "ext4", "-b", str(_BLOCK), "-I", "256", "-N", str(inodes), "-m", "0", "-O", features,
         "-E", "lazy_itable_init=1,nodiscard,root_owner=0:0", path, str(size // _BLOCK)],
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C", "MKE2FS_CONFIG": "/dev/null"},
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60, check=False)
    if result.returncode != 0:
        raise SyscallError("mkfs.ext4", f"{size} bytes, {inodes} inodes", errno.EIO, result.stdout.decode(errors="replace").strip()[:500])

