"""Mounts that exist only as descriptors: fsopen(2), fsconfig(2), fsmount(2), open_tree(2), mount_setattr(2), move_mount(2)."""

from __future__ import annotations

import errno
import os
import struct
from collections.abc import Mapping, Sequence

from athenic_guest.linux import SyscallError, call

# linux/mount.h
_FSOPEN_CLOEXEC, _FSMOUNT_CLOEXEC, _OPEN_TREE_CLONE, _OPEN_TREE_CLOEXEC = 1, 1, 1, os.O_CLOEXEC
_FSCONFIG_SET_FLAG, _FSCONFIG_SET_STRING, _FSCONFIG_CMD_CREATE = 0, 1, 6
_MOVE_MOUNT_F_EMPTY_PATH = 4
ATTR_RDONLY, ATTR_NOSUID, ATTR_NODEV, ATTR_NOEXEC, ATTR_NOATIME, ATTR_IDMAP = 1, 2, 4, 8, 0x10, 0x0010_0000
_AT_FDCWD, _AT_EMPTY_PATH, _AT_RECURSIVE = -100, 0x1000, 0x8000


def new_mount(kind: str, options: Mapping[str, str], flags: Sequence[str], attributes: int) -> int:
    """A new file system of `kind`, mounted nowhere; returns its descriptor. The kernel's own message is part of an error."""
    context = call("fsopen", kind, kind.encode(), _FSOPEN_CLOEXEC)
    try:
        try:
            for key, value in options.items():
                call("fsconfig", f"{kind}: {key}={value}", context, _FSCONFIG_SET_STRING, key.encode(), os.fsencode(value), 0)
            for flag in flags:
                call("fsconfig", f"{kind}: {flag}", context, _FSCONFIG_SET_FLAG, flag.encode(), None, 0)
            call("fsconfig", f"{kind}: create", context, _FSCONFIG_CMD_CREATE, None, None, 0)
        except SyscallError as error:
            raise SyscallError(error.call, error.subject, error.errno or 0, _messages(context) or error.hint) from None
        return call("fsmount", kind, context, _FSMOUNT_CLOEXEC, attributes)
    finally:
        os.close(context)


def _messages(context: int) -> str | None:
    """What the kernel wrote about the last failure of a file system context, e.g. `e overlay: No changes allowed in reconfigure`."""
    lines: list[str] = []
    while len(lines) < 8:
        try:
            lines.append(os.read(context, 4096).decode(errors="replace").strip())
        except OSError:  # ENODATA: no more
            break
    return "; ".join(lines) or None


def clone_tree(directory: int, recursive: bool = False) -> int:
    """A private copy of the mount at the descriptor `directory`, attached nowhere."""
    flags = _OPEN_TREE_CLONE | _OPEN_TREE_CLOEXEC | _AT_EMPTY_PATH | (_AT_RECURSIVE if recursive else 0)
    return call("open_tree", f"descriptor {directory}", directory, b"", flags)


def set_attributes(mount: int, attributes: int, user_namespace: int = -1) -> None:
    """mount_setattr(2) on a detached mount; with ATTR_IDMAP its owners are shifted by the map of `user_namespace`."""
    data = struct.pack("4Q", attributes, 0, 0, user_namespace if attributes & ATTR_IDMAP else 0)
    try:
        call("mount_setattr", f"{attributes:#x}", mount, b"", _AT_EMPTY_PATH, data, len(data))
    except SyscallError as error:
        unsupported = attributes & ATTR_IDMAP and error.errno in (errno.EINVAL, errno.EOPNOTSUPP)
        hint = "this file system cannot be id-mapped below an overlay: Linux 5.19 or newer is needed" if unsupported else error.hint
        raise SyscallError(error.call, error.subject, error.errno or 0, hint) from None


def attach(mount: int, target: str) -> None:
    """Puts a detached mount at the path `target` of the caller's mount namespace."""
    call("move_mount", target, mount, b"", _AT_FDCWD, os.fsencode(target), _MOVE_MOUNT_F_EMPTY_PATH)
