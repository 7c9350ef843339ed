"""The guest of the tests, in place of the real ones: runs the Python source that a connection brings, one after another, and answers in JSON.

A connection: the source until the end of file → `{"value": …}` (the variable `result`) or `{"error": TEXT, "errno": N|null}`.
"""

from __future__ import annotations

import json
import os
import socket
import threading
from typing import NoReturn


def prepare() -> None:
    """Nothing to warm."""


def serve(kind: str, listener: socket.socket, env: dict[str, str], cwd: str) -> NoReturn:
    """Every connection in a thread of its own: a probe may hang."""
    os.chdir(cwd)
    state: dict[str, object] = {"kind": kind, "env": env}
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=_answer, args=(connection, state), daemon=True).start()


def _answer(connection: socket.socket, state: dict[str, object]) -> None:
    with connection:
        source = b""
        while data := connection.recv(65_536):
            source += data
        try:
            scope = dict(state)
            exec(compile(source, "probe", "exec"), scope)  # noqa: S102 - that is what this guest is for
            answer = {"value": scope.get("result")}
        except BaseException as error:  # the probe's failure is the answer
            answer = {"error": f"{type(error).__name__}: {error}", "errno": getattr(error, "errno", None)}
        connection.sendall(json.dumps(answer).encode())
