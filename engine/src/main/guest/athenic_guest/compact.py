"""Makes the memory of a zygote cheap to share.

A guest's new objects would go into the free places between the zygote's old ones, each on another page, and the first write copies a page. So
those places are filled once and for all: what a guest allocates then lies together on pages of its own.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

# CPython 3.11 (Objects/obmalloc.c): objects of at most 512 bytes lie in pools of one size class.
_POOL_BYTES, _POOL_HEADER = 16_384, 48
_SMALLEST, _LARGEST, _STEP = 16, 512, 16
_BYTES_OVERHEAD = 33
_MOST_OBJECTS = 200_000

_M_ARENA_MAX = -8  # mallopt(3)
_CHUNKS = (*(1 << bits for bits in range(16, 10, -1)), *range(1024, 16, -16))
_MOST_CHUNKS = 20_000

_FILLING: list[Any] = []
"""Kept for as long as the zygote and its guests live; nobody touches it."""


def compact() -> None:
    """Fills the free places in Python's pools and in malloc's heap. Preconditions: one thread."""
    libc = ctypes.CDLL(None)
    # A thread's own arena would be touched anew in every guest; Python's lock keeps threads from waiting for this one.
    libc.mallopt(_M_ARENA_MAX, 1)
    for size in range(_SMALLEST, _LARGEST + 1, _STEP):
        _fill_pools(size)
    _fill_heap(libc)
    libc.malloc_trim(0)


def _fill_pools(size: int) -> None:
    make = _maker(size)
    capacity = (_POOL_BYTES - _POOL_HEADER) // size
    filling: list[Any] = []
    pool, count = 0, 0
    for _ in range(_MOST_OBJECTS):
        made = make()
        own = id(made) & -_POOL_BYTES
        if own != pool:
            if count == capacity:
                break  # a pool that was empty: those that were used in part are full now
            pool, count = own, 0
        count += 1
        filling.append(made)
    _FILLING.append(filling)


def _maker(size: int) -> Callable[[], Any]:
    if size == 16:
        return object
    if size == 32:
        numbers = iter(range(1 << 31, 1 << 32))
        return lambda: next(numbers)
    return lambda: bytes(size - _BYTES_OVERHEAD)


class _Mallinfo2(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in
                ("arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost")]


def _fill_heap(libc: ctypes.CDLL) -> None:
    libc.malloc.restype = libc.sbrk.restype = ctypes.c_void_p
    libc.malloc.argtypes = (ctypes.c_size_t,)
    libc.free.argtypes = (ctypes.c_void_p,)
    libc.mallinfo2.restype = _Mallinfo2
    top = int(libc.sbrk(0)) - int(libc.mallinfo2().keepcost) - 4096
    for size in _CHUNKS:
        for _ in range(_MOST_CHUNKS):
            chunk = libc.malloc(size)
            if chunk is None or chunk >= top:
                libc.free(chunk)  # no hole is left for this size
                break
