"""Users of the room and the paths they mean."""

from __future__ import annotations

import os
import pwd
from dataclasses import dataclass

from ..frames import Failure

DEFAULT_USER = "user"
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class User:
    name: str
    uid: int
    gid: int
    home: str

    def groups(self) -> list[int]:
        return os.getgrouplist(self.name, self.gid)

    def environment(self) -> dict[str, str]:
        """What a process of this user finds before the sandbox's and its own variables."""
        return {"PATH": _PATH, "HOME": self.home, "USER": self.name, "LOGNAME": self.name, "LANG": "C.UTF-8"}

    def resolve(self, path: str) -> str:
        """An absolute path: empty and `~` are the home, relative ones lie below it (docs/PROTOCOL.md section 3)."""
        if path in ("", "~"):
            return self.home
        if path.startswith("~/"):
            path = path[2:]
        elif path.startswith("~"):
            raise Failure("invalid_argument", f"'{path}': only your own home can be named with '~'")
        return os.path.normpath("/" + os.path.join(self.home, path).lstrip("/"))


def find(name: str | None) -> User:
    """The user by name; raises Failure(unauthenticated) when the room has no such user."""
    try:
        entry = pwd.getpwnam(name or DEFAULT_USER)
    except (KeyError, ValueError):
        raise Failure("unauthenticated", f"invalid username: '{name}'") from None
    return User(entry.pw_name, entry.pw_uid, entry.pw_gid, entry.pw_dir)
