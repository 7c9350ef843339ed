"""Makes a tree: the parent's with what a room has changed in it. Files that are as before are hard links to the parent's.

`upper` is the upper folder of the room's overlay, as the kernel left it (Documentation/filesystems/overlayfs.rst): new and changed files whole, a
character device 0/0 for what was removed, `trusted.overlay.opaque` on a folder that replaces the parent's, `trusted.overlay.redirect` on a
folder that was renamed. Its owners are the room's ids. The room wrote all names, links and contents in it: everything is opened by one
name in an open folder, nothing is followed, and what cannot be copied faithfully and harmlessly is refused.
"""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import dataclass, field
from typing import Final

RANGE: Final = 65_536
# A room's deepest path is far below it; every level holds three descriptors, and removing a tree recurses as deep.
MAX_DEPTH: Final = 100
_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
OPAQUE, REDIRECT = "trusted.overlay.opaque", "trusted.overlay.redirect"
# Made anew by every room, or not the template's: what a room has there is not kept.
_ROOMS_OWN: Final = frozenset({"dev", "proc", "sys", "run"})
_ROOMS_FILES: Final = frozenset({"etc/hostname", "etc/hosts", "etc/resolv.conf"})
_CHUNK: Final = 1 << 20
_MAX_LINKS: Final = 512


class Refused(Exception):
    """The room's files cannot become a tree; the text says which one and why."""


@dataclass
class Counts:
    """What a merge made. `own_bytes`: of files that are not shared with the parent."""

    files: int = 0
    total_bytes: int = 0
    own_bytes: int = 0


@dataclass
class Merge:
    """One merge. `base`: the room's first user id on the host. Descriptors stay the caller's."""

    lower_root: int
    base: int
    counts: Counts = field(default_factory=Counts)
    _links: dict[tuple[int, int], tuple[str, int]] = field(default_factory=dict)

    def run(self, upper: int, out: int) -> Counts:
        self._folder(upper, self.lower_root, out, "", 0)
        os.fchown(out, 0, 0)
        os.fchmod(out, 0o755)
        return self.counts

    def _folder(self, upper: int, lower: int | None, out: int, path: str, depth: int) -> None:
        """Merges two open folders into the empty open folder `out`."""
        if depth > MAX_DEPTH:
            raise Refused(f"folders are nested more than {MAX_DEPTH} deep at {path[:200]!r}: remove them in the step that makes them")
        changed = set(os.listdir(upper))
        if depth == 0:
            changed -= _ROOMS_OWN
        for name in sorted(changed):
            inside = f"{path}/{name}" if path else name
            if inside in _ROOMS_FILES:
                changed.discard(name)
                continue
            self._entry(upper, lower, out, name, inside, depth)
        if lower is not None:
            self._link_all(lower, out, changed)
        if depth:
            self._attributes(upper, out)

    def _entry(self, upper: int, lower: int | None, out: int, name: str, path: str, depth: int) -> None:
        found = os.stat(name, dir_fd=upper, follow_symlinks=False)
        kind = stat.S_IFMT(found.st_mode)
        if kind == stat.S_IFCHR and found.st_rdev == 0:
            return  # removed
        self.counts.files += 1
        if kind == stat.S_IFDIR:
            self._subfolder(upper, lower, out, name, path, depth)
        elif kind == stat.S_IFREG:
            self._file(upper, out, name, path)
        elif kind == stat.S_IFLNK:
            os.symlink(os.readlink(name, dir_fd=upper), name, dir_fd=out)
            os.chown(name, *self._owner(found, path), dir_fd=out, follow_symlinks=False)
            os.utime(name, ns=(found.st_atime_ns, found.st_mtime_ns), dir_fd=out, follow_symlinks=False)
        elif kind == stat.S_IFIFO:
            os.mkfifo(name, 0o600, dir_fd=out)
            os.chown(name, *self._owner(found, path), dir_fd=out, follow_symlinks=False)
            os.chmod(name, stat.S_IMODE(found.st_mode), dir_fd=out)  # ours, made above: no link
        elif kind == stat.S_IFSOCK:
            self.counts.files -= 1  # its process is gone
        else:
            raise Refused(f"{path[:200]!r} is a device: a template has none")

    def _subfolder(self, upper: int, lower: int | None, out: int, name: str, path: str, depth: int) -> None:
        inner = os.open(name, _FOLDER, dir_fd=upper)
        try:
            os.mkdir(name, 0o700, dir_fd=out)
            made = os.open(name, _FOLDER, dir_fd=out)
            try:
                below = self._origin(inner, lower, name)
                try:
                    self._folder(inner, below, made, path, depth + 1)
                finally:
                    if below is not None:
                        os.close(below)
            finally:
                os.close(made)
        finally:
            os.close(inner)

    def _origin(self, inner: int, lower: int | None, name: str) -> int | None:
        """The parent's folder that shows through `inner`, opened; None when none does."""
        if attribute(inner, OPAQUE) == b"y":
            return None
        redirect = attribute(inner, REDIRECT)
        if redirect is not None and redirect.startswith(b"/"):
            return _walk(self.lower_root, os.fsdecode(redirect).strip("/").split("/"))
        if lower is None:
            return None
        return _walk(lower, [os.fsdecode(redirect) if redirect is not None else name])

    def _file(self, upper: int, out: int, name: str, path: str) -> None:
        source = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=upper)
        try:
            found = os.fstat(source)
            if not stat.S_ISREG(found.st_mode):
                raise Refused(f"{path[:200]!r} changed while it was read: end the step's background processes")
            key = (found.st_dev, found.st_ino)
            if found.st_nlink > 1 and key in self._links:
                first, folder = self._links[key]
                os.link(first, name, src_dir_fd=folder, dst_dir_fd=out, follow_symlinks=False)
                return
            target = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=out)
            try:
                copy_data(source, target, found.st_size)
                copy_attributes(source, target)
                os.fchown(target, *self._owner(found, path))
                os.fchmod(target, stat.S_IMODE(found.st_mode))  # after the owner: a change of that takes setuid away
                os.utime(target, ns=(found.st_atime_ns, found.st_mtime_ns))
                size = os.fstat(target).st_blocks * 512
            finally:
                os.close(target)
            self.counts.own_bytes += size
            self.counts.total_bytes += size
            if found.st_nlink > 1 and len(self._links) < _MAX_LINKS:  # beyond it each name gets a copy
                self._links[key] = (name, os.dup(out))
        finally:
            os.close(source)

    def _attributes(self, upper: int, out: int) -> None:
        found = os.fstat(upper)
        copy_attributes(upper, out)
        os.fchown(out, *self._owner(found, "a folder"))
        os.fchmod(out, stat.S_IMODE(found.st_mode))
        os.utime(out, ns=(found.st_atime_ns, found.st_mtime_ns))

    def _owner(self, found: os.stat_result, path: str) -> tuple[int, int]:
        user, group = found.st_uid - self.base, found.st_gid - self.base
        if not (0 <= user < RANGE and 0 <= group < RANGE):
            raise Refused(f"{path[:200]!r} belongs to {found.st_uid}:{found.st_gid}, which is no user of the room")
        return user, group

    def _link_all(self, lower: int, out: int, without: set[str]) -> None:
        """Puts everything of the parent's folder into `out` but the names in `without`; the parent is trusted."""
        with os.scandir(lower) as entries:
            for entry in entries:
                if entry.name in without:
                    continue
                self.counts.files += 1
                if entry.is_dir(follow_symlinks=False):
                    self._copy_folder(lower, out, entry.name)
                else:
                    self._link(lower, out, entry.name)

    def _copy_folder(self, lower: int, out: int, name: str) -> None:
        source = os.open(name, _FOLDER, dir_fd=lower)
        try:
            os.mkdir(name, 0o700, dir_fd=out)
            target = os.open(name, _FOLDER, dir_fd=out)
            try:
                self._link_all(source, target, set())
                found = os.fstat(source)
                copy_attributes(source, target)
                os.fchown(target, found.st_uid, found.st_gid)
                os.fchmod(target, stat.S_IMODE(found.st_mode))
                os.utime(target, ns=(found.st_atime_ns, found.st_mtime_ns))
            finally:
                os.close(target)
        finally:
            os.close(source)

    def _link(self, lower: int, out: int, name: str) -> None:
        try:
            os.link(name, name, src_dir_fd=lower, dst_dir_fd=out, follow_symlinks=False)
            self.counts.total_bytes += os.stat(name, dir_fd=out, follow_symlinks=False).st_blocks * 512
        except OSError as error:
            # Another file system (a template that is a bind mount), or more links than an inode can have.
            if error.errno not in (errno.EXDEV, errno.EMLINK):
                raise
            self._copy_parents(lower, out, name)

    def _copy_parents(self, lower: int, out: int, name: str) -> None:
        found = os.stat(name, dir_fd=lower, follow_symlinks=False)
        if stat.S_ISLNK(found.st_mode):
            os.symlink(os.readlink(name, dir_fd=lower), name, dir_fd=out)
            os.chown(name, found.st_uid, found.st_gid, dir_fd=out, follow_symlinks=False)
            return
        if not stat.S_ISREG(found.st_mode):
            raise Refused(f"{name[:200]!r} of the parent is no file, folder or link")
        source = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=lower)
        try:
            target = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600, dir_fd=out)
            try:
                copy_data(source, target, found.st_size)
                copy_attributes(source, target)
                os.fchown(target, found.st_uid, found.st_gid)
                os.fchmod(target, stat.S_IMODE(found.st_mode))
                os.utime(target, ns=(found.st_atime_ns, found.st_mtime_ns))
                self.counts.own_bytes += os.fstat(target).st_blocks * 512
                self.counts.total_bytes += os.fstat(target).st_blocks * 512
            finally:
                os.close(target)
        finally:
            os.close(source)


def copy_data(source: int, target: int, size: int) -> None:
    """Copies the parts with data: a file of a room may be a hole of terabytes."""
    os.ftruncate(target, size)
    end = 0
    while end < size:
        try:
            start = os.lseek(source, end, os.SEEK_DATA)
        except OSError as error:
            if error.errno == errno.ENXIO:
                return
            raise
        end = min(os.lseek(source, start, os.SEEK_HOLE), size)
        while start < end:
            part = os.pread(source, min(end - start, _CHUNK), start)
            if not part:
                return  # it became shorter
            start += os.pwrite(target, part, start)


def copy_attributes(source: int, target: int) -> None:
    """`user.*` alone. File capabilities and access lists would name ids of the room as the host's; `trusted.*` is overlayfs' own."""
    for name in os.listxattr(source):
        if name.startswith("user."):
            os.setxattr(target, name, os.getxattr(source, name))


def attribute(descriptor: int, name: str) -> bytes | None:
    """Its value; None where there is none."""
    try:
        return os.getxattr(descriptor, name)
    except OSError as error:
        if error.errno in (errno.ENODATA, errno.EOPNOTSUPP):
            return None
        raise


def _walk(start: int, names: list[str]) -> int | None:
    """Opens a folder below `start` by names, none of them a link; None when it is not there or no folder."""
    current = os.dup(start)
    for name in names:
        if name in ("", ".", "..") or "/" in name:
            os.close(current)
            raise Refused(f"a renamed folder points to {'/'.join(names)[:200]!r}")
        try:
            following = os.open(name, _FOLDER, dir_fd=current)
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
                return None
            raise
        finally:
            os.close(current)
        current = following
    return current
