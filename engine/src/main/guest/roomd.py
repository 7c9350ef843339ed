#!/usr/bin/python3 -I
"""Starts roomd: `roomd.py --data DIR --runtime DIR --uid N --gid N [--linger SECONDS]`. Prints `roomd ready` when its socket is there; logs to stderr."""

from __future__ import annotations

import os
import sys

sys.dont_write_bytecode = True  # the folder may belong to the server's user: root leaves nothing in it
_GUEST_FOLDER = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, _GUEST_FOLDER)

from athenic_guest.roomd.daemon import Daemon  # noqa: E402
from athenic_guest.roomd.errors import RoomError  # noqa: E402
from athenic_guest.roomd.join import fingerprint, join_living  # noqa: E402
from athenic_guest.roomd.options import parse  # noqa: E402


def main() -> int:
    """The exit status: 0 after an orderly end, 1 when it could not start or lost a vital part."""
    options = parse(sys.argv[1:], _GUEST_FOLDER)
    code = fingerprint(options)
    joined = join_living(options, code)
    if joined is not None:
        return joined
    try:
        daemon = Daemon(options, code)
    except (OSError, RoomError) as error:
        print(f"roomd: {error}", file=sys.stderr, flush=True)
        return 1
    return daemon.run()


if __name__ == "__main__":
    sys.exit(main())
