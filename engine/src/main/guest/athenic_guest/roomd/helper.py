"""Work on files that hostile rooms wrote, and that takes seconds of processor time: done by `trees.py`, in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from athenic_guest.roomd.errors import RoomError

_LOOK_SECONDS: Final = 0.1


class Helper:
    """`guest` is the folder of our code."""

    def __init__(self, guest: str) -> None:
        self._program = f"{guest}/trees.py"

    def run(self, order: dict[str, Any], descriptors: Sequence[int], seconds: float, unwanted: Callable[[], bool] = lambda: False) -> dict[str, Any]:
        """The answer; a failure as a RoomError, as when it takes too long or is `unwanted` meanwhile. The process is gone afterwards."""
        text = json.dumps({**order, "roomd": os.getpid()})
        deadline = time.monotonic() + seconds
        with subprocess.Popen([sys.executable, "-I", "-B", self._program, text], pass_fds=tuple(descriptors),
                              env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"}, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE) as process:
            while True:
                try:
                    output, _ = process.communicate(timeout=_LOOK_SECONDS)
                    break
                except subprocess.TimeoutExpired:
                    if unwanted():
                        process.kill()
                        process.communicate()
                        raise RoomError("not_found", "the sandbox was destroyed while its files were kept") from None
                    if time.monotonic() > deadline:
                        process.kill()
                        process.communicate()
                        raise RoomError("unavailable", f"the work on its files took more than {seconds:.0f} s") from None
        try:
            answer = json.loads(output)
        except ValueError:
            raise RoomError("internal", f"the work on files ended with status {process.returncode} without an answer") from None
        if not isinstance(answer, dict) or "error" in answer:
            raise RoomError(answer["code"], answer["error"])
        return answer
