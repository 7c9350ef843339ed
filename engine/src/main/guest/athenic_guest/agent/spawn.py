"""Starts a process as a user of the room, with pipes or on a terminal."""

from __future__ import annotations

import fcntl
import functools
import os
import pty
import subprocess
import termios
import threading
from typing import Any

from .. import frames, marks
from ..frames import Failure
from .process import Config, Process, set_size
from .users import User

_PIPE_BYTES = 256 << 10
_one_at_a_time = threading.Lock()  # the mark is the whole process's until the child has it


def spawn(config: Config, user: User, env: dict[str, str], cwd: str, stdin: bool, size: tuple[int, int] | None) -> Process:
    """A running process in a session of its own. `size` = (columns, rows) puts it on a terminal. Raises Failure."""
    if not os.path.isdir(cwd):
        raise Failure("invalid_argument", f"cwd '{cwd}' does not exist")
    with _one_at_a_time:
        return _spawn(config, user, env, cwd, stdin, size, marks.take())


def _spawn(config: Config, user: User, env: dict[str, str], cwd: str, stdin: bool, size: tuple[int, int] | None, mark: int) -> Process:
    options: dict[str, Any] = {
        "env": env,
        "cwd": cwd,
        "user": user.uid,
        "group": user.gid,
        "extra_groups": user.groups(),
        "start_new_session": True,
        "umask": 0o022,
    }
    try:
        return _with_terminal(config, user, options, size, mark) if size else _with_pipes(config, options, stdin, mark)
    except FileNotFoundError:
        raise Failure("not_found", f"command '{config.cmd}' not found") from None
    except PermissionError as error:
        raise Failure("permission_denied", f"command '{config.cmd}' cannot be run: {error.strerror}") from None
    except BlockingIOError:
        raise Failure("resource_exhausted", "no more processes can be started in this sandbox: its limit is reached") from None
    except OSError as error:
        raise Failure("invalid_argument", f"command '{config.cmd}' cannot be run: {error.strerror}") from None


def _with_pipes(config: Config, options: dict[str, Any], stdin: bool, mark: int) -> Process:
    child = subprocess.Popen(
        [config.cmd, *config.args],
        stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
        **options,
    )
    outputs = {}
    for stream, kind in ((child.stdout, frames.STDOUT), (child.stderr, frames.STDERR)):
        assert stream is not None
        descriptor = os.dup(stream.fileno())
        stream.close()
        os.set_blocking(descriptor, False)
        _enlarge(descriptor)
        outputs[descriptor] = kind
    if child.stdin:
        os.set_blocking(child.stdin.fileno(), False)
    return Process(config, child, outputs, None, mark)


def _with_terminal(config: Config, user: User, options: dict[str, Any], size: tuple[int, int], mark: int) -> Process:
    parent, child_end = pty.openpty()
    try:
        set_size(parent, *size)
        os.fchown(child_end, user.uid, user.gid)
        os.fchmod(child_end, 0o620)
        # A builtin and nothing else may run between fork and exec: other threads' locks were copied as they were.
        take_terminal = functools.partial(fcntl.ioctl, 0, termios.TIOCSCTTY, 0)
        child = subprocess.Popen([config.cmd, *config.args], stdin=child_end, stdout=child_end, stderr=child_end, preexec_fn=take_terminal, **options)
    except BaseException:
        os.close(parent)
        raise
    finally:
        os.close(child_end)
    os.set_blocking(parent, False)
    return Process(config, child, {parent: frames.DATA}, parent, mark)


def _enlarge(descriptor: int) -> None:
    try:
        fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    except OSError:
        pass  # the user's quota of pipe buffers; the default does
