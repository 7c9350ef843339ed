"""A user's subordinate ids: subuid(5), subgid(5)."""

from __future__ import annotations

import pwd
from dataclasses import dataclass
from typing import Final

from .problem import Problem

COUNT: Final = 65_536
_FIRST_GIVEN: Final = 100_000  # SUB_UID_MIN of login.defs(5)


@dataclass(frozen=True)
class SubIds:
    """The first ids of `COUNT` subordinate user ids and as many group ids."""

    uid: int
    gid: int


def find(uid: int, folder: str = "/etc") -> SubIds:
    """The ranges of a user. Raises Problem with the line that root has to run when there is none."""
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:
        raise Problem(f"user {uid} has no name in /etc/passwd: subordinate ids are given to names") from None
    found = [_first(f"{folder}/{file}", name, uid) for file in ("subuid", "subgid")]
    if found[0] is None or found[1] is None:
        start = max(_FIRST_GIVEN, *(_end(f"{folder}/{file}") for file in ("subuid", "subgid")))
        span = f"{start}-{start + COUNT - 1}"
        raise Problem(f"{name} has no {COUNT:,} subordinate ids in a row in /etc/subuid and /etc/subgid. Root gives them with:\n"
                      f"  usermod --add-subuids {span} --add-subgids {span} {name}")
    return SubIds(found[0], found[1])


def _lines(path: str) -> list[tuple[str, int, int]]:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            parts = [line.strip().split(":") for line in file]
    except FileNotFoundError:
        return []
    return [(owner, int(start), int(count)) for owner, start, count in (part for part in parts if len(part) == 3)
            if start.isdecimal() and count.isdecimal()]


def _first(path: str, name: str, uid: int) -> int | None:
    return next((start for owner, start, count in _lines(path) if owner in (name, str(uid)) and count >= COUNT), None)


def _end(path: str) -> int:
    return max((start + count for _, start, count in _lines(path)), default=0)
