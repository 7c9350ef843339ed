"""The zygotes of one roomd, one per template: started on demand, asked to fork guests."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from athenic_guest.roomd import folders
from athenic_guest.roomd.cgroups import Hierarchy
from athenic_guest.roomd.children import Forker, exit_fields
from athenic_guest.roomd.errors import RoomError
from athenic_guest.roomd.holds import tree_of
from athenic_guest.roomd.renewal import Bounds, Renewal, Zygote
from athenic_guest.roomd.zygote_launch import Launcher, Setting

GROUP = "_zygotes"  # no sandbox has this name: ids have no underscore


class Zygotes:
    """Preconditions: `templates` is the folder that only root can change; templates outside are refused."""

    def __init__(self, forge: Forker, hierarchy: Hierarchy, templates: int, templates_path: str, setting: Setting,
                 emit: Callable[[dict[str, Any]], None], on_orphan: Callable[[int, int], None], bounds: Bounds) -> None:
        self._group = hierarchy.group(GROUP)
        self._launcher = Launcher(forge, self._group, setting, on_orphan)
        self._templates = templates
        self._templates_path = templates_path
        self._emit = emit
        self._bounds = bounds
        self._lock = threading.Lock()  # guards those below and the counts of the zygotes
        self._running: dict[str, Zygote] = {}
        self._retired: set[Zygote] = set()
        self._starting: dict[str, threading.Lock] = {}
        self._closed = False
        self._renewal = Renewal(self._renew, bounds)

    @contextlib.contextmanager
    def lend(self, template: str) -> Iterator[Zygote]:
        """The running zygote of a template, which is not retired before it is given back."""
        with self._lock:
            zygote = self._running.get(template)
            if zygote is None:
                raise RoomError("failed_precondition", f"template {template} has no zygote: send zygote.start first")
            zygote.users += 1
            zygote.forks += 1
            if zygote.forks == 1:
                zygote.first_fork = time.monotonic()
            worn = zygote.forks == self._bounds.forks
        try:
            if worn:
                self._renewal.hurry()
            yield zygote
        finally:
            with self._lock:
                zygote.users -= 1
                unused = zygote.retired and zygote.users == 0
            if unused:
                zygote.forker.retire()

    def open_template(self, template: str) -> int:
        """A descriptor of a running zygote's template for the caller, who closes it."""
        with self._lock:
            zygote = self._running.get(template)
            if zygote is not None:
                return os.dup(zygote.template)
        raise RoomError("failed_precondition", f"template {template} has no zygote: send zygote.start first")

    def start(self, template: str, path: str) -> Zygote:
        """Starts the zygote of a template, or returns the running one."""
        with self._lock:
            gate = self._starting.setdefault(template, threading.Lock())
        with gate:
            with self._lock:
                zygote = self._running.get(template)
            if zygote is not None:
                if zygote.path != path:
                    raise RoomError("already_exists", f"template {template} is served from {zygote.path}: send zygote.stop first")
                return zygote
            tree = _tree(self._below(path))
            if tree is not None and tree_of(template) != tree:
                raise RoomError("invalid_argument", f"zygote.start: a template that is tree {tree} has a name that ends with it: {template[:100]!r}")
            zygote = self._start(path)
            with self._lock:
                self._running[template] = zygote
            zygote.child.on_exit(lambda status: self._ended(template, zygote, status))
            return zygote

    def _renew(self) -> None:
        with self._lock:
            stale = [(template, zygote) for template, zygote in self._running.items() if zygote.stale(self._bounds)]
        for template, zygote in stale:
            try:
                self._replace(template, zygote)
            except BaseException:
                zygote.put_off()
                raise

    def _replace(self, template: str, old: Zygote) -> None:
        """The new one can fork before the old one ends, so nobody waits. Guests of the old one live on."""
        with self._lock:
            gate = self._starting[template]
        with gate:
            new = self._start(old.path)
            with self._lock:
                wanted = self._running.get(template) is old and not self._closed
                if wanted:
                    self._running[template] = new
                    self._retired.add(old)
                    old.retired = True
                else:
                    new.retired = True
                unused = old.users == 0
            new.child.on_exit(lambda status: self._ended(template, new, status))
            if not wanted:
                new.child.signal(9)
            elif unused:
                old.forker.retire()

    def stop(self, template: str) -> None:
        """Ends a zygote. Its guests go on."""
        with self._lock:
            zygote = self._running.pop(template, None)
        if zygote is None:
            raise RoomError("not_found", f"template {template} has no zygote")
        zygote.child.signal(9)
        if not zygote.child.wait(10.0):
            raise RoomError("internal", f"the zygote of {template} does not end")

    def stop_all(self) -> None:
        """Ends all of them and removes their control group."""
        with self._lock:
            self._closed = True
            names = list(self._running)
            retired = list(self._retired)
        self._renewal.close()
        for zygote in retired:
            zygote.child.signal(9)
            zygote.child.wait(10.0)
        for name in names:
            with contextlib.suppress(RoomError):
                self.stop(name)
        self._group.remove()

    def _start(self, path: str) -> Zygote:
        began = time.monotonic()
        below = self._below(path)
        with contextlib.ExitStack() as undo:
            try:
                root = self._open(below)
            except FileNotFoundError:
                raise RoomError("not_found", f"there is no template at {path[:200]!r}: build it first") from None
            undo.callback(os.close, root)
            self._group.make()
            child, forker = self._launcher.launch(root, undo)
            undo.pop_all()
            return Zygote(child, forker, path, root, int((time.monotonic() - began) * 1000))

    def open_tree(self, tree: str) -> int:
        """A descriptor of a tree's root folder for the caller, who closes it."""
        try:
            return folders.open_tree(self._templates, tree)
        except FileNotFoundError:
            raise RoomError("not_found", f"there is no tree {tree}: build the template again") from None

    def _below(self, path: str) -> list[str]:
        prefix = self._templates_path + "/"
        if not path.startswith(prefix):
            raise RoomError("permission_denied", f"zygote.start: path must be below {self._templates_path}: {path[:200]!r}")
        return path.removeprefix(prefix).rstrip("/").split("/")

    def _open(self, below: list[str]) -> int:
        tree = _tree(below)
        return folders.open_template(self._templates, below) if tree is None else folders.open_tree(self._templates, tree)

    def _ended(self, template: str, zygote: Zygote, status: int) -> None:
        with self._lock:
            if self._running.get(template) is zygote:
                del self._running[template]
            self._retired.discard(zygote)
            os.close(zygote.template)
        zygote.child.close()
        if zygote.retired:
            return
        self._emit({"event": "zygote.exit", "template": template, **exit_fields(status)})


def _tree(below: list[str]) -> str | None:
    """The tree whose root folder that path is."""
    return below[1] if len(below) == 3 and below[0] == folders.TREES and below[2] == "rootfs" else None
