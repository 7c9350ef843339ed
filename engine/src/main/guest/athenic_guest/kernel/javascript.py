"""The JavaScript kernel: one node that keeps its globals from cell to cell. `driver.js` is what runs in it."""

from __future__ import annotations

import json
import os
import shutil
import socket
from pathlib import Path
from typing import NoReturn

from ..frames import encode
from . import absent
from .front import Death, Front, Program
from .server import Execution

_DRIVER: list[bytes] = []
_NO_NODE = "this template has no Node.js, which runs JavaScript: add apt = [\"nodejs\", \"esbuild\"] to its definition, or use code-interpreter"


def prepare() -> None:
    """Reads the driver: the children that need it have left the folder it lies in."""
    _DRIVER[:] = [(Path(__file__).parent / "driver.js").read_bytes()]


class JavaScript(Front):
    """Results and errors come ready made from the driver; they are only checked, since the cell could write them too."""

    def __init__(self) -> None:
        super().__init__()
        self._cell = 0

    def launch(self) -> Program:
        for _ in range(2):
            program = _start()
            try:
                program.wait_ready()
                return program
            except Death:
                continue
        raise RuntimeError("node does not start")

    def command(self, execution: Execution) -> bytes:
        self._cell += 1
        return encode({"cell": self._cell, "code": execution.code, "env": execution.env}).replace(b"\0", b"")

    def warn(self, program: Program) -> None:
        program.whisper(encode({"interrupt": self._cell}))

    def answer(self, message: bytes) -> bool:
        try:
            found = json.loads(message)
        except (ValueError, RecursionError):
            return False
        kind = found.get("type") if isinstance(found, dict) else None
        if kind in ("result", "error"):
            self.send(found)
        return bool(kind == "end")

    def died(self, death: Death) -> None:
        status = f"signal {-death.status}" if death.status < 0 else f"exit code {death.status}"
        text = f"node ended ({status}): the context starts anew, without its variables"
        self.send({"type": "error", "name": "KernelDied", "value": status, "traceback": text})


def _start() -> Program:
    # From a file in memory: the source is neither on the command line nor in the sandbox's files.
    driver = os.memfd_create("driver")
    try:
        os.write(driver, _DRIVER[0])
        os.lseek(driver, 0, os.SEEK_SET)
        return Program(["node", "--no-warnings", "-"], stdin=driver)
    finally:
        os.close(driver)


def serve(listener: socket.socket, env: dict[str, str], cwd: str) -> NoReturn:
    """Serves one JavaScript context until it is killed."""
    if shutil.which("node") is None:
        absent.serve(listener, env, cwd, _NO_NODE)
    JavaScript().serve(listener, env, cwd)
