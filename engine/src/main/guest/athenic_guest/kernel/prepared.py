"""What the Python kernel does once, in the zygote: imports, warm-up, and the state that a user's first cell finds.

A template may lack any of the libraries; without IPython there is no shell.
"""

from __future__ import annotations

import builtins
import functools
import importlib.util
import io
import os
import shutil
import sys
import tempfile
import warnings
from typing import Any

from .. import hot

# Python writes to the code that it runs until it has specialized it; PEP 659. After that a guest writes to fewer of the zygote's pages.
_ROUNDS = 10

_PLAIN = "print('warm')"
_TABLE = "import pandas as pd\nprint('warm')\npd.DataFrame({'a': range(3)})"

NO_SHELL = ("this template has no IPython, which runs cells of Python: add apt = [\"ipython3\"] to its definition, or use code-interpreter; "
            "commands can call python3")

SHELL: list[Any] = []
"""The shell that `prepare` has made; none where IPython is not installed."""


@functools.cache
def warm_up() -> str:
    """A cell that touches what most cells touch."""
    return _TABLE if _there("pandas") else _PLAIN


def _there(library: str) -> bool:
    spec = importlib.util.find_spec(library)
    return spec is not None and spec.origin is not None  # without: a folder of that name, as Debian has one of numpy's headers


def prepare() -> None:
    """Imports what cells use and runs each part once. Leaves no thread; writes to temporary folders only."""
    if not _there("IPython"):
        return
    folder = tempfile.mkdtemp(prefix="prepare-")
    os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1", MPLCONFIGDIR=folder, IPYTHONDIR=folder)
    sys.executable = "/usr/bin/python3"
    for known in ("/home/user/.cache/matplotlib", "/root/.cache/matplotlib"):
        if os.path.isdir(known):
            shutil.copytree(known, folder, dirs_exist_ok=True)  # the template's list of fonts: making it takes seconds
            break
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from . import patches
        from . import shell as shells

        shell = shells.make()
        if _there("matplotlib"):
            shell.enable_matplotlib("inline")
        _warm(shell)
        if _there("PIL"):
            patches.show_saved_images()
    sys.stdin = sys.__stdin__ = open(0, encoding="utf-8", closefd=False)  # type: ignore[misc]
    builtins.input = patches.no_input
    if _there("matplotlib"):
        _forget_places()
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MPLCONFIGDIR", "IPYTHONDIR"):
        del os.environ[name]
    shutil.rmtree(folder, ignore_errors=True)
    # Python 3.12 warns of every fork in a process with threads; the kernel's own threads are made for it (Kernel._after_fork).
    warnings.filterwarnings("ignore", message=".*multi-threaded, use of fork", category=DeprecationWarning)
    warnings.filterwarnings("ignore", message="To exit: use 'exit', 'quit', or Ctrl-D.")
    SHELL[:] = [shell]


def _forget_places() -> None:
    import matplotlib
    from matplotlib import font_manager

    # matplotlib empties it after each fork, since the fonts' files are closed: with nothing in it no page is written.
    font_manager._get_font.cache_clear()

    # The next look for these folders is the child's, in the sandbox.
    for finder in (matplotlib.get_configdir, matplotlib.get_cachedir, getattr(matplotlib, "_get_config_or_cache_dir", None)):
        if hasattr(finder, "cache_clear"):
            finder.cache_clear()


def _warm(shell: Any) -> None:
    namespace = dict(shell.user_ns)
    stdout, stderr = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = io.StringIO(), io.StringIO()
    try:
        for library, warm in (("numpy", _warm_numbers), ("matplotlib", _warm_figure)):
            if _there(library):
                warm(shell)
        # What cells do comes last; without what they do the first time only.
        _warm_cells(shell)
        hot.gather(lambda: _warm_cells(shell))
        hot.forget_names()
        for _ in range(_ROUNDS):
            _warm_cells(shell)
        restore(shell, namespace)
    finally:
        sys.stdout, sys.stderr = stdout, stderr


def _warm_cells(shell: Any) -> None:
    if _there("pandas"):
        _warm_table(shell)
    for code in ("1/0", "1+1", warm_up()):
        shell.run_cell(code, store_history=True)


def _warm_table(shell: Any) -> None:
    import pandas as pd

    table = pd.DataFrame({"a": range(10), "b": list("ababababab")})
    table.groupby("b").a.sum().to_string()
    table.describe()
    shell.display_formatter.format(table)


def _warm_numbers(_shell: Any) -> None:
    import numpy as np

    np.linalg.solve(np.eye(3), np.ones(3))


def _warm_figure(shell: Any) -> None:
    import matplotlib.pyplot as plt

    figure = plt.figure()
    plt.plot([1, 2], label="a")
    plt.legend()
    shell.display_formatter.format(figure)
    plt.close("all")


def restore(shell: Any, namespace: dict[str, Any] | None = None) -> None:
    """Takes away what cells have left, so that the user's first cell is number 1 in a clean namespace."""
    shell.execution_count = 1
    shell.error = None
    history = shell.history_manager
    history.reset(new_session=False)
    history.input_hist_parsed[:] = history.input_hist_raw[:] = [""]
    for name in ("_i", "_ii", "_iii", "_i00"):
        setattr(history, name, "")
    hook = shell.displayhook
    hook._ = hook.__ = hook.___ = ""
    shell.user_ns["_oh"].clear()
    for name in [name for name in shell.user_ns if name.startswith("_") and name.strip("_i").isdigit()]:
        del shell.user_ns[name]
    for name in ("_", "__", "___", "_i", "_ii", "_iii"):
        shell.user_ns[name] = ""
    if namespace is not None:
        for name in shell.user_ns.keys() - namespace.keys():
            del shell.user_ns[name]
    shell.last_execution_result = None
    for name in ("last_type", "last_value", "last_traceback", "last_exc"):
        if hasattr(sys, name):
            delattr(sys, name)
