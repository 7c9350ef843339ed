"""What a probe is, and the loop that runs all of them in a sandbox.

A probe is a function with an id (`group.name`), what it tries and what holding means. It returns None when the sandbox held, or a text that
says what was seen. An `OSError` is a refusal, so the sandbox held; any other exception is a fault of the probe and counts as broken: a
battery that cannot try is no evidence. Each probe runs in a child of its own with a deadline, so that it may hang, die or spoil its process.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import select
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

Try = Callable[[], "str | None"]
_SECONDS: Final = 60.0
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Probe:
    """`ends`: signals that the kernel may end the child with, which is a refusal as well."""

    id: str
    tries: str
    holds: str
    run: Try
    ends: tuple[int, ...] = ()

    @property
    def group(self) -> str:
        return self.id.split(".")[0]


ALL: Final[dict[str, Probe]] = {}
# What the host tells the probes: its files, ports, secrets. Filled by `main`.
HOST: Final[dict[str, Any]] = {}


def add(name: str, tries: str, holds: str, run: Try, ends: tuple[int, ...] = ()) -> None:
    """Registers a probe. Raises ValueError for an id that is taken."""
    if name in ALL:
        raise ValueError(f"two probes are called {name}")
    ALL[name] = Probe(name, tries, holds, run, ends)


def probe(name: str, tries: str, holds: str, ends: tuple[int, ...] = ()) -> Callable[[Try], Try]:
    def register(run: Try) -> Try:
        add(name, tries, holds, run, ends)
        return run

    return register


def call(number: int, *arguments: Any) -> int:
    """The system call's value. Raises OSError with its errno."""
    value: int = _libc.syscall(ctypes.c_long(number), *[ctypes.c_long(each) if isinstance(each, int) else each for each in arguments])
    if value < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return value


def errno_of(number: int, *arguments: Any) -> int:
    """0 when the call succeeded, else its errno."""
    try:
        call(number, *arguments)
    except OSError as error:
        return error.errno or 0
    return 0


def refused(number: int, *arguments: Any, by: tuple[int, ...] = (errno.EPERM, errno.ENOSYS)) -> str | None:
    """Held when the call is refused by one of these numbers. Another error means that the kernel looked at the arguments: not refused."""
    found = errno_of(number, *arguments)
    return None if found in by else f"the call was taken: {errno.errorcode.get(found, found) if found else 'it succeeded'}"


def succeeded(what: str, attempt: Callable[[], Any]) -> str | None:
    """Held when the attempt raises OSError."""
    try:
        found = attempt()
    except OSError:
        return None
    return f"{what}: {str(found)[:200]}" if found is not None else what


_SHIFTED: Final = bytes((value + 1) % 256 for value in range(256))


def finds(needle: bytes, data: bytes) -> bool:
    """Whether the secret is in the data. Needles come with one added to every byte, and the data is shifted as well: so neither the
    battery nor a copy that it makes while it looks is what it finds."""
    return needle in data.translate(_SHIFTED)


def needles() -> dict[str, bytes]:
    return {name: bytes.fromhex(text) for name, text in HOST["needles"].items()}


def is_root() -> bool:
    return os.getuid() == 0


def read(path: str, size: int = 1 << 16) -> bytes:
    """What can be read of a file, without waiting for more. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        return os.read(descriptor, size)
    finally:
        os.close(descriptor)


def processes() -> list[int]:
    return sorted(int(name) for name in os.listdir("/proc") if name.isdigit())


def others(uid: int) -> Iterator[int]:
    """The room's processes of another user."""
    for pid in processes():
        try:
            if os.stat(f"/proc/{pid}").st_uid != uid:
                yield pid
        except OSError:
            continue


def run_one(each: Probe) -> dict[str, Any]:
    """Runs a probe in a child and says how it ended."""
    read_end, write_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        _child(each, write_end)
    os.close(write_end)
    text, late = _collect(read_end, pid, each)
    os.close(read_end)
    _, status = os.waitpid(pid, 0)
    answer = {"id": each.id}
    if text:
        answer.update(json.loads(text))
    elif late:
        answer.update(broken=f"no answer within {_SECONDS:.0f} s")
    elif os.WIFSIGNALED(status) and os.WTERMSIG(status) in each.ends:
        answer.update(held=f"ended by signal {os.WTERMSIG(status)}")
    else:
        answer.update(broken=f"the probe's process ended without an answer (wait status {status})")
    return answer


def _collect(descriptor: int, pid: int, each: Probe) -> tuple[bytes, bool]:
    text, deadline = b"", time.monotonic() + _SECONDS
    while True:
        ready, _, _ = select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            os.kill(pid, signal.SIGKILL)
            return b"", True
        data = os.read(descriptor, 65536)
        if not data:
            return text, False
        text += data


def _child(each: Probe, descriptor: int) -> None:
    own = os.getpid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        seen = each.run()
        answer = {"held": ""} if seen is None else {"broken": seen}
    except OSError as error:
        answer = {"held": errno.errorcode.get(error.errno or 0, str(error))}
    except BaseException as error:  # the outermost frame of this process: the probe itself is wrong
        answer = {"broken": f"the probe failed: {type(error).__name__}: {error}"}
    if os.getpid() == own:  # not a process that the attack has made
        os.write(descriptor, json.dumps(answer).encode("utf-8", "replace"))
    os._exit(0)


def main(host: dict[str, Any], only: str = "") -> None:
    """Runs the probes whose id begins with `only`; one line of JSON each on standard output."""
    HOST.update(host)
    for each in list(ALL.values()):
        if each.id.startswith(only):
            sys.stdout.write("@probe " + json.dumps(run_one(each)) + "\n")
            sys.stdout.flush()
