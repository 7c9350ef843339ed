"""File operations that need no stream: stat, mkdir, move, remove."""

from __future__ import annotations

import errno
import os
import shutil
import stat as modes
from typing import Any

from ..frames import Connection, Failure
from . import entries, fields, users
from .context import Context
from .users import User


def stat(_context: Context, connection: Connection, request: dict[str, Any]) -> None:
    path = _path(request, "path")[1]
    connection.send_json({"ok": {"entry": _entry(path)}})


def mkdir(_context: Context, connection: Connection, request: dict[str, Any]) -> None:
    user, path = _path(request, "path")
    try:
        kind = os.stat(path).st_mode
    except OSError:
        kind = 0
    if modes.S_ISDIR(kind):
        raise Failure("already_exists", f"directory already exists: '{path}'")
    if kind:
        raise Failure("invalid_argument", f"path already exists but it is not a directory: '{path}'")
    make_folders(path, user)
    connection.send_json({"ok": {"entry": _entry(path)}})


def move(_context: Context, connection: Connection, request: dict[str, Any]) -> None:
    user, source = _path(request, "source")
    destination = user.resolve(fields.path(request, "destination"))
    if not os.path.lexists(source):
        raise Failure("not_found", f"path '{source}' does not exist")
    make_folders(os.path.dirname(destination), user)
    try:
        os.rename(source, destination)
    except OSError as error:
        if error.errno != errno.EXDEV:  # to another file system, such as /dev/shm
            raise entries.failure(error, destination) from None
        _move_across(source, destination)
    connection.send_json({"ok": {"entry": _entry(destination)}})


def remove(_context: Context, connection: Connection, request: dict[str, Any]) -> None:
    path = _path(request, "path")[1]
    if path == "/":
        raise Failure("invalid_argument", "the root directory cannot be removed")
    try:
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path)
        else:
            os.unlink(path)
    except FileNotFoundError:
        pass
    except OSError as error:
        raise entries.failure(error, path) from None
    connection.send_json({"ok": {}})


def make_folders(path: str, user: User) -> None:
    """Makes a folder and its missing parents, owned by the user. Raises Failure."""
    missing = []
    while not os.path.isdir(path):
        if os.path.lexists(path) and not os.path.islink(path):
            raise Failure("invalid_argument", f"path '{path}' exists and is not a directory")
        missing.append(path)
        path = os.path.dirname(path)
    for folder in reversed(missing):
        try:
            os.mkdir(folder, 0o755)
            os.chown(folder, user.uid, user.gid)
        except FileExistsError:
            if not os.path.isdir(folder):
                raise Failure("invalid_argument", f"path '{folder}' exists and is not a directory") from None
        except OSError as error:
            raise entries.failure(error, folder) from None


def _move_across(source: str, destination: str) -> None:
    try:
        shutil.move(source, destination)
    except (OSError, shutil.Error) as error:
        if error.errno is None:  # shutil's list of all that could not be copied
            raise Failure("permission_denied", f"path '{source}': not all of it can be moved to another file system") from None
        raise entries.failure(error, destination) from None


def _path(request: dict[str, Any], name: str) -> tuple[User, str]:
    user = users.find(fields.optional_text(request, "user"))
    return user, user.resolve(fields.path(request, name))


def _entry(path: str) -> dict[str, Any]:
    try:
        return entries.entry(path)
    except OSError as error:
        raise entries.failure(error, path) from None
