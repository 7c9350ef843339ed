"""What could not be removed at once: tried again until it is gone, at the latest at roomd's end. The next start's sweep is the last resort."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

from athenic_guest.roomd.server import log

_FIRST_PAUSE: Final = 1.0
_LONGEST_PAUSE: Final = 60.0


class Leftovers:
    """One thread, which lives only while something is left, tries everything after pauses that double. Safe for use by several threads."""

    def __init__(self, first_pause: float = _FIRST_PAUSE) -> None:
        self._first_pause = first_pause
        self._lock = threading.Lock()  # guards the two below
        self._left: dict[str, Callable[[], object]] = {}
        self._thread: threading.Thread | None = None
        self._closing = threading.Event()

    def add(self, name: str, remove: Callable[[], object]) -> None:
        """`remove` raises until nothing is left; it may be called as often as needed."""
        with self._lock:
            self._left[name] = remove
            if self._thread is None and not self._closing.is_set():
                self._thread = threading.Thread(target=self._run, name="leftovers", daemon=True)
                try:
                    self._thread.start()
                except RuntimeError:  # the machine gives us no thread: the end or the next `add` tries
                    self._thread = None

    def names(self) -> list[str]:
        with self._lock:
            return sorted(self._left)

    def close(self) -> None:
        """Tries everything a last time."""
        self._closing.set()
        with self._lock:
            thread = self._thread
        if thread is not None:
            thread.join(30.0)
        self._try_all()

    def _run(self) -> None:
        pause = self._first_pause
        while not self._closing.wait(pause):
            self._try_all()
            with self._lock:
                if not self._left:
                    self._thread = None
                    return
            pause = min(pause * 2, _LONGEST_PAUSE)

    def _try_all(self) -> None:
        with self._lock:
            left = list(self._left.items())
        for name, remove in left:
            try:
                remove()
            except Exception as error:  # whatever it was, the others have to be tried
                log(f"{name} is still not gone: {error}")
                continue
            log(f"{name} is gone now")
            with self._lock:
                if self._left.get(name) is remove:
                    del self._left[name]
