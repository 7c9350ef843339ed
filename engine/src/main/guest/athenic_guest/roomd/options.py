"""The command line of roomd."""

from __future__ import annotations

import argparse
import hashlib
import os
import re
from dataclasses import dataclass
from typing import Final

from athenic_guest.roomd.renewal import Bounds

_SAFE_PATH: Final = re.compile(r"/[A-Za-z0-9._/-]{0,47}")


@dataclass(frozen=True)
class Options:
    """`uid`, `gid`: the server's user, the only one who may connect. `guest`: the folder of the code that zygotes run."""

    data: str
    runtime: str
    uid: int
    gid: int
    guest: str
    disk: str
    linger: float
    zygotes: Bounds
    rootless: bool = False

    @property
    def instance(self) -> str:
        """Names everything that belongs to this data directory."""
        return hashlib.sha256(os.fsencode(self.data)).hexdigest()[:12]


def parse(arguments: list[str], guest: str) -> Options:
    """Ends the process with a message when an argument is wrong."""
    parser = argparse.ArgumentParser(prog="roomd", description="Makes and destroys sandboxes for the Athenic server. Runs as root.")
    parser.add_argument("--data", required=True, help="data directory (templates, disks)")
    parser.add_argument("--runtime", required=True, help="directory for sockets, /run/athenic/NAME")
    parser.add_argument("--uid", required=True, type=int, help="the server's user, the only one who may connect")
    parser.add_argument("--gid", required=True, type=int, help="the server's group")
    parser.add_argument("--disk", choices=("auto", "loop", "tmpfs"), default="auto", help="where rooms write; auto: loop where possible")
    parser.add_argument("--linger", type=float, default=60.0, help="seconds that rooms are kept after the server has gone; 0: not at all")
    parser.add_argument("--rootless", action="store_true", help="serve as root of a user namespace that rootless.py made")
    parser.add_argument("--zygote-forks", type=int, default=Bounds.forks, help="guests of one zygote before another takes its place")
    parser.add_argument("--zygote-seconds", type=float, default=Bounds.seconds, help="how long a zygote forks")
    given = parser.parse_args(arguments)
    # A unix socket's path has 107 characters, and sandbox and guest names take up to 32 each.
    if not _SAFE_PATH.fullmatch(given.runtime) or ".." in given.runtime:
        parser.error(f"--runtime must be an absolute path of letters, digits, . _ - with at most 48 characters: {given.runtime}")
    if not os.path.isdir(given.data):
        parser.error(f"--data is no directory: {given.data}")
    if given.uid < 0 or given.gid < 0:
        parser.error("--uid and --gid must not be negative")
    if not 0 <= given.linger <= 3600:
        parser.error(f"--linger must be 0 to 3600 seconds: {given.linger:g}")
    if given.zygote_forks < 1 or given.zygote_seconds <= 0:
        parser.error("--zygote-forks and --zygote-seconds must be positive")
    if os.geteuid() != 0:
        parser.error("roomd needs root: it makes namespaces with user ids of their own, mounts and control groups")
    return Options(os.path.realpath(given.data), given.runtime.rstrip("/"), given.uid, given.gid, guest, given.disk, given.linger,
                   Bounds(given.zygote_forks, given.zygote_seconds), given.rootless)
