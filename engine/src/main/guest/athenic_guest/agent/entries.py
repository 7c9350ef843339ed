"""ENTRY of docs/PROTOCOL.md section 3: one file as E2B's envd tells about it."""

from __future__ import annotations

import errno
import grp
import os
import pwd
import stat as modes
from typing import Any

from ..frames import Failure

METADATA_PREFIX = "user.e2b."

# The letters of Go's FileMode.String, in its order.
_LETTERS = (
    (modes.S_ISDIR, "d"),
    (modes.S_ISLNK, "L"),
    (lambda mode: modes.S_ISBLK(mode) or modes.S_ISCHR(mode), "D"),
    (modes.S_ISFIFO, "p"),
    (modes.S_ISSOCK, "S"),
    (lambda mode: mode & modes.S_ISUID, "u"),
    (lambda mode: mode & modes.S_ISGID, "g"),
    (modes.S_ISCHR, "c"),
    (lambda mode: mode & modes.S_ISVTX, "t"),
)


def entry(path: str, name: str | None = None) -> dict[str, Any]:
    """What `path` is, without following it. Raises OSError."""
    info = os.lstat(path)
    found: dict[str, Any] = {
        "name": os.path.basename(path) if name is None else name,
        "type": _type(info.st_mode),
        "path": path,
        "size": info.st_size,
        "mode": modes.S_IMODE(info.st_mode) & 0o777,
        "permissions": permissions(info.st_mode),
        "owner": _user(info.st_uid),
        "group": _group(info.st_gid),
        "modifiedMicros": info.st_mtime_ns // 1000,
    }
    if modes.S_ISLNK(info.st_mode):
        _add_target(found, path)
    metadata = read_metadata(path)
    if metadata:
        found["metadata"] = metadata
    return found


def permissions(mode: int) -> str:
    text = "".join(letter for test, letter in _LETTERS if test(mode))
    rights = "".join(letter if mode >> (8 - at) & 1 else "-" for at, letter in enumerate("rwxrwxrwx"))
    return (text or "-") + rights


def read_metadata(path: str) -> dict[str, str]:
    try:
        names = [name for name in os.listxattr(path) if name.startswith(METADATA_PREFIX)]
        return {name[len(METADATA_PREFIX) :]: os.getxattr(path, name).decode("ascii", "replace") for name in names}
    except OSError:
        return {}


def _add_target(found: dict[str, Any], path: str) -> None:
    try:
        target = os.path.realpath(path, strict=True)
        mode = os.stat(target).st_mode
    except OSError:
        found["symlinkTarget"] = path  # broken, or a circle
        return
    found["symlinkTarget"] = target
    found["type"] = _type(mode)
    found["mode"] = modes.S_IMODE(mode) & 0o777


def _type(mode: int) -> str:
    if modes.S_ISREG(mode):
        return "file"
    if modes.S_ISDIR(mode):
        return "directory"
    return "symlink" if modes.S_ISLNK(mode) else "other"


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _group(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


def failure(error: OSError, path: str) -> Failure:
    """What an error of the operating system means for the caller of a file operation."""
    if error.errno in (errno.ENOENT, errno.ESTALE):
        return Failure("not_found", f"path '{path}' does not exist")
    if error.errno == errno.ENOTDIR:
        return Failure("invalid_argument", f"path '{path}': a part of it is not a directory")
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return Failure("resource_exhausted", f"no space left for '{path}': the sandbox's disk is full")
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return Failure("permission_denied", f"path '{path}': {error.strerror}")
    if error.errno in (errno.ENAMETOOLONG, errno.EINVAL, errno.ELOOP, errno.EISDIR, errno.ENXIO, errno.EBUSY, errno.EXDEV):
        return Failure("invalid_argument", f"path '{path}': {error.strerror}")
    if error.errno == errno.EIO:
        return Failure("failed_precondition", f"path '{path}' cannot be read or written there: {error.strerror}")
    if error.errno in (errno.EMFILE, errno.ENFILE, errno.ENOMEM):
        return Failure("resource_exhausted", f"path '{path}': {error.strerror}")
    return Failure("internal", f"path '{path}': {error.strerror}")
