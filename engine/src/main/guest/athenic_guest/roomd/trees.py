"""The trees of templates, as far as roomd has to do with them: `template.commit`, `template.trees`, `template.collect`."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, Final

from athenic_guest.trees.store import Store
from athenic_guest.roomd import folders
from athenic_guest.roomd.errors import RoomError
from athenic_guest.roomd.helper import Helper
from athenic_guest.roomd.room import Room

_COMMIT_SECONDS: Final = 600.0


class Trees:
    """`templates` is the open folder of templates."""

    def __init__(self, templates: int, helper: Helper, rootless: bool) -> None:
        self._rootless = rootless
        self._folder = folders.open_owned(templates, folders.TREES)
        self._helper = helper
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
        return self._helper.run({**order, "folder": self._folder}, (self._folder, *descriptors), _COMMIT_SECONDS, unwanted)


def _view(tree: dict[str, Any]) -> dict[str, Any]:
    return {"tree": tree["tree"], "parent": tree["parent"], "bytes": tree["bytes"], "ownBytes": tree["own_bytes"], "files": tree["files"]}
