"""The trees of templates, as far as roomd has to do with them: `template.commit`, `template.trees`, `template.collect`.

The work on trees is done by `trees.py` in a process of its own: it takes seconds of processor time and reads what a hostile room wrote.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any, Final

from athenic_guest.trees.store import Store
from athenic_guest.roomd import folders
from athenic_guest.roomd.errors import RoomError
from athenic_guest.roomd.room import Room

_COMMIT_SECONDS: Final = 600.0
_LOOK_SECONDS: Final = 0.1


class Trees:
    """`templates` is the open folder of templates, `guest` the folder of our code."""

    def __init__(self, templates: int, guest: str, rootless: bool) -> None:
        self._rootless = rootless
        self._folder = folders.open_owned(templates, folders.TREES)
        self._program = f"{guest}/trees.py"
        if any(name.startswith(".") for name in os.listdir(self._folder)):
            self._run({"do": "sweep"}, (), lambda: False)

    def commit(self, room: Room, tree: str) -> dict[str, Any]:
        """Keeps what a room has changed. Preconditions: the caller holds the room's lock. The room stands still meanwhile; a destroy
        of it does not wait for the end of the work."""
        if self._rootless:
            raise RoomError("failed_precondition", "without root's rights a template is not built in sandboxes: run as root, or with sudo")
        if room.layers:
            raise RoomError("failed_precondition", "the sandbox was made from a snapshot: a template is built from a template")
        upper = os.open("upper", os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=room.disk.mount)
        frozen = room.frozen
        try:
            if not frozen:
                room.frozen = True
                room.group.freeze(True)
            made = self._run({"do": "commit", "upper": upper, "lower": room.lower, "tree": tree, "parent": room.tree, "base": room.uid_base},
                             (upper, room.lower), lambda: room.destroyed)
        finally:
            os.close(upper)
            if not frozen and not room.destroyed:
                room.group.freeze(False)
                room.frozen = False
        return _view(made)

    def all(self) -> dict[str, Any]:
        return {"trees": [_view(vars(tree)) for tree in Store(self._folder).trees()]}

    def collect(self, keep: list[str], bound: int) -> dict[str, Any]:
        return self._run({"do": "collect", "keep": keep, "bound": bound}, (), lambda: False)

    def _run(self, order: dict[str, Any], descriptors: tuple[int, ...], unwanted: Callable[[], bool]) -> dict[str, Any]:
        text = json.dumps({**order, "folder": self._folder, "roomd": os.getpid()})
        deadline = time.monotonic() + _COMMIT_SECONDS
        with subprocess.Popen([sys.executable, "-I", "-B", self._program, text], pass_fds=(self._folder, *descriptors),
                              env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"}, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE) as process:
            while True:
                try:
                    output, _ = process.communicate(timeout=_LOOK_SECONDS)
                    break
                except subprocess.TimeoutExpired:
                    if unwanted():
                        process.kill()
                        process.communicate()
                        raise RoomError("not_found", "the sandbox was destroyed while its files were kept") from None
                    if time.monotonic() > deadline:
                        process.kill()
                        process.communicate()
                        raise RoomError("unavailable", f"the work on trees took more than {_COMMIT_SECONDS:.0f} s") from None
        try:
            answer = json.loads(output)
        except ValueError:
            raise RoomError("internal", f"the work on trees ended with status {process.returncode} without an answer") from None
        if not isinstance(answer, dict) or "error" in answer:
            raise RoomError(answer["code"], answer["error"])
        return answer


def _view(tree: dict[str, Any]) -> dict[str, Any]:
    return {"tree": tree["tree"], "parent": tree["parent"], "bytes": tree["bytes"], "ownBytes": tree["own_bytes"], "files": tree["files"]}
