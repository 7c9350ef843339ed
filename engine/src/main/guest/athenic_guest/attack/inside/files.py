"""Group `files`: the host's files, other roots, devices, mounts, what is set on files."""

from __future__ import annotations

import ctypes
import errno
import fcntl
import hashlib
import mmap
import os
import socket
import stat
import tempfile

from .probe import HOST, add, call, is_root, others, probe, processes, read, refused, succeeded

_MARKER = "the host's file is not there"


def _marker(path: str) -> str | None:
    return succeeded("read a file of the host", lambda: read(path, 64))


def _host_paths() -> None:
    ways = {
        "absolute": ("its path", lambda path: path),
        "dots": ("a hundred '..' before its path", lambda path: "/" + "../" * 100 + path.lstrip("/")),
        "init-root": ("/proc/1/root", lambda path: "/proc/1/root" + path),
        "own-root": ("/proc/self/root and '..'", lambda path: "/proc/self/root/../../.." + path),
        "own-cwd": ("/proc/self/cwd and '..'", lambda path: "/proc/self/cwd/" + "../" * 20 + path.lstrip("/")),
        "thread-root": ("/proc/thread-self/root", lambda path: "/proc/thread-self/root/../.." + path),
    }
    for name, (how, path) in ways.items():
        add(f"files.host-{name}", f"read a file of the host by {how}", _MARKER, lambda path=path: _marker(path(HOST["marker"])))  # type: ignore[misc]


_host_paths()


@probe("files.host-symlink", "read a file of the host through a symlink in /tmp", _MARKER)
def _symlink() -> str | None:
    folder = tempfile.mkdtemp()
    os.symlink("/" + "../" * 60 + HOST["marker"].lstrip("/"), f"{folder}/link")
    os.symlink("/" + "../" * 60, f"{folder}/root")
    return _marker(f"{folder}/link") or _marker(f"{folder}/root{HOST['marker']}")


@probe("files.host-hardlink", "hard link a file of the host", _MARKER)
def _hardlink() -> str | None:
    return succeeded("linked", lambda: os.link(HOST["marker"], f"/tmp/linked{os.getpid()}"))


@probe("files.host-roots-of-others", "reach the host through the root and cwd of every process", _MARKER)
def _roots() -> str | None:
    for pid in processes():
        for name in ("root", "cwd"):
            seen = _marker(f"/proc/{pid}/{name}/" + "../" * 30 + HOST["marker"].lstrip("/"))
            if seen:
                return f"{pid}: {seen}"
    return None


@probe("files.climb", "climb above / with openat(\"..\") a hundred times", "the top is the room's root")
def _climb() -> str | None:
    top = os.open("/", os.O_PATH | os.O_DIRECTORY)
    at = top
    for _ in range(100):
        at = os.open("..", os.O_PATH | os.O_DIRECTORY, dir_fd=at)
    return None if os.path.samestat(os.fstat(at), os.fstat(top)) else "another directory is above /"


@probe("files.descriptors", "reach a directory of the host through a descriptor of any process", "every open directory is one of the room's")
def _descriptors() -> str | None:
    for pid in processes():
        try:
            names = os.listdir(f"/proc/{pid}/fd")
        except OSError:
            continue
        for name in names:
            path = f"/proc/{pid}/fd/{name}"
            try:
                if os.path.isdir(path) and not os.path.exists(os.readlink(path)):
                    return f"{path} leads to {os.readlink(path)}, which is not in the room"
                link = os.readlink(path)
            except OSError:
                continue
            if any(mark in link for mark in HOST["paths"]):
                return f"{path} → {link}"
    return None


@probe("files.mapped", "reach files of the host through /proc/PID/map_files", "they cannot be opened")
def _mapped() -> str | None:
    for pid in processes():
        try:
            for name in os.listdir(f"/proc/{pid}/map_files"):
                if any(mark in os.readlink(f"/proc/{pid}/map_files/{name}") for mark in HOST["paths"]):
                    return f"{pid}: {os.readlink(f'/proc/{pid}/map_files/{name}')}"
        except OSError:
            continue
    return None


@probe("files.shadow", "read the host's /etc/shadow", "it is the template's, or not readable")
def _shadow() -> str | None:
    return "it is the host's" if hashlib.sha256(read("/etc/shadow")).hexdigest() == HOST["shadow"] else None


@probe("files.machine-id", "read the host's /etc/machine-id", "it is not the host's")
def _machine_id() -> str | None:
    return "it is the host's" if HOST["machineId"] and read("/etc/machine-id").decode().strip() == HOST["machineId"] else None


@probe("files.hosts-name", "learn the host's name", "uname, /etc/hostname and /etc/hosts do not have it")
def _host_name() -> str | None:
    for text in (os.uname().nodename, read("/etc/hostname").decode(), read("/etc/hosts").decode()):
        if HOST["hostname"] in text.split():
            return text.strip()
    return None


@probe("files.sys", "read /sys", "it is empty")
def _sys() -> str | None:
    found = os.listdir("/sys")
    return f"/sys has {found[:5]}" if found else None


@probe("files.dev", "find other devices than the harmless ones", "only null, zero, full, random, urandom, tty and the terminals are there")
def _devices() -> str | None:
    allowed = {(1, 3), (1, 5), (1, 7), (1, 8), (1, 9), (5, 0), (5, 2)}
    for folder, _, names in os.walk("/dev"):
        for name in names:
            info = os.lstat(f"{folder}/{name}")
            device = (os.major(info.st_rdev), os.minor(info.st_rdev))
            if stat.S_ISBLK(info.st_mode) or (stat.S_ISCHR(info.st_mode) and device not in allowed and device[0] != 136):
                return f"{folder}/{name} is device {device}"
    return None


for _name in ("kmsg", "mem", "port", "loop-control", "loop0", "fuse", "kvm", "net/tun", "vhost-net", "userfaultfd", "mapper/control", "dri/card0", "console", "vda", "sda"):
    add(f"files.dev-{_name.replace('/', '-')}", f"open /dev/{_name}", "it is not there",
        lambda name=_name: succeeded("it opened", lambda: os.close(os.open(f"/dev/{name}", os.O_RDONLY | os.O_NONBLOCK))))  # type: ignore[misc]


def _make_device(folder: str, kind: int, device: tuple[int, int]) -> str | None:
    path = f"{folder}/device{os.getpid()}"
    os.mknod(path, kind | 0o666, os.makedev(*device))
    try:
        os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK))
        return f"{path} was made and opened"
    except OSError:
        return f"{path} was made (but does not open)"
    finally:
        os.unlink(path)


for _folder in ("/tmp", "/dev/shm", "/home/user", "/dev"):
    for _what, _kind, _device in (("mem", stat.S_IFCHR, (1, 1)), ("null", stat.S_IFCHR, (1, 3)), ("loop", stat.S_IFBLK, (7, 0)), ("disk", stat.S_IFBLK, (254, 0))):
        add(f"files.mknod-{_what}-in{_folder.replace('/', '-')}", f"make the device {_what} in {_folder}", "mknod is refused",
            lambda folder=_folder, kind=_kind, device=_device: _make_device(folder, kind, device))  # type: ignore[misc]


@probe("files.device-nodes", "change the host's device nodes: mode, owner, times, name, attributes", "they are untouched")
def _device_nodes() -> str | None:
    for name in ("null", "zero", "full", "random", "urandom", "tty"):
        path = f"/dev/{name}"
        before = os.stat(path)
        for attempt in (lambda: os.chmod(path, 0o600), lambda: os.chown(path, os.getuid(), os.getgid()), lambda: os.utime(path, (0, 0)),  # noqa: B023
                        lambda: os.setxattr(path, "user.x", b"1"), lambda: os.setxattr(path, "trusted.x", b"1"), lambda: os.unlink(path),  # noqa: B023
                        lambda: os.rename(path, path + ".old"), lambda: os.link(path, "/dev/shm/linked")):  # noqa: B023
            seen = succeeded(f"changed {path}", attempt)
            if seen:
                return seen
        after = os.stat(path)
        if (before.st_mode, before.st_uid, before.st_mtime) != (after.st_mode, after.st_uid, after.st_mtime):
            return f"{path} changed"
    return None


_MOUNT_CALLS = {"mount": (165, b"none", b"/tmp", b"tmpfs", 0, 0), "bind": (165, b"/proc", b"/tmp", 0, 4096, 0), "remount-proc-rw": (165, 0, b"/proc/sys", 0, 32 | 4096, 0),
                "umount": (166, b"/proc/sys", 2), "umount-mask": (166, b"/proc/keys", 2), "move_mount": (429, -100, b"/tmp", -100, b"/mnt", 0),
                "open_tree": (428, -100, b"/", 1), "open_tree_attr": (467, -100, b"/", 1, 0, 0), "fsopen": (430, b"tmpfs", 0), "fsconfig": (431, 3, 6, 0, 0, 0),
                "fsmount": (432, 3, 0, 0), "fspick": (433, -100, b"/", 0), "mount_setattr": (442, -100, b"/", 0, 0, 0), "pivot_root": (155, b"/tmp", b"/tmp"),
                "chroot": (161, b"/tmp"), "swapon": (167, b"/tmp/x", 0), "swapoff": (168, b"/tmp/x"), "quotactl": (179, 0x800002, 0, 0, 0),
                "quotactl_fd": (443, 0, 0x800002, 0, 0), "statmount": (457, 0, 0, 0, 0), "listmount": (458, 0, 0, 0, 0),
                "name_to_handle_at": (303, -100, b"/", 0, 0, 0), "open_by_handle_at": (304, 0, 0, 0)}
for _name, _arguments in _MOUNT_CALLS.items():
    add(f"files.call-{_name.replace('_', '-')}", f"change or look round the tree of mounts with {_name}", "refused before the kernel looks at it",
        lambda arguments=_arguments: refused(*arguments))  # type: ignore[misc]


# linux/fs.h, linux/loop.h, linux/ext4.h
for _name, _request in {"freeze": 0xC0045877, "thaw": 0xC0045878, "trim": 0xC0185879, "shutdown": 0x8004587D, "resize": 0x40086610,
                        "swap-boot": 0x6611, "immutable": 0x40086602, "fsverity": 0x40806685}.items():
    add(f"files.ioctl-{_name}", f"ask the file system below to {_name}", "refused",
        lambda request=_request, name=_name: _file_ioctl(request, name))  # type: ignore[misc]


def _file_ioctl(request: int, name: str) -> str | None:
    path = f"/tmp/ioctl{os.getpid()}"
    with open(path, "wb") as file:
        file.write(b"x" * 4096)
    targets = (path,) if name in ("immutable", "swap-boot", "fsverity") else (path, "/", "/dev/shm")
    try:
        for target in targets:
            descriptor = os.open(target, os.O_RDONLY)
            try:
                fcntl.ioctl(descriptor, request, b"\x10\0\0\0" + bytes(124) if name == "immutable" else bytes(128))
                return f"taken on {target}"
            except OSError:
                continue
            finally:
                os.close(descriptor)
    finally:
        os.unlink(path)
    return None


for _name, _value in {"trusted.overlay.opaque": b"y", "trusted.overlay.redirect": b"/etc", "security.capability": bytes.fromhex("0100000200000020") + bytes(12),
                      "security.evm": b"x", "security.ima": b"x", "system.nfs4_acl": b"x"}.items():
    add(f"files.xattr-{_name}", f"set {_name} on a file", "refused",
        lambda name=_name, value=_value: _set_attribute(name, value))  # type: ignore[misc]


def _set_attribute(name: str, value: bytes) -> str | None:
    path = f"/tmp/attribute{os.getpid()}"
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o755))
    try:
        return succeeded("it was set", lambda: os.setxattr(path, name, value))
    finally:
        os.unlink(path)


@probe("files.setuid", "become root of the host by a setuid program", "the room's root is a nobody outside")
def _setuid() -> str | None:
    for line in read("/proc/self/uid_map").decode().splitlines():
        _, outside, _ = (int(part) for part in line.split())
        if outside < 100_000:
            return f"a user of the room is uid {outside} of the host"
    for line in read("/proc/self/gid_map").decode().splitlines():
        if int(line.split()[1]) < 100_000:
            return f"a group of the room is gid {line.split()[1]} of the host"
    return None


@probe("files.foreign-owner", "give a file to a user outside the room's range", "refused")
def _foreign_owner() -> str | None:
    path = f"/tmp/owner{os.getpid()}"
    os.close(os.open(path, os.O_CREAT | os.O_RDWR))
    try:
        return succeeded("it has a foreign owner", lambda: os.chown(path, 70_000_000, -1))
    finally:
        os.unlink(path)


@probe("files.zygote-program", "write to the program that the kernels run (CVE-2019-5736)", "it cannot be opened for writing")
def _program() -> str | None:
    for pid in ("self", *processes()):
        seen = succeeded(f"/proc/{pid}/exe opened for writing", lambda: os.close(os.open(f"/proc/{pid}/exe", os.O_WRONLY)))  # noqa: B023
        if seen:
            return seen
    return None


@probe("files.guest-code", "read or change the code of the guests where the host keeps it", "the folder is not in the room")
def _guest_code() -> str | None:
    found = [path for path in ("/run/guest", "/run/sock", "/run/athenic", *HOST["paths"]) if os.path.lexists(path)]
    return f"there are {found}" if found else None


@probe("files.device-mapping", "map /dev/zero and /dev/null as a way to the kernel's memory", "they are the harmless devices")
def _mapping() -> str | None:
    with open("/dev/zero", "r+b") as file:
        page = mmap.mmap(file.fileno(), 4096, mmap.MAP_PRIVATE)
    return None if bytes(page[:16]) == bytes(16) else "/dev/zero is not zero"


@probe("files.dev-write", "make files in /dev", "there is no room for more than a few")
def _dev_write() -> str | None:
    if not is_root():
        return succeeded("the user made one", lambda: os.close(os.open("/dev/x", os.O_CREAT | os.O_WRONLY)))
    made, written = [], 0
    try:
        for number in range(4096):
            path = f"/dev/fill{number}"
            made.append(path)
            with open(path, "wb", buffering=0) as file:
                written += file.write(bytes(4096))
        return f"{written} bytes in {len(made)} files"
    except OSError:
        return None
    finally:
        for path in made:
            if os.path.exists(path):
                os.unlink(path)


@probe("files.pty-of-others", "open terminals that another room made", "the room has terminals of its own")
def _terminals() -> str | None:
    before = set(os.listdir("/dev/pts"))
    leader, follower = os.openpty()
    number = os.ttyname(follower).rsplit("/", 1)[1]
    os.close(leader)
    os.close(follower)
    return None if int(number) < 64 and len(before) < 64 else f"terminal {number}, there were {sorted(before)}"


@probe("files.whiteouts", "show the template's deleted files, or files below the overlay, by whiteouts", "they stay hidden, the template unchanged")
def _whiteouts() -> str | None:
    if not is_root():
        return succeeded("the user changed /etc", lambda: os.rename("/etc/passwd", "/etc/passwd.old"))
    path = "/usr/share/common-licenses"
    for line in read("/proc/self/mountinfo").decode().splitlines():
        if " - overlay " in line and "userxattr" in line:
            return "attributes of users steer the overlay"
    return None if not os.path.lexists(path + "/../../../../.." + HOST["marker"]) else "seen"


@probe("files.core", "have the kernel write a core file", "its size limit is 0 and cannot be raised")
def _core() -> str | None:
    import resource

    if resource.getrlimit(resource.RLIMIT_CORE) != (0, 0):
        return f"the limit is {resource.getrlimit(resource.RLIMIT_CORE)}"
    try:
        resource.setrlimit(resource.RLIMIT_CORE, (1 << 30, 1 << 30))
    except (OSError, ValueError):
        return None
    return "the limit was raised"


@probe("files.agent-memory-files", "open the memory or descriptors of processes of others", "refused")
def _foreign_memory() -> str | None:
    if is_root():
        return None  # the room's root owns the room: what it may not is tried in the other groups
    for pid in others(os.getuid()):
        for name in ("mem", "environ", "maps", "auxv", "fd", "root", "cwd", "exe", "fdinfo", "ns", "map_files", "stack", "syscall", "io", "patch_state"):
            path = f"/proc/{pid}/{name}"
            try:
                (os.listdir if name in ("fd", "fdinfo", "ns", "map_files") else os.readlink if name in ("root", "cwd", "exe") else read)(path)
            except OSError:
                continue
            return f"{path} opened"
    return None


@probe("files.openat2", "leave a directory by openat2 with magic links", "no link leads out of the room")
def _openat2() -> str | None:
    how = (ctypes.c_uint64 * 3)(os.O_PATH, 0, 0)
    descriptor = call(437, -100, b"/proc/1/root" if is_root() else b"/proc/self/root", ctypes.byref(how), 24)
    seen = os.path.samestat(os.fstat(descriptor), os.stat("/"))
    os.close(descriptor)
    return None if seen else "/proc/*/root is another directory"


@probe("files.unix-descriptor", "keep a descriptor of the host from SCM_RIGHTS of a socket that is inherited", "no inherited socket carries one")
def _inherited_sockets() -> str | None:
    for name in os.listdir("/proc/self/fd"):
        try:
            if not os.readlink(f"/proc/self/fd/{name}").startswith("socket:"):
                continue
            peer = socket.socket(fileno=os.dup(int(name)))
            peer.setblocking(False)
            _, descriptors, _, _ = socket.recv_fds(peer, 1, 8, socket.MSG_PEEK)
        except OSError as error:
            if error.errno in (errno.EAGAIN, errno.ENOTCONN, errno.EINVAL, errno.ENOENT, errno.EBADF, errno.ENOTSOCK, errno.EOPNOTSUPP):
                continue
            raise
        if descriptors:
            return f"descriptor {name} carried {len(descriptors)} descriptors"
    return None
