"""Small JSON files beside images: written at once or not at all."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import threading
from collections.abc import Iterator
from typing import Any, Final

_LONGEST: Final = 16_384
_DRAFT: Final = ".draft"


def boot_id() -> str:
    """Changes with every start of the machine; random(4)."""
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        return file.read().strip()


def write(folder: int, name: str, record: dict[str, Any]) -> None:
    """Replaces `name`.json in the directory."""
    commit(folder, name, _draft(folder, name, record, lasting=False))


def draft(folder: int, name: str, record: dict[str, Any]) -> str:
    """Writes a record that will survive a failure of power; `commit` or `discard` follows. May take long: hold no lock."""
    return _draft(folder, name, record, lasting=True)


def commit(folder: int, name: str, written: str) -> None:
    """Puts a draft in the place of `name`.json."""
    os.rename(written, f"{name}.json", src_dir_fd=folder, dst_dir_fd=folder)


def discard(folder: int, written: str) -> None:
    os.unlink(written, dir_fd=folder)


def _draft(folder: int, name: str, record: dict[str, Any], lasting: bool) -> str:
    path = f".{name}.json.{threading.get_ident()}{_DRAFT}"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=folder)
    try:
        data = json.dumps(record).encode()
        if os.write(descriptor, data) < len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if lasting:
            os.fsync(descriptor)
    except BaseException:
        os.unlink(path, dir_fd=folder)
        raise
    finally:
        os.close(descriptor)
    return path


def read_all(folder: int) -> Iterator[tuple[str, dict[str, Any] | None]]:
    """Every record by its name; none for a file that holds no record."""
    for file in sorted(os.listdir(folder)):
        if not file.endswith(".json"):
            continue
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
        try:
            record = json.loads(os.read(descriptor, _LONGEST))
        except ValueError:
            record = None
        finally:
            os.close(descriptor)
        yield file.removesuffix(".json"), record if isinstance(record, dict) else None


def remove(folder: int, name: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(f"{name}.json", dir_fd=folder)
