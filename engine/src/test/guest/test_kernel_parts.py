"""Parts of the kernels that need no room: formats of results, whole characters, E2B's charts."""

from __future__ import annotations

import json
import math
import random
import unittest

from athenic_guest.kernel import formats
from athenic_guest.kernel.output import _whole, incomplete


class Formats(unittest.TestCase):
    def test_mime_types_become_the_protocol_s_names(self) -> None:
        found = formats.result({"text/plain": "'quoted'", "image/png": b"\x01", "application/json": {"a": 1}, "text/x-own": "y", "text/html": None}, True)

        self.assertEqual(found, {"type": "result", "is_main_result": True, "text": "quoted", "png": "AQ==", "json": {"a": 1}, "extra": {"text/x-own": "y"}})

    def test_what_json_cannot_say_is_repaired_or_left_out(self) -> None:
        found = formats.result({"application/json": {"x": [math.nan, math.inf, 1.5], (1, 2): object}, "e2b/data": {"a": [math.nan]}}, False)

        self.assertEqual(found["json"]["x"], [None, None, 1.5])
        self.assertEqual(found["data"], {"a": [None]})
        json.dumps(found, allow_nan=False)

    def test_deep_and_scalar_json_is_left_out(self) -> None:
        deep: list[object] = []
        for _ in range(60):
            deep = [deep]

        self.assertNotIn("json", formats.result({"application/json": deep}, True))
        self.assertNotIn("json", formats.result({"application/json": 5}, True))

    def test_a_long_message_comes_in_parts_that_join_to_it(self) -> None:
        message = {"type": "result", "text": '"\\ü😀\n' * 300_000}

        parts = [json.loads(piece) for piece in formats.pieces(message)]

        self.assertGreater(len(parts), 1)
        self.assertEqual([part.get("last", False) for part in parts], [False] * (len(parts) - 1) + [True])
        self.assertEqual(json.loads("".join(part["text"] for part in parts)), message)
        self.assertTrue(all(len(piece) < 1 << 20 for piece in formats.pieces(message)))

    def test_too_long_a_message_is_refused(self) -> None:
        with self.assertRaises(ValueError):
            formats.pieces({"text": "x" * (formats.MAX_MESSAGE + 1)})


class Characters(unittest.TestCase):
    def test_the_beginning_of_a_character_is_noticed(self) -> None:
        for text in ("a", "ü", "€", "😀"):
            whole = text.encode()
            self.assertEqual(incomplete(b"x" + whole), 0)
            for cut in range(1, len(whole)):
                self.assertEqual(incomplete(b"x" + whole[:cut]), cut)

    def test_bytes_that_are_no_text_are_not_held_back(self) -> None:
        for data in (b"\xff\xff\xff\xff", b"\x80\x80\x80\x80", b""):
            self.assertEqual(incomplete(data), 0)

    def test_slices_join_to_the_whole_and_split_no_character(self) -> None:
        seeded = random.Random(2)
        text = "".join(seeded.choice("aü€😀") for _ in range(700_000))

        slices = list(_whole(text.encode()))

        self.assertEqual("".join(piece.decode() for piece in slices), text)
        self.assertGreater(len(slices), 1)


if __name__ == "__main__":
    unittest.main()
