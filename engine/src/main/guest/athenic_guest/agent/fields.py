"""Reads and checks the fields of a request. Each raises Failure(invalid_argument) that names the field."""

from __future__ import annotations

from typing import Any

from ..frames import Failure

_MAX_PATH = 4096
_MAX_ITEMS = 4096
_MAX_TEXT = 512 << 10


def _wrong(name: str, wanted: str, found: Any) -> Failure:
    return Failure("invalid_argument", f"{name} must be {wanted}, found {type(found).__name__}")


def text(request: dict[str, Any], name: str, default: str | None = None) -> str:
    value = request.get(name, default)
    if not isinstance(value, str):
        raise _wrong(name, "a text", value)
    if "\0" in value or len(value) > _MAX_TEXT:
        raise Failure("invalid_argument", f"{name} has a NUL character or is longer than {_MAX_TEXT} characters")
    return value


def path(request: dict[str, Any], name: str) -> str:
    value = text(request, name, "")
    if len(value.encode("utf-8", "replace")) > _MAX_PATH:
        raise Failure("invalid_argument", f"{name} is longer than {_MAX_PATH} bytes")
    return value


def optional_text(request: dict[str, Any], name: str) -> str | None:
    return None if request.get(name) is None else text(request, name)


def integer(request: dict[str, Any], name: str, low: int, high: int, default: int | None = None) -> int:
    value = request.get(name, default)
    if value is None and default is not None:
        value = default
    if not isinstance(value, int) or isinstance(value, bool):
        raise _wrong(name, "a whole number", value)
    if not low <= value <= high:
        raise Failure("invalid_argument", f"{name} must be in {low}..{high}, found {value}")
    return value


def flag(request: dict[str, Any], name: str) -> bool:
    value = request.get(name, False)
    if value is None:
        return False
    if not isinstance(value, bool):
        raise _wrong(name, "true or false", value)
    return value


def texts(request: dict[str, Any], name: str) -> list[str]:
    value = request.get(name)
    if value is None:
        return []
    if not isinstance(value, list) or len(value) > _MAX_ITEMS:
        raise _wrong(name, f"a list of at most {_MAX_ITEMS} texts", value)
    return [text({name: item}, name) for item in value]


def texts_by_name(request: dict[str, Any], name: str) -> dict[str, str]:
    value = request.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict) or len(value) > _MAX_ITEMS:
        raise _wrong(name, f"an object of at most {_MAX_ITEMS} texts", value)
    return {text({name: key}, name): text({name: item}, name) for key, item in value.items()}


def env(request: dict[str, Any], name: str) -> dict[str, str]:
    found = texts_by_name(request, name)
    for key in found:
        if not key or "=" in key:
            raise Failure("invalid_argument", f"{name} has a variable without a name, or with '=' in it")
    return found
