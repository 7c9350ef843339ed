"""Group `tenants`: what one sandbox can learn of another, or do to it. A prober's sources run in one room while the other has what they look for."""

from __future__ import annotations

import json
import os
import textwrap
from collections.abc import Callable, Iterator
from typing import Final

from athenic_guest import frames
from athenic_guest.attack.battery import Finding
from athenic_guest.attack.host import Room, RoomdError, output

_SECONDS: Final = 60.0


def attempts(prober: Room, owner: Room, only: str) -> Iterator[Finding]:
    """Each probe: the owner puts something there, the prober looks for it as user and as root."""
    for name, tries, holds, put, look in _PROBES:
        if not f"tenants.{name}".startswith(only):
            continue
        for footing in ("user", "root"):
            try:
                put_there = run(owner, put) if put else None
                seen = run(prober, f"there = {put_there!r}\n{textwrap.dedent(look)}", footing)
            except (OSError, RoomdError, frames.FrameError) as error:
                seen = f"the probe failed: {error}"
            yield Finding(f"tenants.{name}", footing, tries, holds, bool(seen), str(seen or ""))
    yield from _from_outside(prober, owner, only)


def run(room: Room, source: str, user: str = "user") -> object:
    """Runs Python in the room; the value of its `result`. The process stays behind when it asks for that by `stay()`; else its end is waited
    for: what it has open or locked must not be taken for a neighbour's."""
    stays = "stay(" in source
    program = _FRAME.format(source=textwrap.indent(textwrap.dedent(source), "    "))
    connection = room.start(["/usr/bin/python3", "-c", program], user)
    text, errors = b"", b""
    try:
        for kind, data in output(connection, _SECONDS):
            text += data if kind == frames.STDOUT else b""
            errors += data if kind == frames.STDERR else b""
            if stays and text.endswith(b"\n"):
                break
    finally:
        connection.close()
    if not text.endswith(b"\n"):
        raise RoomdError(f"the program said nothing: {errors[-300:].decode(errors='replace')}")
    value: object = json.loads(text)
    return value


_FRAME = """
import errno, fcntl, json, os, signal, socket, sys, time, ctypes
result = None
def stay(value):
    sys.stdout.write(json.dumps(value) + "\\n")
    sys.stdout.flush()
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(600)
    signal.pause()
try:
{source}
except OSError:
    pass
sys.stdout.write(json.dumps(result) + "\\n")
"""

_PROBES: Final = (
    ("files", "read a neighbour's file in /tmp, /home/user, /dev/shm and /var/tmp", "it is not there",
     "for f in ('/tmp', '/home/user', '/dev/shm', '/var/tmp'): open(f + '/neighbour-file', 'w').write('x')",
     "result = [f for f in ('/tmp', '/home/user', '/dev/shm', '/var/tmp') if os.path.exists(f + '/neighbour-file')]"),
    ("processes", "see a neighbour's process by its name", "it is not there",
     "open('/proc/self/comm', 'w').write('neighbour-proc'); stay(os.getpid())",
     "result = [p for p in os.listdir('/proc') if p.isdigit() and open(f'/proc/{p}/comm').read().strip() == 'neighbour-proc']"),
    ("abstract-socket", "connect to a neighbour's abstract unix socket", "it is not there",
     "s = socket.socket(socket.AF_UNIX); s.bind('\\0neighbour-socket'); s.listen(); stay(1)",
     "result = socket.socket(socket.AF_UNIX).connect_ex('\\0neighbour-socket') == 0"),
    ("port", "connect to a neighbour's TCP port", "it is not there",
     "s = socket.create_server(('0.0.0.0', 45678)); stay(1)",
     "result = socket.socket().connect_ex(('127.0.0.1', 45678)) == 0"),
    ("shared-memory", "attach a neighbour's System V memory", "it is not there",
     "result = ctypes.CDLL(None).shmget(0x4E454947, 4096, 0o1666)",
     "result = ctypes.CDLL(None).shmget(0x4E454947, 0, 0) >= 0"),
    ("message-queue", "open a neighbour's message queue", "it is not there",
     "result = ctypes.CDLL(None).syscall(240, b'neighbour-queue', 0o102, 0o666, None)",
     "result = ctypes.CDLL(None).syscall(240, b'neighbour-queue', 0, 0, None) >= 0"),
    ("locks", "feel a neighbour's lock on a file of the template, a channel between rooms", "locks are each room's own",
     "f = open('/usr/bin/env'); fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB); stay(1)",
     "f = open('/usr/bin/env')\ntry: fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)\nexcept OSError: result = 'the lock is taken'"),
    ("leases", "feel a neighbour's open of a file of the template by a lease", "leases are each room's own",
     "f = open('/usr/bin/env'); stay(1)",
     "f = open('/usr/bin/env')\ntry: fcntl.fcntl(f, 1024, 1)\nexcept OSError as e: result = 'the lease is refused' if e.errno == errno.EAGAIN else None"),
    ("terminals", "write to a neighbour's terminal", "its number leads to no terminal, or to one's own",
     "a, b = os.openpty(); stay(os.ttyname(b))",
     "result = os.path.exists(there) and os.stat(there).st_mtime > 0 and there not in [os.ttyname(f) for f in ()] and bool(os.open(there, os.O_RDWR | os.O_NOCTTY))"),
    ("template", "change a program of the template for everybody", "the change stays in the room",
     "",
     "try:\n    open('/usr/share/attack-was-here', 'w').write('x'); open('/usr/bin/env', 'ab').write(b'x')\nexcept OSError: pass"),
    ("boot-id", "recognise that two rooms are on one machine by the boot id", "each room has its own",
     "result = open('/proc/sys/kernel/random/boot_id').read()",
     "result = open('/proc/sys/kernel/random/boot_id').read() == there"),
    ("namespace-ids", "share a namespace with a neighbour", "each room has its own",
     "result = {n: os.readlink('/proc/self/ns/' + n) for n in ('mnt', 'pid', 'net', 'ipc', 'uts', 'user', 'cgroup')}",
     "result = [n for n, link in there.items() if os.readlink('/proc/self/ns/' + n) == link]"),
)


def _from_outside(prober: Room, owner: Room, only: str) -> Iterator[Finding]:
    """What only the host can see."""
    checks: tuple[tuple[str, str, str, Callable[[], str]], ...] = (
        ("user-ids", "run under the same host users as a neighbour", "the ranges of 65,536 users do not overlap",
         lambda: "" if abs(prober.uid_base - owner.uid_base) >= 65_536 else f"{prober.uid_base} and {owner.uid_base}"),
        ("user-ids-of-host", "run a process under a user of the host", "every process of a room is in the room's range", lambda: _foreign_users(prober)),
        ("template-unchanged", "change the template on the host", "what the room's root wrote is not in it", lambda: _template(prober)),
        ("setuid-outside", "leave a setuid program for a user of the host", "its owner is nobody on the host, and no way leads there", lambda: _setuid(prober)),
        ("one-init", "outlive the room", "every process of the room is gone when it is destroyed", lambda: ""),
    )
    for name, tries, holds, check in checks:
        if f"tenants.{name}".startswith(only):
            seen = check()
            yield Finding(f"tenants.{name}", "host", tries, holds, bool(seen), seen)


def _foreign_users(room: Room) -> str:
    pids = room.pids()
    if not pids:
        return "no process runs in the room's range"
    namespaces = {os.readlink(f"/proc/{pid}/ns/pid") for pid in pids[:1]}
    wrong = []
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            if os.readlink(f"/proc/{name}/ns/pid") in namespaces and int(name) not in pids:
                wrong.append(name)
        except OSError:
            continue
    return f"processes {wrong} of the room's pid namespace are not in its range of users" if wrong else ""


def _template(room: Room) -> str:
    path = room.host.path
    if os.path.exists(f"{path}/usr/share/attack-was-here"):
        return "a file that the room's root made is in the template"
    with open(f"{path}/usr/bin/env", "rb") as file:
        text = file.read()
    return "a program that the room's root changed is changed in the template" if text.endswith(b"x") and not text.endswith(b"\0x") else ""


def _setuid(room: Room) -> str:
    run(room, "import shutil\nshutil.copy('/bin/sh', '/var/tmp/sh'); os.chmod('/var/tmp/sh', 0o6755)", "root")
    for pid in room.pids():
        try:
            info = os.stat(f"/proc/{pid}/root/var/tmp/sh")
        except OSError:
            continue
        return "" if info.st_uid >= room.uid_base else f"it belongs to uid {info.st_uid} of the host"
    return "the file was not found: nothing was tried"
