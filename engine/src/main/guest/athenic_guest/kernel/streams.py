"""sys.stdout and sys.stderr of a kernel."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterable
from typing import Any

from .. import frames
from .capture import Capture
from .output import SEND_AT, WEIGHT, Output


class Gate:
    """Says whether text must wait for what children have written (`exact`): only while there may be children."""

    __slots__ = ("exact",)

    def __init__(self) -> None:
        self.exact = False


def writer(output: Output, capture: Capture, gate: Gate, kind: int) -> Callable[[str], int]:
    """The `write` of a stream. A closure, since print calls it twice a line and programs print lines by the hundred thousand."""
    append = output.pending.append
    plain = kind == frames.STDOUT

    def write(text: str) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        if gate.exact:
            capture.drain()
        count = len(text)
        if not count:
            return 0
        append(text if plain and text.__class__ is str else (kind, str(text)))
        size = output.size = output.size + count + WEIGHT
        if output.eager or size >= SEND_AT or not output.awake:
            output.rouse(text[-1] == "\n")
        return count

    return write


def child_writer(descriptor: int) -> tuple[Callable[[str], int], Callable[[], None]]:
    """`write` and `flush` for a forked copy of the kernel: whole lines, straight to the captured descriptor."""
    waiting: list[str] = []

    def flush() -> None:
        data = "".join(waiting).encode("utf-8", "replace")
        waiting.clear()
        while data:
            data = data[os.write(descriptor, data) :]

    def write(text: str) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        waiting.append(text)
        if "\n" in text or len(waiting) > 1000:
            flush()
        return len(text)

    return write, flush


class _Bytes(io.RawIOBase):
    """`sys.stdout.buffer`: bytes, in the same order as text."""

    def __init__(self, output: Output, capture: Capture, gate: Gate, kind: int) -> None:
        self._output, self._capture, self._gate, self._kind = output, capture, gate, kind
        self.child = False

    @property
    def raw(self) -> _Bytes:
        return self

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return 1 if self._kind == frames.STDOUT else 2

    def write(self, data: Any) -> int:
        view = bytes(data)
        if self.child:
            rest = view
            while rest:
                rest = rest[os.write(self.fileno(), rest) :]
        else:
            if self._gate.exact:
                self._capture.drain()
            self._output.put((self._kind, view), len(view))
        return len(view)


class Stream(io.TextIOBase):
    """A text stream that looks like a TextIOWrapper on a pipe; `write` and `flush` are set on the instance."""

    encoding = "utf-8"
    errors = "replace"
    newlines = None
    line_buffering = True
    write_through = True
    closed = False

    def __init__(self, output: Output, capture: Capture, gate: Gate, kind: int) -> None:
        self.name = "<stdout>" if kind == frames.STDOUT else "<stderr>"
        self.mode = "w"
        self._descriptor = 1 if kind == frames.STDOUT else 2
        self.buffer = _Bytes(output, capture, gate, kind)
        self.write = writer(output, capture, gate, kind)  # type: ignore[method-assign]
        self._flush: Callable[[], None] | None = None

    def become_child(self) -> None:
        """In a forked copy of the kernel there is no thread that sends."""
        self.write, self._flush = child_writer(self._descriptor)  # type: ignore[method-assign]
        self.buffer.child = True

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        # Nothing to do: what is written is on its way, and is sent together with its neighbours within milliseconds.
        if self._flush is not None:
            self._flush()

    def reconfigure(self, **_options: Any) -> None:
        """Accepted for programs that set their own encoding or buffering; the stream stays as it is."""

    def close(self) -> None:
        """Ignored: the kernel goes on after a program that closes its stdout."""

    def fileno(self) -> int:
        return self._descriptor

    def isatty(self) -> bool:
        return False

    def writable(self) -> bool:
        return True

    def readable(self) -> bool:
        return False
