"""Runs a command as root of a user namespace of its own, with mounts and process numbers of its own; user_namespaces(7).

Two maps. `ROOMD`: 0 is the user, 1 to 65,536 are the subordinate ids; rooms and templates live in the latter only, so that nothing in them
is ever the user. `BUILD`: 0 to 64,999 and 65,534 are the subordinate ids as a room sees them, and the user is 65,000: what a template's
build makes belongs to a room's root, and it can still write below the user's data directory.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import shutil
import signal
import subprocess
from collections.abc import Sequence
from typing import Final, NoReturn

from athenic_guest import linux

from . import subids
from .problem import Problem

# What a room's ids 0 to ROOM_IDS - 1 are in roomd's namespace: FIRST + id; and 65,534, "nobody", whom Debian's packages use.
FIRST: Final = 1
ROOM_IDS: Final = 65_000
NOBODY: Final = 65_534
_NAMESPACES: Final = linux.CLONE_NEWUSER | linux.CLONE_NEWNS | linux.CLONE_NEWPID | linux.CLONE_NEWIPC
_MAPPED: Final = b"go"
Extents = list[tuple[int, int, int]]


def roomd_map(own: int, subordinate: int) -> Extents:
    """(inside, outside, count) of roomd's namespace."""
    return [(0, own, 1), (FIRST, subordinate, subids.COUNT)]


def build_map(own: int, subordinate: int) -> Extents:
    """(inside, outside, count) of a template's build."""
    return [(0, subordinate, ROOM_IDS), (ROOM_IDS, own, 1), (NOBODY, subordinate + NOBODY, 1)]


def run(command: Sequence[str], *, build: bool = False) -> int:
    """Runs the command to its end and returns its exit status. It dies with this process, and everything that it started dies with it:
    it is the first process of its namespace. TERM is passed on, and comes from the kernel when our parent ends; INT and HUP reach the
    command from the terminal, and it decides."""
    uid, gid = os.getuid(), os.getgid()
    if uid == 0:
        raise Problem("this is for an ordinary user; root needs no user namespace")
    given = subids.find(uid)
    maps = {name: (build_map if build else roomd_map)(own, sub) for name, own, sub in (("uid", uid, given.uid), ("gid", gid, given.gid))}
    helpers = {name: _helper(f"new{name}map") for name in maps}
    read, write = os.pipe2(os.O_CLOEXEC)
    try:
        pid, pidfd = linux.clone_process(_NAMESPACES)
    except OSError as error:
        raise Problem(_refused(error)) from None
    if pid == 0:
        os.close(write)
        _become(read, command)
    os.close(read)
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda _number, _frame: _pass_on(pidfd))
    linux.prctl(linux.PR_SET_PDEATHSIG, signal.SIGTERM)
    try:
        for name, extents in maps.items():
            _map(helpers[name], pid, extents)
        _map_projects(pid, maps["uid"])
        os.write(write, _MAPPED)
    except BaseException:
        signal.pidfd_send_signal(pidfd, signal.SIGKILL)
        os.waitpid(pid, 0)
        raise
    status = os.waitpid(pid, 0)[1]
    os.close(write)  # kept open till now: its end tells the child that we are gone
    os.close(pidfd)
    return os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)


def _pass_on(pidfd: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        signal.pidfd_send_signal(pidfd, signal.SIGTERM)


def _helper(name: str) -> str:
    path = shutil.which(name, path="/usr/bin:/bin:/usr/sbin:/sbin")
    if path is None:
        raise Problem(f"{name} is missing: it maps subordinate ids. Install it:  sudo apt-get install uidmap")
    return path


def _map(helper: str, pid: int, extents: Extents) -> None:
    numbers = [str(number) for extent in extents for number in extent]
    done = subprocess.run([helper, str(pid), *numbers], env={}, capture_output=True, text=True, timeout=20, check=False)
    if done.returncode != 0:
        raise Problem(f"{helper} failed: {(done.stderr or done.stdout).strip()[:400]}. It must be setuid root (apt-get install --reinstall uidmap), "
                      "and a container must allow setuid programs")


def _map_projects(pid: int, extents: Extents) -> None:
    """As the user ids. It needs no right: left open, a room would write it."""
    with open(f"/proc/{pid}/projid_map", "w", encoding="ascii") as file:
        file.write("".join(f"{inside} {outside} {count}\n" for inside, outside, count in extents))


def _refused(error: OSError) -> str:
    text = f"this kernel or container refuses user namespaces to ordinary users ({error.strerror})"
    if error.errno == errno.ENOSPC:
        return f"{text}: raise user.max_user_namespaces (sysctl -w user.max_user_namespaces=10000)"
    return f"{text}. Root allows them with:  sysctl -w kernel.unprivileged_userns_clone=1  (Debian's switch, where there is one)"


def _become(ready: int, command: Sequence[str]) -> NoReturn:
    """In the child: waits for its ids, then becomes the command."""
    try:
        if os.read(ready, len(_MAPPED)) != _MAPPED:
            os._exit(1)  # the maps could not be made; our parent says why
        os.setresgid(0, 0, 0)
        os.setgroups([])  # the user's other groups must reach nothing from here
        os.setresuid(0, 0, 0)
        try:
            linux.mount(None, "/", None, linux.MS_REC | linux.MS_PRIVATE)
        except OSError as error:
            raise Problem(f"a user namespace was given, but no rights in it ({error.strerror}). On Ubuntu 24.04 AppArmor does so; root allows them with:\n"
                          "  sysctl -w kernel.apparmor_restrict_unprivileged_userns=0") from None
        try:
            linux.mount("proc", "/proc", "proc", linux.MS_NOSUID | linux.MS_NODEV | linux.MS_NOEXEC)
        except OSError as error:
            raise Problem(f"/proc cannot be mounted ({error.strerror}): this container hides parts of it. Run it with an unmasked /proc "
                          "(podman/docker: --security-opt unmask=ALL), or run Athenic on the machine itself") from None
        linux.set_death_signal()
        if not _parent_lives(ready):  # the death signal comes only for an end after it was asked for
            os._exit(1)
        os.execve(command[0], list(command), dict(os.environ))
    except Problem as problem:
        os.write(2, f"rootless: {problem}\n".encode())
    except OSError as error:
        os.write(2, f"rootless: {error}\n".encode())
    os._exit(1)


def _parent_lives(ready: int) -> bool:
    poll = select.poll()
    poll.register(ready, select.POLLIN)
    return not poll.poll(0)
