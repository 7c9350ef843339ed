"""Starts a zygote: its process, its place in the control groups, what it sees of the machine."""

from __future__ import annotations

import contextlib
import json
import os
import select
import socket
from collections.abc import Callable
from dataclasses import dataclass

from athenic_guest.roomd import cgroups, mounts
from athenic_guest.roomd.cgroups import Group
from athenic_guest.roomd.children import Child, Forker
from athenic_guest.roomd.errors import RoomError

START_SECONDS = 120.0


@dataclass(frozen=True)
class Setting:
    """What every zygote is started with."""

    guest_folder: str
    socket_folder: str
    filters: tuple[bytes, bytes]
    owner: tuple[int, int]


class Launcher:
    """`on_orphan` hears of guests whose zygote has ended before them."""

    def __init__(self, forge: Forker, group: Group, setting: Setting, on_orphan: Callable[[int, int], None]) -> None:
        self._forge = forge
        self._group = group
        self._setting = setting
        self._on_orphan = on_orphan

    def launch(self, root: int, undo: contextlib.ExitStack) -> tuple[Child, Forker]:
        """A zygote that is ready, and its socket; `undo` ends it. `root` stays the caller's."""
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
