#!/usr/bin/python3 -I
"""`./athenic doctor --attack`: tries to break out of real sandboxes. Status 1 when anything broke, 2 when the battery could not run."""

from __future__ import annotations

import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))

from athenic_guest.attack.run import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
