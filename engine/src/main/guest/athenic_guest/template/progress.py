"""Progress of a build on stderr: one updating line on a terminal, a plain line for each step otherwise."""

from __future__ import annotations

import re
import sys
import time
from typing import TextIO

_BAR = 30
_PERCENT = re.compile(rb"(?:(installing|downloading): *)?(\d{1,3}\.\d\d) \[")
_STEP = re.compile(rb"I: (running apt-get update|downloading packages|extracting archives|installing essential|installing remaining|cleaning)")
# What mmdebstrap says when a step begins, what to show for it, and the share of the whole (percent) where it begins.
_STEPS = {
    b"running apt-get update": ("reading package lists", 1),
    b"downloading packages": ("downloading the base system", 5),
    b"extracting archives": ("unpacking the base system", 9),
    b"installing essential": ("installing the base system", 12),
    b"installing remaining": ("downloading and installing packages", 20),
    b"cleaning": ("cleaning up", 90),
}
_BOUNDS = [start for _, start in _STEPS.values()] + [92]


class Progress:
    """Shows how far a build is. `percent` never goes back."""

    def __init__(self, title: str, out: TextIO = sys.stderr) -> None:
        self._title = title
        self._out = out
        self._tty = out.isatty()
        self._percent = 0.0
        self._text = ""
        self._shown = ""
        self._printed = (-1, "")
        self._started = time.monotonic()

    def show(self, text: str, percent: float) -> None:
        self._percent = max(self._percent, min(percent, 100.0))
        self._text = text
        if self._tty:
            done = int(_BAR * self._percent / 100)
            line = f"{self._title}  [{'=' * done}{' ' * (_BAR - done)}] {self._percent:3.0f}%  {text}"
            if line != self._shown:
                self._out.write(f"\r\x1b[2K{line}")
                self._out.flush()
                self._shown = line
            return
        decile = int(self._percent) // 10
        if (decile, text) != self._printed:
            self._printed = (decile, text)
            self._out.write(f"{self._title}: {self._percent:.0f}% {text}\n")
            self._out.flush()

    def finish(self, text: str) -> None:
        seconds = time.monotonic() - self._started
        start = "\r\x1b[2K" if self._tty else ""
        self._out.write(f"{start}{self._title}: {text} ({seconds:.0f} s)\n")
        self._out.flush()

    def abandon(self) -> None:
        """Leaves the line so that an error message starts on its own."""
        if self._tty and self._shown:
            self._out.write("\n")
            self._out.flush()


class Reader:
    """Turns what mmdebstrap draws on its terminal into progress."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._text, self._start, self._width = "starting", 0.0, 1.0

    def feed(self, data: bytes) -> None:
        for piece in re.split(rb"[\r\n]", data):
            step = _STEP.search(piece)
            if step:
                self._text, start = _STEPS[step.group(1)]
                self._start = float(start)
                self._width = float(_BOUNDS[_BOUNDS.index(start) + 1] - start)
                self._progress.show(self._text, self._start)
                continue
            found = _PERCENT.search(piece)
            if found:
                self._advance(found.group(1), float(found.group(2)) / 100)

    def _advance(self, word: bytes | None, share: float) -> None:
        # The last step counts to 100 twice: for the download, which is short, and for dpkg.
        if self._text.startswith("downloading and"):
            share = 0.25 + 0.75 * share if word == b"installing" else 0.25 * share
        self._progress.show(self._text, self._start + self._width * min(share, 1.0))
