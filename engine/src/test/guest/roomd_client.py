"""A roomd of the tests' own with its own data directory, the client of its socket, and probes run in rooms."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from typing import Any

GUEST_FOLDER = os.path.realpath(os.path.join(os.path.dirname(__file__), "../../main/guest"))
PROBE = os.path.join(os.path.dirname(os.path.realpath(__file__)), "probe", "guests.py")
# Where the template is that the tests use; its root folder is <this>/rootfs.
TEMPLATE = os.environ.get("ATHENIC_TEST_DATA", "/var/lib/athenic") + "/templates/code-interpreter"
# A deadline that only a fault reaches, in seconds: machines stand still for a while, and others work on them.
PATIENCE = 60.0
ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/home/user", "LANG": "C.UTF-8"}
LIMITS = {"memoryBytes": 512 << 20, "cpuMillis": 2000, "pids": 128, "diskBytes": 256 << 20, "inodes": 16_384}


class RoomdError(Exception):
    """An `error` answer."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


class Roomd:
    """Starts the real roomd with the probe guest. `close` ends it and removes its folders. Unless told otherwise it ends with its client."""

    def __init__(self, *arguments: str, folder: str | None = None, uid: int | None = None) -> None:
        if not os.path.isdir(f"{TEMPLATE}/rootfs"):
            raise RuntimeError(f"no template at {TEMPLATE}: build one (template.py) and set ATHENIC_TEST_DATA to its data directory")
        self.folder = folder or tempfile.mkdtemp(prefix="athenic-roomd-", dir="/tmp")
        self.data = f"{self.folder}/data"
        self.runtime = self.place()
        if folder is None:
            os.makedirs(f"{self.data}/templates", mode=0o755)
            os.symlink(TEMPLATE, f"{self.data}/templates/probe")
            shutil.copytree(GUEST_FOLDER, f"{self.folder}/guest", ignore=shutil.ignore_patterns("__pycache__"))
            shutil.copy(PROBE, f"{self.folder}/guest/athenic_guest/guests.py")
        self.instance = hashlib.sha256(os.path.realpath(self.data).encode()).hexdigest()[:12]
        self.events: list[dict[str, Any]] = []
        self._answers: dict[int, dict[str, Any]] = {}
        self._changed = threading.Condition()
        self._next = 1
        self._closed = False
        self.process = subprocess.Popen(
            self.launch([f"{self.folder}/guest/roomd.py", "--data", self.data, "--runtime", self.runtime,
                         "--uid", str(os.getuid() if uid is None else uid), "--gid", str(os.getgid() if uid is None else uid),
                         *(() if "--linger" in arguments else ("--linger", "0")), *arguments]),
            stdout=subprocess.PIPE, env={"SECRET_OF_THE_HOST": "must not be seen"})
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if line != b"roomd ready\n":
            status = self.process.wait(PATIENCE)
            self.process.stdout.close()
            if folder is None:
                shutil.rmtree(self.folder)
            raise RuntimeError(f"roomd did not start: {line!r}, exit status {status}")
        if uid is None:
            self.connect()
        else:  # whoever is that user connects
            self.socket = socket.socket(socket.AF_UNIX)

    def connect(self) -> None:
        """Becomes roomd's client (again)."""
        self.socket = socket.socket(socket.AF_UNIX)
        self.reach()
        self._closed = False
        self.events.clear()
        threading.Thread(target=self._read, args=(self.socket,), daemon=True).start()

    def place(self) -> str:
        """The runtime directory."""
        return f"/run/athenic/test-{hashlib.sha256(self.folder.encode()).hexdigest()[:8]}"

    def reach(self) -> None:
        """Connects `socket`."""
        self.socket.connect(f"{self.runtime}/roomd.sock")

    def launch(self, arguments: list[str]) -> list[str]:
        """The command that runs roomd.py with these arguments."""
        return [sys.executable, "-I", *arguments]

    def call(self, op: str, **fields: Any) -> dict[str, Any]:
        """One request and its answer."""
        with self._changed:
            number = self._next
            self._next += 1
        self.socket.sendall(json.dumps({"id": number, "op": op, **fields}).encode() + b"\n")
        with self._changed:
            if not self._changed.wait_for(lambda: number in self._answers or self._closed, PATIENCE):
                raise TimeoutError(op)
            answer = self._answers.pop(number, None)
        if answer is None:
            raise ConnectionError(f"{op}: roomd closed the connection")
        if "error" in answer:
            raise RoomdError(answer["error"]["code"], answer["error"]["message"])
        ok: dict[str, Any] = answer["ok"]
        return ok

    def zygote(self) -> dict[str, Any]:
        return self.call("zygote.start", template="probe", path=f"{self.data}/templates/probe/rootfs")

    def room(self, sandbox: str, **limits: int) -> dict[str, Any]:
        return self.call("room.create", sandbox=sandbox, template="probe", hostname="sandbox", limits={**LIMITS, **limits})

    def guest(self, sandbox: str, name: str = "kernel", kind: str = "python") -> str:
        """Starts a guest; returns the path of its socket."""
        path: str = self.call("guest.start", sandbox=sandbox, name=name, kind=kind, env=ENVIRONMENT, cwd="/home/user")["socket"]
        return path

    def await_event(self, wanted: Callable[[dict[str, Any]], bool], seconds: float = PATIENCE) -> dict[str, Any]:
        """The first event that is wanted, come or to come."""
        with self._changed:
            if not self._changed.wait_for(lambda: any(wanted(event) for event in self.events), seconds):
                raise TimeoutError(f"no such event among {self.events}")
            return next(event for event in self.events if wanted(event))

    def close(self) -> None:
        """Ends roomd as the server would, by closing the connection."""
        self.hang_up()
        self.await_end()

    def hang_up(self) -> None:
        """Closes the connection."""
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # roomd hung up before
        self.socket.close()

    def await_end(self, status: int = 0) -> None:
        """Waits until roomd has ended, which must be with `status`, and removes its folders."""
        got = self.process.wait(PATIENCE)
        self.kill()
        shutil.rmtree(self.folder)
        if got != status:
            raise AssertionError(f"roomd ended with status {got}, not {status}")

    def kill(self) -> None:
        """kill -9; what is left is for the next one of the same folder to sweep."""
        self.process.kill()
        self.process.wait(PATIENCE)
        self.hang_up()
        assert self.process.stdout is not None
        self.process.stdout.close()

    def _read(self, connection: socket.socket) -> None:
        buffer = b""
        while True:
            try:
                data = connection.recv(65_536)
            except OSError:
                data = b""
            with self._changed:
                if not data:
                    self._closed = self._closed or connection is self.socket
                    self._changed.notify_all()
                    return
                buffer += data
                *lines, buffer = buffer.split(b"\n")
                for line in lines:
                    message = json.loads(line)
                    if "event" in message:
                        self.events.append(message)
                    else:
                        self._answers[message["id"]] = message
                self._changed.notify_all()


def probe(path: str, source: str, seconds: float = PATIENCE) -> Any:
    """Runs Python source in a guest; returns its variable `result`, raises OSError or RuntimeError for what it raised."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(seconds)
        connection.connect(path)
        connection.sendall(source.encode())
        connection.shutdown(socket.SHUT_WR)
        data = b""
        while part := connection.recv(65_536):
            data += part
    if not data:
        raise ConnectionError("the guest died")
    answer = json.loads(data)
    if "error" in answer:
        if answer["errno"] is not None:
            raise OSError(answer["errno"], answer["error"])
        raise RuntimeError(answer["error"])
    return answer["value"]


def until(condition: Callable[[], bool], what: str, seconds: float = PATIENCE) -> None:
    """Waits for a condition with a deadline."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(what)
        time.sleep(0.005)
