"""How a process forked from the zygote becomes a guest: it enters the room and gives up everything else, in the order that was measured to work.

Runs in the template, on the standard library alone.
"""

from __future__ import annotations

import fcntl
import os
import resource
import socket
from collections.abc import Sequence
from dataclasses import dataclass

from athenic_guest import linux

# linux/capability.h. What Debian's tools need inside a room, valid there only: CHOWN, DAC_OVERRIDE, FOWNER, FSETID, KILL, SETGID, SETUID,
# SETPCAP (sudo, su), NET_BIND_SERVICE. Not: NET_ADMIN, NET_RAW, SYS_*, MKNOD, SETFCAP, AUDIT_*.
ROOM_CAPABILITIES = sum(1 << bit for bit in (0, 1, 3, 4, 5, 6, 7, 8, 10))
USER_ID = 1000
LISTENER, STATUS = 3, 4
_NAMESPACES = (linux.CLONE_NEWUSER | linux.CLONE_NEWNS | linux.CLONE_NEWNET | linux.CLONE_NEWIPC | linux.CLONE_NEWUTS | linux.CLONE_NEWCGROUP)
_OPEN_FILES = 8192
_RESERVED_PROCESSES = 32


@dataclass(frozen=True)
class Target:
    """Where a guest goes. Descriptors: `init` pidfd of the room's init, `groups` opened cgroup.procs files. `data_bytes`: the most private
    memory of a process where no group limits it, else 0."""

    init: int
    groups: Sequence[int]
    socket_path: str
    socket_uid: int
    socket_gid: int
    uid: int
    oom_score: int
    filters: Sequence[bytes]
    processes: int
    data_bytes: int = 0


def listen(path: str, uid: int, gid: int) -> socket.socket:
    """The guest's socket, made by the host's path before the room is entered; unix(7). It is made *as* the server's user, who owns the
    folder: root never touches a file that this user could have put there."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    os.setegid(gid)
    os.seteuid(uid)
    try:
        listener.bind(path)
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.umask(before)
    listener.listen(128)
    return listener


def enter(target: Target, status: int) -> tuple[socket.socket, int]:
    """Confines this process; returns its listener (descriptor 3) and `status` (now descriptor 4). Any failure must end the process."""
    linux.prctl(linux.PR_SET_DUMPABLE, 0)  # until we are inside: nobody in the room may look into a process that holds the host's things
    listener = listen(target.socket_path, target.socket_uid, target.socket_gid)
    # Before setns: /proc/self/cgroup is relative to the room's own root then. Writing 0 moves the writer; cgroups(7).
    for group in target.groups:
        os.write(group, b"0")
    _prefer_death(target.oom_score)
    linux.setns(target.init, _NAMESPACES)
    os.setsid()
    os.chdir("/")
    os.umask(0o022)
    _keep_descriptors(listener.detach(), status)
    _limit_resources(target.processes, target.data_bytes)
    keep = ROOM_CAPABILITIES
    linux.drop_bounding_set(keep)
    linux.prctl(linux.PR_CAP_AMBIENT, linux.PR_CAP_AMBIENT_CLEAR_ALL)
    # While we still have CAP_SYS_ADMIN in the room: so no_new_privs, which would break sudo, is not needed.
    for program in target.filters:
        linux.load_seccomp(program)
    os.setgroups([])
    os.setresgid(target.uid, target.uid, target.uid)
    os.setresuid(target.uid, target.uid, target.uid)
    linux.set_capabilities(keep if target.uid == 0 else 0)
    linux.prctl(linux.PR_SET_DUMPABLE, 1)
    return socket.socket(fileno=LISTENER), STATUS


def _prefer_death(score: int) -> None:
    """The kernel's choice at the memory limit; proc_pid_oom_score_adj(5). Raising needs no right."""
    descriptor = os.open("/proc/self/oom_score_adj", os.O_WRONLY | os.O_CLOEXEC)
    os.write(descriptor, str(score).encode())
    os.close(descriptor)


def _keep_descriptors(listener: int, status: int) -> None:
    """Leaves /dev/null on 0-2, the listener on 3, the status pipe on 4, and nothing else open."""
    # First out of the way of where they go: each may already have the other's number.
    listener_copy, status_copy = (fcntl.fcntl(each, fcntl.F_DUPFD_CLOEXEC, 5) for each in (listener, status))
    null = os.open("/dev/null", os.O_RDWR)
    for standard in range(3):
        os.dup2(null, standard)
    os.dup2(listener_copy, LISTENER, inheritable=False)
    os.dup2(status_copy, STATUS, inheritable=False)
    linux.close_from(5)


def _limit_resources(processes: int, data_bytes: int) -> None:
    """getrlimit(2): no core dumps; at most 8,192 open files: their number on the whole machine (fs.file-max) is everybody's. One user of
    the room cannot have all of its `processes`: the agent, which is another user, stays able to answer and to end a fork bomb."""
    own = max(1, processes - min(_RESERVED_PROCESSES, processes // 4))
    resource.setrlimit(resource.RLIMIT_NPROC, (own, own))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    files = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, _OPEN_FILES)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    if data_bytes:  # besides what is shared with the zygote, and counts as each guest's own
        bound = _own_data() + data_bytes
        resource.setrlimit(resource.RLIMIT_DATA, (bound, bound))


def _own_data() -> int:
    """Bytes of private writable memory; `VmData` of proc_pid_status(5)."""
    with open("/proc/self/status", encoding="ascii", errors="replace") as file:
        return next((int(line.split()[1]) * 1024 for line in file if line.startswith("VmData:")), 0)
