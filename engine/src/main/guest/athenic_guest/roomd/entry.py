"""The first process of a room, from its birth in new namespaces to the exec of its tiny init. Runs with the rights of the room's own root."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import struct
from typing import NoReturn

from athenic_guest import linux
from athenic_guest.roomd import mounts
from athenic_guest.roomd.plan import room_plan

# Where the room's root is attached for the moment before the pivot: a directory that every host has.
_STAGE = "/mnt"
# linux/sockios.h, net/if.h
_SIOCSIFFLAGS, _IFF_UP_LOOPBACK_RUNNING = 0x8914, 0x1 | 0x8 | 0x40
ARMED, GO = b"armed", b"go"
_INITS = (("/usr/bin/catatonit", ["catatonit", "-P"]), ("/bin/sleep", ["sleep", "infinity"]))


def run(control: socket.socket) -> NoReturn:
    """Waits for the order on `control`, makes the room, becomes its init. A failure is one JSON packet on `control`; `ARMED` means that
    all is made and roomd's go is awaited; the end of file means that the init runs. Never returns."""
    try:
        order, root = _receive(control)
        _enter(order, root)
        _become_init(control, bytes.fromhex(order["filter"]), bytes.fromhex(order["rules"]))
    except BaseException as error:  # the outermost frame of this process: whatever happened is told to roomd
        _report(control, error)
    os._exit(1)


def _receive(control: socket.socket) -> tuple[dict[str, str], int]:
    """The order (one packet of JSON with the root's mount as descriptor); the end of file means that roomd gave up."""
    data, descriptors, _, _ = socket.recv_fds(control, 262_144, 1)
    if not data or len(descriptors) != 1:
        os._exit(1)
    return json.loads(data), descriptors[0]


def _enter(order: dict[str, str], root: int) -> None:
    os.setresgid(0, 0, 0)
    os.setgroups([])
    os.setresuid(0, 0, 0)
    linux.set_death_signal()
    os.setsid()
    os.umask(0o022)
    # After roomd has put us in our cgroups: they become the root of what /proc/self/cgroup shows.
    linux.unshare(linux.CLONE_NEWCGROUP)
    socket.sethostname(order["hostname"])
    # Nothing that is mounted from here on may reach the host, and nothing of the host's later mounts comes in.
    linux.mount(None, "/", None, linux.MS_REC | linux.MS_PRIVATE)
    mounts.attach(root, _STAGE)
    os.close(root)
    os.chdir(_STAGE)
    for step in room_plan(order["hostname"], int(order["shmBytes"]), inotify=int(order["inotify"])):
        step.apply()
    _raise_loopback()


def _raise_loopback() -> None:
    """The room's only network interface; netdevice(7)."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sH22x", b"lo", _IFF_UP_LOOPBACK_RUNNING))


def _become_init(control: socket.socket, *filters: bytes) -> None:
    """Drops every right and becomes PID 1's program, with an empty environment: its files in /proc are readable in the room."""
    null = os.open("/dev/null", os.O_RDWR)
    for standard in range(3):
        os.dup2(null, standard)
    # Survives exec: the kernel then reaps orphans by itself, even when the init does not.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL)
    linux.drop_bounding_set(0)
    for program in filters:
        linux.load_seccomp(program)
    linux.set_capabilities(0)
    linux.set_death_signal()
    _await_go(control)
    for path, arguments in _INITS:
        try:
            os.execve(path, arguments, {})
        except FileNotFoundError:
            continue
    raise FileNotFoundError(2, "the template has neither /usr/bin/catatonit nor /bin/sleep")


def _await_go(control: socket.socket) -> None:
    """The death signal is sent only to those who asked for it before their parent died. roomd's go says that it and the forge still
    lived afterwards; without it this process, which nobody would end any more, ends itself."""
    try:
        control.send(ARMED)
        if control.recv(len(GO)) == GO:
            return
    except OSError:
        pass  # roomd is gone
    os._exit(1)


def _report(control: socket.socket, error: BaseException) -> None:
    number = error.errno if isinstance(error, OSError) else None
    message = json.dumps({"error": f"{type(error).__name__}: {error}"[:4096], "errno": number})
    try:
        control.send(message.encode())
    except OSError:
        pass  # roomd is gone: nobody is left to tell
