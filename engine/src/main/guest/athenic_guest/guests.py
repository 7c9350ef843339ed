"""What runs in a room, by kind. The zygote calls `prepare` once and `serve` in each child that it has confined."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import NoReturn

# Everything is imported here and now: a child has left the folder that this package lies in.
from . import agent
from .kernel import bash, javascript, python

Serve = Callable[[socket.socket, dict[str, str], str], NoReturn]

KINDS: dict[str, Serve] = {
    "agent": agent.serve,
    "python": python.serve,
    "javascript": javascript.serve,
    "bash": bash.serve,
}


def prepare() -> None:
    """Imports and warms what the guests share. Leaves this process with one thread."""
    javascript.prepare()
    python.prepare()


def serve(kind: str, listener: socket.socket, env: dict[str, str], cwd: str) -> NoReturn:
    """Becomes the guest. Raises ValueError for an unknown kind."""
    if kind not in KINDS:
        raise ValueError(f"unknown kind of guest '{kind}': there is {', '.join(KINDS)}")
    KINDS[kind](listener, env, cwd)
