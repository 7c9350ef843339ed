"""Runs the probes inside a room from every footing that code in a sandbox can have, and gathers what they saw."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from athenic_guest import frames
from athenic_guest.attack import payload
from athenic_guest.attack.host import Room, output
from athenic_guest.attack.inside.probe import ALL

_SECONDS: Final = 900.0
_MARK: Final = "@probe "


@dataclass(frozen=True)
class Finding:
    """One probe from one footing; `seen` is empty when it held without a word."""

    id: str
    footing: str
    tries: str
    holds: str
    broken: bool
    seen: str

    @property
    def group(self) -> str:
        return self.id.split(".")[0]


def known() -> None:
    """Loads the probes here too: what each tries is told by the host, and a probe that gives no answer is noticed."""
    for name in (*payload.MODULES, *payload.TABLE):
        importlib.import_module(f"athenic_guest.attack.inside.{name}")


def in_room(room: Room, host: dict[str, Any], only: str) -> Iterator[Finding]:
    """All probes of the room, from all footings."""
    known()
    everything = tuple((*payload.MODULES, *payload.TABLE))
    room.write("/tmp/attack.py", payload.program(host, everything, only))
    python = ["/usr/bin/python3", "/tmp/attack.py"]
    footings: tuple[tuple[str, Callable[[], frames.Connection], tuple[str, ...]], ...] = (
        ("kernel", lambda: room.execute(payload.program(host, payload.MODULES, only)), payload.MODULES),
        ("user", lambda: room.start(python), everything),
        ("root", lambda: room.start(python, user="root"), everything),
        ("sudo", lambda: room.start(["/usr/bin/sudo", "-n", *python]), everything),
    )
    for footing, begin, modules in footings:
        yield from _run(footing, begin, modules, only)


def _run(footing: str, begin: Callable[[], frames.Connection], modules: Iterable[str], only: str) -> Iterator[Finding]:
    groups = {module: importlib.import_module(f"athenic_guest.attack.inside.{module}").__name__ for module in modules}
    wanted = {each.id for each in ALL.values() if each.id.startswith(only) and each.run.__module__ in groups.values()}
    rest, errors = b"", b""
    connection = begin()
    try:
        for kind, data in output(connection, _SECONDS):
            if kind == frames.STDERR:
                errors = (errors + data)[-2000:]
            if kind != frames.STDOUT:
                continue
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                finding = _finding(footing, line.decode("utf-8", "replace"))
                if finding is not None:
                    wanted.discard(finding.id)
                    yield finding
    except (OSError, frames.FrameError) as error:
        errors += str(error).encode()
    finally:
        connection.close()
    for name in sorted(wanted):
        each = ALL[name]
        yield Finding(name, footing, each.tries, each.holds, True, f"no answer: {errors.decode('utf-8', 'replace')[-300:].strip() or 'the run ended early'}")


def _finding(footing: str, line: str) -> Finding | None:
    if not line.startswith(_MARK):
        return None
    answer = json.loads(line[len(_MARK):])
    each = ALL[answer["id"]]
    broken = "broken" in answer
    return Finding(each.id, footing, each.tries, each.holds, broken, str(answer["broken" if broken else "held"]))
