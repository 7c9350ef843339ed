"""IPython as a kernel: no prompts, no terminal; results, errors and displays become messages."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Callable, Coroutine
from typing import Any

from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.formatters import BaseFormatter, DisplayFormatter
from IPython.core.interactiveshell import InteractiveShell
from traitlets import ObjectName, Unicode
from traitlets.config import Config

from . import charts, commands, formats

Emit = Callable[[dict[str, Any], bool], None]
"""Takes a MIME bundle and whether it is the cell's value."""


def _nobody(_bundle: dict[str, Any], _main: bool) -> None:
    """Before a kernel serves."""


class ResultHook(DisplayHook):
    """The value of a cell's last expression becomes its main result."""

    def write_output_prompt(self) -> None:
        pass

    def write_format_data(self, format_dict: dict[str, Any], md_dict: Any = None) -> None:
        self.shell.emit(format_dict, True)

    def finish_displayhook(self) -> None:
        pass


class Publisher(DisplayPublisher):
    """`display()` and figures become further results."""

    def publish(self, data: dict[str, Any], *_arguments: Any, **_options: Any) -> None:
        if data.get("e2b/chart") == {} and "image/png" not in data:
            return  # a figure without axes: %run and plt.draw() make one by the way
        self.shell.emit(data, False)

    def clear_output(self, wait: bool = False) -> None:
        """Ignored: what has been streamed cannot be taken back."""


class DataFormatter(BaseFormatter):
    """pandas DataFrames as columns of values, and whatever has `_repr_e2b_data_`."""

    format_type = Unicode("e2b/data")
    print_method = ObjectName("_repr_e2b_data_")
    _return_type = (dict, list)


class ChartFormatter(BaseFormatter):
    """matplotlib figures as the data they show, and whatever has `_repr_e2b_chart_`."""

    format_type = Unicode("e2b/chart")
    print_method = ObjectName("_repr_e2b_chart_")
    _return_type = (dict, list)

    def __call__(self, obj: Any) -> Any:
        # Not registered for the type: `%matplotlib inline` takes Figure out of every formatter.
        if type(obj).__name__ == "Figure" and type(obj).__module__ == "matplotlib.figure":
            return charts.of_figure(obj)
        return super().__call__(obj)


class Shell(InteractiveShell):
    """One per kernel, made in the zygote. `emit` is set when the kernel serves; `error` holds the error of the last cell."""

    displayhook_class = ResultHook
    display_pub_class = Publisher

    def __init__(self, **options: Any) -> None:
        self.emit: Emit = _nobody
        self.error: dict[str, Any] | None = None
        super().__init__(**options)
        self._structured = self.InteractiveTB.structured_traceback
        self.InteractiveTB.structured_traceback = self._structured_or_plain
        for name in ("exit", "quit"):
            self.user_ns[name] = self.user_ns_hidden[name] = leave

    def init_history(self) -> None:
        super().init_history()
        # Each cell would be one more entry, for `%history` of a database that is off.
        self.history_manager.enabled = False

    def _structured_or_plain(self, etype: Any, evalue: Any, frames: Any, *arguments: Any, **options: Any) -> list[str]:
        """IPython cannot format some tracebacks, such as that of an interrupt in the compiler, and would then print and show no error."""
        try:
            return self._structured(etype, evalue, frames, *arguments, **options)
        except Exception:
            return [line.rstrip("\n") for line in traceback.format_exception(etype, evalue, frames)]

    def _showtraceback(self, etype: Any, evalue: Any, stb: Any) -> None:
        lines = [part for part in stb if "/athenic_guest/" not in part.partition("\n")[0]]  # our own frames say nothing to a user
        if issubclass(etype, SystemExit):
            if evalue.code in (None, 0):
                return  # a program that ends itself in order has not failed
            lines = [f"SystemExit: {evalue.code}"]
        self.error = {"type": "error", "name": etype.__name__, "value": _text(evalue), "traceback": "\n".join(lines)}

    def system(self, command: str) -> None:
        """`!command`: its output is streamed as it comes."""
        if command.rstrip().endswith("&"):
            raise OSError("background processes are not supported with '!': use subprocess.Popen")
        self.user_ns["_exit_code"] = commands.run(self.var_expand(command, depth=1))

    system_piped = system_raw = system

    def enable_gui(self, gui: Any = None) -> None:
        """Nothing to enable: figures are drawn into results."""

    def ask_exit(self) -> None:
        raise SystemExit(0)


def leave(code: Any = None) -> None:
    """`exit()` and `quit()` in a cell: the cell ends, the kernel stays."""
    raise SystemExit(code)


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as broken:  # str() is the user's code
        return f"<no text: {type(broken).__name__} in __str__>"


def run_coroutine(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Top-level await. An interrupt cancels the cell's own coroutine, which would otherwise go on in the next cell."""
    loop = _loop()
    asyncio.set_event_loop(loop)
    task = loop.create_task(coroutine)
    try:
        return loop.run_until_complete(task)
    except BaseException:
        if not task.done():
            task.cancel()
            loop.run_until_complete(asyncio.wait([task], timeout=1.0))
        raise


_LOOPS: list[asyncio.AbstractEventLoop] = []


def _loop() -> asyncio.AbstractEventLoop:
    if not _LOOPS or _LOOPS[0].is_closed():
        _LOOPS[:] = [asyncio.new_event_loop()]
    return _LOOPS[0]


def make() -> Shell:
    """The shell, with formats as the protocol wants them."""
    config = Config()
    config.HistoryManager.enabled = False
    config.HistoryManager.hist_file = ":memory:"
    config.InteractiveShell.colors = "NoColor"
    config.InteractiveShell.xmode = "Context"
    config.InteractiveShell.autocall = 0
    config.InteractiveShell.enable_tip = False
    config.InteractiveShell.show_rewritten_input = False
    shell = Shell.instance(config=config)
    shell.loop_runner = run_coroutine
    formatter = shell.display_formatter
    formatter.formatters["text/plain"].max_seq_length = 0
    for kind in (DataFormatter, ChartFormatter):
        made = kind(parent=formatter)
        formatter.formatters[made.format_type] = made
    _register(formatter)
    # For good: a cell that adds names to the builtins and takes them away makes Python specialize anew all code that calls a builtin.
    shell.builtin_trap.__enter__()
    return shell


def _register(formatter: DisplayFormatter) -> None:
    structures = formatter.formatters["application/json"]
    for kind in (dict, list):
        structures.for_type(kind, lambda value: value if formats.strict(value) else None)
    formatter.formatters["e2b/data"].for_type_by_name("pandas.core.frame", "DataFrame", formats.table)

