"""The operations on processes."""

from __future__ import annotations

import select
import signal
import threading
import time
from typing import Any

from .. import frames
from ..frames import Connection, Failure, decode
from . import fields, users
from .context import Context
from .process import Config, Process
from .spawn import spawn

_MAX_TIMEOUT_MILLIS = 10 * 366 * 86_400_000
_TERMINAL = {"TERM": "xterm-256color", "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"}


def start(context: Context, connection: Connection, request: dict[str, Any]) -> None:
    user = users.find(fields.optional_text(request, "user"))
    config = Config(
        cmd=fields.text(request, "cmd"),
        args=tuple(fields.texts(request, "args")),
        env=fields.env(request, "env"),
        cwd=fields.optional_text(request, "cwd"),
        tag=fields.optional_text(request, "tag"),
    )
    size = _size(request.get("pty"))
    millis = fields.integer(request, "timeoutMillis", 0, _MAX_TIMEOUT_MILLIS, 0)
    env = {**(_TERMINAL if size else {}), **user.environment(), **context.env, **config.env}
    context.registry.reserve()
    process = spawn(config, user, env, user.resolve(config.cwd or ""), fields.flag(request, "stdin"), size)
    deadline = time.monotonic() + millis / 1000 if millis else None
    context.registry.add(process)
    try:
        attached = process.attach(connection)
    except OSError:
        attached = False  # the caller has gone already; its process lives on
    threading.Thread(target=_pump, args=(context, process, deadline), name=f"process-{process.pid}", daemon=True).start()
    if attached:
        _hold(process, connection)


def _pump(context: Context, process: Process, deadline: float | None) -> None:
    try:
        process.pump(deadline)
    finally:
        # Off the list first: whoever has seen the end does not find it running any more.
        context.registry.ended(process)
        process.finish()


def connect(context: Context, connection: Connection, request: dict[str, Any]) -> None:
    process = context.registry.find(request, ended=True)
    if process.attach(connection):
        _hold(process, connection)


def _hold(process: Process, connection: Connection) -> None:
    """Until the caller leaves, or all is said and the process has ended the connection."""
    poll = select.poll()
    poll.register(connection.socket, select.POLLRDHUP)
    poll.poll()
    process.detach(connection)


def list_all(context: Context, connection: Connection, _request: dict[str, Any]) -> None:
    listed = []
    for process in context.registry.running():
        config = process.config
        found = {"pid": process.pid, "tag": config.tag, "cmd": config.cmd, "args": list(config.args), "env": config.env, "cwd": config.cwd}
        listed.append({key: value for key, value in found.items() if value is not None})
    message = {"ok": {"processes": listed}}
    try:
        connection.send_json(message)
    except frames.FrameError:
        # Environments of many processes can be larger than a frame; what they are matters less than that they run.
        for found in listed:
            found["env"] = {}
            found["args"] = [str(argument)[:200] for argument in found["args"][:20]]
        connection.send_json(message)


def write_input(context: Context, connection: Connection, request: dict[str, Any]) -> None:
    process = context.registry.find(request)
    while True:
        frame = connection.receive()
        if frame is None:
            return
        kind, payload = frame
        if kind == frames.STDIN:
            process.write(payload, connection)
        elif kind == frames.JSON and decode(payload).get("eof") is True:
            connection.send_json({"ok": {}})
            return
        else:
            raise Failure("invalid_argument", 'frames of type 1 or {"eof":true} were expected')


def close_stdin(context: Context, connection: Connection, request: dict[str, Any]) -> None:
    context.registry.find(request).close_stdin()
    connection.send_json({"ok": {}})


def send_signal(context: Context, connection: Connection, request: dict[str, Any]) -> None:
    number = fields.integer(request, "signal", 1, 64)
    process = context.registry.find(request)
    if fields.flag(request, "all"):
        if number != signal.SIGKILL:
            raise Failure("invalid_argument", "all: only signal 9 goes to all that a process has started")
        process.end_all()
    else:
        process.signal(number)
    connection.send_json({"ok": {}})


def resize(context: Context, connection: Connection, request: dict[str, Any]) -> None:
    cols, rows = fields.integer(request, "cols", 1, 65535), fields.integer(request, "rows", 1, 65535)
    context.registry.find(request).resize(cols, rows)
    connection.send_json({"ok": {}})


def _size(pty: Any) -> tuple[int, int] | None:
    if pty is None:
        return None
    if not isinstance(pty, dict):
        raise Failure("invalid_argument", "pty must be an object with cols and rows")
    return fields.integer(pty, "cols", 1, 65535, 80), fields.integer(pty, "rows", 1, 65535, 24)
