"""Hostile bytes for what reads bytes of others: frames and requests by themselves, the agent and a kernel over their real sockets.

The seeds are fixed; ATHENIC_FUZZ=N tries N times as many.
"""

from __future__ import annotations

import json
import os
import random
import socket
import struct
import unittest

from athenic_guest import frames
from athenic_guest.roomd import requests
from athenic_guest.roomd.errors import RoomError
from guest_case import GuestCase, answered, collect, connect, operate

_ROUNDS = 80 * int(os.environ.get("ATHENIC_FUZZ", "1"))
_SESSION = b"".join(frames.pack(kind, payload) for kind, payload in (
    (frames.JSON, b'{"op":"process.start","cmd":"/bin/true","args":["a"],"env":{"A":"b"},"timeoutMillis":100,"pty":{"cols":80,"rows":24}}'),
    (frames.STDIN, b"hello"),
    (frames.JSON, b'{"eof":true}'),
    (frames.JSON, b'{"op":"execute","code":"1+1","env":{"X":"1"}}'),
    (frames.JSON, b'{"op":"fs.write","path":"/tmp/fuzz","user":"user","metadata":{"a":"b"}}'),
))
_VALUES = ("1", "-1", "1e999", "null", "true", '"x"', "[]", "{}", '"\\ud800"', "9" * 40, '"process.list"', '"fs.read"', '"fs.list"', '"execute"', '"/tmp"', '"\\u0000"', '{"cols":-1}')
_FIELDS = ("op", "path", "cmd", "args", "env", "pid", "depth", "user", "code", "pty", "offset", "length", "signal", "port", "sources", "metadata", "timeoutMillis")


def mutated(generator: random.Random) -> bytes:
    data = bytearray(_SESSION)
    for _ in range(generator.randrange(1, 12)):
        data[generator.randrange(len(data))] = generator.randrange(256)
    return bytes(data[:generator.randrange(1, len(data))] if generator.random() < 0.3 else data)


def wild_json(generator: random.Random) -> bytes:
    fields = ",".join(f'"{generator.choice(_FIELDS)}":{generator.choice(_VALUES)}' for _ in range(generator.randrange(6)))
    return ("{" + fields + "}").encode()


class Parsers(unittest.TestCase):
    def test_frames_decode_or_refuse(self) -> None:
        for seed in range(20 * _ROUNDS):
            generator = random.Random(seed)
            for payload in (generator.randbytes(generator.randrange(200)), wild_json(generator), b"[" * generator.randrange(2_000)):
                try:
                    frames.decode(payload)
                except frames.FrameError:
                    pass

    def test_requests_of_roomd_are_refused_by_words(self) -> None:
        refused = 0
        for seed in range(5 * _ROUNDS):
            message = json.loads(wild_json(random.Random(seed)).replace(b"1e999", b"1e99"))
            for op, check in (("room.create", requests.room_request), ("guest.start", requests.guest_request)):
                try:
                    check(requests.Fields(op, message))
                except RoomError as error:
                    refused += 1
                    self.assertEqual(error.code, "invalid_argument")
        self.assertEqual(refused, 10 * _ROUNDS)


class Sockets(GuestCase):
    """After all that was thrown at it, each still answers, and has not kept the connections."""

    def test_the_agent(self) -> None:
        path = self.guest("agent")
        self.throw(path)
        answered(operate(path, {"op": "ping"}))
        self.until(lambda: len(answered(operate(path, {"op": "process.list"}))["processes"]) < 50, "the processes that were started end")

    def test_a_python_kernel(self) -> None:
        path = self.guest("python")
        self.throw(path)
        connection = connect(path)
        connection.send_json({"op": "execute", "code": "40+2"})
        self.assertEqual(collect(connection).result["text"], "42")

    def throw(self, path: str) -> None:
        for seed in range(_ROUNDS):
            generator = random.Random(seed)
            kind = seed % 4
            if kind == 0:
                data = generator.randbytes(generator.randrange(3000))
            elif kind == 1:
                data = mutated(generator)
            elif kind == 2:
                data = frames.pack(frames.JSON, wild_json(generator))
            else:
                data = struct.pack(">IB", generator.choice((0, 1, 0xFFFF_FFFF, 1 << 20, (1 << 20) + 1, 50)), generator.randrange(256)) + b"{" * generator.randrange(60)
            with socket.socket(socket.AF_UNIX) as peer:
                peer.settimeout(30)
                peer.connect(path)
                try:
                    peer.sendall(data)
                    peer.shutdown(socket.SHUT_WR)
                    if kind != 2:  # an operation that it happens to be may go on for as long as it likes
                        while peer.recv(65_536):
                            pass
                except OSError:
                    pass  # it hung up


if __name__ == "__main__":
    unittest.main()
