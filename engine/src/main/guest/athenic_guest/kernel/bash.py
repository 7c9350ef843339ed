"""The bash kernel: one bash that keeps directory, variables and functions from cell to cell.

`exit`, `set -e` and an interrupt end a bash that is not interactive. Its EXIT trap then writes down what it knows, and the next bash
starts from that: the context survives. The interrupt has a trap of its own, since a second one, while bash itself handles the first, kills it.
"""

from __future__ import annotations

import re
import shlex
import signal
import socket
from typing import NoReturn

from .front import ANSWERS, COMMANDS, Death, Front, Program
from .server import Execution

_MAX_STATE = 8 << 20
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")

# The first message is the state to start from. The trap writes by path, since a cell ends with the descriptor closed.
_DRIVER = f"""
exec {{__athenic_keep}}>&{ANSWERS}
__athenic_answers=/proc/$$/fd/$__athenic_keep
IFS= read -r -d '' -u {COMMANDS} __athenic_code
eval "$__athenic_code" 2>/dev/null {COMMANDS}<&- {ANSWERS}>&- </dev/null
trap '{{ __athenic_status=$?; trap "" INT TERM; printf "X%s\\0" "$__athenic_status"; unset -v "${{!__athenic_@}}"; printf "cd %q\\n" "$PWD"
declare -p; declare -f; alias -p; shopt -p; set +o; }} > $__athenic_answers' EXIT
trap 'trap "" INT TERM; exit 130' INT
printf 'R\\0' >&{ANSWERS}
while IFS= read -r -d '' -u {COMMANDS} __athenic_before; do
  IFS= read -r -d '' -u {COMMANDS} __athenic_code
  IFS= read -r -d '' -u {COMMANDS} __athenic_after
  eval "$__athenic_before"
  eval "$__athenic_code" {COMMANDS}<&- {ANSWERS}>&- </dev/null
  __athenic_status=$?
  eval "$__athenic_after"
  printf 'S%s\\0' "$__athenic_status" >&{ANSWERS}
done
"""


class Bash(Front):
    """`_status` is the exit status of the last cell."""

    # A bash whose child goes on keeps the interrupt for later. To end costs it nothing: its EXIT trap keeps what it knows.
    strikes = (*(signal.SIGINT,) * 3, *(signal.SIGTERM,) * 3, signal.SIGKILL)

    def __init__(self) -> None:
        super().__init__()
        self._state = ""
        self._status = 0
        self._heard_exit = False

    def launch(self) -> Program:
        for state in (self._state, ""):
            program = Program(["/bin/bash", "--noprofile", "--norc", "-c", _DRIVER, "bash"])
            try:
                program.tell(state.encode("utf-8", "replace"))
                program.wait_ready()
                return program
            except Death:
                continue  # what was kept of the last one breaks the new one
        raise RuntimeError("bash does not start")

    def command(self, execution: Execution) -> bytes:
        before, after = [], []
        for at, (name, value) in enumerate(execution.env.items()):
            if _NAME.match(name):
                kept = f"__athenic_env_{at}"
                before.append(f'{kept}=${{{name}+x}}${{{name}-}}; export {name}={shlex.quote(value)}')
                after.append(f'if [ -n "${kept}" ]; then export {name}="${{{kept}#x}}"; else unset {name}; fi; unset {kept}')
        self._status = 0
        self._heard_exit = False
        parts = ("; ".join(before), execution.code.replace("\0", ""), "; ".join(after))
        return "\0".join(parts).encode("utf-8", "replace")

    def answer(self, message: bytes) -> bool:
        kind, status = message[:1], message[1:].decode("ascii", "replace")
        if kind == b"S":
            self._status = int(status) if status.isdigit() else 1
            return True
        if kind == b"X":
            self._heard_exit = True
            self._status = int(status) if status.isdigit() else 1
        return False

    def ending(self) -> bool:
        return self._heard_exit

    def died(self, death: Death) -> None:
        status, words = death.status, death.words
        if b"\0" in words:  # it ended before it had read the cell, so nobody has listened yet
            said, _, words = words.partition(b"\0")
            self.answer(said)
        if status < 0:
            self._status = 128 - status
        elif not self._heard_exit:
            self._status = status
        if self._heard_exit and len(words) <= _MAX_STATE:
            self._state = words.decode("utf-8", "replace")
            return
        self._state = ""
        self.say("[bash was replaced or killed: the context starts anew, in its first directory and without its variables]\n")

    def finish(self, execution: Execution) -> None:
        if self._status == 0:
            return
        text = f"exit code {self._status}"
        if self._status > 128 and self._status - 128 in signal.valid_signals():
            text += f" ({signal.strsignal(self._status - 128)})"
        self.send({"type": "error", "name": "ExitCode", "value": str(self._status), "traceback": text})


def serve(listener: socket.socket, env: dict[str, str], cwd: str) -> NoReturn:
    """Serves one bash context until it is killed."""
    Bash().serve(listener, env, cwd)
