"""Makes one layer of several that lie on each other: above the same template it shows the same files.

A layer is the upper folder of an overlay as the kernel left it (Documentation/filesystems/overlayfs.rst): a character device 0/0 for what was removed,
`trusted.overlay.opaque` on a folder that hides those below, `trusted.overlay.redirect` on a folder that was renamed. Names are looked up as the
kernel does (fs/overlayfs/namei.c: ovl_lookup, ovl_lookup_layer). The template is the lowest folder of each stack: nothing of it is copied, but what it
lacks needs no mark to be hidden. Rooms wrote all names and contents: everything is opened by one name in an open folder, nothing is followed.
"""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import dataclass, field
from typing import Final

from athenic_guest.trees.merge import OPAQUE, REDIRECT, Refused, attribute, copy_data

# Each level holds a descriptor for every layer that has the folder.
MAX_DEPTH: Final = 128
_MAX_LINKED: Final = 500_000
_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_OWN: Final = "trusted.overlay."
_WHITEOUT: Final = os.makedev(0, 0)


@dataclass(frozen=True)
class Part:
    """An open folder of one layer, 0 the uppermost; `path` below the layer's root."""

    layer: int
    folder: int
    path: tuple[str, ...]


@dataclass
class Found:
    """What a name is: a folder of several parts, or a file in a folder of a layer, or nothing that is seen."""

    parts: list[Part] = field(default_factory=list)
    file: Part | None = None
    name: str = ""

    def close(self) -> None:
        for part in (*self.parts, *([self.file] if self.file is not None else [])):
            os.close(part.folder)


@dataclass
class _Walk:
    """Where a path leads in one layer. `following` is the path in the layers below; `stop`: they do not show through."""

    following: tuple[str, ...]
    absolute: bool
    stop: bool = False
    folder: int | None = None
    file_in: int | None = None


class Flatten:
    """`layers` are open folders, the uppermost first; `links` an empty folder beside the one that is made, to be removed afterwards."""

    def __init__(self, layers: list[int], template: int, links: int) -> None:
        self._roots = [Part(number, folder, ()) for number, folder in enumerate((*layers, template))]
        self._floor = len(layers)
        self._links = links
        self._linked: dict[tuple[int, int], str] = {}
        self._whiteout = False

    def run(self, out: int) -> None:
        self._folder(self._roots, out, 0)

    def _folder(self, parts: list[Part], out: int, depth: int) -> None:
        if depth > MAX_DEPTH:
            raise Refused(f"folders are nested more than {MAX_DEPTH} deep at {'/'.join(parts[0].path)[:200]!r}: remove them, or copy the "
                          "files into a new sandbox")
        below = parts[-1] if parts[-1].layer == self._floor else None
        names = {name for part in parts if part is not below for name in os.listdir(part.folder)}
        for name in sorted(names):
            found = self._look_up(parts, name)
            try:
                if found.file is not None:
                    self._file(found.file.layer, found.file.folder, found.name, out, name)
                elif found.parts:
                    self._subfolder(found.parts, below, out, name, depth)
                elif below is not None and _exists(below.folder, name):
                    self._hide(out, name)
            finally:
                found.close()
        top = parts[0].folder
        _copy_attributes(top, out, os.fstat(top))

    def _subfolder(self, parts: list[Part], below: Part | None, out: int, name: str, depth: int) -> None:
        os.mkdir(name, 0o700, dir_fd=out)
        made = os.open(name, _FOLDER, dir_fd=out)
        try:
            through = parts[-1].path if parts[-1].layer == self._floor else None
            if through is None:
                if below is not None and _exists(below.folder, name):
                    os.setxattr(made, OPAQUE, b"y")
            elif below is None or through != (*below.path, name):
                os.setxattr(made, REDIRECT, os.fsencode("/" + "/".join(through)))
            self._folder(parts, made, depth + 1)
        finally:
            os.close(made)

    def _look_up(self, parents: list[Part], name: str) -> Found:
        """The folders of all layers that a name shows, or the file."""
        found = Found()
        path: tuple[str, ...] = (name,)
        absolute = False
        stack, at = parents, 0
        try:
            while at < len(stack):
                part = stack[at]
                walk = self._walk(part, path, absolute, bool(found.parts))
                if walk.file_in is not None:
                    found.file, found.name = Part(part.layer, walk.file_in, ()), path[-1]
                    return found
                if walk.folder is not None:
                    found.parts.append(Part(part.layer, walk.folder, path if absolute else (*part.path, *path)))
                if walk.stop:
                    return found
                path = walk.following
                if walk.absolute and not absolute:
                    absolute, stack, at = True, self._roots, part.layer
                at += 1
            return found
        except BaseException:
            found.close()
            raise

    def _walk(self, start: Part, path: tuple[str, ...], absolute: bool, folders_only: bool) -> _Walk:
        walk = _Walk(path, absolute)
        lower: tuple[str, ...] = ()
        current = os.dup(start.folder)
        try:
            for depth, name in enumerate(path):
                last = depth == len(path) - 1
                try:
                    status = os.stat(name, dir_fd=current, follow_symlinks=False)
                except FileNotFoundError:
                    return walk
                if stat.S_ISCHR(status.st_mode) and status.st_rdev == _WHITEOUT:
                    walk.stop = True
                    return walk
                if not stat.S_ISDIR(status.st_mode):
                    walk.stop = True
                    if last and not folders_only and start.layer != self._floor:
                        walk.file_in, current = current, -1
                    return walk
                inner = os.open(name, _FOLDER, dir_fd=current)
                os.close(current)
                current = inner
                lower = (*lower, name)
                if start.layer != self._floor:
                    lower = self._mark(inner, lower, walk)
                    walk.following = (*lower, *path[depth + 1:])
            walk.folder, current = current, -1
            return walk
        finally:
            if current >= 0:
                os.close(current)

    @staticmethod
    def _mark(folder: int, lower: tuple[str, ...], walk: _Walk) -> tuple[str, ...]:
        """Obeys a folder's marks; returns the path of it in the layers below."""
        if attribute(folder, OPAQUE) == b"y":
            walk.stop = True
            return lower
        redirect = attribute(folder, REDIRECT)
        if redirect is None:
            return lower
        target = os.fsdecode(redirect)
        if not target.startswith("/"):
            return (*lower[:-1], *_checked([target]))
        walk.stop, walk.absolute = False, True
        return _checked(target[1:].split("/"))

    def _hide(self, out: int, name: str) -> None:
        """All whiteouts are one file, as the kernel makes them, while a file can have another name."""
        while True:
            try:
                if self._whiteout:
                    os.link("whiteout", name, src_dir_fd=self._links, dst_dir_fd=out, follow_symlinks=False)
                    return
            except OSError as error:
                if error.errno != errno.EMLINK:
                    raise
                os.unlink("whiteout", dir_fd=self._links)
            os.mknod("whiteout", stat.S_IFCHR, _WHITEOUT, dir_fd=self._links)
            self._whiteout = True

    def _file(self, layer: int, source: int, name: str, out: int, out_name: str) -> None:
        found = os.stat(name, dir_fd=source, follow_symlinks=False)
        kind = stat.S_IFMT(found.st_mode)
        key = (layer, found.st_ino)
        if found.st_nlink > 1 and key in self._linked:
            os.link(self._linked[key], out_name, src_dir_fd=self._links, dst_dir_fd=out, follow_symlinks=False)
            return
        if kind == stat.S_IFREG:
            self._regular(source, name, out, out_name)
        else:
            if kind == stat.S_IFLNK:
                os.symlink(os.readlink(name, dir_fd=source), out_name, dir_fd=out)
            elif kind in (stat.S_IFIFO, stat.S_IFSOCK):
                os.mknod(out_name, kind | 0o600, dir_fd=out)
            else:
                raise Refused(f"{name[:200]!r} is a device: a snapshot has none")
            _copy_special(source, name, out, out_name, found)
        if found.st_nlink > 1:
            if len(self._linked) >= _MAX_LINKED:
                raise Refused(f"there are more than {_MAX_LINKED} files with several names: copy the files into a new sandbox")
            self._linked[key] = f"{len(self._linked)}"
            os.link(out_name, self._linked[key], src_dir_fd=out, dst_dir_fd=self._links, follow_symlinks=False)

    @staticmethod
    def _regular(source: int, name: str, out: int, out_name: str) -> None:
        opened = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=source)
        try:
            target = os.open(out_name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=out)
            try:
                status = os.fstat(opened)
                copy_data(opened, target, status.st_size)
                _copy_attributes(opened, target, status)
            finally:
                os.close(target)
        finally:
            os.close(opened)


def _copy_attributes(source: int, target: int, status: os.stat_result) -> None:
    """All but overlayfs' own; owners and the ids in access lists are the room's in every layer. After the owner: a change of that takes setuid and
    capabilities away."""
    os.fchown(target, status.st_uid, status.st_gid)
    os.fchmod(target, stat.S_IMODE(status.st_mode))
    for name in os.listxattr(source):
        if not name.startswith(_OWN):
            os.setxattr(target, name, os.getxattr(source, name))
    os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns))


def _copy_special(source: int, name: str, out: int, out_name: str, status: os.stat_result) -> None:
    """Of what cannot be opened: a link, a pipe, a socket."""
    os.chown(out_name, status.st_uid, status.st_gid, dir_fd=out, follow_symlinks=False)
    if not stat.S_ISLNK(status.st_mode):
        os.chmod(out_name, stat.S_IMODE(status.st_mode), dir_fd=out)  # ours, just made: no link
    old, new = f"/proc/self/fd/{source}/{name}", f"/proc/self/fd/{out}/{out_name}"
    for each in os.listxattr(old, follow_symlinks=False):
        if not each.startswith(_OWN):
            os.setxattr(new, each, os.getxattr(old, each, follow_symlinks=False), follow_symlinks=False)
    os.utime(out_name, ns=(status.st_atime_ns, status.st_mtime_ns), dir_fd=out, follow_symlinks=False)


def _exists(folder: int, name: str) -> bool:
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
        return True
    except FileNotFoundError:
        return False


def _checked(names: list[str]) -> tuple[str, ...]:
    if any(name in ("", ".", "..") or "/" in name for name in names):
        raise Refused(f"a renamed folder points to {'/'.join(names)[:200]!r}")
    return tuple(names)
