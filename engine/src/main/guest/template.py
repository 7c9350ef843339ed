#!/usr/bin/python3
"""Builds and shows templates. `template.py build --data DIR` prints the root folder when it is ready; progress goes to stderr."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from pathlib import Path

sys.dont_write_bytecode = True  # it runs as root, in a folder that may be somebody's clone
sys.path.insert(0, str(Path(__file__).resolve().parent))

from athenic_guest.template.build import build  # noqa: E402
from athenic_guest.template.problem import Problem  # noqa: E402
from athenic_guest.template.store import Store  # noqa: E402


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, text in (("build", "build the template unless it is there"), ("show", "print its manifest as JSON")):
        command = commands.add_parser(name, help=text)
        command.add_argument("--data", type=Path, required=True, help="the data directory of Athenic")
        command.add_argument("--name", default="code-interpreter")
        if name == "build":
            command.add_argument("--force", action="store_true", help="build it anew")
    arguments = parser.parse_args()
    # An end by SIGTERM is an abort like Ctrl-C: the half-built folder goes, the downloads stay.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        if arguments.command == "build":
            print(build(arguments.data, arguments.name, force=arguments.force))
            return 0
        manifest = Store(arguments.data).manifest(arguments.name)
        if manifest is None:
            raise Problem(f"no template '{arguments.name}' in {arguments.data}: run 'template.py build --data {arguments.data}'")
        print(json.dumps(manifest, indent=1, sort_keys=True))
        return 0
    except KeyboardInterrupt:
        print("aborted; what was downloaded is kept", file=sys.stderr)
        return 130
    except (Problem, OSError) as problem:
        print(f"template: {problem}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
