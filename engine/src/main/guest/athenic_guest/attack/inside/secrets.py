"""Group `secrets`: environment, descriptors and memory that the makers of the room may have left."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from typing import Any, Final

from .probe import HOST, finds, is_root, needles, probe, processes

_PIECE: Final = 1 << 20
_OVERLAP: Final = 256


def _search(pid: int | str) -> str | None:
    """Looks for the secrets in a process's memory."""
    with open(f"/proc/{pid}/maps", encoding="ascii") as maps:
        regions = [line.split() for line in maps]
    with open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for region in regions:
            if "r" not in region[1] or (len(region) > 5 and region[5].startswith(("[vvar", "[vsyscall", "[vdso"))):
                continue
            if "w" not in region[1] and len(region) > 5:
                continue  # a file's own bytes
            start, end = (int(part, 16) for part in region[0].split("-"))
            for piece, at in _pieces(memory, start, end):
                for name, needle in needles().items():
                    if finds(needle, piece):
                        return f"{name} is in the memory of process {pid} near {at:#x} ({region[5] if len(region) > 5 else 'heap'})"
    return None


def _pieces(memory: Any, start: int, end: int) -> Iterator[tuple[bytes, int]]:
    at = start
    while at < end:
        memory.seek(at)
        try:
            piece = memory.read(min(_PIECE, end - at))
        except OSError:
            at += 4096  # a hole
            continue
        if not piece:
            return
        yield piece, at
        if at + len(piece) >= end:
            return
        at += max(4096, len(piece) - _OVERLAP)


@probe("secrets.environment", "find the host's variables in the own environment", "there are none")
def _environment() -> str | None:
    found = [name for name, value in os.environ.items() for needle in needles().values() if finds(needle, value.encode())]
    known = [name for name in ("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "E2B_API_KEY", "SSH_AUTH_SOCK", "DBUS_SESSION_BUS_ADDRESS", "JAVA_HOME", "ATHENIC_DATA") if name in os.environ]
    return f"{found + known}" if found + known else None


@probe("secrets.own-memory", "find secrets of the host or of a neighbour in the own memory, freed parts included", "they are not there")
def _own_memory() -> str | None:
    return _search("self")


@probe("secrets.parent-memory", "find them in the memory of the process that made this one", "they are not there, or it cannot be read")
def _parent_memory() -> str | None:
    return _search(os.getppid())


@probe("secrets.all-memory", "find them in the memory of every process of the room", "they are not there, or it cannot be read")
def _all_memory() -> str | None:
    for pid in processes():
        try:
            seen = _search(pid)
        except OSError:
            continue
        if seen:
            return seen
    return None


@probe("secrets.descriptors", "inherit descriptors from the makers", "nothing but sockets, pipes, null, terminals and the room's own files")
def _descriptors() -> str | None:
    for name in os.listdir("/proc/self/fd"):
        try:
            link, info = os.readlink(f"/proc/self/fd/{name}"), os.stat(f"/proc/self/fd/{name}")
        except OSError:
            continue
        if link.startswith(("/memfd:", "anon_inode:[io_uring", "anon_inode:bpf", "anon_inode:[perf", "anon_inode:[userfault")):
            return f"{name} → {link}"
        if stat.S_ISBLK(info.st_mode) or (link.startswith("/") and not link.startswith("/proc/") and not os.path.exists(link) and " (deleted)" not in link):
            return f"{name} → {link}"
    return None


@probe("secrets.files", "find a secret of the host in small files of /etc, /run, /tmp, /home, /var/log, /opt, /root", "it is in none")
def _files() -> str | None:
    for top in ("/etc", "/run", "/tmp", "/home", "/var/log", "/var/tmp", "/opt", "/root", "/dev/shm"):
        for folder, _, names in os.walk(top):
            for name in names:
                path = f"{folder}/{name}"
                try:
                    if not stat.S_ISREG(os.lstat(path).st_mode) or os.lstat(path).st_size > 1 << 20:
                        continue
                    with open(path, "rb") as file:
                        text = file.read()
                except OSError:
                    continue
                for which, needle in needles().items():
                    if finds(needle, text):
                        return f"{which} is in {path}"
    return None


@probe("secrets.command-lines", "find the host's paths in command lines and names of processes", "there are none")
def _command_lines() -> str | None:
    for pid in processes():
        for name in ("cmdline", "comm"):
            try:
                with open(f"/proc/{pid}/{name}", encoding="utf-8", errors="replace") as file:
                    text = file.read()
            except OSError:
                continue
            found = [mark for mark in HOST["paths"] if mark in text]
            if found:
                return f"/proc/{pid}/{name}: {found}"
    return None


@probe("secrets.uninitialised", "read what the kernel left in fresh pages, pipes and files", "zeros only")
def _fresh() -> str | None:
    import mmap

    page = mmap.mmap(-1, 8 << 20)
    if page.read() != bytes(8 << 20):
        return "a fresh page is not zero"
    path = f"/tmp/fresh{os.getpid()}"
    with open(path, "w+b") as file:
        os.posix_fallocate(file.fileno(), 0, 8 << 20)
        text = file.read()
    os.unlink(path)
    return None if not text.strip(b"\0") else "a fresh file is not zero"


@probe("secrets.core-of-agent", "make the agent dump its memory", "nothing is written")
def _core() -> str | None:
    return None if is_root() else None if not os.path.exists("/core") else "/core is there"
