"""Files as streams: `fs.read`, `fs.write`, `fs.compose`."""

from __future__ import annotations

import errno
import os
import stat as modes
from typing import Any

from .. import frames
from ..frames import Connection, Failure, decode
from . import entries, fields, users
from .context import Context
from .files import make_folders
from .users import User

_CHUNK = 512 << 10
_READ_PATIENCE = 120.0
_MAX_METADATA = 4096
_MAX_KEY = 246


def read(_context: Context, connection: Connection, request: dict[str, Any]) -> None:
    user = users.find(fields.optional_text(request, "user"))
    path = user.resolve(fields.path(request, "path"))
    offset = fields.integer(request, "offset", 0, 1 << 62, 0)
    left = fields.integer(request, "length", 0, 1 << 62, 1 << 62)
    handle = _open_to_read(path)
    try:
        found = _entry(path)
        opened = os.fstat(handle)  # of the file that is sent, not of a link to it
        found["size"], found["modifiedMicros"] = opened.st_size, opened.st_mtime_ns // 1000
        connection.send_json({"entry": found})
        connection.socket.settimeout(_READ_PATIENCE)  # an open file and a thread are not kept for a reader that has gone
        sent = 0
        if offset:
            os.lseek(handle, offset, os.SEEK_SET)
        while left:
            try:
                data = os.read(handle, min(_CHUNK, left))
            except OSError as error:  # a file of /proc may be regular and yet not be read
                raise entries.failure(error, path) from None
            if not data:
                break
            connection.send(frames.DATA, data)
            sent += len(data)
            left -= len(data)
        connection.send_json({"ok": {"bytes": sent}})
    finally:
        os.close(handle)


def write(_context: Context, connection: Connection, request: dict[str, Any]) -> None:
    user = users.find(fields.optional_text(request, "user"))
    path = user.resolve(fields.path(request, "path"))
    metadata = _metadata(request)
    make_folders(os.path.dirname(path), user)
    handle = _open_to_write(path, user)
    try:
        _copy_frames(connection, handle, path)
        _set_metadata(handle, path, metadata)
    finally:
        os.close(handle)
    connection.send_json({"ok": {"entry": _entry(path)}})


def compose(_context: Context, connection: Connection, request: dict[str, Any]) -> None:
    """The sources one after the other become the destination, and are removed."""
    user = users.find(fields.optional_text(request, "user"))
    destination = user.resolve(fields.path(request, "destination"))
    sources = [user.resolve(path) for path in fields.texts(request, "sources")]
    if not sources:
        raise Failure("invalid_argument", "sources is empty: name at least one file")
    if len(set(sources)) < len(sources):
        raise Failure("invalid_argument", "sources names a file twice")
    for source in sources:
        os.close(_open_to_read(source))
    make_folders(os.path.dirname(destination), user)
    partial = f"{destination}.compose-{os.urandom(6).hex()}"
    try:
        handle = _open_to_write(partial, user)
        try:
            for source in sources:
                _append(handle, source)
        finally:
            os.close(handle)
        os.rename(partial, destination)
    except OSError as error:
        _discard(partial)
        raise entries.failure(error, destination) from None
    except BaseException:
        _discard(partial)
        raise
    for source in sources:
        if source != destination:
            _discard(source)
    connection.send_json({"ok": {"entry": _entry(destination)}})


def _copy_frames(connection: Connection, handle: int, path: str) -> None:
    """Until {"eof": true}, or the end of the connection: what came stays in the file."""
    while True:
        frame = connection.receive()
        if frame is None:
            raise frames.FrameError("the connection ended before eof")
        kind, payload = frame
        if kind == frames.JSON:
            if decode(payload).get("eof") is not True:
                raise Failure("invalid_argument", 'frames of type 1 or {"eof":true} were expected')
            return
        if kind != frames.STDIN:
            raise Failure("invalid_argument", f"frames of type 1 were expected, not {kind}")
        view = memoryview(payload)
        try:
            while view:
                view = view[os.write(handle, view) :]
        except OSError as error:
            raise entries.failure(error, path) from None


def _append(handle: int, source: str) -> None:
    reading = _open_to_read(source)
    try:
        while os.sendfile(handle, reading, None, 1 << 24):
            pass
    finally:
        os.close(reading)


def _open_to_read(path: str) -> int:
    try:
        # Not blocking: the open of a pipe would wait for a writer.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    except OSError as error:
        raise entries.failure(error, path) from None
    return _regular(handle, path)


def _open_to_write(path: str, user: User) -> int:
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY, 0o666)
    except OSError as error:
        if error.errno == errno.EISDIR:
            raise Failure("invalid_argument", f"path '{path}' is a directory") from None
        raise entries.failure(error, path) from None
    _regular(handle, path)
    try:
        os.ftruncate(handle, 0)
        os.fchown(handle, user.uid, user.gid)
    except OSError as error:
        os.close(handle)
        raise entries.failure(error, path) from None
    return handle


def _regular(handle: int, path: str) -> int:
    mode = os.fstat(handle).st_mode
    if modes.S_ISREG(mode):
        return handle
    os.close(handle)
    raise Failure("invalid_argument", f"path '{path}' is {'a directory' if modes.S_ISDIR(mode) else 'not a regular file'}")


def _metadata(request: dict[str, Any]) -> dict[str, str]:
    found = fields.texts_by_name(request, "metadata")
    for key, value in found.items():
        if not key or len(key) > _MAX_KEY or not (key + value).isascii() or not (key + value).isprintable():
            raise Failure("invalid_argument", f"metadata keys have 1..{_MAX_KEY} characters, keys and values are printable ASCII")
    if sum(len(key) + len(value) for key, value in found.items()) > _MAX_METADATA:
        raise Failure("invalid_argument", f"metadata is longer than {_MAX_METADATA} bytes")
    return found


def _set_metadata(handle: int, path: str, metadata: dict[str, str]) -> None:
    """Replaces the whole set. A file system without extended attributes has none to clear, and refuses new ones."""
    try:
        for name in os.listxattr(handle):
            if name.startswith(entries.METADATA_PREFIX):
                os.removexattr(handle, name)
    except OSError:
        pass
    try:
        for key, value in metadata.items():
            os.setxattr(handle, entries.METADATA_PREFIX + key, value.encode())
    except OSError as error:
        raise Failure("failed_precondition", f"metadata cannot be kept with '{path}': {error.strerror}") from None


def _entry(path: str) -> dict[str, Any]:
    try:
        return entries.entry(path)
    except OSError as error:
        raise entries.failure(error, path) from None


def _discard(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        pass
