"""Waits for out-of-memory kills of all rooms in one thread, which costs nothing while there are none."""

from __future__ import annotations

import os
import select
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from athenic_guest.roomd.cgroups import Group

# v1 tells about the lack of memory before the kill is counted, and on a busy machine long before: so long, and so often, is looked for it.
_COUNT_SECONDS = 5.0
_LOOK_SECONDS = 0.01


@dataclass
class _Watched:
    sandbox: str
    group: Group
    seen: int = 0


class OomWatch:
    """Emits an `oom` event with the number of kills so far whenever it has grown."""

    def __init__(self, emit: Callable[[dict[str, Any]], None]) -> None:
        self._emit = emit
        self._epoll = select.epoll()
        self._lock = threading.Lock()  # guards the table and the descriptors in it
        self._watched: dict[int, _Watched] = {}
        self._closing = False
        self._wake_read, self._wake_write = os.pipe2(os.O_CLOEXEC)
        self._epoll.register(self._wake_read, select.EPOLLIN)
        self._thread = threading.Thread(target=self._run, name="oom-watch", daemon=True)
        self._thread.start()

    def add(self, sandbox: str, group: Group) -> None:
        descriptor, event = group.oom_watch()
        with self._lock:
            try:
                self._epoll.register(descriptor, event | select.EPOLLET)
            except OSError:
                os.close(descriptor)
                raise
            self._watched[descriptor] = _Watched(sandbox, group)

    def remove(self, sandbox: str) -> None:
        with self._lock:
            for descriptor, watched in list(self._watched.items()):
                if watched.sandbox == sandbox:
                    del self._watched[descriptor]
                    self._epoll.unregister(descriptor)
                    os.close(descriptor)

    def close(self) -> None:
        self._closing = True
        os.write(self._wake_write, b"x")
        self._thread.join(10.0)
        for descriptor in (self._wake_read, self._wake_write):
            os.close(descriptor)
        self._epoll.close()

    def _run(self) -> None:
        short: dict[int, float] = {}  # whose memory is short, by descriptor, and until when a kill is looked for
        while not self._closing:
            ready = self._epoll.poll(_LOOK_SECONDS if short else None)
            now = time.monotonic()
            short |= {descriptor: now + _COUNT_SECONDS for descriptor, _ in ready}
            short = {descriptor: end for descriptor, end in short.items() if not self._told(descriptor) and now < end}

    def _told(self, descriptor: int) -> bool:
        """Whether there is no more to wait for: a kill has been told, or the room is gone."""
        with self._lock:
            watched = self._watched.get(descriptor)
        if watched is None:
            return True
        try:
            kills = watched.group.oom_kills()
        except (OSError, ValueError):  # destroyed meanwhile
            return True
        if kills <= watched.seen:
            return False
        watched.seen = kills
        self._emit({"event": "oom", "sandbox": watched.sandbox, "kills": kills})
        return True
