"""Makes guests write to fewer of the zygote's pages; each first write copies one.

Python counts references in the objects themselves and specializes code in place: to run a function is to write to it. Imports leave the functions
of a module together, of which a cell calls a few.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from types import CodeType, FrameType, FunctionType
from typing import Any


def gather(run: Callable[[], None]) -> None:
    """Calls `run` and moves the code of the functions that it called to new places, in the order of their first calls."""
    called = _called(run)
    functions: dict[int, list[FunctionType]] = {key: [] for key in called}
    for found in gc.get_objects():
        if type(found) is FunctionType and id(found.__code__) in called:
            functions[id(found.__code__)].append(found)
    copies: dict[int, CodeType] = {}
    for key, code in called.items():
        for function in functions[key]:
            function.__code__ = _copy(code, called, copies)


def forget_names() -> None:
    """Empties Python's cache of types' attributes, which is to be filled by what guests do. A lookup that is not in it writes to the strings of
    two names: its own and that of the entry that it takes."""
    clear = getattr(sys, "_clear_type_cache", None)  # not in every version
    if clear is not None:
        clear()


def _called(run: Callable[[], None]) -> dict[int, CodeType]:
    called: dict[int, CodeType] = {}  # by id: equal code of two functions is not the same

    def see(frame: FrameType, event: str, _argument: Any) -> None:
        if event == "call":
            called.setdefault(id(frame.f_code), frame.f_code)

    sys.setprofile(see)
    try:
        run()
    finally:
        sys.setprofile(None)
    return called


def _copy(code: CodeType, called: dict[int, CodeType], copies: dict[int, CodeType]) -> CodeType:
    """A function that is defined by another one's call has its code among that one's constants."""
    if id(code) not in copies:
        constants = tuple(_copy(part, called, copies) if id(part) in called else part for part in code.co_consts)
        copies[id(code)] = code.replace(co_consts=constants)
    return copies[id(code)]
