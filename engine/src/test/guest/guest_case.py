"""The base of tests with the real guests in real rooms, and a client of their sockets."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import socket
import tempfile
import unittest
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, ClassVar

import roomd_client
from athenic_guest import frames
from roomd_client import Roomd

PATIENCE = 60.0
_numbers = itertools.count(1)


def start_guest(roomd: Roomd, sandbox: str, kind: str) -> str:
    """Starts a guest named after its kind in a room that is there; returns its socket."""
    path: str = roomd.call("guest.start", sandbox=sandbox, name=kind, kind=kind, env={"MARK": "in the room"}, cwd="/home/user")["socket"]
    return path


def real_guests() -> Roomd:
    """A roomd of the tests' own whose zygote has the real guests."""
    source = roomd_client.TEMPLATE
    if not os.path.isdir(f"{source}/rootfs"):
        raise RuntimeError(f"no template at {source}: build one with template.py and set ATHENIC_TEST_DATA to its data directory")
    folder = tempfile.mkdtemp(prefix="athenic-guests-", dir="/tmp")
    os.makedirs(f"{folder}/data/templates", mode=0o755)
    os.symlink(source, f"{folder}/data/templates/probe")
    shutil.copytree(roomd_client.GUEST_FOLDER, f"{folder}/guest", ignore=shutil.ignore_patterns("__pycache__"))
    return Roomd(folder=folder)


@dataclass
class Run:
    """What an execution said: its messages and output, in order."""

    items: list[tuple[int, Any]] = field(default_factory=list)

    def text(self, kind: int) -> str:
        return b"".join(payload for found, payload in self.items if found == kind).decode()

    @property
    def stdout(self) -> str:
        return self.text(frames.STDOUT)

    @property
    def stderr(self) -> str:
        return self.text(frames.STDERR)

    @property
    def messages(self) -> list[dict[str, Any]]:
        return [payload for kind, payload in self.items if kind == frames.JSON]

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [message for message in self.messages if message.get("type") == kind]

    @property
    def result(self) -> dict[str, Any]:
        """The main result; fails when there is none."""
        return next(message for message in self.of("result") if message["is_main_result"])

    @property
    def error(self) -> dict[str, Any] | None:
        return next(iter(self.of("error")), None)


def connect(path: str) -> frames.Connection:
    peer = socket.socket(socket.AF_UNIX)
    peer.settimeout(PATIENCE)
    peer.connect(path)
    return frames.Connection(peer)


def begin(path: str, code: str, env: dict[str, str] | None = None) -> frames.Connection:
    """Asks for an execution and leaves its answer to be read."""
    connection = connect(path)
    connection.send_json({"op": "execute", "code": code, "env": env or {}})
    return connection


def collect(connection: frames.Connection) -> Run:
    """The rest of an execution's answer, until its kernel closes."""
    run, parts = Run(), ""
    while (frame := connection.receive()) is not None:
        kind, payload = frame
        if kind != frames.JSON:
            run.items.append((kind, payload))
            continue
        message = json.loads(payload)
        if message.get("type") == "part":
            parts += message["text"]
            if not message.get("last"):
                continue
            message, parts = json.loads(parts), ""
        run.items.append((kind, message))
    connection.close()
    return run


def operate(path: str, request: dict[str, Any], data: Iterable[bytes] = (), eof: bool = False) -> Run:
    """One operation of the agent, to the end of its answer."""
    connection = connect(path)
    connection.send_json(request)
    for piece in data:
        connection.send(frames.STDIN, piece)
    if eof:
        connection.send_json({"eof": True})
    return collect(connection)


class GuestCase(unittest.TestCase):
    """Tests share the class's roomd; each test that asks for a guest gets it in a room of its own."""

    roomd: ClassVar[Roomd]

    @classmethod
    def setUpClass(cls) -> None:
        if os.geteuid() != 0:
            raise RuntimeError("tests with real rooms need root")
        cls.roomd = real_guests()
        cls.addClassCleanup(cls.roomd.close)
        cls.roomd.zygote()

    def room(self, **limits: int) -> str:
        sandbox = f"guest{next(_numbers)}"
        self.roomd.room(sandbox, **limits)
        self.addCleanup(self.roomd.call, "room.destroy", sandbox=sandbox)
        return sandbox

    def guest(self, kind: str, sandbox: str | None = None, **limits: int) -> str:
        """The socket of a new guest."""
        return start_guest(self.roomd, sandbox or self.room(**limits), kind)

    def until(self, condition: Any, what: str) -> None:
        roomd_client.until(condition, what, PATIENCE)


def answered(run: Run) -> dict[str, Any]:
    """The `ok` of an agent's answer; fails with its error."""
    last = run.messages[-1]
    if "ok" not in last:
        raise AssertionError(f"no ok: {last}")
    found: dict[str, Any] = last["ok"]
    return found


def refused(run: Run) -> str:
    """The code of an agent's error."""
    return str(run.messages[-1]["error"]["code"])
