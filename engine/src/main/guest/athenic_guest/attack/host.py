"""A roomd of the battery's own, with rooms, guests and the things on the host that the probes try to reach."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import select
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from athenic_guest import frames

_GUEST = Path(__file__).resolve().parents[2]
_WAIT_SECONDS: Final = 60.0
LIMITS: Final = {"memoryBytes": 512 << 20, "cpuMillis": 1000, "pids": 256, "diskBytes": 128 << 20, "inodes": 16_384}
_numbers = itertools.count(1)


class RoomdError(Exception):
    """An answer that is an error."""


class Host:
    """Starts a roomd on a folder of its own. `close` ends it and leaves nothing."""

    def __init__(self, template: str, secret: str) -> None:
        self.folder = tempfile.mkdtemp(prefix="athenic-attack-", dir="/tmp")
        self.runtime = f"/run/athenic/attack-{hashlib.sha256(self.folder.encode()).hexdigest()[:8]}"
        self.path = f"{self.folder}/data/templates/attack/rootfs"
        self._socket = socket.socket(socket.AF_UNIX)
        self._lock = threading.Lock()  # one request at a time
        self._buffer = b""
        self._process: subprocess.Popen[bytes] | None = None
        try:
            os.makedirs(f"{self.folder}/data/templates", mode=0o755)
            os.symlink(os.path.realpath(template), f"{self.folder}/data/templates/attack")
            os.makedirs("/run/athenic", mode=0o711, exist_ok=True)
            self._start(secret)
        except BaseException:
            self.close()
            raise

    def _start(self, secret: str) -> None:
        log = open(f"{self.folder}/roomd.log", "wb")  # noqa: SIM115 - handed to the process
        with log:
            self._process = subprocess.Popen(
                ["/usr/bin/python3", "-I", "-B", str(_GUEST / "roomd.py"), "--data", f"{self.folder}/data", "--runtime", self.runtime, "--uid", str(os.getuid()), "--gid", str(os.getgid())],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "ATHENIC_ATTACK_SECRET": secret}, start_new_session=True)
        assert self._process.stdout is not None
        if self._process.stdout.readline() != b"roomd ready\n":
            raise RuntimeError(f"roomd did not start: {Path(self.folder, 'roomd.log').read_text(errors='replace')[-2000:]}")
        self._socket.settimeout(_WAIT_SECONDS)
        self._socket.connect(f"{self.runtime}/roomd.sock")
        self.hello = self.call("hello")
        self.call("zygote.start", template="attack", path=self.path)

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def call(self, op: str, **fields: Any) -> dict[str, Any]:
        """One request and its answer; events are left out. Raises RoomdError."""
        with self._lock:
            number = next(_numbers)
            self._socket.sendall(json.dumps({"id": number, "op": op, **fields}).encode() + b"\n")
            while True:
                answer = json.loads(self._line())
                if answer.get("id") == number:
                    break
        if "error" in answer:
            raise RoomdError(f"{op}: {answer['error']['code']}: {answer['error']['message']}")
        ok: dict[str, Any] = answer["ok"]
        return ok

    def _line(self) -> bytes:
        while b"\n" not in self._buffer:
            data = self._socket.recv(65_536)
            if not data:
                raise RoomdError("roomd closed the connection")
            self._buffer += data
        line, self._buffer = self._buffer.split(b"\n", 1)
        return line

    def room(self, **limits: int) -> Room:
        """A new room with an agent and a Python kernel."""
        return Room(self, f"attack{next(_numbers)}", {**LIMITS, **limits})

    def has_room(self, name: str) -> bool:
        return name in self.call("rooms")["sandboxes"]

    def close(self) -> None:
        """Ends roomd, which destroys its rooms, and removes the folders."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(_WAIT_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            if self._process.stdout is not None:
                self._process.stdout.close()
        self._socket.close()
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.rmtree(self.runtime, ignore_errors=True)


class Room:
    """A sandbox of the battery."""

    def __init__(self, host: Host, name: str, limits: dict[str, int]) -> None:
        self.host = host
        self.name = name
        self.limits = limits
        answer = host.call("room.create", sandbox=name, template="attack", limits=limits, hostname="sandbox")
        self.uid_base = int(answer["uidBase"])
        self.env = {"HOME": "/home/user", "USER": "user", "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
        self.agent = self.guest("agent", "agent")
        self.kernel = self.guest("kernel", "python")

    def guest(self, name: str, kind: str, **env: str) -> str:
        """Starts a guest; the path of its socket."""
        path: str = self.host.call("guest.start", sandbox=self.name, name=name, kind=kind, env={**self.env, **env}, cwd="/home/user")["socket"]
        return path

    def stat(self) -> dict[str, Any]:
        return self.host.call("room.stat", sandbox=self.name)

    def destroy(self) -> None:
        self.host.call("room.destroy", sandbox=self.name)

    def write(self, path: str, text: str) -> None:
        """Writes a file by the agent."""
        connection = connect(self.agent)
        try:
            connection.send_json({"op": "fs.write", "path": path, "user": "user"})
            data = text.encode()
            for at in range(0, len(data), 1 << 19):
                connection.send(frames.STDIN, data[at:at + (1 << 19)])
            connection.send_json({"eof": True})
            answer = connection.receive_json()
        finally:
            connection.close()
        if answer is None or "ok" not in answer:
            raise RoomdError(f"fs.write: {answer}")

    def start(self, command: list[str], user: str = "user", timeout_millis: int = 0) -> frames.Connection:
        """Starts a command by the agent; its stream. Close it to leave the command alone."""
        connection = connect(self.agent)
        connection.send_json({"op": "process.start", "cmd": command[0], "args": command[1:], "user": user, "env": self.env, "timeoutMillis": timeout_millis})
        return connection

    def execute(self, code: str) -> frames.Connection:
        """Starts code in the Python kernel; its stream."""
        connection = connect(self.kernel)
        connection.send_json({"op": "execute", "code": code})
        return connection

    def pids(self) -> list[int]:
        """The room's processes by their numbers on the host: those that run under its range of user ids."""
        found = []
        for name in os.listdir("/proc"):
            try:
                if name.isdigit() and self.uid_base <= os.stat(f"/proc/{name}").st_uid < self.uid_base + 65_536:
                    found.append(int(name))
            except OSError:
                continue
        return found


def connect(path: str) -> frames.Connection:
    peer = socket.socket(socket.AF_UNIX)
    peer.settimeout(_WAIT_SECONDS)
    peer.connect(path)
    return frames.Connection(peer)


def output(connection: frames.Connection, seconds: float) -> Iterator[tuple[int, bytes]]:
    """The frames of a stream until its end. Raises TimeoutError when that does not come in time."""
    deadline = time.monotonic() + seconds
    while True:
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([connection.socket], [], [], left)[0]:
            raise TimeoutError(f"the stream did not end within {seconds:.0f} s")
        frame = connection.receive()
        if frame is None:
            return
        yield frame
