"""One room: made by small steps, each with its undo, and taken down completely."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field

from athenic_guest import linux
from athenic_guest.roomd import cgroups, entry
from athenic_guest.roomd.cgroups import Group, Hierarchy, Limits
from athenic_guest.roomd.children import Child, Forker
from athenic_guest.roomd.disk import IN_MEMORY, Disk, Disks
from athenic_guest.roomd.errors import RoomError
from athenic_guest.roomd.kept import Kept
from athenic_guest.roomd.layers import Layers
from athenic_guest.roomd.leftovers import Leftovers
from athenic_guest.roomd.requests import RoomRequest
from athenic_guest.roomd.rootfs import RootFactory
from athenic_guest.roomd.shared_ids import SharedRange
from athenic_guest.roomd.uids import UidRanges
from athenic_guest.roomd.undo import Undo

_READY_SECONDS = 20.0
_DIE_SECONDS = 20.0
_NAMESPACES = (linux.CLONE_NEWUSER | linux.CLONE_NEWNS | linux.CLONE_NEWPID | linux.CLONE_NEWNET | linux.CLONE_NEWIPC | linux.CLONE_NEWUTS)
# /dev/shm: half the memory, as Linux does it by itself; it counts as the room's memory anyway.
_SHM_SHARE = 2


@dataclass
class Room:
    """A room that runs. `lower`: the open folder that its root is an overlay of; `tree`: its name, empty for a template's own. `guests` and
    their `kinds` by name, and how the last ones ended; guarded by `lock`, which every operation on the room holds. `destroyed` from the
    beginning of its end on; `failed` when that did not get everything."""

    sandbox: str
    template: str
    tree: str
    lower: int
    uid_base: int
    init: Child
    disk: Disk
    group: Group
    folder: str
    undo: Undo
    limits: Limits
    layers: tuple[str, ...] = ()
    guests: dict[str, Child] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)
    ended: dict[str, dict[str, int]] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)
    frozen: bool = False
    destroyed: bool = False
    failed: bool = False


@dataclass(frozen=True)
class Workshop:
    """What rooms are made of. `owner`: the server's user and group, to whom the socket folders belong."""

    forge: Forker
    hierarchy: Hierarchy
    disks: Disks
    roots: RootFactory
    uids: UidRanges | SharedRange
    sockets: str
    owner: tuple[int, int]
    filters: tuple[bytes, bytes]
    layers: Layers
    kept: Kept | None  # none where disks are memory
    leftovers: Leftovers


def build(workshop: Workshop, request: RoomRequest, template: int) -> Room:
    """Makes a room from the open template folder. Whatever fails, everything that was made before is undone in reverse order."""
    undo = Undo()
    try:
        lower = os.dup(template)
        undo.add(lambda: os.close(lower))
        uid_base = workshop.uids.take()
        # A range is given away again only when nothing of this room is left: rooms with the same ids would own each other's files.
        undo.add(lambda: workshop.uids.give_back(uid_base), after_success=True)
        folder = f"{workshop.sockets}/{request.sandbox}"
        os.mkdir(folder, 0o700)
        undo.add(lambda: remove_socket_folder(folder))
        os.chown(folder, *workshop.owner)
        group = workshop.hierarchy.group(request.sandbox)
        undo.add(group.remove)
        group.make()
        group.limit(request.limits)
        layers = workshop.layers.hold(request.layers, request.template, dropped_too=request.kept)
        undo.add(lambda: workshop.layers.release(request.layers))
        disk, kept = _disk(workshop, request), workshop.kept
        undo.add(disk.discard if kept is None else lambda: kept.discard(request.sandbox, disk))
        throttled = _throttle(group, disk, request.limits.io_bytes, undo)
        init, control = _fork_init(workshop.forge, group, uid_base)
        undo.add(lambda: _end(init))
        with control:
            cgroups.write(f"/proc/{init.pid}/oom_score_adj", "0")  # roomd's own may be lower
            _map_users(init.pid, workshop.uids.map(uid_base))
            group.adopt(init)
            for file in group.join_files():
                cgroups.write(file, str(init.pid))
            root = workshop.roots.create(request.sandbox, template, layers, disk, init.pid, workshop.uids.root(uid_base))
            try:
                _order(control, root, request, workshop.filters, group.process_limits.get("inotify", 0))
            finally:
                os.close(root)
            _await_init(control, init)
        if request.kept and kept is not None:
            kept.taken(request.sandbox)
        throttled.result(_READY_SECONDS)
        return Room(request.sandbox, request.template, request.tree, lower, uid_base, init, disk, group, folder, undo, request.limits, request.layers)
    except BaseException as error:
        try:
            undo.run()
        except Exception as failure:  # it must not hide why the room could not be made
            error.add_note(f"and undoing failed: {failure}")
            workshop.leftovers.add(request.sandbox, undo.run)
        raise


def _disk(workshop: Workshop, request: RoomRequest) -> Disk:
    if not request.kept:
        if workshop.kept is not None and workshop.kept.marked(request.sandbox):
            raise RoomError("already_exists", f"the disk of sandbox {request.sandbox} is kept: take it (kept) or drop it")
        return workshop.disks.create(request.sandbox, request.limits.disk_bytes, request.limits.inodes)
    if workshop.kept is None:
        raise RoomError("failed_precondition", IN_MEMORY)
    return workshop.kept.take(request.sandbox, request.template, request.layers)


def _fork_init(forge: Forker, group: Group, uid_base: int) -> tuple[Child, socket.socket]:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs, contextlib.ExitStack() as undo:
        undo.callback(ours.close)
        birthplace = group.birthplace()
        try:
            passed = [theirs.fileno(), *([birthplace] if birthplace is not None else [])]
            child = forge.fork({"what": "room", "flags": _NAMESPACES, "uid": uid_base, "pids": group.process_limits.get("pids", 0),
                                "cgroup": birthplace is not None}, passed)
        finally:
            if birthplace is not None:
                os.close(birthplace)
        undo.pop_all()
        return child, ours


def _throttle(group: Group, disk: Disk, io_bytes: int, undo: Undo) -> Future[None]:
    """Bounds the disk's bandwidth, beside the other steps: the first bound of a device waits some 25 ms for the kernel."""
    done: Future[None] = Future()
    device = disk.device
    if device is None or not io_bytes:
        done.set_result(None)
        return done

    def work() -> None:
        try:
            group.throttle(device, io_bytes)
            done.set_result(None)
        except Exception as error:  # passed on to whoever waits
            done.set_exception(error)

    def lift() -> None:
        done.exception(_READY_SECONDS)  # not before the bound is there
        group.throttle(device, 0)

    threading.Thread(target=work, name="throttle", daemon=True).start()
    undo.add(lift)
    return done


@contextlib.contextmanager
def unthrottled(room: Room) -> Iterator[None]:
    """While roomd itself waits for the room's disk. Preconditions: the caller holds the room's lock."""
    device, io_bytes = room.disk.device, room.limits.io_bytes
    if device is None or not io_bytes:
        yield
        return
    room.group.throttle(device, 0)
    try:
        yield
    finally:
        room.group.throttle(device, io_bytes)


def _map_users(pid: int, extents: str) -> None:
    """The map of project ids needs no right to be written, and can be written once only: left open, a user of the room would give itself
    those of the host's quotas."""
    for name in ("uid_map", "gid_map", "projid_map"):
        cgroups.write(f"/proc/{pid}/{name}", extents)


def _order(control: socket.socket, root: int, request: RoomRequest, filters: tuple[bytes, bytes], inotify: int) -> None:
    order = {"hostname": request.hostname, "shmBytes": str(request.limits.memory_bytes // _SHM_SHARE),
             "filter": filters[0].hex(), "rules": filters[1].hex(), "inotify": str(inotify)}
    socket.send_fds(control, [json.dumps(order).encode()], [root])


def _await_init(control: socket.socket, init: Child) -> None:
    """Answers the child's `ARMED` with the go; the end of file then means that the init was exec'ed."""
    answer = _answer(control)
    if answer == entry.ARMED:
        control.send(entry.GO)
        answer = _answer(control)
    if answer:
        raise RoomError("internal", f"the room cannot be made: {json.loads(answer)['error']}")
    if not init.alive:
        raise RoomError("internal", "the room's first process died")


def _answer(control: socket.socket) -> bytes:
    poll = select.poll()
    poll.register(control, select.POLLIN)
    if not poll.poll(_READY_SECONDS * 1000):
        raise RoomError("internal", f"the room is not ready after {_READY_SECONDS:.0f} s")
    return control.recv(65_536)


def _end(init: Child) -> None:
    """Kills the init; the kernel kills everything in its pid namespace before the init can be reaped."""
    init.signal(signal.SIGKILL)
    if not init.wait(_DIE_SECONDS):
        raise RoomError("internal", f"the room's first process {init.pid} does not end")
    init.close()


def remove_socket_folder(folder: str) -> None:
    """Removes the folder of a sandbox's sockets. The server's user owns it and may have put anything there: nothing is followed."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        for name in os.listdir(descriptor):
            try:
                os.unlink(name, dir_fd=descriptor)
            except IsADirectoryError:
                os.rmdir(name, dir_fd=descriptor)
    finally:
        os.close(descriptor)
    os.rmdir(folder)


def destroy(room: Room) -> None:
    """Takes the room down: processes first, then disk, control group, folder, ids. Preconditions: the caller holds the room's lock.

    Every step is tried; the first failure is raised after the last step. Then something of the room is left, and it can be called again.
    """
    with contextlib.suppress(OSError):  # the removal of the group kills again, and says why it cannot
        room.group.kill()
    try:
        room.undo.run()
    finally:
        for guest in list(room.guests.values()):
            guest.close()
        room.guests.clear()


def sample(room: Room) -> list[int]:
    """One of `rooms.stat`: memory in bytes, cpu time in microseconds, bytes of the disk used and in all."""
    disk = os.fstatvfs(room.disk.mount)
    return [*room.group.sample(), (disk.f_blocks - disk.f_bfree) * disk.f_frsize, disk.f_blocks * disk.f_frsize]


def statistics(room: Room) -> dict[str, int]:
    """`room.stat`. Bytes, microseconds, counts."""
    usage = room.group.usage()
    disk = os.fstatvfs(room.disk.mount)
    return {
        "memoryBytes": usage.memory_bytes,
        "memoryLimitBytes": usage.memory_limit_bytes,
        "cpuMicros": usage.cpu_micros,
        "pids": usage.pids,
        "diskUsedBytes": (disk.f_blocks - disk.f_bfree) * disk.f_frsize,
        "diskTotalBytes": disk.f_blocks * disk.f_frsize,
        "inodesUsed": disk.f_files - disk.f_ffree,
        "inodesTotal": disk.f_files,
        "oomKills": usage.oom_kills,
    }
