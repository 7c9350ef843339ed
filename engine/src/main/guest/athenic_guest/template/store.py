"""Where templates lie: DATA/templates/NAME/{rootfs,manifest.json}, DATA/templates/cache/*.deb, DATA/templates/.build-* while building."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .problem import Problem

_BUILDING = ".build-"
_REMOVED = ".removed-"


class Store:
    """The folder of templates in a data directory."""

    def __init__(self, data: Path) -> None:
        self.folder = data / "templates"
        self.cache = self.folder / "cache"

    def root(self, name: str) -> Path:
        return self.folder / name / "rootfs"

    def manifest(self, name: str) -> dict[str, Any] | None:
        """What the template was built from; None when there is none that is whole."""
        try:
            found = json.loads((self.folder / name / "manifest.json").read_text())
        except (OSError, ValueError):
            return None
        return found if isinstance(found, dict) and (self.root(name) / "usr").is_dir() else None

    @contextmanager
    def lock(self) -> Iterator[None]:
        """One build at a time in a data directory. The lock is the kernel's: it ends with the process."""
        self.folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(self.folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Problem(f"another build is under way in {self.folder}: wait for it to end") from None
            yield
        finally:
            os.close(handle)

    def sweep(self) -> None:
        """Removes what an aborted build left. Its downloads stay in the cache."""
        for path in self.folder.glob(".*-*"):
            if path.name.startswith((_BUILDING, _REMOVED)):
                remove(path)

    def building(self, name: str) -> Path:
        path = self.folder / f"{_BUILDING}{name}-{os.getpid()}"
        path.mkdir(mode=0o755)
        return path

    def publish(self, built: Path, name: str, manifest: dict[str, Any]) -> None:
        """Puts a finished build in its place; readers see the old one or the new one, whole."""
        text = json.dumps(manifest, indent=1, sort_keys=True) + "\n"
        with open(built / "manifest.json", "w") as out:
            out.write(text)
            out.flush()
            os.fsync(out.fileno())
        place, old = self.folder / name, self.folder / f"{_REMOVED}{name}-{os.getpid()}"
        if place.exists():
            place.rename(old)
        built.rename(place)
        if old.exists():
            remove(old)


def remove(path: Path) -> None:
    """Removes a tree on one file system; refuses when something is mounted in it, rather than emptying what is mounted."""
    real = str(path.resolve())
    with open("/proc/self/mounts") as mounts:
        inside = [line.split()[1] for line in mounts if line.split()[1].startswith(real + "/")]
    if inside:
        raise Problem(f"{inside[0]} is still mounted below a removed build: unmount it, then run the same command again")
    shutil.rmtree(path)
