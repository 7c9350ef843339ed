"""What the probes try to reach: a file, sockets, a port, shared memory, queues and secrets of the host. All harmless, all removed at the end."""

from __future__ import annotations

import ctypes
import hashlib
import os
import secrets
import socket
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from athenic_guest.attack.host import Host
from athenic_guest.roomd import seccomp_table
from athenic_guest.roomd.seccomp_table import Action

_libc = ctypes.CDLL(None, use_errno=True)
_CONDITIONAL = ("socket", "socketpair", "clone", "ioctl", "setsockopt", "personality")


def expected_calls() -> dict[str, str]:
    """By number: the errno that the table wants, `allow`, or `depends` (on arguments)."""
    library = ctypes.CDLL("libseccomp.so.2")
    library.seccomp_syscall_resolve_name.argtypes = [ctypes.c_char_p]
    found: dict[str, str] = {}
    for rule in seccomp_table.CALLS:
        for name in rule.calls.split():
            number = library.seccomp_syscall_resolve_name(name.encode())
            if number < 0:
                continue
            word = {Action.ALLOW: "allow", Action.PRETEND: "done"}.get(rule.action, rule.action.name)
            found[str(number)] = "depends" if name in _CONDITIONAL else word
    return found


class Bait:
    """Laid out on the host. `parameters` is what the probes are told."""

    def __init__(self, host: Host, needles: dict[str, str], paths: Iterable[str]) -> None:
        token = secrets.token_hex(4)
        self._file = f"{host.folder}/marker"
        with open(self._file, "w", encoding="ascii") as file:
            file.write("a file of the host\n")
        self._abstract = socket.socket(socket.AF_UNIX)
        self._abstract.bind(f"\0athenic-attack-{token}")
        self._abstract.listen()
        self._port = socket.create_server(("", 0), family=socket.AF_INET6, dualstack_ipv6=True)
        self._shm_file = f"/dev/shm/athenic-attack-{token}"
        with suppress(OSError), open(self._shm_file, "w", encoding="ascii") as file:
            file.write("x")
        key = secrets.randbelow(1 << 30) + 1
        self._shm = _libc.shmget(key, 4096, 0o1666)
        self._queue = _libc.msgget(key, 0o1666)
        self._semaphores = _libc.semget(key, 1, 0o1666)
        self._posix_queue = f"athenic-attack-{token}".encode()
        self._posix_descriptor = _libc.syscall(240, self._posix_queue, os.O_CREAT | os.O_RDWR, 0o666, None)  # mq_open, which takes no slash
        self.parameters: dict[str, Any] = {
            "marker": self._file,
            "paths": [host.folder, host.runtime, *paths],
            "sockets": [f"{host.runtime}/roomd.sock"],
            "pids": [os.getpid(), host.pid, os.getppid()],
            "shadow": _digest("/etc/shadow"),
            "machineId": _text("/etc/machine-id"),
            "hostname": os.uname().nodename,
            "bootId": _text("/proc/sys/kernel/random/boot_id"),
            "abstract": f"athenic-attack-{token}",
            "port": self._port.getsockname()[1],
            "ipcKey": key,
            "shmId": self._shm,
            "queue": self._posix_queue.decode(),
            "shmFile": os.path.basename(self._shm_file),
            "namespaces": {name: os.stat(f"/proc/self/ns/{name}").st_ino for name in ("mnt", "net", "ipc", "uts", "user", "pid", "cgroup")},
            "needles": {name: bytes((value + 1) % 256 for value in text.encode()).hex() for name, text in needles.items()},
            "calls": expected_calls(),
        }

    def close(self) -> None:
        self._abstract.close()
        self._port.close()
        for call, number in ((_libc.shmctl, self._shm), (_libc.msgctl, self._queue)):
            if number >= 0:
                call(number, 0, None)  # IPC_RMID
        if self._semaphores >= 0:
            _libc.semctl(self._semaphores, 0, 0)
        if self._posix_descriptor >= 0:
            os.close(self._posix_descriptor)
            _libc.syscall(241, self._posix_queue)
        for path in (self._file, self._shm_file):
            with suppress(OSError):
                os.unlink(path)


def _text(path: str) -> str:
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return ""


def _digest(path: str) -> str:
    try:
        with open(path, "rb") as file:
            return hashlib.sha256(file.read()).hexdigest()
    except OSError:
        return ""
