"""`egress.open` and `egress.accept`: programs of the room reach the server's proxy on a port of the room's own loopback. The server connects into
the room and waits there for a program that connects: nothing of the host is to be seen from inside."""

from __future__ import annotations

import select
import socket
import threading
from typing import Any

from ..frames import Connection, Failure
from . import egress_files, fields
from .context import Context
from .pump import pump

_BACKLOG = 128


class Listener:
    """The proxy's port in the room."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._lock = threading.Lock()  # guards the socket's making
        self._socket: socket.socket | None = None

    def listening(self) -> socket.socket:
        """The listening socket, made now if there is none. Raises Failure when a program of the room has the port."""
        with self._lock:
            if self._socket is None:
                listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
                try:
                    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    listener.bind(("127.0.0.1", self._port))
                    listener.listen(_BACKLOG)
                except OSError as error:
                    listener.close()
                    raise Failure("failed_precondition", f"the proxy cannot listen on port {self._port} of the sandbox: {error.strerror}") from None
                listener.setblocking(False)
                self._socket = listener
            return self._socket

    def accept(self, server: socket.socket) -> socket.socket | None:
        """Waits for a program; None when the server's connection ends before."""
        listener = self.listening()
        waiting = select.poll()
        waiting.register(listener, select.POLLIN)
        waiting.register(server, select.POLLIN)
        while True:
            ready = [descriptor for descriptor, _ in waiting.poll()]
            if server.fileno() in ready:
                return None
            try:
                return listener.accept()[0]
            except BlockingIOError:
                continue  # another connection of the server took it
            except OSError as error:
                raise Failure("resource_exhausted", f"no connection can be taken: {error.strerror}") from None


def open_proxy(context: Context, connection: Connection, request: dict[str, Any]) -> None:
    port = fields.integer(request, "port", 1, 65535)
    certificates = fields.text(request, "certificates", "")
    if context.listener is None:
        context.listener = Listener(port)
    notes = egress_files.write(port, certificates)
    try:
        context.listener.listening()
    except Failure as failure:
        notes.append(failure.message)  # tried again when the server waits for programs
    connection.send_json({"ok": {"notes": notes}})


def accept(context: Context, connection: Connection, _request: dict[str, Any]) -> None:
    if context.listener is None:
        raise Failure("failed_precondition", "the proxy is not open: egress.open comes first")
    peer = context.listener.accept(connection.socket)
    if peer is None:
        return
    with peer:
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.send_json({"ok": {}})
        pump(connection.socket, peer)
