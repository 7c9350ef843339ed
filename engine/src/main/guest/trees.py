#!/usr/bin/python3 -I
"""Works on trees and layers for roomd, in a process of its own: `trees.py ORDER` with an order in JSON; the answer is one JSON object on stdout.

`{"do": "commit", "folder", "upper", "lower": descriptors, "tree", "parent", "base"}` · `{"do": "collect", "folder", "keep": […], "bound"}` ·
`{"do": "sweep", "folder"}` · `{"do": "flatten", "layers": [descriptors, the uppermost first], "template", "out", "links": descriptors}`. A failure: `{"error": TEXT, "code": CODE}`.
"""

from __future__ import annotations

import errno
import json
import os
import signal
import sys
from dataclasses import asdict
from typing import Any

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))

from athenic_guest import linux  # noqa: E402
from athenic_guest.trees.flatten import Flatten  # noqa: E402
from athenic_guest.trees.merge import Refused  # noqa: E402
from athenic_guest.trees.store import Full, Store  # noqa: E402


def main() -> int:
    """The exit status: 0 for an answer, 1 for a failure that was told."""
    linux.set_death_signal()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    os.nice(5)
    os.umask(0o022)
    order: dict[str, Any] = json.loads(sys.argv[1])
    if os.getppid() != order["roomd"]:
        return 1  # roomd died before the death signal was set
    try:
        print(json.dumps(work(order)))
        return 0
    except Refused as error:
        answer = {"code": "failed_precondition", "error": str(error)}
    except Full as error:
        answer = {"code": "resource_exhausted", "error": str(error)}
    except OSError as error:
        exhausted = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE)
        answer = {"code": "resource_exhausted" if exhausted else "internal", "error": str(error)}
    print(json.dumps(answer))
    return 1


def work(order: dict[str, Any]) -> dict[str, Any]:
    """One order."""
    if order["do"] == "flatten":
        Flatten(order["layers"], order["template"], order["links"]).run(order["out"])
        return {}
    store = Store(order["folder"])
    if order["do"] == "commit":
        return asdict(store.commit(order["tree"], order["parent"], order["upper"], order["lower"], order["base"]))
    if order["do"] == "collect":
        return {"removed": store.collect(set(order["keep"]), order["bound"])}
    store.sweep()
    return {}


if __name__ == "__main__":
    sys.exit(main())
