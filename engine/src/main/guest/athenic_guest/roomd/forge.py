"""The forge: the one process that forks rooms and zygotes.

`roomd` serves each request in a thread of its own, and a process with threads must not fork without exec: a lock held by another thread
(malloc's, say) stays locked in the child. PR_SET_PDEATHSIG is bound to the *thread* that forked, too. So roomd starts this child
before its first thread. It has one thread, does nothing but clone3(2) and waitpid(2), and dies with roomd.

Packets (SOCK_SEQPACKET, JSON): `{"id", "what": "room"|"zygote", "flags", "uid", "pids"?, "cgroup": bool}` with descriptors [control, cgroup?] →
`{"id", "pid"}` with [pidfd], or `{"id", "error", "errno"}`; and `{"exited": pid, "status": wait status}` whenever a child has ended.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import resource
import select
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from typing import NoReturn

from athenic_guest import linux

_PACKET_BYTES = 65_536
# What all rooms of one user have together where root does not raise it: no room may take it all. Pending signals (timers too), bytes of
# message queues.
_SHARED = {resource.RLIMIT_SIGPENDING: 1024, resource.RLIMIT_MSGQUEUE: 65_536}
Entry = Callable[[socket.socket], NoReturn]


def start(entries: dict[str, Entry]) -> tuple[int, socket.socket]:
    """Forks the forge; returns its pid and roomd's end of its socket. Preconditions: the caller has one thread."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        try:
            ours.close()
            linux.set_death_signal()
            if os.getppid() == parent:
                _serve(theirs, entries)
        except (BrokenPipeError, ConnectionResetError):
            pass  # roomd is gone
        finally:
            os._exit(1)
    theirs.close()
    return pid, ours


def _serve(roomd: socket.socket, entries: dict[str, Entry]) -> None:
    # Guests whose zygote has died become our children, not the host's: their end is still reported.
    linux.prctl(linux.PR_SET_CHILD_SUBREAPER, 1)
    # A collection in a child would write to every object, and each page would have to be copied (2.5 ms of a room's 6).
    gc.collect()
    gc.freeze()
    gc.disable()
    wake_read, wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    poll = select.poll()
    poll.register(roomd, select.POLLIN)
    poll.register(wake_read, select.POLLIN)
    while True:
        ready = {descriptor for descriptor, _ in poll.poll()}
        if wake_read in ready:
            try:
                os.read(wake_read, 4096)
            except BlockingIOError:
                pass
        _reap(roomd)
        if roomd.fileno() in ready and not _handle(roomd, entries):
            return


def _reap(roomd: socket.socket) -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        roomd.send(json.dumps({"exited": pid, "status": status}).encode())


def _handle(roomd: socket.socket, entries: dict[str, Entry]) -> bool:
    """Serves one packet; false at the end of file: roomd is gone."""
    data, descriptors, _, _ = socket.recv_fds(roomd, _PACKET_BYTES, 2)
    if not data:
        return False
    request = json.loads(data)
    try:
        pid, pidfd = _clone(int(request["flags"]), int(request["uid"]), int(request.get("pids", 0)), descriptors[1] if request["cgroup"] else None)
    except OSError as error:
        roomd.send(json.dumps({"id": request["id"], "error": str(error), "errno": error.errno}).encode())
    else:
        if pid == 0:
            _become(entries[request["what"]], roomd, descriptors)
        socket.send_fds(roomd, [json.dumps({"id": request["id"], "pid": pid}).encode()], [pidfd])
        os.close(pidfd)
    finally:
        for descriptor in descriptors:
            os.close(descriptor)
    return True


def _clone(flags: int, uid: int, pids: int, cgroup: int | None) -> tuple[int, int]:
    """Clones with the effective user `uid`, who becomes the owner of the new user namespace. The kernel counts inotify instances, pending
    signals, message queues, locked memory of all namespaces of one owner together: with root as owner, one room could use up
    everybody's (user_namespaces(7), /proc/sys/user). Nobody runs as `uid` on the host.

    `pids` other than 0 is the most processes of all users of the new namespace and those in it: the kernel keeps RLIMIT_NPROC of the one
    who makes a namespace as the bound of the namespace's owner (kernel/ucount.c), and counts by it."""
    if uid == 0:
        return linux.clone_process(flags, cgroup)
    capabilities = linux.permitted_capabilities()
    os.seteuid(uid)
    try:
        linux.set_capabilities(capabilities)  # they went with the effective root; CLONE_INTO_CGROUP needs them
        with _namespace_limits(pids):
            pid, pidfd = linux.clone_process(flags, cgroup)
    except BaseException:
        _be_root()
        raise
    if pid != 0:
        _be_root()
    return pid, pidfd


@contextlib.contextmanager
def _namespace_limits(pids: int) -> Iterator[None]:
    """Lowers the limits that the kernel keeps as bounds of a new user namespace, for what is cloned here; getrlimit(2). 0: as they are."""
    if pids == 0:
        yield
        return
    before = {kind: resource.getrlimit(kind) for kind in (resource.RLIMIT_NPROC, *_SHARED)}
    for kind, (_, hard) in before.items():
        wanted = pids if kind == resource.RLIMIT_NPROC else _SHARED[kind]
        resource.setrlimit(kind, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard))
    try:
        yield
    finally:
        for kind, limits in before.items():
            resource.setrlimit(kind, limits)


def _be_root() -> None:
    try:
        os.seteuid(0)
    except OSError:
        os._exit(1)  # the next child would be born as somebody else


def _become(entry: Entry, roomd: socket.socket, descriptors: list[int]) -> NoReturn:
    """In the child: keeps only its control socket."""
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        roomd.close()
        for descriptor in descriptors[1:]:
            os.close(descriptor)
        entry(socket.socket(fileno=descriptors[0]))
    except BaseException as error:  # the outermost frame of this process
        print(f"roomd: a forked process failed before it could say so: {error!r}", file=sys.stderr, flush=True)
    finally:
        os._exit(1)
