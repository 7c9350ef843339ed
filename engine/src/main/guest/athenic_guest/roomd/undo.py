"""Undoing in reverse order what was done step by step (the idea of gVisor's pkg/cleanup)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Undo:
    """A stack of things to undo. `run` tries every one, and raises the first failure with the others as notes; what failed stays, so that it
    can be run again.

    A step that was added with `after_success` is left out once an earlier one has failed: what it gives back may still be in use.
    """

    _steps: list[tuple[Callable[[], object], bool]] = field(default_factory=list)

    def add(self, step: Callable[[], object], after_success: bool = False) -> None:
        self._steps.append((step, after_success))

    def run(self) -> None:
        """Undoes everything; the stack is empty after a success."""
        first: Exception | None = None
        failed: list[tuple[Callable[[], object], bool]] = []
        while self._steps:
            step, after_success = self._steps.pop()
            if after_success and first is not None:
                failed.append((step, after_success))
                continue
            try:
                step()
            except Exception as error:  # every step has to be tried
                failed.append((step, after_success))
                if first is None:
                    first = error
                else:
                    first.add_note(str(error))
        if first is not None:
            self._steps = failed[::-1]
            raise first
