"""The processes of a room that were started through the agent."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

from ..frames import Failure
from . import fields

if TYPE_CHECKING:
    from .process import Process

_KEPT_SECONDS = 60.0
_KEPT_AT_MOST = 1000
_RUNNING_AT_MOST = 1000


class Registry:
    """Finds processes by pid or tag; remembers those that ended a moment ago."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # guards the two maps
        self._running: dict[int, Process] = {}
        self._ended: dict[int, tuple[float, Process]] = {}

    def reserve(self) -> None:
        with self._lock:
            if len(self._running) >= _RUNNING_AT_MOST:
                raise Failure("resource_exhausted", f"{_RUNNING_AT_MOST} processes run already")

    def add(self, process: Process) -> None:
        with self._lock:
            self._ended.pop(process.pid, None)
            self._running[process.pid] = process

    def ended(self, process: Process) -> None:
        with self._lock:
            if self._running.get(process.pid) is process:
                del self._running[process.pid]
            self._ended[process.pid] = (time.monotonic(), process)
            self._forget()

    def running(self) -> list[Process]:
        with self._lock:
            return list(self._running.values())

    def find(self, request: dict[str, Any], *, ended: bool = False) -> Process:
        """The process that `pid` or `tag` of a request names; with `ended` also one that has just ended. Raises Failure."""
        with self._lock:
            self._forget()
            places = [list(self._running.values())]
            if ended:
                places.append([process for _, process in reversed(self._ended.values())])
        if request.get("pid") is not None:
            pid = fields.integer(request, "pid", 1, 1 << 31)
            wanted, matches = f"pid {pid}", [found for place in places for found in place if found.pid == pid]
        else:
            tag = fields.text(request, "tag")
            wanted, matches = f"tag '{tag}'", [found for place in places for found in place if found.tag == tag]
        if not matches:
            raise Failure("not_found", f"process with {wanted} not found")
        return matches[0]

    def _forget(self) -> None:
        oldest = time.monotonic() - _KEPT_SECONDS
        while self._ended:
            pid, (when, _) = next(iter(self._ended.items()))
            if when >= oldest and len(self._ended) <= _KEPT_AT_MOST:
                return
            del self._ended[pid]
