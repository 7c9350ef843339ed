"""The command: options, the order of the parts, the report."""

from __future__ import annotations

import argparse
import os
import secrets
import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator

from athenic_guest.attack import battery, exhaustion, neighbours
from athenic_guest.attack.bait import Bait
from athenic_guest.attack.battery import Finding
from athenic_guest.attack.host import Host, RoomdError

_TEMPLATE = "code-interpreter"


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="athenic doctor --attack", description="Tries to break out of real sandboxes and says what held and what broke.")
    parser.add_argument("--data", required=True, help="data directory, whose template is used")
    parser.add_argument("--only", default="", metavar="PREFIX", help="only probes whose id begins so, such as 'files' or 'network.tcp'")
    parser.add_argument("--quick", action="store_true", help="without the part that uses up resources")
    given = parser.parse_args(arguments)
    template = f"{given.data}/templates/{_TEMPLATE}"
    if os.geteuid() != 0:
        print("attack: root is needed: the sandboxes are real ones, made by a roomd of their own", file=sys.stderr)
        return 2
    if not os.path.isdir(f"{template}/rootfs"):
        print(f"attack: there is no template at {template}: ./athenic run builds it", file=sys.stderr)
        return 2
    started = time.monotonic()
    try:
        findings = _report(_attack(template, given.data, given.only, given.quick))
    except (OSError, RuntimeError, RoomdError) as error:
        print(f"attack: the battery could not run to its end: {error}", file=sys.stderr)
        return 2
    broken = {finding.id for finding in findings if finding.broken}
    probes = {finding.id for finding in findings}
    print(f"\n{len(probes)} probes, {len(findings)} attempts in {time.monotonic() - started:.0f} s: "
          f"{len(probes) - len(broken)} held, {len(broken)} broken")
    if not probes:
        print(f"attack: no probe begins with '{given.only}'", file=sys.stderr)
        return 2
    return 1 if broken else 0


def _attack(template: str, data: str, only: str, quick: bool) -> Iterator[Finding]:
    host_secret, neighbour_secret = secrets.token_hex(24), secrets.token_hex(24)
    needles = {"the host's secret": host_secret, "a neighbour's secret": neighbour_secret, **_api_key(data)}
    host = Host(template, host_secret)
    bait = None
    try:
        bait = Bait(host, needles, [os.path.realpath(data)])
        neighbour = host.room()
        neighbour.guest("secretive", "python", KEY=neighbour_secret, **{f"KEY{number}": neighbour_secret for number in range(50)})
        room = host.room()
        yield from battery.in_room(room, bait.parameters, only)
        yield from neighbours.attempts(room, neighbour, only)
        room.destroy()
        if not quick:
            yield from exhaustion.attempts(host, neighbour, only)
    finally:
        if bait is not None:
            bait.close()
        host.close()


def _api_key(data: str) -> dict[str, str]:
    try:
        with open(f"{data}/app/api-key", encoding="ascii") as file:
            return {"the API key": file.read().strip()}
    except OSError:
        return {}


def _report(findings: Iterable[Finding]) -> list[Finding]:
    """Prints each probe once, when it has been tried from all footings."""
    everything: list[Finding] = []
    by_id: dict[str, list[Finding]] = defaultdict(list)
    for finding in findings:
        everything.append(finding)
        by_id[finding.id].append(finding)
        if finding.broken:
            print(f"  BROKEN  {finding.id} as {finding.footing}: {finding.tries}\n          seen: {finding.seen}\n          holding means: {finding.holds}", flush=True)
    group = ""
    for name in sorted(by_id):
        first = by_id[name][0]
        if first.group != group:
            group = first.group
            print(f"\n{group}")
        state = "BROKEN" if any(each.broken for each in by_id[name]) else "held  "
        footings = ", ".join(each.footing for each in by_id[name])
        print(f"  {state}  {name:44} {first.tries} ({footings})")
    return everything
