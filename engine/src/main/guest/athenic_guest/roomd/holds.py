"""Keeps the trees that snapshots and kept disks lie on: a tree in use is not removed (`trees/store.py`), and those use theirs while no
room and no zygote does."""

from __future__ import annotations

import contextlib
import os
import re
import threading
from dataclasses import dataclass
from typing import Final

from athenic_guest.linux import SyscallError
from athenic_guest.roomd import folders

_OF_TREE: Final = re.compile(r"(?:.*\.)?([0-9a-f]{32})")


def tree_of(template: str) -> str | None:
    """The tree that a template of this name is; none for one of the installation."""
    found = _OF_TREE.fullmatch(template)
    return None if found is None else found.group(1)


@dataclass
class _Hold:
    folder: int | None  # none: the tree is not there
    users: int = 0


class TreeHolds:
    """`templates` is the open folder of templates. Safe for use by several threads; takes no other lock."""

    def __init__(self, templates: int) -> None:
        self._templates = templates
        self._lock = threading.Lock()
        self._held: dict[str, _Hold] = {}

    def hold(self, template: str) -> None:
        """One user more. A tree that is gone is no error here: whoever makes a room on it is told."""
        tree = tree_of(template)
        if tree is None:
            return
        with self._lock:
            held = self._held.setdefault(tree, _Hold(None))
            if held.folder is None:
                with contextlib.suppress(FileNotFoundError, SyscallError):
                    held.folder = folders.open_tree(self._templates, tree)
            held.users += 1

    def release(self, template: str) -> None:
        tree = tree_of(template)
        if tree is None:
            return
        with self._lock:
            held = self._held[tree]
            held.users -= 1
            if held.users == 0:
                del self._held[tree]
                if held.folder is not None:
                    os.close(held.folder)
