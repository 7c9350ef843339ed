"""A roomd that is started while another one of the same data directory waits for its next client joins it: it stands in for the other one
towards whoever started it (its end, its SIGTERM), and makes nothing itself. One that runs other code is ended first."""

from __future__ import annotations

import hashlib
import json
import os
import select
import signal
import sys
import time
from dataclasses import dataclass
from typing import Final

from athenic_guest.roomd import cgroups
from athenic_guest.roomd.clients import ENDING, LINGERING
from athenic_guest.roomd.lockfile import LockFile
from athenic_guest.roomd.mode import MACHINE_HOME
from athenic_guest.roomd.options import Options
from athenic_guest.roomd.server import log

_PATIENCE_SECONDS: Final = 5.0
_END_SECONDS: Final = 60.0


@dataclass(frozen=True)
class Other:
    """What the holder of the lock has written about itself."""

    pid: int
    code: str
    state: str


def fingerprint(options: Options) -> str:
    """Of the code and of everything that it was told: two roomds with the same one can stand for each other."""
    digest = hashlib.sha256(repr((sys.version, options)).encode())
    for folder, folders, files in os.walk(options.guest):
        folders.sort()
        for name in sorted(files):
            if name.endswith(".py"):
                path = os.path.join(folder, name)
                digest.update(os.path.relpath(path, options.guest).encode() + b"\0")
                with open(path, "rb") as file:
                    digest.update(file.read())
    return digest.hexdigest()[:32]


def note(code: str, state: str) -> str:
    """The text of the lock file."""
    return json.dumps({"pid": os.getpid(), "code": code, "state": state})


def join_living(options: Options, code: str) -> int | None:
    """The exit status once the roomd that was joined has ended; none when there is nobody to join and the caller has to serve itself."""
    if options.rootless:
        # Each has its own pid namespace: they cannot signal or watch each other. The other one's time will be over.
        _await_free(f"{os.path.dirname(options.runtime)}/{options.instance}.lock", -1, options.linger + _PATIENCE_SECONDS)
        return None
    path = f"{MACHINE_HOME}/{options.instance}.lock"
    asked_to_end = -1
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if not _is_held(path):
            return None
        other = _read(path)
        if other is not None and other.state == LINGERING and asked_to_end < 0:
            pidfd = _open(other)
            if pidfd >= 0 and other.code == code:
                return _stand_in(pidfd, path)
            if pidfd >= 0:
                log(f"the roomd that waits here ({other.pid}) runs other code: it is ended, and its rooms with it")
                signal.pidfd_send_signal(pidfd, signal.SIGTERM)
                asked_to_end = pidfd
        if asked_to_end < 0 and (other is None or other.state != ENDING):
            time.sleep(0.05)
            continue
        _await_free(path, asked_to_end, _END_SECONDS)
        return None
    return None  # taking the lock says what is the matter


def _is_held(path: str) -> bool:
    try:
        lock = LockFile.try_take(path)
    except FileNotFoundError:  # not even the folder is there
        return False
    if lock is None:
        return True
    lock.release()
    return False


def _read(path: str) -> Other | None:
    try:
        with open(path, encoding="ascii") as file:
            content = json.loads(file.read())
        return Other(int(content["pid"]), str(content["code"]), str(content["state"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _open(other: Other) -> int:
    """A pidfd of it; -1 when it is gone: then a child of it holds the lock for a moment longer."""
    try:
        pidfd = os.pidfd_open(other.pid)
        with open(f"/proc/{other.pid}/cmdline", "rb") as file:
            if b"roomd.py" in file.read():
                return pidfd
        os.close(pidfd)
    except OSError:
        pass
    return -1


def _await_free(path: str, pidfd: int, seconds: float) -> None:
    for _ in cgroups.until(time.monotonic() + seconds):
        if not _is_held(path):
            return
    if pidfd >= 0:
        log("it does not end: it is killed, and what it leaves is swept")
        signal.pidfd_send_signal(pidfd, signal.SIGKILL)


def _stand_in(pidfd: int, path: str) -> int:
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda _number, _frame: _send(pidfd, signal.SIGTERM))
    if not _send(pidfd, signal.SIGUSR1):
        return 1
    log("joined the roomd that kept this data directory's rooms")
    print("roomd ready", flush=True)
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    poll.poll()
    # An orderly end removes the file; its status is known to its own parent alone.
    return 128 + signal.SIGKILL if os.path.exists(path) else 0


def _send(pidfd: int, number: int) -> bool:
    try:
        signal.pidfd_send_signal(pidfd, number)
        return True
    except ProcessLookupError:
        return False
