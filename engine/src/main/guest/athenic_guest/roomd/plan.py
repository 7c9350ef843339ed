"""The inside of a room as data: an ordered list of small steps that the room's first process applies (`entry.py`).

Each step is one or two system calls and raises `SyscallError` or `OSError` with the path; the process then dies and with it everything
that was made, so no step needs an undo here. Paths are relative to the room's root, which is the working directory until the pivot.
The order is the one that was measured to work (docs/PROTOCOL.md, section 2).
"""

from __future__ import annotations

import os
import stat
import uuid
from dataclasses import dataclass

from athenic_guest import linux
from athenic_guest.linux import MS_BIND, MS_NODEV, MS_NOEXEC, MS_NOSUID, MS_RDONLY, MS_REC, MS_REMOUNT, mount


@dataclass(frozen=True)
class Mount:
    """mount(2) of a new file system; the directory is made when it is missing."""

    kind: str
    path: str
    flags: int
    data: str = ""

    def apply(self) -> None:
        os.makedirs(self.path, exist_ok=True)
        mount(self.kind, self.path, self.kind, self.flags, self.data or None)


@dataclass(frozen=True)
class Device:
    """The host's harmless character device `name`, bound: mknod(2) is not possible in a user namespace."""

    name: str

    def apply(self) -> None:
        path = f"dev/{self.name}"
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o666))
        mount(f"/dev/{self.name}", path, None, MS_BIND)


@dataclass(frozen=True)
class Symlink:
    """symlink(2)."""

    target: str
    path: str

    def apply(self) -> None:
        os.symlink(self.target, self.path)


@dataclass(frozen=True)
class TextFile:
    """A small file of the room's own, in place of whatever the template has there (a link is not followed)."""

    path: str
    text: str
    mode: int = 0o644

    def apply(self) -> None:
        try:
            os.unlink(self.path)
        except FileNotFoundError:
            pass
        descriptor = os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC, self.mode)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(self.text)


@dataclass(frozen=True)
class Sysctl:
    """Writes a value below /proc/sys; it belongs to the room's own namespaces."""

    name: str
    value: str

    def apply(self) -> None:
        with open(f"proc/sys/{self.name}", "w", encoding="ascii") as file:
            file.write(self.value)


@dataclass(frozen=True)
class Mask:
    """Hides a file (by /dev/null) or a directory (by an empty read-only tmpfs) of /proc. Absent here: nothing to hide."""

    path: str

    def apply(self) -> None:
        try:
            mode = os.stat(self.path).st_mode
        except FileNotFoundError:
            return
        if stat.S_ISDIR(mode):
            mount("tmpfs", self.path, "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, "size=0,nr_inodes=1,mode=555")
        else:
            mount("dev/null", self.path, None, MS_BIND)


@dataclass(frozen=True)
class Cover:
    """Puts the file `source` over `path`, read-only."""

    source: str
    path: str

    def apply(self) -> None:
        mount(self.source, self.path, None, MS_BIND)
        mount(None, self.path, None, MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC)


@dataclass(frozen=True)
class ReadOnly:
    """Makes a part of /proc read-only. Absent here: nothing to do."""

    path: str

    def apply(self) -> None:
        if not os.path.exists(self.path):
            return
        mount(self.path, self.path, None, MS_BIND | MS_REC)
        mount(None, self.path, None, MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC)


@dataclass(frozen=True)
class Pivot:
    """Makes the working directory the root and lets the host's tree go; pivot_root(2), "pivot_root(".", ".")"."""

    def apply(self) -> None:
        linux.pivot_root(".", ".")
        linux.umount(".")
        os.chdir("/")


Step = Mount | Device | Symlink | TextFile | Sysctl | Mask | Cover | ReadOnly | Pivot

DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
# What tells about the host or reaches into it. Nothing a program needs: cpuinfo, meminfo, stat, uptime, loadavg, version stay.
MASKED = ("acpi", "asound", "bootconfig", "buddyinfo", "bus", "cmdline", "config.gz", "consoles", "crypto", "device-tree", "diskstats", "dma",
          "driver", "dynamic_debug", "execdomains", "fb", "fs", "interrupts", "iomem", "ioports", "irq", "kallsyms", "kcore", "key-users",
          "keys", "kmsg", "kpagecgroup", "kpagecount", "kpageflags", "latency_stats", "locks", "mdstat", "misc", "modules", "mtd", "mtrr",
          "pagetypeinfo", "partitions", "pressure", "sched_debug", "schedstat", "scsi", "slabinfo", "softirqs", "swaps", "sysrq-trigger",
          "timer_list", "tty", "vmallocinfo", "vmstat", "zoneinfo")


def room_plan(hostname: str, shm_bytes: int, with_hosts_files: bool = True, inotify: int = 0) -> list[Step]:
    """The steps of a room named `hostname` whose /dev/shm holds `shm_bytes`; `inotify`: how many instances it may have, 0 for the host's bound."""
    quiet = MS_NOSUID | MS_NODEV | MS_NOEXEC
    steps: list[Step] = [
        Mount("tmpfs", "dev", MS_NOSUID | MS_NOEXEC, "mode=755,size=64k,nr_inodes=64"),
        *(Device(name) for name in DEVICES),
        Mount("devpts", "dev/pts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=620,gid=5,max=64"),
        Mount("tmpfs", "dev/shm", MS_NOSUID | MS_NODEV, f"mode=1777,size={shm_bytes},nr_inodes=16384"),
        Mount("mqueue", "dev/mqueue", quiet),
        Symlink("pts/ptmx", "dev/ptmx"),
        Symlink("/proc/self/fd", "dev/fd"),
        Symlink("fd/0", "dev/stdin"),
        Symlink("fd/1", "dev/stdout"),
        Symlink("fd/2", "dev/stderr"),
        Mount("proc", "proc", quiet),
        Sysctl("user/max_user_namespaces", "0"),
        *([Sysctl("user/max_inotify_instances", str(inotify))] if inotify else []),
        Sysctl("net/ipv4/ip_unprivileged_port_start", "0"),
        TextFile("dev/.boot_id", f"{uuid.uuid4()}\n", 0o444),
        ReadOnly("proc/sys"),
        Cover("dev/.boot_id", "proc/sys/kernel/random/boot_id"),
        *(Mask(f"proc/{name}") for name in MASKED),
    ]
    if with_hosts_files:
        steps += [
            TextFile("etc/hostname", f"{hostname}\n"),
            TextFile("etc/hosts", f"127.0.0.1 localhost {hostname}\n::1 localhost ip6-localhost ip6-loopback {hostname}\n"),
            TextFile("etc/resolv.conf", "# This room has no network.\n"),
        ]
    return [*steps, Pivot()]
