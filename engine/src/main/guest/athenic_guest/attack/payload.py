"""Turns the probes of `inside` into one text that any Python of a sandbox can run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

_FOLDER = Path(__file__).resolve().parent / "inside"
MODULES: Final = ("files", "processes", "namespaces", "privileges", "procfs", "secrets", "network")
TABLE: Final = ("every_call",)

_START = """
import json, sys, types
_sources, _host, _only = json.loads({sources!r}), json.loads({host!r}), {only!r}
_package = types.ModuleType("athenic_attack")
_package.__path__ = []
sys.modules["athenic_attack"] = _package
for _name, _text in _sources.items():
    _module = types.ModuleType("athenic_attack." + _name)
    _module.__package__ = "athenic_attack"
    sys.modules[_module.__name__] = _module
    exec(compile(_text, _name + ".py", "exec"), _module.__dict__)
sys.modules["athenic_attack.probe"].main(_host, _only)
"""


def program(host: dict[str, Any], modules: tuple[str, ...], only: str = "") -> str:
    """Python source that runs the probes of these modules and prints an answer a line."""
    sources = {name: (_FOLDER / f"{name}.py").read_text(encoding="utf-8") for name in ("probe", *modules)}
    return _START.format(sources=json.dumps(sources), host=json.dumps(host), only=only)
