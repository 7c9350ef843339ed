"""roomd that is killed (SIGKILL) at one step of one operation: `faulty.py GUEST PLACE STEP REPORT roomd-arguments…`.

PLACE is an operation of the protocol, or `entry`: the first process of a room, at whose step roomd is killed. A step is a place in roomd's
code from which a function of roomd or a system call is called, when it is reached for the first time. STEP 0: nobody is killed, and the
number of steps is written to REPORT when the operation has ended.
"""

from __future__ import annotations

import os
import runpy
import select
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

GUEST, PLACE, STEP, REPORT = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
sys.path.insert(0, GUEST)

from athenic_guest.roomd import daemon  # noqa: E402

_ROOMD = os.getpid()
_MODULES = ("posix", "fcntl", "_socket", "select", "_signal", "_posixsubprocess", "_io")


def _kill_roomd() -> None:
    if os.getpid() == _ROOMD:
        os.kill(_ROOMD, signal.SIGKILL)
    # A room's process cannot signal the host's: it asks, and goes on when roomd and the forge are dead.
    os.write(_ask, b"x")
    poll = select.poll()
    poll.register(_ask, 0)  # POLLERR alone: nobody can read any more
    poll.poll(20_000)


def _obey() -> None:
    os.read(_asked, 1)
    os.kill(_ROOMD, signal.SIGKILL)


class Steps:
    """Counts places; kills at the wanted one."""

    def __init__(self) -> None:
        self._seen: set[tuple[str, int]] = set()

    def __call__(self, frame: FrameType, event: str, argument: Any) -> None:
        if event == "call":
            caller = frame.f_back
            if caller is None or "athenic_guest" not in frame.f_code.co_filename:
                return
            frame = caller
        elif event != "c_call" or getattr(argument, "__module__", None) not in _MODULES and not hasattr(argument, "__self__"):
            return
        if "athenic_guest/roomd" not in frame.f_code.co_filename and "athenic_guest/linux" not in frame.f_code.co_filename:
            return
        place = (frame.f_code.co_filename, frame.f_lineno)
        if place in self._seen:
            return
        self._seen.add(place)
        if len(self._seen) == STEP:
            _kill_roomd()

    def count(self) -> int:
        return len(self._seen)

    def report(self) -> None:
        if STEP == 0:
            with open(REPORT, "w", encoding="ascii") as file:
                file.write(str(len(self._seen)))


def _watched(handler: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def watched(fields: Any) -> Any:
        steps = Steps()
        sys.setprofile(steps)
        try:
            return handler(fields)
        finally:
            sys.setprofile(None)
            steps.report()
    return watched


def _handlers(*arguments: Any) -> dict[str, Any]:
    table = _true_handlers(*arguments)
    if PLACE in table:
        table[PLACE] = _watched(table[PLACE])
    return table


def _enter(order: Any, root: int) -> None:
    """The part of a room's first process up to its exec."""
    global _steps
    os.close(_asked)
    _steps = Steps()
    sys.setprofile(_steps)
    _true_enter(order, root)


def _await_go(control: Any) -> None:
    _true_await_go(control)
    sys.setprofile(None)
    if STEP == 0:
        os.pwrite(_report, str(_steps.count()).encode(), 0)


def _run(self: Any) -> int:
    threading.Thread(target=_obey, daemon=True).start()
    return _true_run(self)


_true_handlers = daemon.handlers
daemon.handlers = _handlers
if PLACE == "entry":
    _true_enter, _true_await_go = daemon.entry._enter, daemon.entry._await_go
    daemon.entry._enter = _enter
    daemon.entry._await_go = _await_go
    _true_run = daemon.Daemon.run
    daemon.Daemon.run = _run  # after the forge was started: it must have one thread
    _asked, _ask = os.pipe2(os.O_CLOEXEC)
    # The room sees none of our files: the count goes out on a descriptor that was opened before.
    _report = os.open(REPORT, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o666)

sys.argv = [f"{GUEST}/roomd.py", *sys.argv[5:]]
runpy.run_path(sys.argv[0], run_name="__main__")
