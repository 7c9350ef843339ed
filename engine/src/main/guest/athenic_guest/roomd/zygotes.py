"""The zygotes of one roomd, one per template: started on demand, asked to fork guests."""

from __future__ import annotations

import contextlib
import json
import os
import select
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from athenic_guest.roomd import cgroups, folders, mounts
from athenic_guest.roomd.cgroups import Hierarchy
from athenic_guest.roomd.children import Child, Forker, exit_fields
from athenic_guest.roomd.errors import RoomError

START_SECONDS = 120.0
GROUP = "_zygotes"  # no sandbox has this name: ids have no underscore


@dataclass(frozen=True)
class Setting:
    """What every zygote is started with."""

    guest_folder: str
    socket_folder: str
    filters: tuple[bytes, bytes]
    owner: tuple[int, int]


class Zygote:
    """A zygote that can fork. `template` is the open root folder of its template."""

    def __init__(self, child: Child, forker: Forker, path: str, template: int, millis: int) -> None:
        self.child = child
        self.forker = forker
        self.path = path
        self.template = template
        self.millis = millis


class Zygotes:
    """Preconditions: `templates` is the folder that only root can change; templates outside are refused."""

    def __init__(self, forge: Forker, hierarchy: Hierarchy, templates: int, templates_path: str, setting: Setting,
                 emit: Callable[[dict[str, Any]], None], on_orphan: Callable[[int, int], None]) -> None:
        self._forge = forge
        self._group = hierarchy.group(GROUP)
        self._templates = templates
        self._templates_path = templates_path
        self._setting = setting
        self._emit = emit
        self._on_orphan = on_orphan
        self._lock = threading.Lock()  # guards the two below
        self._running: dict[str, Zygote] = {}
        self._starting: dict[str, threading.Lock] = {}

    def get(self, template: str) -> Zygote:
        """The running zygote of a template."""
        with self._lock:
            zygote = self._running.get(template)
        if zygote is None:
            raise RoomError("failed_precondition", f"template {template} has no zygote: send zygote.start first")
        return zygote

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
            zygote = self._start(template, path)
            with self._lock:
                self._running[template] = zygote
            zygote.child.on_exit(lambda status: self._ended(template, zygote, status))
            return zygote

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
            names = list(self._running)
        for name in names:
            with contextlib.suppress(RoomError):
                self.stop(name)
        self._group.remove()

    def _start(self, template: str, path: str) -> Zygote:
        began = time.monotonic()
        prefix = self._templates_path + "/"
        if not path.startswith(prefix):
            raise RoomError("permission_denied", f"zygote.start: path must be below {self._templates_path}: {path[:200]!r}")
        with contextlib.ExitStack() as undo:
            try:
                root = self._open(path.removeprefix(prefix).rstrip("/").split("/"))
            except FileNotFoundError:
                raise RoomError("not_found", f"there is no template at {path[:200]!r}: build it first") from None
            undo.callback(os.close, root)
            self._group.make()
            control = self._launch(root, undo)
            child, forker = control
            undo.pop_all()
            return Zygote(child, forker, path, root, int((time.monotonic() - began) * 1000))

    def open_tree(self, tree: str) -> int:
        """A descriptor of a tree's root folder for the caller, who closes it."""
        try:
            return folders.open_tree(self._templates, tree)
        except FileNotFoundError:
            raise RoomError("not_found", f"there is no tree {tree}: build the template again") from None

    def _open(self, below: list[str]) -> int:
        if below[0] == folders.TREES and len(below) == 3 and below[2] == "rootfs":
            return folders.open_tree(self._templates, below[1])
        return folders.open_template(self._templates, below)

    def _launch(self, root: int, undo: contextlib.ExitStack) -> tuple[Child, Forker]:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        undo.callback(ours.close)
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        with theirs:
            birthplace = self._group.birthplace()
            try:
                passed = [theirs.fileno(), *([birthplace] if birthplace is not None else [])]
                child = self._forge.fork({"what": "zygote", "flags": 0, "uid": 0, "cgroup": birthplace is not None}, passed)
            finally:
                if birthplace is not None:
                    os.close(birthplace)
        undo.callback(child.close)
        undo.callback(child.signal, 9)
        for file in self._group.join_files():
            cgroups.write(file, str(child.pid))
        self._send_mounts(ours, root)
        ours.send(json.dumps({"op": "setup", "filters": [program.hex() for program in self._setting.filters],
                              "owner": self._setting.owner}).encode())
        poll = select.poll()
        poll.register(ours, select.POLLIN)
        if not poll.poll(START_SECONDS * 1000):
            raise RoomError("unavailable", f"the zygote is not ready after {START_SECONDS:.0f} s")
        answer = json.loads(ours.recv(65_536) or b'{"error": "it ended before it was ready"}')
        if "error" in answer:
            raise RoomError("internal", f"the zygote cannot start: {answer['error']}")
        # Its guests outlive it: the forge inherits them and tells their ends.
        forker = Forker("zygote", ours, self._on_orphan, lambda _guests: None)
        forker.start()
        return child, forker

    def _send_mounts(self, control: socket.socket, root: int) -> None:
        """What the zygote sees of this machine: as detached mounts, so that no path is looked up in its new tree."""
        inert = mounts.ATTR_NOSUID | mounts.ATTR_NODEV
        with contextlib.ExitStack() as opened:
            trees = []
            for folder, attributes in ((root, inert | mounts.ATTR_RDONLY),
                                       (self._setting.guest_folder, inert | mounts.ATTR_RDONLY | mounts.ATTR_NOEXEC),
                                       (self._setting.socket_folder, inert | mounts.ATTR_NOEXEC)):
                if isinstance(folder, str):
                    folder = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
                    opened.callback(os.close, folder)
                tree = mounts.clone_tree(folder)
                opened.callback(os.close, tree)
                mounts.set_attributes(tree, attributes)
                trees.append(tree)
            socket.send_fds(control, [b"go"], trees)

    def _ended(self, template: str, zygote: Zygote, status: int) -> None:
        with self._lock:
            if self._running.get(template) is zygote:
                del self._running[template]
            os.close(zygote.template)
        zygote.child.close()
        self._emit({"event": "zygote.exit", "template": template, **exit_fields(status)})
