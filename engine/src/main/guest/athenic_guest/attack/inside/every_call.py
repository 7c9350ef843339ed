"""Group `table`: every number of a system call is made with harmless arguments, and the answer compared with the table of allowed calls."""

from __future__ import annotations

import ctypes
import errno
import json
import os
import resource
import select
import signal
import sys
from typing import Any, Final

from .probe import HOST, add, errno_of

_CHUNK: Final = 16
_LAST: Final = 480
# vfork(2) would let the child run on this interpreter's own stack; the filter's table has it as allowed, which other probes make use of.
_SKIPPED: Final = (58,)
# A call that is allowed may wait for ever; one that the filter answers does not, so there only a machine that stands still is waited for.
_PATIENCE_SECONDS: Final = 0.4
_STALL_SECONDS: Final = 10.0


def _answer(number: int, arguments: tuple[int, ...], seconds: float) -> str:
    """An errno's name, `done`, `signal N`, or `waits` when there is none of them within `seconds`."""
    read_end, write_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        own = os.getpid()
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
        os.dup2(write_end, 200)
        code = errno_of(number, *arguments)
        if os.getpid() == own:
            os.write(200, (errno.errorcode.get(code, str(code)) if code else "done").encode())
        os._exit(0)
    os.close(write_end)
    ready, _, _ = select.select([read_end], [], [], seconds)
    text = os.read(read_end, 64).decode() if ready else ""
    os.close(read_end)
    os.kill(pid, signal.SIGKILL)
    status = os.waitpid(pid, 0)[1]
    if not text:
        return f"signal {os.WTERMSIG(status)}" if os.WIFSIGNALED(status) and ready else "waits"
    return text


def _range(first: int) -> str | None:
    """`HOST["calls"]` maps a number to what the table says: an errno's name, or `allow`. What it does not name does not exist."""
    wrong: dict[int, Any] = {}
    for number in range(first, min(first + _CHUNK, _LAST)):
        if number in _SKIPPED or number in (335, 336):  # uretprobe, uprobe: only from the kernel's own trampoline
            continue
        wanted = HOST["calls"].get(str(number), "ENOSYS")
        taken = wanted in ("allow", "depends")
        for arguments in ((0,) * 6, (-1,) * 6):
            found = _answer(number, arguments, _PATIENCE_SECONDS if taken else _STALL_SECONDS)
            if not taken and found != wanted:
                wrong[number] = f"{wanted} was expected, found {found}"
    sys.stdout.flush()
    return json.dumps(wrong) if wrong else None


def _foreign(base: int, gate: bytes, first: int) -> str | None:
    """The same numbers through a foreign gate: each must end the process (SIGSYS)."""
    import mmap

    for number in range(first, min(first + _CHUNK * 4, _LAST)):
        pid = os.fork()
        if pid == 0:
            page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
            page.write(b"\xb8" + (base | number).to_bytes(4, "little") + b"\x31\xdb\x31\xc9\x31\xd2\x31\xf6\x31\xff" + gate + b"\xc3")
            ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))()
            os._exit(0)
        status = os.waitpid(pid, 0)[1]
        if not os.WIFSIGNALED(status) or os.WTERMSIG(status) != signal.SIGSYS:
            return f"call {number} was not ended: wait status {status}"
    return None


for _first in range(0, _LAST, _CHUNK):
    add(f"table.native-{_first:03d}", f"make the system calls {_first} to {min(_first + _CHUNK, _LAST) - 1} with zeros and with minus ones",
        "each is refused with the errno of the table, or is in the list of allowed ones", lambda first=_first: _range(first))  # type: ignore[misc]
for _first in range(0, _LAST, _CHUNK * 4):
    add(f"table.i386-{_first:03d}", f"make the 32-bit calls {_first} to {min(_first + _CHUNK * 4, _LAST) - 1}", "each ends its process",
        lambda first=_first: _foreign(0, b"\xcd\x80", first))  # type: ignore[misc]
    add(f"table.x32-{_first:03d}", f"make the x32 calls {_first} to {min(_first + _CHUNK * 4, _LAST) - 1}", "each ends its process",
        lambda first=_first: _foreign(0x40000000, b"\x0f\x05", first))  # type: ignore[misc]
