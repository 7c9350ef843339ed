"""The base of tests with real rooms: one roomd per class, and afterwards a census: nothing may be left."""

from __future__ import annotations

import glob
import itertools
import os
import re
import unittest
from typing import Any, ClassVar

from roomd_client import Roomd, probe

FIRST_ROOM_UID = 0x7000_0000
_numbers = itertools.count(1)


def census(data: str) -> list[str]:
    """Everything on this machine that belongs to the rooms of a data directory, or to no living roomd."""
    left = [f"file {path}" for path in glob.glob(f"{data}/sandboxes/*")]
    for backing in glob.glob("/sys/block/loop*/loop/backing_file"):
        try:
            with open(backing, encoding="utf-8") as file:
                if file.read().startswith(data):
                    left.append(f"loop device {backing}")
        except OSError:
            pass  # unbound meanwhile
    with open("/proc/self/mountinfo", encoding="utf-8") as file:
        left += [f"mount {line.strip()}" for line in file if data in line or "/run/athenic" in line or " sandbox " in line]
    return left


def groups(instance: str) -> list[str]:
    """The control groups of an instance, without its own directory."""
    return [path for pattern in (f"/sys/fs/cgroup/*/athenic/{instance}/*/", f"/sys/fs/cgroup/athenic/{instance}/*/") for path in glob.glob(pattern)]


def processes_of(instance: str, uid_base: int) -> list[int]:
    """The host's processes with a user id of one room, without those of other instances, which may get the ids when this one has died.

    The dead ones that the host's init inherited do not count: it reaps them when it likes. A room's first process is no zombie before those
    of its processes are reaped that others have started in it; dead, it has no memory.
    """
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/status", encoding="ascii", errors="replace") as file:
                    status = dict(line.rstrip("\n").split(":\t", 1) for line in file if line.startswith(("PPid:", "Uid:", "VmSize:")))
                uid, inherited = int(status["Uid"].split()[0]), status["PPid"] == "1"
            except (OSError, KeyError):
                continue
            if uid_base <= uid < uid_base + 65_536 and ("VmSize" in status or not inherited) and not _of_another(name, instance):
                found.append(int(name))
    return found


def _of_another(pid: str, instance: str) -> bool:
    try:
        with open(f"/proc/{pid}/cgroup", encoding="ascii", errors="replace") as file:
            instances = set(re.findall(r"/athenic/([0-9a-f]{12})(?:/|$)", file.read(), re.MULTILINE))
    except OSError:
        return True  # gone meanwhile
    return bool(instances) and instance not in instances


class RoomdCase(unittest.TestCase):
    """Tests share the class's roomd and take rooms of their own."""

    roomd: ClassVar[Roomd]
    arguments: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def setUpClass(cls) -> None:
        if os.geteuid() != 0:
            raise RuntimeError("tests with real rooms need root")
        cls.roomd = cls._start()
        cls.addClassCleanup(cls._end)
        cls.roomd.zygote()

    @classmethod
    def _start(cls) -> Roomd:
        return Roomd(*cls.arguments)

    @classmethod
    def _end(cls) -> None:
        cls.roomd.close()
        left = census(cls.roomd.data) + groups(cls.roomd.instance)
        if os.path.exists(cls.roomd.runtime):
            left.append(cls.roomd.runtime)
        if left:
            raise AssertionError(f"left behind: {left}")

    def room(self, **limits: int) -> str:
        """A new room; destroyed after the test unless it was before."""
        sandbox = f"room{next(_numbers)}"
        self.answer: dict[str, Any] = self.roomd.room(sandbox, **limits)
        self.addCleanup(self._destroy, sandbox)
        return sandbox

    def kernel(self, **limits: int) -> str:
        """The socket of a guest that runs as `user` in a new room."""
        return self.roomd.guest(self.room(**limits))

    def agent(self, **limits: int) -> str:
        """The socket of a guest that runs as the room's root in a new room."""
        return self.roomd.guest(self.room(**limits), "agent", "agent")

    def run_command(self, path: str, command: str, seconds: float = 60) -> tuple[int, str]:
        """Exit status and output of a shell command in a room."""
        status, output = probe(path, "import subprocess\n"
                               f"done = subprocess.run({command!r}, shell=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,"
                               " stderr=subprocess.STDOUT, text=True, errors='replace')\n"
                               "result = [done.returncode, done.stdout]", seconds)
        return status, output

    def _destroy(self, sandbox: str) -> None:
        if sandbox in self.roomd.call("rooms")["sandboxes"]:
            self.roomd.call("room.destroy", sandbox=sandbox)
