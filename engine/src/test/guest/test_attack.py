"""The self-test `./athenic doctor --attack`: it holds on real rooms, its probes can fail, and it leaves nothing."""

from __future__ import annotations

import glob
import json
import os
import subprocess
import sys
import tempfile
import unittest
from typing import Any

import roomd_client
from athenic_guest.attack import payload
from athenic_guest.attack.bait import Bait
from athenic_guest.attack.exhaustion import ATTACKS

_PROGRAM = f"{roomd_client.GUEST_FOLDER}/attack.py"
_DATA = os.environ.get("ATHENIC_TEST_DATA", "/var/lib/athenic")


def attack(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["/usr/bin/python3", "-I", "-B", _PROGRAM, "--data", _DATA, *arguments], capture_output=True, text=True, timeout=1200, check=False)


class Attack(unittest.TestCase):
    def test_no_probe_breaks_a_real_room(self) -> None:
        done = attack("--quick")

        self.assertEqual([line for line in done.stdout.splitlines() if "BROKEN" in line or "seen:" in line], [])
        self.assertEqual(done.returncode, 0, done.stdout[-2000:] + done.stderr)
        probes = int(done.stdout.strip().splitlines()[-1].split()[0])
        self.assertGreater(probes, 550)
        self.assertEqual(glob.glob("/run/athenic/attack-*") + glob.glob("/tmp/athenic-attack-*") + glob.glob("/dev/shm/athenic-attack-*"), [])

    def test_exhaustion_is_tried_with_a_neighbour_watched(self) -> None:
        done = attack("--only", "resources.fork-bomb-setsid")

        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("held    resources.fork-bomb-setsid", done.stdout)

    def test_what_cannot_be_tried_is_no_success(self) -> None:
        self.assertEqual(attack("--only", "no-such-probe").returncode, 2)
        with tempfile.TemporaryDirectory() as empty:
            self.assertEqual(subprocess.run([sys.executable, "-I", "-B", _PROGRAM, "--data", empty], capture_output=True, check=False).returncode, 2)


class ProbesCanFail(unittest.TestCase):
    """The same probes where nothing confines them but an ordinary account: most must break, or they would prove nothing in a room."""

    def test_an_ordinary_account_of_the_host_breaks_them(self) -> None:
        with tempfile.TemporaryDirectory(prefix="athenic-attack-host-") as folder:
            os.chmod(folder, 0o755)
            answers = self._run(folder)

        broken = {answer["id"] for answer in answers if "broken" in answer}
        for name in ("files.host-absolute", "files.sys", "files.hosts-name", "files.setuid", "namespaces.same", "namespaces.limit", "proc.boot-id",
                     "secrets.environment", "secrets.own-memory", "network.host-loopback", "network.abstract", "ipc.shared-memory", "ipc.dev-shm", "calls.personality"):
            self.assertIn(name, broken)
        self.assertGreater(len(broken), 100)

    def _run(self, folder: str) -> list[dict[str, Any]]:
        class OnHost:
            runtime = "/run"
            pid = os.getpid()

        host: Any = OnHost()
        host.folder = folder
        secret = "a secret that is in the environment"
        bait = Bait(host, {"the host's secret": secret}, ["/usr/lib"])
        scratch = f"{folder}/scratch"  # what the probes make here goes with the folder
        os.mkdir(scratch)
        os.chown(scratch, 65534, 65534)
        modules = ("files", "processes", "namespaces", "privileges", "procfs", "secrets", "network")
        try:
            done = subprocess.run(["/usr/bin/python3", "-I", "-B", "-"], input=payload.program(bait.parameters, modules), capture_output=True, text=True, timeout=300,
                                  check=False, user=65534, group=65534, extra_groups=[], cwd="/tmp",
                                  env={"HOST_KEY": secret, "PATH": "/usr/bin:/bin", "TMPDIR": scratch})
        finally:
            bait.close()
        return [json.loads(line[len("@probe "):]) for line in done.stdout.splitlines() if line.startswith("@probe ")]


class Table(unittest.TestCase):
    def test_attacks_are_programs(self) -> None:
        for name, _, source in ATTACKS:
            with self.subTest(name):
                compile(source, name, "exec")


if __name__ == "__main__":
    unittest.main()
