"""Checks every field of every request. The client is the server's unprivileged process: it must not be able to ask for more than a room."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from athenic_guest.roomd.cgroups import Limits
from athenic_guest.roomd.errors import RoomError
from athenic_guest.roomd.layers import MAX_DEPTH

KINDS: Final = ("agent", "python", "javascript", "bash")
_ID: Final = re.compile(r"[a-z0-9]{1,32}")
# A name of 63 characters, a dot and a tree.
_TEMPLATE: Final = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,94}[a-z0-9])?")
_HOSTNAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_MIB: Final = 1 << 20
_NOTE_BYTES: Final = 512
TREE: Final = re.compile(r"[0-9a-f]{32}")
# Lowest and highest value of each limit; a room below the lowest cannot start its first process.
IO_BYTES: Final = 256 * _MIB
BOUNDS: Final = {
    "memoryBytes": (32 * _MIB, 1 << 42),
    "cpuMillis": (10, 1_024_000),
    "pids": (4, 32_768),
    "diskBytes": (16 * _MIB, 1 << 42),
    "inodes": (256, 1 << 28),
}
_MAY_BE_MISSING: Final = {"ioBytes": (0, 1 << 40)}


@dataclass(frozen=True)
class RoomRequest:
    """`room.create`."""

    sandbox: str
    template: str
    limits: Limits
    hostname: str
    layers: tuple[str, ...] = ()
    kept: bool = False
    tree: str = ""


@dataclass(frozen=True)
class SnapshotRequest:
    """`snapshot.create`."""

    sandbox: str
    snapshot: str
    note: str
    most_bytes: int


@dataclass(frozen=True)
class GuestRequest:
    """`guest.start`."""

    sandbox: str
    name: str
    kind: str
    env: Mapping[str, str]
    cwd: str


class Fields:
    """One request's fields, each to be taken exactly once; what nobody takes is an error."""

    def __init__(self, op: str, message: Mapping[str, Any]) -> None:
        self._op = op
        self._rest = {key: value for key, value in message.items() if key not in ("id", "op")}

    def done(self) -> None:
        if self._rest:
            raise RoomError("invalid_argument", f"{self._op}: unknown field {sorted(self._rest)[0]!r}")

    def text(self, key: str, pattern: re.Pattern[str] | None = None, longest: int = 4096) -> str:
        value = self._take(key)
        if not isinstance(value, str) or len(value) > longest or "\0" in value or not value:
            raise RoomError("invalid_argument", f"{self._op}: {key} must be a text of 1 to {longest} characters without NUL")
        if pattern is not None and not pattern.fullmatch(value):
            raise RoomError("invalid_argument", f"{self._op}: {key} must match ^{pattern.pattern}$: {value[:80]!r}")
        return value

    def whole(self, key: str, lowest: int, highest: int) -> int:
        return _whole(f"{self._op}: {key}", self._take(key), lowest, highest)

    def identifier(self, key: str) -> str:
        return self.text(key, _ID)

    def identifiers(self, key: str, most: int) -> list[str]:
        value = self._take(key)
        if not isinstance(value, list) or len(value) > most or not all(isinstance(each, str) and _ID.fullmatch(each) for each in value):
            raise RoomError("invalid_argument", f"{self._op}: {key} must be a list of at most {most} names that match ^{_ID.pattern}$")
        return value

    def has(self, key: str) -> bool:
        return key in self._rest

    def flag(self, key: str) -> bool:
        """An optional truth value; absent is false."""
        value = self._rest.pop(key, False)
        if not isinstance(value, bool):
            raise RoomError("invalid_argument", f"{self._op}: {key} must be true or false")
        return value

    def after(self) -> str:
        """An optional name: the last one of the page before."""
        return self.identifier("after") if self.has("after") else ""

    def note(self) -> str:
        """A text of the client's own, not looked at; it may be empty."""
        value = self._take("note")
        if not isinstance(value, str) or len(value.encode()) > _NOTE_BYTES or "\0" in value:
            raise RoomError("invalid_argument", f"{self._op}: note must be a text of at most {_NOTE_BYTES} bytes")
        return value

    def layers(self) -> tuple[str, ...]:
        """Optional names of layers, oldest first."""
        value = self._rest.pop("layers", [])
        if not isinstance(value, list) or len(value) > MAX_DEPTH or not all(isinstance(name, str) and _ID.fullmatch(name) for name in value):
            raise RoomError("invalid_argument", f"{self._op}: layers must be a list of at most {MAX_DEPTH} names that match ^{_ID.pattern}$")
        return tuple(value)

    def tree(self) -> str:
        return self.text("tree", TREE)

    def optional_tree(self) -> str:
        """Empty: none was named."""
        return self.tree() if self.has("tree") else ""

    def trees(self, key: str, most: int) -> list[str]:
        value = self._take(key)
        if not isinstance(value, list) or len(value) > most or not all(isinstance(each, str) and TREE.fullmatch(each) for each in value):
            raise RoomError("invalid_argument", f"{self._op}: {key} must be a list of at most {most} trees, each ^{TREE.pattern}$")
        return value

    def template(self) -> str:
        return self.text("template", _TEMPLATE)

    def hostname(self) -> str:
        return self.text("hostname", _HOSTNAME)

    def kind(self) -> str:
        value = self._take("kind")
        if value not in KINDS:
            raise RoomError("invalid_argument", f"{self._op}: kind must be one of {', '.join(KINDS)}")
        return str(value)

    def path(self, key: str) -> str:
        value = self.text(key)
        if not value.startswith("/"):
            raise RoomError("invalid_argument", f"{self._op}: {key} must be an absolute path: {value[:80]!r}")
        return value

    def environment(self) -> Mapping[str, str]:
        value = self._take("env")
        if not isinstance(value, dict) or len(value) > 1024:
            raise RoomError("invalid_argument", f"{self._op}: env must be an object of at most 1024 variables")
        for name, text in value.items():
            if not name or "=" in name or "\0" in name or not isinstance(text, str) or "\0" in text:
                raise RoomError("invalid_argument", f"{self._op}: env: {name[:80]!r} must be a name without = and NUL with a text without NUL")
        return value

    def limits(self) -> Limits:
        value = self._take("limits")
        if not isinstance(value, dict) or set(value) - set(_MAY_BE_MISSING) != set(BOUNDS):
            raise RoomError("invalid_argument", f"{self._op}: limits must have exactly {', '.join(BOUNDS)}, and may have {', '.join(_MAY_BE_MISSING)}")
        bounds = {key: each for key, each in {**BOUNDS, **_MAY_BE_MISSING}.items() if key in value}
        numbers = {key: _whole(f"{self._op}: limits.{key}", value[key], *each) for key, each in bounds.items()}
        return Limits(memory_bytes=numbers["memoryBytes"], cpu_millis=numbers["cpuMillis"], pids=numbers["pids"],
                      disk_bytes=numbers["diskBytes"] // 4096 * 4096, inodes=numbers["inodes"],
                      io_bytes=numbers.get("ioBytes", IO_BYTES))

    def _take(self, key: str) -> Any:
        if key not in self._rest:
            raise RoomError("invalid_argument", f"{self._op}: {key} is missing")
        return self._rest.pop(key)


def _whole(what: str, value: object, lowest: int, highest: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not lowest <= value <= highest:
        raise RoomError("invalid_argument", f"{what} must be a whole number from {lowest} to {highest}: {str(value)[:40]}")
    return value


def room_request(fields: Fields) -> RoomRequest:
    request = RoomRequest(fields.identifier("sandbox"), fields.template(), fields.limits(), fields.hostname(), fields.layers(), fields.flag("kept"), fields.optional_tree())
    fields.done()
    return request


def snapshot_request(fields: Fields) -> SnapshotRequest:
    request = SnapshotRequest(fields.identifier("sandbox"), fields.identifier("snapshot"), fields.note(), fields.whole("maxTotalBytes", 0, 1 << 50))
    fields.done()
    return request


def guest_request(fields: Fields) -> GuestRequest:
    request = GuestRequest(fields.identifier("sandbox"), fields.identifier("name"), fields.kind(), fields.environment(), fields.path("cwd"))
    fields.done()
    return request
