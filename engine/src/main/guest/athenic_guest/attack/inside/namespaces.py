"""Group `namespaces`: new ones, others' ones."""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import subprocess
import threading

from .probe import add, call, errno_of, is_root, probe, processes, read, refused, succeeded

_FLAGS = {"time": 0x80, "mount": 0x20000, "cgroup": 0x2000000, "uts": 0x4000000, "ipc": 0x8000000, "user": 0x10000000, "pid": 0x20000000, "net": 0x40000000}
_REFUSED = "refused"
_SIGCHLD = 17


def _clone(flags: int) -> str | None:
    """clone(2) by number: the child, if there is one, ends at once."""
    own = os.getpid()
    code = errno_of(56, flags | _SIGCHLD, 0, 0, 0, 0)
    if os.getpid() != own or (flags & _FLAGS["pid"] and os.getpid() == 1):
        os._exit(0)
    return None if code in (errno.EPERM, errno.ENOSYS) else f"clone was taken: {errno.errorcode.get(code, 'it succeeded')}"


def _clone3(flags: int) -> str | None:
    arguments = (ctypes.c_uint64 * 11)(flags, 0, 0, 0, _SIGCHLD, 0, 0, 0, 0, 0, 0)
    own = os.getpid()
    code = errno_of(435, ctypes.byref(arguments), 88)
    if os.getpid() != own:
        os._exit(0)
    return None if code == errno.ENOSYS else f"clone3 was taken: {errno.errorcode.get(code, 'it succeeded')}"


def _join(name: str) -> str | None:
    descriptor = os.open(f"/proc/self/ns/{name}", os.O_RDONLY)
    return refused(308, descriptor, 0)


for _name, _flag in _FLAGS.items():
    add(f"namespaces.unshare-{_name}", f"unshare(2) a {_name} namespace", _REFUSED, lambda flag=_flag: refused(272, flag))  # type: ignore[misc]
    add(f"namespaces.unshare-user-{_name}", f"unshare(2) a user and a {_name} namespace at once", _REFUSED, lambda flag=_flag: refused(272, flag | 0x10000000))  # type: ignore[misc]
    add(f"namespaces.clone3-{_name}", f"clone3(2) into a new {_name} namespace", "there is no clone3", lambda flag=_flag: _clone3(flag))  # type: ignore[misc]
    if _name != "time":  # clone(2) has the signal's number in these bits
        add(f"namespaces.clone-{_name}", f"clone(2) into a new {_name} namespace", _REFUSED, lambda flag=_flag: _clone(flag))  # type: ignore[misc]
for _name in ("mnt", "pid", "net", "user", "ipc", "uts", "cgroup", "time", "pid_for_children"):
    add(f"namespaces.setns-{_name.replace('_', '-')}", f"setns(2) to the own {_name} namespace again", _REFUSED, lambda name=_name: _join(name))  # type: ignore[misc]


@probe("namespaces.setns-pidfd", "setns(2) to every process of the room by pidfd", _REFUSED)
def _by_pidfd() -> str | None:
    for pid in processes():
        try:
            descriptor = os.pidfd_open(pid)
        except OSError:
            continue
        seen = refused(308, descriptor, 0x7E020000)
        os.close(descriptor)
        if seen:
            return seen
    return None


@probe("namespaces.high-bits", "hide a namespace flag in the high half of an argument", _REFUSED)
def _high_bits() -> str | None:
    return refused(272, 0x10000000 | 1 << 40, by=(errno.EPERM, errno.ENOSYS, errno.EINVAL)) or _clone(0x10000000 | 1 << 40)


@probe("namespaces.thread", "unshare a user namespace in a thread", _REFUSED)
def _thread() -> str | None:
    seen: list[str | None] = []
    thread = threading.Thread(target=lambda: seen.append(refused(272, 0x10000000)))
    thread.start()
    thread.join()
    return seen[0]


@probe("namespaces.program", "make a user namespace by unshare(1)", "the program fails")
def _program() -> str | None:
    try:
        status = subprocess.run(["unshare", "-Ur", "id"], capture_output=True, timeout=40, check=False)
    except FileNotFoundError:
        return None
    return None if status.returncode else status.stdout.decode()


@probe("namespaces.program-chain", "make one by way of another interpreter, shell and env", "the program fails")
def _chain() -> str | None:
    code = "import ctypes,sys; sys.exit(ctypes.CDLL(None).unshare(0x10000000) == 0)"
    status = subprocess.run(["/bin/sh", "-c", f"env -i /usr/bin/python3 -c '{code}'"], capture_output=True, timeout=40, check=False)
    return "the grandchild has a namespace of its own" if status.returncode else None


@probe("namespaces.limit", "raise the number of user namespaces", "it is 0 and read-only")
def _limit() -> str | None:
    if read("/proc/sys/user/max_user_namespaces").strip() != b"0":
        return f"it is {read('/proc/sys/user/max_user_namespaces')!r}"

    def write() -> None:
        with open("/proc/sys/user/max_user_namespaces", "w", encoding="ascii") as file:
            file.write("100")

    return succeeded("it was written", write)


# linux/nsfs.h: NS_GET_PARENT, NS_GET_OWNER_UID, NS_GET_PID_FROM_PIDNS … lead from a namespace to its parents.
@probe("namespaces.parents", "walk from the room's namespaces to the host's by NS_GET_PARENT and NS_GET_USERNS", "the walk ends in the room")
def _parents() -> str | None:
    for name in ("pid", "user"):
        descriptor = os.open(f"/proc/self/ns/{name}", os.O_RDONLY)
        seen = succeeded(f"the parent of the {name} namespace opened", lambda: fcntl.ioctl(descriptor, 0xB702))  # noqa: B023
        os.close(descriptor)
        if seen:
            return seen
    for name in ("mnt", "net", "uts", "ipc", "cgroup"):
        descriptor = os.open(f"/proc/self/ns/{name}", os.O_RDONLY)
        try:
            owner = fcntl.ioctl(descriptor, 0xB701)
        except OSError:
            continue
        if os.fstat(owner).st_ino != os.stat("/proc/self/ns/user").st_ino:
            return f"the {name} namespace belongs to another user namespace"
    return None


@probe("namespaces.siblings", "step to other mount namespaces by NS_MNT_GET_NEXT and NS_MNT_GET_PREV", _REFUSED)
def _siblings() -> str | None:
    descriptor = os.open("/proc/self/ns/mnt", os.O_RDONLY)
    for request in (0xB70B, 0xB70C):  # _IOR sizes differ between headers: the plain number and the sized one
        for number in (request, 0x80100000 | request):
            seen = succeeded("another mount namespace opened", lambda: fcntl.ioctl(descriptor, number, bytes(16)))  # noqa: B023
            if seen:
                return seen
    return None


@probe("namespaces.pidfd-ioctl", "open namespaces of the room's init by PIDFD_GET_*", "setns to them is refused")
def _pidfd_ioctl() -> str | None:
    init = os.pidfd_open(1)
    for number in range(1, 11):
        try:
            descriptor = fcntl.ioctl(init, 0xFF00 | number)
        except OSError:
            continue
        seen = refused(308, descriptor, 0)
        if seen:
            return seen
    return None


@probe("namespaces.same", "share a namespace with the host", "each differs from the host's")
def _same() -> str | None:
    from .probe import HOST

    shared = [name for name, number in HOST["namespaces"].items() if os.stat(f"/proc/self/ns/{name}").st_ino == number]
    return f"the same as the host's: {shared}" if shared else None


@probe("namespaces.nsfs-handles", "open a namespace by its file handle or id", _REFUSED)
def _handles() -> str | None:
    return refused(304, -10, 0, 0) or refused(470, 0, 0, 0, 0)


@probe("namespaces.chroot", "chroot, the classic way out of a mount namespace", _REFUSED)
def _chroot() -> str | None:
    return succeeded("chroot", lambda: os.chroot("/tmp")) if is_root() else refused(161, b"/tmp")


@probe("namespaces.vfork", "unshare in a child of vfork and clone with shared memory", _REFUSED)
def _shared_memory() -> str | None:
    return _clone(0x10000000 | 0x8000) or _clone(0x10000000 | 0x20000000)


@probe("namespaces.init-links", "read what /proc/1/ns points to and open it", "it is the room's own")
def _init_links() -> str | None:
    for name in ("mnt", "net", "pid", "user", "ipc", "uts"):
        if os.readlink(f"/proc/1/ns/{name}") != os.readlink(f"/proc/self/ns/{name}"):
            return f"init is in another {name} namespace"
    return None


@probe("namespaces.own-filter", "loosen the filter by loading another that allows everything", "the stricter one still counts")
def _own_filter() -> str | None:
    program = (ctypes.c_uint64 * 1)(0x7FFF0000 << 32 | 6)  # BPF_RET | SECCOMP_RET_ALLOW

    class Filter(ctypes.Structure):
        _fields_ = [("length", ctypes.c_ushort), ("program", ctypes.c_void_p)]

    ctypes.CDLL(None).prctl(38, 1, 0, 0, 0)  # PR_SET_NO_NEW_PRIVS
    call(317, 1, 0, ctypes.byref(Filter(1, ctypes.addressof(program))))
    return refused(272, 0x10000000)
