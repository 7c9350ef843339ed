"""What a kernel changes in Python and its libraries for the cells it runs."""

from __future__ import annotations

import functools
import os
import sys
from typing import Any, NoReturn


def no_input(prompt: object = "") -> NoReturn:
    sys.stdout.write(str(prompt))
    raise EOFError("input() was called, but nobody can type into an execution: put the values into the code")


def show_saved_images() -> None:
    """`image.save(path)` also shows the image, as E2B's kernels do; not when matplotlib saves a figure by it."""
    from PIL import Image

    save = Image.Image.save

    @functools.wraps(save)
    def save_and_show(self: Any, fp: Any, *arguments: Any, **options: Any) -> None:
        save(self, fp, *arguments, **options)
        caller = sys._getframe(1).f_globals.get("__name__", "")
        if isinstance(fp, (str, os.PathLike)) and not str(caller).startswith(("matplotlib", "PIL")):
            from IPython.display import display

            display(self)

    Image.Image.save = save_and_show  # type: ignore[method-assign]
