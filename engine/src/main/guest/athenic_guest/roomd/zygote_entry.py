"""The first steps of a zygote: from its fork by the forge to the exec of the template's Python.

It gets a private mount namespace whose root is the template, read-only, with just what Python needs, and an empty network. What this
process holds in memory is copied to every sandbox's kernels: it is exec'ed with an empty environment and must never see a secret.
"""

from __future__ import annotations

import json
import os
import signal
import socket
from typing import NoReturn

from athenic_guest import linux
from athenic_guest.linux import MS_BIND, MS_NODEV, MS_NOEXEC, MS_NOSUID, MS_PRIVATE, MS_REC, mount
from athenic_guest.roomd import mounts

_STAGE = "/mnt"
_PYTHON = "/usr/bin/python3"
# What a zygote needs: to enter namespaces (SYS_ADMIN, SYS_CHROOT, SYS_PTRACE for pidfds), to start guests and make their sockets as other
# users (SETUID, SETGID), to signal them (KILL), and to prefer their death (SYS_RESOURCE, for oom_score_adj). linux/capability.h
CAPABILITIES = sum(1 << bit for bit in (5, 6, 7, 18, 19, 21, 24))


def run(control: socket.socket) -> NoReturn:
    """Waits for the order (three descriptors of detached mounts: template, guest code, sockets' folder), execs. A failure is one
    JSON line on `control`."""
    try:
        data, descriptors, _, _ = socket.recv_fds(control, 16, 3)
        if not data or len(descriptors) != 3:
            os._exit(1)
        linux.set_death_signal()
        os.setsid()
        os.umask(0o022)
        linux.unshare(linux.CLONE_NEWNS | linux.CLONE_NEWNET | linux.CLONE_NEWIPC | linux.CLONE_NEWUTS)
        socket.sethostname("sandbox")
        _mount(*descriptors)
        _exec(control)
    except BaseException as error:  # the outermost frame of this process: whatever happened is told to roomd
        try:
            control.send(json.dumps({"error": f"{type(error).__name__}: {error}"[:4096]}).encode())
        except OSError:
            pass
    os._exit(1)


def _mount(template: int, guest: int, sockets: int) -> None:
    mount(None, "/", None, MS_REC | MS_PRIVATE)
    mounts.attach(template, _STAGE)
    os.chdir(_STAGE)
    mount("proc", "proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    mount("tmpfs", "dev", "tmpfs", MS_NOSUID | MS_NOEXEC, "mode=755,size=64k,nr_inodes=64")
    for name in ("null", "zero", "full", "random", "urandom"):
        os.close(os.open(f"dev/{name}", os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o666))
        mount(f"/dev/{name}", f"dev/{name}", None, MS_BIND)
    os.mkdir("dev/shm")
    for folder, mode in (("run", 0o755), ("tmp", 0o1777), ("root", 0o700), ("dev/shm", 0o1777)):
        mount("tmpfs", folder, "tmpfs", MS_NOSUID | MS_NODEV, f"mode={mode:o},size=64m,nr_inodes=8192")
    for tree, target in ((guest, "run/guest"), (sockets, "run/sock")):
        os.mkdir(target)
        mounts.attach(tree, target)
    linux.pivot_root(".", ".")
    linux.umount(".")
    os.chdir("/")


def _exec(control: socket.socket) -> NoReturn:
    for number in range(1, signal.NSIG):
        if number not in (signal.SIGKILL, signal.SIGSTOP, 32, 33):
            signal.signal(number, signal.SIG_DFL)
    linux.drop_bounding_set(CAPABILITIES)
    linux.set_death_signal()
    null = os.open("/dev/null", os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(2, 1)  # stderr is roomd's: the zygote's own failures are seen there
    os.dup2(control.fileno(), 3)
    linux.close_from(4)
    os.execve(_PYTHON, ["python3", "-I", "-B", "/run/guest/athenic_guest/zygote.py"], {"LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin"})
