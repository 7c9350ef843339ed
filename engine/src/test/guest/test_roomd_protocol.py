"""The socket of docs/PROTOCOL.md, section 2: who may speak, and what is refused."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import unittest

from roomd_case import RoomdCase
from roomd_client import LIMITS, Roomd, RoomdError


class Protocol(RoomdCase):
    def _refused(self, code: str, op: str, **fields: object) -> str:
        with self.assertRaises(RoomdError) as caught:
            self.roomd.call(op, **fields)
        self.assertEqual(caught.exception.code, code, caught.exception)
        return str(caught.exception)

    def test_hello(self) -> None:
        hello = self.roomd.call("hello")

        self.assertEqual(set(hello), {"version", "cgroup", "disk", "swept", "notes", "rooms", "more"})
        self.assertIn(hello["cgroup"], ("v1", "v2"))
        self.assertIn(hello["disk"], ("loop", "tmpfs"))

    def test_zygote_start_twice_is_the_same(self) -> None:
        first, second = self.roomd.zygote(), self.roomd.zygote()

        self.assertEqual(first, second)
        self.assertEqual(set(first), {"pid", "millis"})

    def test_a_template_outside_the_templates_folder_is_refused(self) -> None:
        for path in ("/", "/etc", f"{self.roomd.data}/templates/../..", f"{self.roomd.data}/templates/probe/rootfs/../../../..", "relative"):
            with self.subTest(path):
                message = self._refused_any("zygote.start", template="other", path=path)
                self.assertNotIn("Traceback", message)
        self._refused("not_found", "zygote.start", template="other", path=f"{self.roomd.data}/templates/none/rootfs")

    def test_a_template_that_others_could_change_is_refused(self) -> None:
        os.mkdir(f"{self.roomd.data}/templates/loose")
        os.mkdir(f"{self.roomd.data}/templates/loose/rootfs")
        os.chmod(f"{self.roomd.data}/templates/loose", 0o777)
        self._refused_any("zygote.start", template="loose", path=f"{self.roomd.data}/templates/loose/rootfs")
        os.symlink("/", f"{self.roomd.data}/templates/link")
        os.lchown(f"{self.roomd.data}/templates/link", 65534, 65534)
        self._refused_any("zygote.start", template="link", path=f"{self.roomd.data}/templates/link")

    def test_wrong_fields_are_refused(self) -> None:
        room = {"sandbox": "x", "template": "probe", "hostname": "sandbox", "limits": LIMITS}
        changes: tuple[dict[str, object], ...] = ({"sandbox": "../x"}, {"sandbox": "A"}, {"sandbox": "x" * 33}, {"sandbox": ""}, {"sandbox": 1}, {"sandbox": "x\n"},
                       {"template": "../probe"}, {"template": "a/b"}, {"hostname": "a b"}, {"hostname": "-"}, {"limits": {}}, {"limits": None},
                       {"limits": {**LIMITS, "more": 1}}, {"extra": 1})
        for change in changes:
            with self.subTest(change):
                self._refused("invalid_argument", "room.create", **{**room, **change})
        self._refused("failed_precondition", "room.create", **{**room, "template": "unknown"})
        self._refused("invalid_argument", "room.create", sandbox="x")
        self._refused("invalid_argument", "hello", more=1)
        self._refused("invalid_argument", "fly")
        self.assertEqual(self.roomd.call("rooms"), {"sandboxes": []})

    def test_wrong_guests_are_refused(self) -> None:
        sandbox = self.room()
        guest = {"sandbox": sandbox, "name": "g", "kind": "python", "env": {}, "cwd": "/"}
        changes: tuple[dict[str, object], ...] = ({"name": "a/b"}, {"name": "roomd.sock"}, {"kind": "perl"}, {"kind": None}, {"env": []}, {"env": {"A=B": "x"}}, {"env": {"A": 1}},
                       {"env": {"A": "\0"}}, {"cwd": "x"}, {"cwd": ""}, {"sandbox": "b b"})
        for change in changes:
            with self.subTest(change):
                self._refused("invalid_argument", "guest.start", **{**guest, **change})
        self._refused("not_found", "guest.start", **{**guest, "sandbox": "nobody"})
        self.roomd.call("guest.start", **guest)
        self._refused("already_exists", "guest.start", **guest)
        self._refused("not_found", "guest.kill", sandbox=sandbox, name="none", signal=9)
        self._refused("invalid_argument", "guest.kill", sandbox=sandbox, name="g", signal=0)
        self._refused("invalid_argument", "guest.kill", sandbox=sandbox, name="g", signal=65)

    def test_unknown_sandboxes(self) -> None:
        for op in ("room.stat", "room.freeze", "room.thaw", "room.destroy"):
            self._refused("not_found", op, sandbox="nobody")
        sandbox = self.room()
        self._refused("already_exists", "room.create", sandbox=sandbox, template="probe", hostname="sandbox", limits=LIMITS)

    def test_many_rooms_are_sampled_at_once(self) -> None:
        first, second = self.room(), self.room()
        self.roomd.guest(first)

        samples = self.roomd.call("rooms.stat", sandboxes=[first, "unknown", second])["rooms"]

        self.assertIsNone(samples[1])
        for sample in (samples[0], samples[2]):
            memory, _cpu, used, total = sample
            self.assertGreater(memory, 0)
            self.assertGreater(total, used)
        self.assertGreater(samples[0][1], 0)
        for wrong in ("x", [1], ["../x"], ["a"] * 201):
            with self.subTest(wrong=wrong), self.assertRaises(RoomdError) as caught:
                self.roomd.call("rooms.stat", sandboxes=wrong)
            self.assertEqual(caught.exception.code, "invalid_argument")

    def test_a_failed_room_leaves_its_name_and_nothing_else(self) -> None:
        message = self._refused_any("room.create", sandbox="broken", template="probe", hostname="sandbox", limits={**LIMITS, "inodes": 1 << 28})
        self.assertIn("mkfs", message)

        self.assertEqual(self.roomd.call("rooms"), {"sandboxes": []})
        self.assertEqual(os.listdir(f"{self.roomd.runtime}/s"), [])
        self.assertEqual(os.listdir(f"{self.roomd.data}/sandboxes"), [])
        self.roomd.room("broken")
        self.roomd.call("room.destroy", sandbox="broken")

    def test_a_second_client_is_turned_away(self) -> None:
        with socket.socket(socket.AF_UNIX) as second:
            second.settimeout(60)
            second.connect(f"{self.roomd.runtime}/roomd.sock")
            self.assertEqual(second.recv(1), b"")
        self.roomd.call("hello")

    def test_users_of_the_host_cannot_connect(self) -> None:
        code = f"import socket; socket.socket(socket.AF_UNIX).connect({self.roomd.runtime + '/roomd.sock'!r})"
        done = subprocess.run([sys.executable, "-I", "-c", code], user=65534, group=65534, capture_output=True, text=True, check=False)
        self.assertIn("PermissionError", done.stderr)

    def _refused_any(self, op: str, **fields: object) -> str:
        with self.assertRaises(RoomdError) as caught:
            self.roomd.call(op, **fields)
        return str(caught.exception)


_CLIENT = """
import json, os, socket, stat, sys
runtime, template = sys.argv[1:]
roomd = socket.socket(socket.AF_UNIX)
roomd.connect(runtime + '/roomd.sock')
lines = roomd.makefile('rw')
def call(op, **fields):
    lines.write(json.dumps({'id': 1, 'op': op, **fields}) + '\\n'); lines.flush()
    answer = json.loads(lines.readline())
    return answer.get('ok') or answer['error']['message']
call('zygote.start', template='probe', path=template)
call('room.create', sandbox='mine', template='probe', hostname='sandbox', limits=%r)
path = call('guest.start', sandbox='mine', name='kernel', kind='python', env={}, cwd='/')['socket']
guest = socket.socket(socket.AF_UNIX)
guest.connect(path)
guest.sendall(b'import os; result = os.getuid()'); guest.shutdown(socket.SHUT_WR)
print(guest.recv(100).decode(), os.stat(path).st_uid, os.stat(path).st_gid, oct(stat.S_IMODE(os.stat(path).st_mode)))
"""


class ServersUser(unittest.TestCase):
    """The server is an ordinary user; roomd serves this user and nobody else, not even root."""

    def test_an_ordinary_user_is_served_and_root_is_not(self) -> None:
        roomd = Roomd(uid=65534)
        os.chmod(roomd.folder, 0o755)
        with socket.socket(socket.AF_UNIX) as root:
            root.settimeout(60)
            root.connect(f"{roomd.runtime}/roomd.sock")
            self.assertEqual(root.recv(1), b"")

        done = subprocess.run([sys.executable, "-I", "-c", _CLIENT % LIMITS, roomd.runtime, f"{roomd.data}/templates/probe/rootfs"],
                              user=65534, group=65534, capture_output=True, text=True, check=False, timeout=60)

        self.assertEqual(done.stdout, '{"value": 1000} 65534 65534 0o600\n', done.stderr)
        roomd.await_end()  # its client has left


class Misbehaviour(unittest.TestCase):
    """A client that breaks the protocol ends its connection, and with it roomd, which cleans up."""

    def _ends(self, data: bytes) -> None:
        roomd = Roomd()
        roomd.zygote()
        roomd.room("one")
        try:
            roomd.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass  # it hung up before we had said everything
        roomd.await_end()
        self.assertFalse(os.path.exists(roomd.runtime))

    def test_no_json(self) -> None:
        self._ends(b"hello\n")

    def test_no_object(self) -> None:
        self._ends(b"[1]\n")

    def test_no_id(self) -> None:
        self._ends(json.dumps({"op": "hello"}).encode() + b"\n")

    def test_deep_json(self) -> None:
        self._ends(b"[" * 60_000 + b"\n")

    def test_an_endless_line(self) -> None:
        self._ends(b"x" * (4 << 20))


if __name__ == "__main__":
    unittest.main()
