"""All rooms of one roomd and what can be done to them. Each method serves one request; requests for different rooms do not wait for each other."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from athenic_guest import marks
from athenic_guest.roomd import listing
from athenic_guest.roomd import room as room_module
from athenic_guest.roomd.children import Child, exit_fields
from athenic_guest.roomd.disk import IN_MEMORY
from athenic_guest.roomd.errors import RoomError
from athenic_guest.roomd.guard import Guard
from athenic_guest.roomd.kept import Kept
from athenic_guest.roomd.layers import sync
from athenic_guest.roomd.oom import OomWatch
from athenic_guest.roomd.requests import GuestRequest, RoomRequest, SnapshotRequest
from athenic_guest.roomd.room import Room, Workshop
from athenic_guest.roomd.trees import Trees
from athenic_guest.roomd.zygotes import Zygotes

_GUEST_SECONDS = 30.0
_KILL_SECONDS = 5.0
_MAX_GUESTS = 64
# How the last guests of a room ended is told to a server that was away meanwhile.
_ENDED_KEPT = 16


class Rooms:
    """Lock order: `_lock` (the table) is never held while a room's lock is taken, and never during a system call that can wait."""

    def __init__(self, workshop: Workshop, zygotes: Zygotes, trees: Trees, emit: Callable[[dict[str, Any]], None]) -> None:
        self._workshop = workshop
        self._zygotes = zygotes
        self._trees = trees
        self._emit = emit
        self._lock = threading.Lock()  # guards the table; None: being made
        self._rooms: dict[str, Room | None] = {}
        self._oom = OomWatch(emit)
        self._guard = Guard(self._inits, self._end)

    def names(self) -> list[str]:
        with self._lock:
            return sorted(name for name, room in self._rooms.items() if room is not None and not room.destroyed)

    def page(self, after: str) -> dict[str, Any]:
        """What `hello` and `room.list` say of the rooms that come after this name."""
        with self._lock:
            rooms = [room for room in self._rooms.values() if room is not None and not room.destroyed]
        return listing.page(rooms, after)

    def create(self, request: RoomRequest) -> dict[str, Any]:
        template = self._zygotes.open_tree(request.tree) if request.tree else self._zygotes.open_template(request.template)
        try:
            with self._lock:
                if request.sandbox in self._rooms:
                    raise RoomError("already_exists", f"sandbox {request.sandbox} exists")
                self._rooms[request.sandbox] = None
            try:
                room = room_module.build(self._workshop, request, template)
            except BaseException:
                with self._lock:
                    del self._rooms[request.sandbox]
                raise
        finally:
            os.close(template)
        with self._lock:
            self._rooms[request.sandbox] = room
        try:
            self._oom.add(room.sandbox, room.group)
        except OSError:
            self.destroy(room.sandbox)
            raise
        room.init.on_exit(lambda status: self._init_ended(room, status))
        return {"pid": room.init.pid, "uidBase": room.uid_base, "folder": room.folder}

    def start_guest(self, request: GuestRequest) -> dict[str, Any]:
        with self._held(request.sandbox) as room:
            if request.name in room.guests:
                raise RoomError("already_exists", f"sandbox {request.sandbox} has a guest {request.name}")
            if room.frozen:
                raise RoomError("failed_precondition", f"sandbox {request.sandbox} is frozen: thaw it first")
            if len(room.guests) >= _MAX_GUESTS:
                raise RoomError("resource_exhausted", f"sandbox {request.sandbox} has {_MAX_GUESTS} guests: kill one")
            guest = self._fork_guest(room, request)
            room.kinds[request.name] = request.kind
            room.ended.pop(request.name, None)
            room.guests[request.name] = guest
        guest.on_exit(lambda status: self._guest_ended(room, request.name, guest, status))
        return {"pid": guest.pid, "socket": f"{room.folder}/{request.name}.sock"}

    def kill_guest(self, sandbox: str, name: str, number: int) -> None:
        with self._held(sandbox) as room:
            guest = room.guests.get(name)
            if guest is None:
                raise RoomError("not_found", f"sandbox {sandbox} has no guest {name}")
            mark = marks.of(guest.pid) if number == signal.SIGKILL else None
            guest.signal(number)
            if mark is not None:
                _end_marked(room, mark)

    def stat(self, sandbox: str) -> dict[str, Any]:
        with self._held(sandbox) as room:
            return dict(room_module.statistics(room))

    def keep_files(self, sandbox: str, tree: str) -> dict[str, Any]:
        """`template.commit`."""
        with self._held(sandbox) as room:
            return self._trees.commit(room, tree)

    def samples(self, sandboxes: list[str]) -> list[list[int] | None]:
        """A sample of each; None for one that is unknown or busy: nobody waits for it."""
        with self._lock:
            rooms = [self._rooms.get(sandbox) for sandbox in sandboxes]
        return [None if room is None else _sample(room) for room in rooms]

    def freeze(self, sandbox: str, frozen: bool, keep: bool = False) -> None:
        """`keep`: should the room end with roomd, its disk is kept."""
        with self._held(sandbox) as room:
            if keep and room.tree:
                raise RoomError("failed_precondition", "the sandbox builds a template: its disk is not kept")
            kept = self._kept() if keep else self._workshop.kept
            room.frozen = True  # also when it fails half-way: a guest that is started there would never be ready
            room.group.freeze(frozen)
            room.frozen = frozen
            if keep:
                try:
                    kept.mark(sandbox, room.template, room.layers, room.disk)
                except BaseException:  # as the disk is full: the caller takes it for running
                    room.group.freeze(False)
                    room.frozen = False
                    raise
            elif kept is not None:
                kept.unmark(sandbox)

    def snapshot(self, request: SnapshotRequest) -> dict[str, Any]:
        """Copies the disk of a room, which stands still meanwhile, as a layer. If the room stands on as many as there may be, those are made one
        before, while it goes on."""
        layers = self._workshop.layers
        with self._held(request.sandbox) as room:
            if room.tree:
                raise RoomError("failed_precondition", "the sandbox builds a template: there are no snapshots of it")
            template, names, root = room.template, room.layers, os.dup(room.lower)
        try:
            parents = layers.flattened(names, template, root, request.most_bytes)
        finally:
            os.close(root)
        try:
            return self._copy_disk(request, parents)
        finally:
            layers.release(parents)

    def _copy_disk(self, request: SnapshotRequest, parents: tuple[str, ...]) -> dict[str, Any]:
        with self._held(request.sandbox) as room:
            image = room.disk.image()
            try:
                self._workshop.layers.check_space(os.fstat(image).st_blocks * 512)  # before the room stops
                if not room.frozen:
                    room.group.freeze(True)
                try:
                    with room_module.unthrottled(room):
                        sync(room.disk.mount)
                    return self._workshop.layers.add(request.snapshot, room.template, parents, image, request.most_bytes, request.note)
                finally:
                    if not room.frozen and not room.destroyed:
                        room.group.freeze(False)
            finally:
                os.close(image)

    def keep(self, sandbox: str) -> None:
        """Ends a room and keeps its disk."""
        kept = self._kept()
        with self._held(sandbox) as room:
            kept.mark(sandbox, room.template, room.layers, room.disk)
            kept.leave(sandbox)
        self._destroy(sandbox)

    def retire(self, sandbox: str) -> None:
        """Ends a room as roomd ends: the disk of a paused one is kept."""
        kept = self._workshop.kept
        if kept is not None and kept.marked(sandbox):
            kept.leave(sandbox)
        self._destroy(sandbox)

    def destroy(self, sandbox: str) -> None:
        kept = self._workshop.kept
        if kept is not None:
            kept.unmark(sandbox)
        self._destroy(sandbox)

    def _kept(self) -> Kept:
        if self._workshop.kept is None:
            raise RoomError("failed_precondition", IN_MEMORY)
        return self._workshop.kept

    def _destroy(self, sandbox: str) -> None:
        """The room's processes are killed before its lock is taken: what another request waits for, as the start of a guest that the room
        has stopped, ends at once."""
        with self._lock:
            room = self._rooms.get(sandbox)
            if room is None or (room.destroyed and not room.failed):
                raise RoomError("not_found", f"there is no sandbox {sandbox}")
            room.destroyed = True
            room.failed = False
        try:
            with suppress(OSError):
                room.group.kill()
            self._take_down(room)
        except BaseException:
            room.failed = True
            self._workshop.leftovers.add(sandbox, lambda: self._take_down(room))
            raise

    def _take_down(self, room: Room) -> None:
        """Its name stays taken until nothing is left."""
        with room.lock:
            self._oom.remove(room.sandbox)
            room_module.destroy(room)
        with self._lock:
            if self._rooms.get(room.sandbox) is room:
                del self._rooms[room.sandbox]

    def orphan_ended(self, pid: int, status: int) -> None:
        """A guest whose zygote died before it; the forge inherited and reaped it."""
        with self._lock:
            rooms = [room for room in self._rooms.values() if room is not None]
        for room in rooms:
            for guest in list(room.guests.values()):
                if guest.pid == pid:
                    guest.ended(status)
                    return

    def close(self) -> None:
        """Ends the watches; every room must have been destroyed."""
        self._guard.close()
        self._oom.close()

    def _inits(self) -> list[tuple[str, int]]:
        with self._lock:
            return [(name, room.init.pid) for name, room in self._rooms.items() if room is not None and room.init.alive]

    def _end(self, sandbox: str) -> None:
        """Kills a room for using memory that its group does not count; the client is told as of any lack of memory."""
        with self._lock:
            room = self._rooms.get(sandbox)
        if room is not None and not room.destroyed:
            room.group.kill()
            self._emit({"event": "oom", "sandbox": sandbox, "kills": room.group.oom_kills() + 1})

    @contextmanager
    def _held(self, sandbox: str) -> Iterator[Room]:
        """The room with its lock held."""
        with self._lock:
            room = self._rooms.get(sandbox)
        if room is None:
            raise RoomError("not_found", f"there is no sandbox {sandbox}")
        with room.lock:
            if room.destroyed:
                raise RoomError("not_found", f"there is no sandbox {sandbox}")
            yield room

    def _fork_guest(self, room: Room, request: GuestRequest) -> Child:
        status_read, status_write = os.pipe2(os.O_CLOEXEC)
        opened = [status_write]
        try:
            opened.append(_order(room, request))
            opened.append(room.init.duplicate())
            birthplace = room.group.birthplace()
            if birthplace is not None:
                opened.append(birthplace)
            opened += [os.open(file, os.O_WRONLY | os.O_CLOEXEC) for file in room.group.join_files()]
            with self._zygotes.lend(room.template) as zygote:
                guest = zygote.forker.fork({"op": "fork", "cgroup": birthplace is not None}, opened)
        except BaseException:
            os.close(status_read)
            raise
        finally:
            for descriptor in opened:
                os.close(descriptor)
        try:
            _await_guest(status_read)
        except BaseException:
            guest.signal(signal.SIGKILL)
            guest.wait(_KILL_SECONDS)
            guest.close()
            _forget_socket(room, request.name)
            raise
        finally:
            os.close(status_read)
        return guest

    def _guest_ended(self, room: Room, name: str, guest: Child, status: int) -> None:
        """Runs in the reader of the zygote: it must not wait for a room's lock, which a request may hold while it waits for the reader."""
        if not room.destroyed:
            _forget_socket(room, name)  # before the name is free for another
        if room.guests.get(name) is guest:
            room.ended[name] = exit_fields(status)
            del room.guests[name]
            room.kinds.pop(name, None)
            while len(room.ended) > _ENDED_KEPT:
                del room.ended[next(iter(room.ended))]
        guest.close()
        if not room.destroyed:
            self._emit({"event": "guest.exit", "sandbox": room.sandbox, "name": name, **exit_fields(status)})

    def _init_ended(self, room: Room, status: int) -> None:
        if not room.destroyed:
            fields = exit_fields(status)
            self._emit({"event": "room.exit", "sandbox": room.sandbox, "signal": fields.get("signal", 0)})


def _sample(room: Room) -> list[int] | None:
    if not room.lock.acquire(blocking=False):
        return None
    try:
        return None if room.destroyed else room_module.sample(room)
    except OSError:  # its group is going
        return None
    finally:
        room.lock.release()


def _end_marked(room: Room, mark: int) -> None:
    """Kills what a killed guest's last execution has started. A few rounds: it may fork meanwhile."""
    for _ in range(5):
        opened = {}
        try:
            for pid in room.group.pids():
                if marks.of(pid) == mark:
                    with contextlib.suppress(ProcessLookupError):
                        opened[pid] = os.pidfd_open(pid)
            if not opened:
                return
            for pid in room.group.pids() & opened.keys():  # the number has not gone to a process elsewhere
                with contextlib.suppress(ProcessLookupError):
                    signal.pidfd_send_signal(opened[pid], signal.SIGKILL)
        finally:
            for descriptor in opened.values():
                os.close(descriptor)
        time.sleep(0.002)


def _order(room: Room, request: GuestRequest) -> int:
    """What the new process shall be, in memory that the zygote passes on unread: its own memory is copied to every sandbox."""
    descriptor = os.memfd_create("order", os.MFD_CLOEXEC)
    os.write(descriptor, json.dumps({"kind": request.kind, "env": dict(request.env), "cwd": request.cwd, "processes": room.limits.pids,
                                     "dataBytes": room.group.process_limits.get("dataBytes", 0),
                                     "socket": f"{room.sandbox}/{request.name}.sock"}).encode())
    return descriptor


def _await_guest(status: int) -> None:
    poll = select.poll()
    poll.register(status, select.POLLIN)
    if not poll.poll(_GUEST_SECONDS * 1000):
        raise RoomError("unavailable", f"the guest is not ready after {_GUEST_SECONDS:.0f} s")
    answer = os.read(status, 4096)
    if answer != b"ok":
        text = answer.decode(errors="replace") or "it died before it was confined"
        raise RoomError("internal", f"the guest cannot be started: {text}")


def _forget_socket(room: Room, name: str) -> None:
    try:
        os.unlink(f"{room.folder}/{name}.sock")
    except FileNotFoundError:
        pass
