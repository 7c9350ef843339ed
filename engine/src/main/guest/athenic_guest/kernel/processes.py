"""The processes that a cell has started, found by their mark (`marks`)."""

from __future__ import annotations

import os
import signal
import time

from .. import marks

# How the processes of an interrupted cell are ended: a signal, and how long they have to heed it (seconds). Together less than the
# engine's patience (docs/PROTOCOL.md section 4).
_STEPS = ((signal.SIGINT, 0.15), (signal.SIGINT, 0.2), (signal.SIGTERM, 0.2))
_KILL_SECONDS = 1.0
_LOOK_SECONDS = 0.005


def any_children() -> bool:
    """Whether this process has a child, alive or not yet waited for."""
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


class Started:
    """The processes with a mark, without `spared`. `strike` may be called from any thread and from a signal's handler."""

    def __init__(self, mark: int | None, spared: int = 0) -> None:
        """A mark of None has been given to nobody."""
        self._mark = mark
        self._spared = spared
        self._told: set[int] = set()
        self._foreign: set[int] = set()  # of other users (sudo): ours are no signals for them

    def strike(self, number: int, again: bool) -> None:
        """Signals them all; without `again` only those that were never signalled."""
        for pid in self._living():
            if again or pid not in self._told:
                self._told.add(pid)
                try:
                    os.kill(pid, number)
                except ProcessLookupError:
                    pass
                except PermissionError:
                    self._foreign.add(pid)

    def end(self) -> None:
        """Ends them all, asking first; returns when none is left, at the latest when the steps are over.

        One interrupt is not enough: it is lost between fork(2) and execve(2), where the program's handler is still its parent's, and
        does not reach who is forked a moment later.
        """
        for at, (number, patience) in enumerate(_STEPS):
            if not self._living():
                return
            self.strike(number, again=at > 0)
            deadline = time.monotonic() + patience
            while self._living() and time.monotonic() < deadline:
                time.sleep(_LOOK_SECONDS)
        deadline = time.monotonic() + _KILL_SECONDS
        while self._living() and time.monotonic() < deadline:  # a fork bomb forks on meanwhile
            self.strike(signal.SIGKILL, again=True)
            time.sleep(_LOOK_SECONDS)

    def _living(self) -> list[int]:
        if self._mark is None:
            return []
        return [pid for pid in marks.marked(self._mark) if pid != self._spared and pid not in self._foreign]
