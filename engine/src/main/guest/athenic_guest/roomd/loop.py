"""Loop devices: loop(4), linux/loop.h."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
import struct
import threading
import time
from typing import Final

from athenic_guest.linux import SyscallError
from athenic_guest.roomd import cgroups

_LOOP_CONFIGURE, _LOOP_CLR_FD, _LOOP_CTL_GET_FREE, _LOOP_CTL_REMOVE = 0x4C0A, 0x4C01, 0x4C82, 0x4C81
_LO_FLAGS_READ_ONLY: Final = 1
_LO_FLAGS_AUTOCLEAR: Final = 4
_MAJOR: Final = 7
_UNBIND_SECONDS: Final = 10.0
_REMOVE_SECONDS: Final = 1.0


class LoopDevices:
    """Binds files to loop devices. `nodes` is a folder that only roomd sees, for device nodes that the host's /dev lacks."""

    def __init__(self, nodes: str) -> None:
        self._nodes = nodes
        self._lock = threading.Lock()  # between asking for a free device and binding it
        self._first_own = self._count()

    @staticmethod
    def _count() -> int:
        return sum(1 for name in os.listdir("/sys/block") if name.startswith("loop"))

    def bind(self, file: int, read_only: bool = False) -> tuple[str, int]:
        """Binds the file to a free device that unbinds itself; returns the device's path and an open descriptor that keeps it bound."""
        with self._lock, open("/dev/loop-control", "rb") as control:
            for _ in range(64):  # another program may take the number first
                number = fcntl.ioctl(control, _LOOP_CTL_GET_FREE)
                path = self._node(number)
                device = os.open(path, (os.O_RDONLY if read_only else os.O_RDWR) | os.O_CLOEXEC)
                try:
                    # struct loop_config: fd, block_size, loop_info64 (lo_flags at 52 of 232), 8 reserved words
                    info = bytearray(232)
                    struct.pack_into("I", info, 52, _LO_FLAGS_AUTOCLEAR | (_LO_FLAGS_READ_ONLY if read_only else 0))
                    fcntl.ioctl(device, _LOOP_CONFIGURE, struct.pack("II", file, 4096) + bytes(info) + bytes(64))
                    return path, device
                except OSError as error:
                    os.close(device)
                    if error.errno != errno.EBUSY:
                        raise SyscallError("ioctl", f"LOOP_CONFIGURE {path}", error.errno or errno.EIO) from None
        raise SyscallError("ioctl", "LOOP_CTL_GET_FREE", errno.EBUSY, "other programs take every free loop device")

    def _node(self, number: int) -> str:
        """The device's path; in a container whose /dev is a copy the node is made in our own folder."""
        path = f"/dev/loop{number}"
        if os.path.exists(path):
            return path
        path = f"{self._nodes}/loop{number}"
        if not os.path.exists(path):
            os.mknod(path, 0o600 | stat.S_IFBLK, os.makedev(_MAJOR, number))
        return path

    def await_unbound(self, path: str, folder: int, name: str) -> None:
        """Waits until the kernel has let the file `name` of `folder` go; `path` is what `bind` returned. The number may have a new user."""
        file = _real_path(folder, name)
        for _ in cgroups.until(time.monotonic() + _UNBIND_SECONDS):
            if _backing_file(os.path.basename(path)) != file:
                return
        raise SyscallError("close", path, errno.EBUSY, "the loop device is still in use")

    def await_unused(self, folder: int, name: str) -> None:
        """Waits until no device is bound to the file `name` of `folder`."""
        file = _real_path(folder, name)
        for _ in cgroups.until(time.monotonic() + _UNBIND_SECONDS):
            if not any(_backing_file(device) == file for device in os.listdir("/sys/block") if device.startswith("loop")):
                return
        raise SyscallError("close", name, errno.EBUSY, "a loop device still uses it")

    def unbind_file(self, folder: int, name: str) -> None:
        """Unbinds every device whose backing file is `name` in the directory `folder`."""
        wanted = _real_path(folder, name)
        for device in os.listdir("/sys/block"):
            if not device.startswith("loop") or _backing_file(device) != wanted:
                continue
            descriptor = os.open(self._node(int(device.removeprefix("loop"))), os.O_RDONLY | os.O_CLOEXEC)
            try:
                fcntl.ioctl(descriptor, _LOOP_CLR_FD)
            except OSError as error:
                if error.errno != errno.ENXIO:
                    raise SyscallError("ioctl", f"LOOP_CLR_FD {device}", error.errno or errno.EIO) from None
            finally:
                os.close(descriptor)

    def remove_added(self) -> None:
        """Takes away the devices that were added since the start and that nobody uses, for at most a second: the kernel needs about 90 ms
        for each. One that stays is unbound and is used by the next who needs one."""
        deadline = time.monotonic() + _REMOVE_SECONDS
        with contextlib.suppress(OSError), open("/dev/loop-control", "rb") as control:
            for number in range(self._count() - 1, self._first_own - 1, -1):
                if time.monotonic() > deadline:
                    return
                with contextlib.suppress(OSError):  # in use by somebody, or never added
                    fcntl.ioctl(control, _LOOP_CTL_REMOVE, number)


def _real_path(folder: int, name: str) -> str:
    return os.path.join(os.readlink(f"/proc/self/fd/{folder}"), name)


def _backing_file(device: str) -> str | None:
    """The file that a device is bound to, as the kernel tells it; none when it is not bound."""
    try:
        with open(f"/sys/block/{device}/loop/backing_file", encoding="utf-8", errors="surrogateescape") as file:
            return file.read().rstrip("\n").removesuffix(" (deleted)")
    except OSError:
        return None
