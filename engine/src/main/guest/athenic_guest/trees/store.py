"""The folder of trees: DATA/templates/.trees/TREE/{rootfs, tree.json}, where TREE is 32 hex digits. Only root may enter it: a tree
may hold programs with setuid that a room has made, and they must be out of the reach of the host's users.

A tree appears whole by a rename, and goes by one. `.draft-*` and `.removed-*` are what a crash left. Who uses one holds a
shared flock(2) on its rootfs (`roomd/folders.py`); a tree is removed only under an exclusive one.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import json
import os
import re
import shutil
import stat
from dataclasses import asdict, dataclass
from typing import Final

from athenic_guest.trees.merge import Merge

NAME: Final = re.compile(r"[0-9a-f]{32}")
_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_DRAFT, _REMOVED, _RECORD = ".draft-", ".removed-", "tree.json"
_MAX_TREES: Final = 350
# A collection leaves no more, so that a build of 200 steps finds room.
_COLLECTED_TREES: Final = 150
_SPARE_BYTES: Final = 512 << 20


class Full(Exception):
    """There is no room for another tree."""


@dataclass
class Tree:
    """What is told of a tree. `own_bytes`: what it alone keeps on the disk."""

    tree: str
    parent: str
    bytes: int
    own_bytes: int
    files: int


class Store:
    """The open folder of trees."""

    def __init__(self, folder: int) -> None:
        self._folder = folder

    def names(self) -> list[str]:
        return [name for name in os.listdir(self._folder) if NAME.fullmatch(name)]

    def read(self, name: str) -> Tree | None:
        """A tree's record; None when there is no such tree."""
        try:
            descriptor = os.open(f"{name}/{_RECORD}", os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=self._folder)
        except FileNotFoundError:
            return None
        with os.fdopen(descriptor) as file:
            return Tree(**json.load(file))

    def trees(self) -> list[Tree]:
        """All of them, the longest unused first."""
        aged = []
        for name in self.names():
            tree = self.read(name)
            if tree is not None:
                aged.append((os.stat(f"{name}/{_RECORD}", dir_fd=self._folder).st_mtime_ns, tree))
        return [tree for _, tree in sorted(aged, key=lambda pair: (pair[0], pair[1].tree))]

    def commit(self, name: str, parent: str, upper: int, lower: int, base: int) -> Tree:
        """Makes the tree from the parent's tree `lower` and a room's changes; the one that is there, when there is one."""
        there = self.read(name)
        if there is not None:
            self._touch(name)
            return there
        self._check_space(upper)
        draft = f"{_DRAFT}{name}-{os.getpid()}"
        os.mkdir(draft, 0o700, dir_fd=self._folder)
        try:
            os.mkdir(f"{draft}/rootfs", 0o755, dir_fd=self._folder)
            out = os.open(f"{draft}/rootfs", _FOLDER, dir_fd=self._folder)
            try:
                counts = Merge(lower, base).run(upper, out)
                tree = Tree(name, parent, counts.total_bytes, counts.own_bytes, counts.files)
                self._write(draft, tree)
                _sync(out)
            finally:
                os.close(out)
            try:
                os.rename(draft, name, src_dir_fd=self._folder, dst_dir_fd=self._folder)
            except OSError as error:
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                    raise
                self._delete(draft)  # another build of the same was faster
        except BaseException:
            self._delete(draft)
            raise
        if parent:
            self._touch(parent)
        return tree

    def collect(self, keep: set[str], bound: int) -> list[str]:
        """Removes trees that nobody keeps or uses, the longest unused first, until all together have at most `bound` bytes and are not too
        many."""
        removed = []
        trees = self.trees()
        used = sum(tree.own_bytes for tree in trees)
        for tree in trees:
            if used <= bound and len(trees) - len(removed) <= _COLLECTED_TREES:
                break
            if tree.tree not in keep:
                freed = self._remove(tree)
                if freed is not None:
                    used -= freed
                    removed.append(tree.tree)
        return removed

    def sweep(self) -> None:
        """Removes what a crash left."""
        for name in os.listdir(self._folder):
            if name.startswith((_DRAFT, _REMOVED)):
                self._delete(name)

    def _remove(self, tree: Tree) -> int | None:
        """How many bytes that gave back; None when it is in use."""
        name = tree.tree
        root = os.open(f"{name}/rootfs", _FOLDER, dir_fd=self._folder)
        try:
            try:
                fcntl.flock(root, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return None
            gone = f"{_REMOVED}{name}-{os.getpid()}"
            os.rename(name, gone, src_dir_fd=self._folder, dst_dir_fd=self._folder)
            freed = min(_alone(root), tree.own_bytes)
            self._bequeath(tree, tree.own_bytes - freed)
            self._delete(gone)
            return freed
        finally:
            os.close(root)

    def _bequeath(self, gone: Tree, left: int) -> None:
        """What the children of a removed tree share with it is kept by them from now on; counted once, with the oldest."""
        for child in self.trees():
            if child.parent == gone.tree:
                child.parent, child.own_bytes, left = gone.parent, child.own_bytes + left, 0
                self._write(child.tree, child)

    def _write(self, folder: str, tree: Tree) -> None:
        fresh = f"{folder}/{_RECORD}.new"
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=self._folder)
        with os.fdopen(descriptor, "w") as file:
            json.dump(asdict(tree), file)
            file.flush()
            os.fsync(file.fileno())
        try:
            before = os.stat(f"{folder}/{_RECORD}", dir_fd=self._folder)
            os.utime(fresh, ns=(before.st_atime_ns, before.st_mtime_ns), dir_fd=self._folder)
        except FileNotFoundError:
            pass
        os.rename(fresh, f"{folder}/{_RECORD}", src_dir_fd=self._folder, dst_dir_fd=self._folder)

    def _touch(self, name: str) -> None:
        try:
            os.utime(f"{name}/{_RECORD}", dir_fd=self._folder)
        except FileNotFoundError:
            pass  # collected meanwhile: a tree does not need its parent

    def _delete(self, name: str) -> None:
        shutil.rmtree(name, dir_fd=self._folder, ignore_errors=False, onerror=_unless_gone)

    def _check_space(self, upper: int) -> None:
        if len(self.names()) >= _MAX_TREES:
            raise Full(f"there are {_MAX_TREES} trees: delete templates that are not needed")
        room, host = os.fstatvfs(upper), os.fstatvfs(self._folder)
        needed = (room.f_blocks - room.f_bfree) * room.f_frsize + _SPARE_BYTES
        free = host.f_bavail * host.f_frsize
        if free < needed:
            raise Full(f"a tree needs {needed >> 20} MiB of free disk, there are {free >> 20} MiB: free some, or delete templates")


def _alone(folder: int) -> int:
    """Bytes of the files below that have no other name."""
    total = 0
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                inner = os.open(entry.name, _FOLDER, dir_fd=folder)
                try:
                    total += _alone(inner)
                finally:
                    os.close(inner)
            else:
                found = entry.stat(follow_symlinks=False)
                if found.st_nlink == 1 and stat.S_ISREG(found.st_mode):
                    total += found.st_blocks * 512
    return total


def _sync(descriptor: int) -> None:
    """syncfs(2): after a power failure a tree is whole or not there."""
    if ctypes.CDLL(None, use_errno=True).syncfs(descriptor) < 0:
        raise OSError(ctypes.get_errno(), "syncfs")


def _unless_gone(_call: object, _path: str, information: tuple[type[BaseException], BaseException, object]) -> None:
    if not isinstance(information[1], FileNotFoundError):
        raise information[1]
