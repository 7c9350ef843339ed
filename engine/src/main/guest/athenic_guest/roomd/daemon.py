"""roomd as a whole: what is made at its start in which order, whom it serves, and how it ends.

Threads: the main one lets clients in; one reads the client's requests, 32 serve them; one reader each for the forge and every zygote; one waits for out-of-memory kills.
Nothing forks but the forge and the zygotes, which have one thread each (`forge.py` says why); mkfs is run by `subprocess`, which execs at once.
"""

from __future__ import annotations

import contextlib
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from athenic_guest import linux
from athenic_guest.roomd import entry, folders, forge, host, join, mode, zygote_entry
from athenic_guest.roomd.children import Child, Forker
from athenic_guest.roomd.clients import Clients
from athenic_guest.roomd.errors import RoomError
from athenic_guest.roomd.helper import Helper
from athenic_guest.roomd.holds import TreeHolds
from athenic_guest.roomd.leftovers import Leftovers
from athenic_guest.roomd.loop import LoopDevices
from athenic_guest.roomd.operations import handlers
from athenic_guest.roomd.options import Options
from athenic_guest.roomd.room import Workshop
from athenic_guest.roomd.rooms import Rooms
from athenic_guest.roomd.rootfs import RootFactory
from athenic_guest.roomd.seccomp import compile_filters
from athenic_guest.roomd.server import log
from athenic_guest.roomd.shared_ids import SharedRange
from athenic_guest.roomd.sweep import sweep
from athenic_guest.roomd.uids import UidRanges
from athenic_guest.roomd.trees import Trees
from athenic_guest.roomd.zygotes import Setting, Zygotes

_DIE_SECONDS: Final = 5.0


class Daemon:
    """Everything that lives as long as the process. Made and run by the main thread."""

    def __init__(self, options: Options, code: str) -> None:
        """`code`: the fingerprint of what this process runs."""
        self._options = options
        self._failed = False
        self._mode = mode.rootless(options.runtime) if options.rootless else mode.machine()
        self._lock = host.lock_instance(options.instance, self._mode.home)
        self._clients = Clients(options.uid, options.linger, lambda state: self._lock.note(join.note(code, state)))
        if self._mode.builder is not None:
            folders.trust(self._mode.builder)
        self._uids = SharedRange() if options.rootless else UidRanges(f"{self._mode.home}/uids")
        os.umask(0o022)
        host.raise_open_files()
        host.prefer_life()
        linux.unshare(linux.CLONE_NEWNS)
        linux.mount(None, "/", None, linux.MS_REC | linux.MS_PRIVATE)
        # Before the first thread, and in another mount namespace than ours: its children must not copy rooms' mounts.
        _, control = forge.start({"room": entry.run, "zygote": zygote_entry.run})
        linux.unshare(linux.CLONE_NEWNS)
        self._forge = Forker("forge", control, self._orphan_ended, self._forge_lost)
        filters = compile_filters()
        owner = (options.uid, options.gid)
        self._hierarchy = host.choose_rootless_hierarchy(options.instance) if options.rootless else host.choose_hierarchy(options.instance)
        self._hierarchy.prepare()
        self._sockets = host.make_runtime(options.runtime)
        self._stage = f"{options.runtime}/stage"
        os.makedirs(self._stage, mode=0o700, exist_ok=True)
        linux.mount("tmpfs", self._stage, "tmpfs", linux.MS_NOSUID | linux.MS_NOEXEC, "mode=700,size=16m")
        self._loops = LoopDevices(self._stage)
        self._notes: list[str] = []
        disks = host.choose_disks("tmpfs" if options.rootless else options.disk, options.data, self._loops, self._notes)
        templates = _templates(options.data)
        holds = TreeHolds(templates)
        helper = Helper(options.guest)
        self._layers = host.open_layers(options.data, self._stage, self._loops, holds, helper)
        self._kept = host.open_kept(options.data, disks, self._layers, holds)
        swept = sweep(self._hierarchy, disks, self._layers, self._kept, self._sockets)
        self._notes += [*self._mode.notes, *self._hierarchy.notes, *host.weaknesses()]
        trees = Trees(templates, helper, options.rootless)
        self._zygotes = Zygotes(self._forge, self._hierarchy, templates, f"{options.data}/templates",
                                Setting(options.guest, self._sockets, filters, owner), self._emit, self._orphan_ended, options.zygotes)
        self._leftovers = Leftovers()
        workshop = Workshop(self._forge, self._hierarchy, disks, RootFactory(self._stage, self._mode), self._uids, self._sockets, owner, filters,
                            self._layers, self._kept, self._leftovers)
        self._rooms = Rooms(workshop, self._zygotes, trees, self._emit)
        hello = {"version": "1", "cgroup": self._hierarchy.version, "disk": disks.kind, "swept": swept, "notes": self._notes}
        self._handlers = handlers(self._rooms, self._zygotes, self._layers, self._kept, trees, hello, self._clients.leave)
        self._forge.start()

    def run(self) -> int:
        """Serves one client of the right user after another until one says `shutdown`, a signal comes, or nobody comes; returns the exit
        status."""
        # A terminal's Ctrl-C reaches the whole foreground group; the server tells us to end.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, lambda _number, _frame: self._clients.stop())
        signal.signal(signal.SIGUSR1, lambda _number, _frame: self._clients.expect())
        try:
            with host.listen(f"{self._options.runtime}/roomd.sock", self._options.uid, self._options.gid) as listener:
                print("roomd ready", flush=True)
                self._clients.serve(listener, self._handlers)
        finally:
            self._close()
        return 1 if self._failed else 0

    def _close(self) -> None:
        """Takes everything down. What cannot be removed is said and left to the next start's sweep."""
        try:
            with ThreadPoolExecutor(8, thread_name_prefix="destroy") as pool:
                list(pool.map(self._destroy, self._rooms.names()))
        except RuntimeError:  # the machine gives us no thread
            for sandbox in self._rooms.names():
                self._destroy(sandbox)
        closers = [self._layers.close] if self._kept is None else [self._kept.close, self._layers.close]
        for step in (self._leftovers.close, self._zygotes.stop_all, self._rooms.close, *closers, self._hierarchy.close, self._loops.remove_added,
                     self._remove_runtime):
            try:
                step()
            except (OSError, RoomError) as error:
                log(f"at the end: {error}")
        self._clients.stopping = True
        self._forge.close()
        self._uids.close()
        self._lock.release()

    def _destroy(self, sandbox: str) -> None:
        try:
            self._rooms.retire(sandbox)
        except (OSError, RoomError) as error:
            log(f"destroying {sandbox}: {error}")

    def _remove_runtime(self) -> None:
        linux.umount(self._stage)
        os.unlink(f"{self._options.runtime}/roomd.sock")
        for folder in (self._stage, self._sockets, self._options.runtime):
            os.rmdir(folder)

    def _emit(self, event: dict[str, Any]) -> None:
        self._clients.emit(event)

    def _orphan_ended(self, pid: int, status: int) -> None:
        self._rooms.orphan_ended(pid, status)

    def _forge_lost(self, children: list[Child]) -> None:
        if not self._clients.stopping:
            log("the forge has ended: every room dies with it")
            self._failed = True
            self._clients.stop()
        for child in children:
            child.lost(_DIE_SECONDS)


def _templates(data: str) -> int:
    opened = os.open(data, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        return folders.open_owned(opened, "templates", 0o755)
    finally:
        os.close(opened)
