"""`fs.watch`: changes below a folder by inotify(7)."""

from __future__ import annotations

import ctypes
import os
import select
import struct
from collections.abc import Iterator
from typing import Any

from ..frames import Connection, Failure
from . import entries, fields, users
from .context import Context

# linux/inotify.h
_MODIFY, _ATTRIB, _MOVED_FROM, _MOVED_TO = 0x2, 0x4, 0x40, 0x80
_CREATE, _DELETE, _DELETE_SELF, _MOVE_SELF = 0x100, 0x200, 0x400, 0x800
_OVERFLOW, _IGNORED, _ONLYDIR, _EXCL_UNLINK, _ISDIR = 0x4000, 0x8000, 0x01000000, 0x04000000, 0x40000000
_MASK = _MODIFY | _ATTRIB | _MOVED_FROM | _MOVED_TO | _CREATE | _DELETE | _DELETE_SELF | _MOVE_SELF | _ONLYDIR | _EXCL_UNLINK
_EVENT = struct.Struct("iIII")
_MAX_FOLDERS = 8192
# In the order in which envd tells an event that means several things.
_TYPES = (
    (_CREATE | _MOVED_TO, "create"),
    (_MOVED_FROM | _MOVE_SELF, "rename"),
    (_ATTRIB, "chmod"),
    (_MODIFY, "write"),
    (_DELETE | _DELETE_SELF, "remove"),
)

_libc = ctypes.CDLL(None, use_errno=True)


def watch(_context: Context, connection: Connection, request: dict[str, Any]) -> None:
    user = users.find(fields.optional_text(request, "user"))
    path = user.resolve(fields.path(request, "path"))
    recursive, with_entry = fields.flag(request, "recursive"), fields.flag(request, "includeEntry")
    if not os.path.lexists(path):
        raise Failure("not_found", f"path '{path}' does not exist")
    if not os.path.isdir(path):
        raise Failure("invalid_argument", f"path '{path}' is not a directory")
    tree = Tree(path, recursive)
    try:
        connection.send_json({"start": {}})
        connection.socket.settimeout(30.0)
        poll = select.poll()
        poll.register(tree.handle, select.POLLIN)
        poll.register(connection.socket, select.POLLRDHUP)
        while True:
            ready = {descriptor for descriptor, _ in poll.poll()}
            if connection.socket.fileno() in ready:
                return
            for name, kind in tree.events():
                event: dict[str, Any] = {"name": name, "type": kind}
                if with_entry and kind in ("create", "write", "chmod"):
                    event |= _entry(os.path.join(path, name))
                connection.send_json({"event": event})
    finally:
        tree.close()


def _entry(path: str) -> dict[str, Any]:
    try:
        return {"entry": entries.entry(path)}
    except OSError:
        return {}  # gone again


class Tree:
    """One inotify instance on a folder, or on a folder and all below it."""

    def __init__(self, root: str, recursive: bool) -> None:
        self.handle = _libc.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK)
        if self.handle < 0:
            raise Failure("resource_exhausted", "no more watchers can be made in this sandbox")
        self._root = root
        self._recursive = recursive
        self._folders: dict[int, str] = {}
        try:
            self._add("")
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        os.close(self.handle)

    def events(self) -> Iterator[tuple[str, str]]:
        """(name relative to the root, type) of what happened since the last call."""
        try:
            data = os.read(self.handle, 1 << 16)
        except BlockingIOError:
            return
        at = 0
        while at < len(data):
            number, mask, _cookie, length = _EVENT.unpack_from(data, at)
            name = os.fsdecode(data[at + _EVENT.size : at + _EVENT.size + length].rstrip(b"\0"))
            at += _EVENT.size + length
            if mask & _OVERFLOW:
                raise Failure("resource_exhausted", "more changes than a watcher can keep: watch a smaller folder")
            if mask & _IGNORED:
                self._folders.pop(number, None)
                continue
            folder = self._folders.get(number)
            if folder is None or (not name and folder):
                continue  # the folder itself: told already by the watch on its parent
            yield from self._meanings(os.path.join(folder, name), mask)

    def _meanings(self, name: str, mask: int) -> Iterator[tuple[str, str]]:
        for bits, kind in _TYPES:
            if mask & bits:
                yield name, kind
        if self._recursive and mask & _ISDIR:
            if mask & (_CREATE | _MOVED_TO):
                yield from self._added_late(name)
            elif mask & _MOVED_FROM:
                self._drop(name)

    def _added_late(self, name: str) -> Iterator[tuple[str, str]]:
        """A new folder: what was made in it before it could be watched is told as created."""
        self._add(name)
        base = os.path.join(self._root, name)
        for folder, folders, files in os.walk(base):
            for entry in (*folders, *files):
                yield os.path.relpath(os.path.join(folder, entry), self._root), "create"

    def _add(self, name: str) -> None:
        waiting = [name]
        while waiting:
            folder = waiting.pop()
            path = os.path.join(self._root, folder) if folder else self._root
            number = _libc.inotify_add_watch(self.handle, os.fsencode(path), _MASK)
            if number < 0:
                if folder:
                    continue  # removed meanwhile, or a link
                raise entries.failure(OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno())), path)
            self._folders[number] = folder
            if len(self._folders) > _MAX_FOLDERS:
                raise Failure("resource_exhausted", f"'{self._root}' has more than {_MAX_FOLDERS} folders: watch a part of it")
            if self._recursive:
                waiting += _subfolders(path, folder)

    def _drop(self, name: str) -> None:
        """A folder that was moved away: its watches go, or its changes would be told under the old name."""
        for number, folder in list(self._folders.items()):
            if folder == name or folder.startswith(name + "/"):
                _libc.inotify_rm_watch(self.handle, number)
                del self._folders[number]


def _subfolders(path: str, name: str) -> list[str]:
    try:
        with os.scandir(path) as found:
            return [os.path.join(name, entry.name) for entry in found if entry.is_dir(follow_symlinks=False)]
    except OSError:
        return []
