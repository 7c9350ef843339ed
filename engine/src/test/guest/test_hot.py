"""What `hot.gather` moves, and that it runs as before."""

from __future__ import annotations

import sys
import unittest
from collections.abc import Callable

from athenic_guest import hot


def _called(number: int) -> list[int]:
    return [_twice(each) for each in range(number)]


def _twice(number: int) -> int:
    return 2 * number


def _never() -> str:
    return "never called"


def _adder(amount: int) -> Callable[[int], int]:
    def add(number: int) -> int:
        return number + amount

    return add


class Gather(unittest.TestCase):
    def test_called_functions_get_equal_code_in_another_place(self) -> None:
        before = {function: function.__code__ for function in (_called, _twice, _never)}

        hot.gather(lambda: self.assertEqual(_called(3), [0, 2, 4]))

        for function in (_called, _twice):
            self.assertIsNot(function.__code__, before[function])
            self.assertEqual(function.__code__, before[function])
        self.assertIs(_never.__code__, before[_never])
        self.assertEqual(_called(4), [0, 2, 4, 6])

    def test_functions_of_one_code_stay_so_and_keep_what_they_closed_over(self) -> None:
        one, ten = _adder(1), _adder(10)

        hot.gather(lambda: self.assertEqual(_adder(100)(one(1)), 102))

        self.assertIs(one.__code__, ten.__code__)
        self.assertIs(_adder(5).__code__, one.__code__)
        self.assertEqual((one(1), ten(1), _adder(100)(1)), (2, 11, 101))

    def test_an_error_passes_and_leaves_no_profile_function(self) -> None:
        with self.assertRaisesRegex(ValueError, "of the run"):
            hot.gather(self._fail)

        self.assertIsNone(sys.getprofile())

    def _fail(self) -> None:
        raise ValueError("of the run")
