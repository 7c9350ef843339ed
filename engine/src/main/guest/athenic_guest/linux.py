"""System calls that Python's standard library lacks, through ctypes.

Shared by `roomd` (on the host) and the zygote (in the template). Every failing call raises `SyscallError`, which names the call, what it
was asked to do, errno and, where we know one, a hint. Sources: the manual page of each call; constants carry the header they come from.
"""

from __future__ import annotations

import ctypes
import functools
import errno
import os
import platform
import struct
import sys
from typing import Final

_LIBC: Final = ctypes.CDLL(None, use_errno=True)
# The interpreter lock must stay held over a fork: the child is alone and would wait for it for ever.
_LIBC_LOCKED: Final = ctypes.PyDLL(None, use_errno=True)

# asm/unistd_64.h and asm-generic/unistd.h; numbers from 424 on are the same everywhere.
_NUMBERS: Final = {
    "x86_64": {"pivot_root": 155, "seccomp": 317, "capset": 126, "set_robust_list": 273, "get_robust_list": 274},
    "aarch64": {"pivot_root": 41, "seccomp": 277, "capset": 91, "set_robust_list": 99, "get_robust_list": 100},
}
_COMMON: Final = {"open_tree": 428, "move_mount": 429, "fsopen": 430, "fsconfig": 431, "fsmount": 432, "pidfd_open": 434, "clone3": 435,
                  "close_range": 436, "mount_setattr": 442}

# linux/sched.h
CLONE_NEWNS: Final = 0x0002_0000
CLONE_NEWCGROUP: Final = 0x0200_0000
CLONE_NEWUTS: Final = 0x0400_0000
CLONE_NEWIPC: Final = 0x0800_0000
CLONE_NEWUSER: Final = 0x1000_0000
CLONE_NEWPID: Final = 0x2000_0000
CLONE_NEWNET: Final = 0x4000_0000
CLONE_PIDFD: Final = 0x0000_1000
CLONE_CHILD_CLEARTID: Final = 0x0020_0000
CLONE_CHILD_SETTID: Final = 0x0100_0000
CLONE_INTO_CGROUP: Final = 0x2_0000_0000

# linux/mount.h, sys/mount.h
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 1, 2, 4, 8, 32, 4096, 16384, 1 << 18
MNT_DETACH: Final = 2

# linux/prctl.h
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_CAPBSET_DROP, PR_SET_CHILD_SUBREAPER, PR_GET_TID_ADDRESS, PR_CAP_AMBIENT = 1, 4, 24, 36, 40, 47
PR_CAP_AMBIENT_CLEAR_ALL: Final = 4

HINTS: Final = {
    errno.EPERM: "roomd needs root with CAP_SYS_ADMIN in the first user namespace",
    errno.ENOSYS: "the kernel is too old: Linux 5.19 or newer is needed",
    errno.ENOSPC: "a limit of the host is reached (/proc/sys/user/max_*_namespaces, disk, or mounts)",
    errno.EMFILE: "raise the limit of open files (ulimit -n)",
    errno.ENFILE: "raise /proc/sys/fs/file-max",
}


class SyscallError(OSError):
    """A system call failed. `str()` names the call, its subject, errno and a hint."""

    def __init__(self, call: str, subject: str, number: int, hint: str | None = None) -> None:
        super().__init__(number, os.strerror(number))
        self.call = call
        self.subject = subject
        self.hint = hint if hint is not None else HINTS.get(number)

    def __str__(self) -> str:
        name = errno.errorcode.get(self.errno or 0, str(self.errno))
        text = f"{self.call}({self.subject}): {name} ({self.strerror})"
        return f"{text}; {self.hint}" if self.hint else text


def syscall_number(name: str) -> int:
    """The number of a system call on this machine; an unknown machine is refused."""
    if name in _COMMON:
        return _COMMON[name]
    machine = platform.machine() if sys.platform == "linux" else "none"
    numbers = _NUMBERS.get(machine)
    if numbers is None:
        raise SyscallError(name, machine, errno.ENOSYS, "only x86_64 and aarch64 are supported")
    return numbers[name]


def call(name: str, subject: str, *args: int | bytes | None | ctypes.Array[ctypes.c_char] | ctypes.Structure) -> int:
    """Runs system call `name` by number; integers are passed as longs, structures by reference."""
    converted: list[object] = []
    for arg in args:
        if isinstance(arg, int):
            converted.append(ctypes.c_long(arg))
        elif isinstance(arg, ctypes.Structure):
            converted.append(ctypes.byref(arg))
        else:
            converted.append(arg)
    result: int = _LIBC.syscall(ctypes.c_long(syscall_number(name)), *converted)
    if result < 0:
        raise SyscallError(name, subject, ctypes.get_errno())
    return result


def mount(source: str | None, target: str, kind: str | None, flags: int, data: str | None = None) -> None:
    """mount(2)."""
    texts = [None if text is None else os.fsencode(text) for text in (source, target, kind, data)]
    if _LIBC.mount(*texts[:3], ctypes.c_ulong(flags), texts[3]) < 0:
        raise SyscallError("mount", f"{kind or source or 'none'} on {target}", ctypes.get_errno())


def umount(target: str, flags: int = MNT_DETACH) -> None:
    """umount2(2)."""
    if _LIBC.umount2(os.fsencode(target), flags) < 0:
        raise SyscallError("umount2", target, ctypes.get_errno())


def syncfs(descriptor: int) -> None:
    """syncfs(2): writes everything of the file system at the descriptor to its device."""
    if _LIBC.syncfs(descriptor) < 0:
        raise SyscallError("syncfs", f"descriptor {descriptor}", ctypes.get_errno())


def set_file_owner(owner: int) -> None:
    """setfsuid(2), setfsgid(2): what the calling *thread* makes in file systems belongs to `owner`. It loses its effective capabilities."""
    _LIBC.setfsgid(owner)
    _LIBC.setfsuid(owner)
    if _LIBC.setfsuid(-1) != owner or _LIBC.setfsgid(-1) != owner:
        raise SyscallError("setfsuid", str(owner), errno.EPERM)


def unshare(flags: int) -> None:
    """unshare(2)."""
    if _LIBC.unshare(flags) < 0:
        raise SyscallError("unshare", f"{flags:#x}", ctypes.get_errno())


def setns(descriptor: int, kinds: int) -> None:
    """setns(2): `descriptor` is a pidfd or a namespace file."""
    if _LIBC.setns(descriptor, kinds) < 0:
        raise SyscallError("setns", f"{kinds:#x}", ctypes.get_errno())


def prctl(option: int, *args: int) -> int:
    """prctl(2)."""
    padded = [*args, 0, 0, 0, 0][:4]
    result: int = _LIBC.prctl(option, *[ctypes.c_ulong(value) for value in padded])
    if result < 0:
        raise SyscallError("prctl", f"option {option}", ctypes.get_errno())
    return result


def pivot_root(new_root: str, put_old: str) -> None:
    """pivot_root(2)."""
    call("pivot_root", f"{new_root}, {put_old}", os.fsencode(new_root), os.fsencode(put_old))


def close_from(first: int) -> None:
    """close_range(2): closes every descriptor from `first` on."""
    call("close_range", f"{first}..", first, 0xFFFF_FFFF, 0)


def pidfd_open(pid: int) -> int:
    """pidfd_open(2); the descriptor is close-on-exec."""
    return call("pidfd_open", str(pid), pid, 0)


class _CloneArgs(ctypes.Structure):
    """struct clone_args of linux/sched.h."""

    _fields_ = [(name, ctypes.c_uint64) for name in (
        "flags", "pidfd", "child_tid", "parent_tid", "exit_signal", "stack", "stack_size", "tls", "set_tid", "set_tid_size", "cgroup")]


def _thread_id_address() -> int:
    """Where glibc keeps the id of this thread: clone3 must correct it in the child, as glibc's own fork does. 0: not told by the kernel."""
    address = ctypes.c_uint64(0)
    result = _LIBC.prctl(PR_GET_TID_ADDRESS, ctypes.byref(address), ctypes.c_ulong(0), ctypes.c_ulong(0), ctypes.c_ulong(0))
    return address.value if result == 0 else 0


def clone_process(flags: int, cgroup: int | None = None) -> tuple[int, int]:
    """clone3(2) as fork: returns (0, -1) in the child and (pid, pidfd) in the parent.

    The caller must have one thread: a lock that another thread holds would stay locked in the child. `cgroup` is a directory of
    the v2 hierarchy that the child is born in.
    """
    pidfd = ctypes.c_int(-1)
    args = _CloneArgs(flags=flags | CLONE_PIDFD, exit_signal=17, pidfd=ctypes.addressof(pidfd))
    if cgroup is not None:
        args.flags |= CLONE_INTO_CGROUP
        args.cgroup = cgroup
    address = _thread_id_address()
    if address:
        args.flags |= CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID
        args.child_tid = address
    head, length = ctypes.c_void_p(), ctypes.c_size_t()
    _LIBC.syscall(ctypes.c_long(syscall_number("get_robust_list")), ctypes.c_long(0), ctypes.byref(head), ctypes.byref(length))
    number = ctypes.c_long(syscall_number("clone3"))
    reference, size = ctypes.byref(args), ctypes.c_size_t(ctypes.sizeof(args))
    ctypes.pythonapi.PyOS_BeforeFork()
    pid: int = _LIBC_LOCKED.syscall(number, reference, size)
    if pid == 0:
        ctypes.pythonapi.PyOS_AfterFork_Child()
        _LIBC.syscall(ctypes.c_long(syscall_number("set_robust_list")), head, length)
        return 0, -1
    failed = ctypes.get_errno()
    ctypes.pythonapi.PyOS_AfterFork_Parent()
    if pid < 0:
        raise SyscallError("clone3", f"{flags:#x}", failed)
    return pid, pidfd.value


@functools.cache
def last_capability() -> int:
    """The highest capability that this kernel knows; proc_sys_kernel(5)."""
    with open("/proc/sys/kernel/cap_last_cap", encoding="ascii") as file:
        return int(file.read())


def drop_bounding_set(keep: int) -> None:
    """Removes every capability that is not in the mask `keep` from the bounding set; capabilities(7)."""
    for capability in range(last_capability() + 1):
        if not keep >> capability & 1:
            prctl(PR_CAPBSET_DROP, capability)


def set_capabilities(mask: int) -> None:
    """Makes `mask` the permitted and effective set; the inheritable set becomes empty. capset(2), version 3."""
    header = struct.pack("Ii", 0x2008_0522, 0)
    low, high = mask & 0xFFFF_FFFF, mask >> 32
    call("capset", f"{mask:#x}", header, struct.pack("6I", low, low, 0, high, high, 0))


def permitted_capabilities() -> int:
    """The permitted set of this process; proc_pid_status(5)."""
    with open("/proc/self/status", encoding="ascii", errors="replace") as file:
        for line in file:
            if line.startswith("CapPrm:"):
                return int(line.split()[1], 16)
    raise SyscallError("read", "/proc/self/status", errno.ENOENT)


class _FilterProgram(ctypes.Structure):
    """struct sock_fprog of linux/filter.h."""

    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]


def load_seccomp(program: bytes) -> None:
    """seccomp(2), SECCOMP_SET_MODE_FILTER. Needs CAP_SYS_ADMIN in the user namespace (no_new_privs is not set: sudo must work)."""
    if not program or len(program) % 8:
        raise ValueError(f"not a BPF program: {len(program)} bytes")
    buffer = ctypes.create_string_buffer(program, len(program))
    call("seccomp", "filter", 1, 0, _FilterProgram(len(program) // 8, ctypes.addressof(buffer)))


def set_death_signal() -> None:
    """The caller gets SIGKILL when the thread that forked it ends. The kernel forgets it when credentials change: call it last."""
    prctl(PR_SET_PDEATHSIG, 9)
