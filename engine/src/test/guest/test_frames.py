"""The frame codec against bytes of every kind."""

from __future__ import annotations

import json
import random
import socket
import struct
import threading
import unittest

from athenic_guest import frames
from athenic_guest.frames import Connection, FrameError


def received(data: bytes) -> list[tuple[int, bytes]]:
    """What a reader makes of bytes followed by the end. Raises FrameError."""
    ours, theirs = socket.socketpair()

    def write() -> None:
        try:
            ours.sendall(data)
        except OSError:
            pass  # the reader has given up
        ours.close()

    writer = threading.Thread(target=write)
    writer.start()
    reader = Connection(theirs)
    found = []
    try:
        while (frame := reader.receive()) is not None:
            found.append(frame)
    finally:
        theirs.close()
        writer.join()
    return found


class Codec(unittest.TestCase):
    def test_frames_come_back_as_they_were_sent(self) -> None:
        sent = [(frames.JSON, b"{}"), (frames.STDOUT, b""), (frames.DATA, b"x" * frames.MAX_PAYLOAD), (frames.STDERR, "ü".encode())]

        self.assertEqual(received(b"".join(frames.pack(kind, payload) for kind, payload in sent)), sent)

    def test_a_payload_over_the_limit_is_not_sent(self) -> None:
        with self.assertRaises(FrameError):
            frames.pack(frames.STDOUT, b"x" * (frames.MAX_PAYLOAD + 1))

    def test_lengths_out_of_range_are_refused_before_anything_is_read(self) -> None:
        for length in (0, frames.MAX_LENGTH + 1, 1 << 31, (1 << 32) - 1):
            with self.subTest(length=length), self.assertRaises(FrameError):
                received(struct.pack(">IB", length, 0))

    def test_unknown_types_and_torn_frames_are_refused(self) -> None:
        for data in (struct.pack(">IB", 1, 5), b"\0\0", struct.pack(">IB", 10, 0) + b"short"):
            with self.subTest(data=data), self.assertRaises(FrameError):
                received(data)

    def test_json_that_is_no_object_or_too_deep_is_refused(self) -> None:
        deep = b'{"a":' * 65 + b"1" + b"}" * 65
        for payload in (b"", b"[]", b"null", b"5", b'"x"', b"{", b"\xff", b"{}{}", deep, b'{"a":' + b"[" * 100_000, b"[" * 900_000):
            with self.subTest(payload=payload[:20]), self.assertRaises(FrameError):
                frames.decode(payload)

    def test_brackets_in_texts_are_not_depth(self) -> None:
        message = {"code": "[" * 1000 + '"\\' * 50 + "{" * 1000, "level": [[[1]]]}

        self.assertEqual(frames.decode(frames.encode(message)), message)
        self.assertEqual(frames.depth(json.dumps({"a": "[" * 70 + '\\"[', "b": [[{}]]})), 4)

    def test_strict_json_only(self) -> None:
        with self.assertRaises(ValueError):
            frames.encode({"x": float("nan")})
        self.assertEqual(frames.encode({"x": "\ud800"}), b'{"x":"?"}')

    def test_random_bytes_end_in_frames_or_an_error(self) -> None:
        seeded = random.Random(1)
        for _ in range(500):
            data = bytearray(b"".join(frames.pack(seeded.randrange(5), seeded.randbytes(seeded.randrange(40))) for _ in range(5)))
            for _ in range(seeded.randrange(6)):
                data[seeded.randrange(len(data))] = seeded.randrange(256)
            del data[seeded.randrange(len(data)) :]
            try:
                for kind, payload in received(bytes(data)):
                    self.assertIn(kind, range(5))
                    if kind == frames.JSON:
                        frames.decode(payload)
            except FrameError:
                continue


if __name__ == "__main__":
    unittest.main()
