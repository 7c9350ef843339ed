"""Folders that only root can change, opened as descriptors.

The data directory may belong to the server's user. Whoever owns a folder can replace what is in it by a link to anywhere, so roomd
walks from a descriptor, follows no link that root did not make, and refuses what others may write to.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat

from athenic_guest.linux import SyscallError

# Below the templates' folder.
TREES = ".trees"
# Who may own what is trusted: root; without it also the user as whom templates are built. Set once, at the start.
_trusted = {0}
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def trust(owner: int) -> None:
    """Folders of this user are trusted as well. To be called before any other thread runs."""
    _trusted.add(owner)


def open_owned(parent: int, name: str, mode: int = 0o700) -> int:
    """Opens the folder `name` in `parent`; it is made when missing and refused when it is not root's own."""
    try:
        os.mkdir(name, mode, dir_fd=parent)
    except FileExistsError:
        pass
    descriptor = os.open(name, _DIRECTORY, dir_fd=parent)
    try:
        _check(os.fstat(descriptor), name)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def open_template(templates: int, below: list[str]) -> int:
    """Opens a template's root folder by its path below the templates' folder. Links are followed where root made them."""
    current = os.dup(templates)
    try:
        for name in below:
            if name in ("", ".", ".."):
                raise SyscallError("open", "/".join(below), errno.EINVAL, "a template's path has no . or .. in it")
            status = os.stat(name, dir_fd=current, follow_symlinks=False)
            _check(status, name)
            following = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=current)
            os.close(current)
            current = following
            _check(os.fstat(current), name)
        return current
    except BaseException:
        os.close(current)
        raise


def open_tree(templates: int, tree: str) -> int:
    """Opens a tree's root folder, in use until it is closed: a tree in use is not removed (`trees/store.py`)."""
    path = [TREES, tree, "rootfs"]
    opened = open_template(templates, path)
    try:
        fcntl.flock(opened, fcntl.LOCK_SH | fcntl.LOCK_NB)
        now = os.stat("/".join(path), dir_fd=templates, follow_symlinks=False)  # it may have been moved away before the lock
        if not os.path.samestat(now, os.fstat(opened)):
            raise FileNotFoundError(errno.ENOENT, "the tree was removed", tree)
        return opened
    except BlockingIOError:
        os.close(opened)
        raise FileNotFoundError(errno.ENOENT, "the tree is being removed", tree) from None
    except BaseException:
        os.close(opened)
        raise


def _check(status: os.stat_result, name: str) -> None:
    writable = not stat.S_ISLNK(status.st_mode) and status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    if status.st_uid not in _trusted or writable:
        raise SyscallError("open", name, errno.EPERM, "it must belong to root and be writable by root alone: anybody else could redirect it")
