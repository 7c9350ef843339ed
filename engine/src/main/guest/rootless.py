#!/usr/bin/python3 -I
"""Runs a command as root of a user namespace: `rootless.py roomd|build|check -- COMMAND...`; ADR 0014 says what each sees.

`check` runs nothing and takes no command: it tells whether this user can have such a namespace, and what root has to do when not. `notes`
prints what is weaker in it.
"""

from __future__ import annotations

import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))

from athenic_guest.roomd import delegated, mode, watched  # noqa: E402
from athenic_guest.rootless import outer  # noqa: E402
from athenic_guest.rootless.problem import Problem  # noqa: E402


def main(arguments: list[str]) -> int:
    """The command's exit status; 1 when the namespace cannot be made, 64 when it was called wrongly."""
    try:
        if arguments == ["check"]:
            return outer.run(["/bin/true"])
        if arguments == ["notes"]:
            print("\n".join((*mode.NOTES, *watched.NOTES)))
            return 0
        if len(arguments) < 3 or arguments[0] not in ("roomd", "build") or arguments[1] != "--":
            print(__doc__.splitlines()[0], file=sys.stderr)
            return 64
        if arguments[0] == "roomd":
            delegated.enter()
        return outer.run(arguments[2:], build=arguments[0] == "build")
    except Problem as problem:
        print(f"rootless: {problem}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
