"""`!command` in a cell: streamed, interruptible, with stdout on a terminal so that programs write line by line."""

from __future__ import annotations

import codecs
import os
import pty
import select
import signal
import subprocess
import sys
import termios
from typing import Any

_QUIET = {"TERM": "dumb", "PAGER": "cat", "GIT_PAGER": "cat", "NO_COLOR": "1", "COLUMNS": "120"}
_GRACE_SECONDS = 0.2


def run(command: str) -> int:
    """Runs a command by bash and returns its exit status, negative for a signal. stderr goes the kernel's way, unmixed."""
    terminal = _terminal()
    process = subprocess.Popen(
        ["/bin/bash", "-c", command],
        stdin=subprocess.DEVNULL,
        stdout=terminal[1] if terminal else None,
        env={**os.environ, **_QUIET},
    )
    try:
        if terminal:
            os.close(terminal[1])
            _copy(terminal[0], process)
        return process.wait()
    except BaseException:
        _stop(process)
        raise
    finally:
        if terminal:
            os.close(terminal[0])


def _terminal() -> tuple[int, int] | None:
    """A pseudo-terminal whose output is not rewritten (no CR before LF); None where there is none, then a pipe does."""
    try:
        parent, child = pty.openpty()
    except OSError:
        return None
    mode: list[Any] = termios.tcgetattr(child)
    mode[1] &= ~termios.OPOST
    mode[3] &= ~termios.ECHO
    termios.tcsetattr(child, termios.TCSANOW, mode)
    return parent, child


def _copy(parent: int, process: subprocess.Popen[bytes]) -> None:
    """Until the command has ended and its terminal is empty. A background child that keeps the terminal open is not waited for."""
    poll = select.poll()
    poll.register(parent, select.POLLIN)
    pidfd = os.pidfd_open(process.pid)
    poll.register(pidfd, select.POLLIN)
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    try:
        while True:
            ready = {descriptor for descriptor, _ in poll.poll()}
            if parent in ready:
                try:
                    data = os.read(parent, 65536)
                except OSError:  # EIO: nobody has the terminal open any more
                    data = b""
                if not data:
                    break
                sys.stdout.write(decoder.decode(data))
            elif pidfd in ready:
                break
        sys.stdout.write(decoder.decode(b"", True))
    finally:
        os.close(pidfd)


def _stop(process: subprocess.Popen[bytes]) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        process.send_signal(number)
        try:
            process.wait(_GRACE_SECONDS)
            return
        except subprocess.TimeoutExpired:
            continue
