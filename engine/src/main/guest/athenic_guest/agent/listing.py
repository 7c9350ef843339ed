"""`fs.list`: a folder's entries, depth first in name order, sent in bounded frames."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from ..frames import Connection, Failure, encode
from . import entries, fields, users
from .context import Context

_MAX_ENTRIES = 100_000
_FRAME_BYTES = 900_000
_MAX_DEPTH = 1000


def list_folder(_context: Context, connection: Connection, request: dict[str, Any]) -> None:
    user = users.find(fields.optional_text(request, "user"))
    path = user.resolve(fields.path(request, "path"))
    depth = fields.integer(request, "depth", 0, 1 << 31, 1) or 1
    if not os.path.lexists(path):
        raise Failure("not_found", f"path '{path}' does not exist")
    if not os.path.isdir(path):
        raise Failure("invalid_argument", f"path '{path}' is not a directory")
    if connection.socket.gettimeout() is None:
        connection.socket.settimeout(30.0)  # a reader that has gone away without closing
    batch: list[dict[str, Any]] = []
    size = 0
    for count, found in enumerate(_walk(path, min(depth, _MAX_DEPTH))):
        if count >= _MAX_ENTRIES:
            raise Failure("resource_exhausted", f"'{path}' has more than {_MAX_ENTRIES} entries: list its parts, or with a smaller depth")
        size += len(encode(found)) + 1
        if size > _FRAME_BYTES and batch:
            connection.send_json({"entries": batch})
            batch, size = [], len(encode(found)) + 1
        batch.append(found)
    if batch:
        connection.send_json({"entries": batch})
    connection.send_json({"ok": {}})


def _walk(folder: str, depth: int) -> Iterator[dict[str, Any]]:
    """A stack and no recursion: a hostile tree may be deep."""
    stack = [iter(_names(folder, first=True))]
    folders = [folder]
    while stack:
        name = next(stack[-1], None)
        if name is None:
            stack.pop()
            folders.pop()
            continue
        path = os.path.join(folders[-1], name)
        try:
            found = entries.entry(path)
        except OSError:
            continue  # removed meanwhile
        yield found
        if found["type"] == "directory" and "symlinkTarget" not in found and len(stack) < depth:
            stack.append(iter(_names(path)))
            folders.append(path)


def _names(folder: str, first: bool = False) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError as error:
        if first:
            raise entries.failure(error, folder) from None
        return []
