"""The kernel of a language that the template has no interpreter for: each cell ends with an error that says so."""

from __future__ import annotations

import socket
from typing import NoReturn

from .. import frames
from . import environment, formats
from .output import Output, signals_blocked
from .server import Server

_PAUSES = (2.0,)


def serve(listener: socket.socket, env: dict[str, str], cwd: str, text: str) -> NoReturn:
    """Serves one context until it is killed. For the process's main and only thread."""
    environment.enter(env, cwd)
    output = Output()
    server = Server(output, lambda _strike: None, _PAUSES)
    with signals_blocked():
        output.start()
        server.listen(listener)
    error = {"type": "error", "name": "NotInstalled", "value": text, "traceback": text}
    while True:
        execution = server.next(1)
        server.settle(execution)
        for message in (error, {"type": "end_of_execution"}):
            for payload in formats.pieces(message):
                output.put((frames.JSON, payload), len(payload))
        server.finish(execution)
