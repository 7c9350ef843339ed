"""`port.connect`: a connection becomes the bytes of a TCP connection to a port inside the room."""

from __future__ import annotations

import socket
import threading
from typing import Any

from ..frames import Connection, Failure
from . import fields
from .context import Context

_CONNECT_SECONDS = 10.0
_CHUNK = 64 << 10


def connect(_context: Context, connection: Connection, request: dict[str, Any]) -> None:
    port = fields.integer(request, "port", 1, 65535)
    peer = _reach(port)
    try:
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.send_json({"ok": {}})
        back = threading.Thread(target=_copy, args=(peer, connection.socket), name="relay", daemon=True)
        back.start()
        _copy(connection.socket, peer)
        back.join()
    except RuntimeError:  # no thread to be had
        return
    finally:
        peer.close()


def _reach(port: int) -> socket.socket:
    for address in ("127.0.0.1", "::1"):
        try:
            peer = socket.create_connection((address, port), timeout=_CONNECT_SECONDS)
        except OSError:
            continue
        peer.settimeout(None)
        return peer
    raise Failure("unavailable", f"nothing listens on port {port} in the sandbox")


def _copy(source: socket.socket, target: socket.socket) -> None:
    """Until the source ends; then the target is told, and may still answer. A broken side ends both."""
    try:
        while data := source.recv(_CHUNK):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        for end in (source, target):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
