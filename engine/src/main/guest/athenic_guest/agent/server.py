"""The agent's socket: a thread for each connection, one operation each."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable
from typing import Any, NoReturn

from ..frames import Connection, Failure, FrameError
from . import egress, fields, files, listing, relay, streams, transfer, watch
from .context import Context

_MAX_CONNECTIONS = 1024
_STACK_BYTES = 512 << 10
_DRAIN_SECONDS = 30.0
_TAKING = ("fs.write", "process.input")

Handler = Callable[[Context, Connection, dict[str, Any]], None]


def _ping(_context: Context, connection: Connection, _request: dict[str, Any]) -> None:
    connection.send_json({"ok": {}})


def _set_env(context: Context, connection: Connection, request: dict[str, Any]) -> None:
    context.env = fields.env(request, "env")
    connection.send_json({"ok": {}})


HANDLERS: dict[str, Handler] = {
    "ping": _ping,
    "env.set": _set_env,
    "process.start": streams.start,
    "process.connect": streams.connect,
    "process.list": streams.list_all,
    "process.input": streams.write_input,
    "process.closeStdin": streams.close_stdin,
    "process.signal": streams.send_signal,
    "process.resize": streams.resize,
    "fs.stat": files.stat,
    "fs.list": listing.list_folder,
    "fs.mkdir": files.mkdir,
    "fs.move": files.move,
    "fs.remove": files.remove,
    "fs.read": transfer.read,
    "fs.write": transfer.write,
    "fs.compose": transfer.compose,
    "fs.watch": watch.watch,
    "port.connect": relay.connect,
    "egress.open": egress.open_proxy,
    "egress.accept": egress.accept,
}


def serve(listener: socket.socket, env: dict[str, str], cwd: str) -> NoReturn:
    """Serves the room until it is destroyed. `env` is the sandbox's environment, `cwd` unused: each process names its own."""
    os.umask(0o022)
    os.chdir("/")
    threading.stack_size(_STACK_BYTES)
    context = Context(env)
    slots = threading.BoundedSemaphore(_MAX_CONNECTIONS)
    while True:
        try:
            peer, _ = listener.accept()
        except OSError:
            time.sleep(0.05)  # out of descriptors for a moment
            continue
        if not slots.acquire(blocking=False):
            peer.close()
            continue
        thread = threading.Thread(target=_serve, args=(context, Connection(peer), slots), name="connection", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # the room's limit of processes is reached
            slots.release()
            peer.close()


def _serve(context: Context, connection: Connection, slots: threading.BoundedSemaphore) -> None:
    try:
        request = connection.receive_json()
        if request is not None:
            _answer(context, connection, request)
    except (FrameError, OSError):
        pass  # the engine has gone, or speaks another language: nobody to tell
    finally:
        connection.close()
        slots.release()


def _answer(context: Context, connection: Connection, request: dict[str, Any]) -> None:
    try:
        handler = HANDLERS.get(fields.text(request, "op"))
        if handler is None:
            raise Failure("invalid_argument", f"unknown op '{request['op']}'")
        handler(context, connection, request)
        return
    except Failure as problem:
        failure = problem
    except MemoryError:
        failure = Failure("resource_exhausted", "the sandbox is out of memory")
    connection.send_failure(failure)
    if request.get("op") in _TAKING:
        _drain(connection.socket)


def _drain(peer: socket.socket) -> None:
    """A close with unread bytes would reset the connection, and the sender, busy sending, would never see the error."""
    peer.shutdown(socket.SHUT_WR)
    peer.settimeout(_DRAIN_SECONDS)
    while peer.recv(1 << 18):
        pass
