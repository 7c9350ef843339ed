"""From IPython's MIME bundles to the formats of a result (docs/PROTOCOL.md section 4), as bounded and strict JSON."""

from __future__ import annotations

import base64
import json
import math
from typing import Any, Final

from .. import frames
from ..frames import encode

MAX_MESSAGE: Final = 32 << 20
MAX_DATA_CELLS: Final = 500_000
_PART: Final = 200_000  # characters; JSON of JSON at most doubles them, UTF-8 at most quadruples
_MAX_NESTING: Final = 48

_NAMES: Final = {
    "text/plain": "text",
    "text/html": "html",
    "text/markdown": "markdown",
    "image/svg+xml": "svg",
    "image/png": "png",
    "image/jpeg": "jpeg",
    "application/pdf": "pdf",
    "text/latex": "latex",
    "application/json": "json",
    "application/javascript": "javascript",
    "e2b/data": "data",
    "e2b/chart": "chart",
}


def result(bundle: dict[str, Any], main: bool) -> dict[str, Any]:
    """A `result` message. Values that are no strict JSON are made so (NaN becomes null) or left out."""
    message: dict[str, Any] = {"type": "result", "is_main_result": main}
    extra: dict[str, Any] = {}
    for mime, value in bundle.items():
        if value is None:
            continue
        name = _NAMES.get(mime)
        plain = _plain(value)
        if plain is None or (name == "json" and not isinstance(plain, (dict, list))):
            continue
        if name == "text" and isinstance(plain, str):
            plain = _unquoted(plain)
        if name is None:
            extra[str(mime)] = plain
        else:
            message[name] = plain
    message["extra"] = extra
    return message


def pieces(message: dict[str, Any]) -> list[bytes]:
    """The payloads of the JSON frames that carry a message: one, or parts. Raises ValueError when it is over MAX_MESSAGE."""
    payload = encode(message)
    if len(payload) <= frames.MAX_PAYLOAD:
        return [payload]
    if len(payload) > MAX_MESSAGE:
        raise ValueError(f"the result is {len(payload) >> 20} MiB as JSON, at most {MAX_MESSAGE >> 20} MiB can be sent: write it to a file instead")
    text = payload.decode()
    parts = [{"type": "part", "text": text[at : at + _PART]} for at in range(0, len(text), _PART)]
    parts[-1]["last"] = True
    return [encode(part) for part in parts]


def table(frame: Any) -> dict[str, list[Any]] | None:
    """A pandas DataFrame as {column: [values]}, times as ISO texts; None when it is too large to be of use to a reader."""
    if frame.shape[0] * max(1, frame.shape[1]) > MAX_DATA_CELLS:
        return None
    return {str(name): [_cell(value) for value in frame.iloc[:, at].tolist()] for at, name in enumerate(frame.columns)}


def strict(value: Any) -> bool:
    """Whether a value can be sent as it is."""
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return False
    return True


def _cell(value: Any) -> Any:
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if type(value).__name__ in ("NaTType", "NAType"):
        return None
    if hasattr(value, "isoformat"):
        return value.isoformat()
    return str(value)


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return value
    if isinstance(value, (bytes, bytearray)):
        return base64.b64encode(value).decode()
    if _nesting(value) > _MAX_NESTING:
        return None
    return value if strict(value) else _repaired(value)


def _nesting(value: Any) -> int:
    """The depth of a container, counted no further than it matters."""
    level, layer = 0, [value]
    while layer and level <= _MAX_NESTING:
        layer = [item for container in layer for item in _items(container) if isinstance(item, (dict, list, tuple))]
        level += 1
    return level


def _items(container: Any) -> Any:
    if isinstance(container, dict):
        return container.values()
    return container if isinstance(container, (list, tuple)) else ()


def _repaired(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _repaired(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_repaired(item) for item in value]
    cell = _cell(value)
    return cell if isinstance(cell, (bool, int, float, str, type(None))) else str(cell)


def _unquoted(text: str) -> str:
    if len(text) >= 2 and text[0] in "'\"" and text[-1] == text[0]:
        return text[1:-1]
    return text
