"""The frames of docs/PROTOCOL.md section 1, on blocking stream sockets."""

from __future__ import annotations

import json
import re
import socket
import struct
from typing import Any, Final

JSON: Final = 0
STDIN: Final = 1
STDOUT: Final = 2
STDERR: Final = 3
DATA: Final = 4

MAX_LENGTH: Final = 1 << 20
MAX_PAYLOAD: Final = MAX_LENGTH - 1
MAX_DEPTH: Final = 64

_HEADER = struct.Struct(">IB")
_STRINGS = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_BRACKETS = re.compile(r"[\[{\]}]")


class FrameError(Exception):
    """The peer broke the protocol; the connection is of no more use."""


class Failure(Exception):
    """A request that cannot be carried out, told to the peer as {"error": {"code", "message"}}."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def pack(kind: int, payload: bytes) -> bytes:
    """One frame. Raises FrameError when the payload is longer than a frame may be."""
    if len(payload) > MAX_PAYLOAD:
        raise FrameError(f"payload of {len(payload)} bytes is over the limit of {MAX_PAYLOAD}")
    return _HEADER.pack(len(payload) + 1, kind) + payload


def encode(message: dict[str, Any]) -> bytes:
    """A message as strict JSON in UTF-8: no NaN, no lone surrogates. Raises ValueError or TypeError."""
    return json.dumps(message, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode("utf-8", "replace")


def depth(text: str) -> int:
    """How deep the objects and arrays of a JSON text nest."""
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return 0  # cannot be too deep; the usual case needs no look inside
    deepest = level = 0
    for bracket in _BRACKETS.findall(_STRINGS.sub("", text)):
        level += 1 if bracket in "[{" else -1
        deepest = max(deepest, level)
    return deepest


def decode(payload: bytes) -> dict[str, Any]:
    """The object in a JSON frame. Raises FrameError for anything else."""
    try:
        text = payload.decode("utf-8")
        if depth(text) > MAX_DEPTH:
            raise FrameError(f"JSON nests deeper than {MAX_DEPTH} levels")
        message = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FrameError(f"malformed JSON: {error}") from None
    if not isinstance(message, dict):
        raise FrameError("a message is a JSON object")
    return message


class Connection:
    """One socket. One thread may receive while another sends; `send` is not safe from two threads at once."""

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock

    def receive(self) -> tuple[int, bytes] | None:
        """The next frame, or None when the peer closed between two frames. Raises FrameError, OSError."""
        header = self._exactly(_HEADER.size, at_start=True)
        if header is None:
            return None
        length, kind = _HEADER.unpack(header)
        if not 1 <= length <= MAX_LENGTH:
            raise FrameError(f"frame length {length} is not in 1..{MAX_LENGTH}")
        if kind > DATA:
            raise FrameError(f"unknown frame type {kind}")
        payload = self._exactly(length - 1)
        return kind, payload or b""

    def receive_json(self) -> dict[str, Any] | None:
        """The next frame, which must be JSON; None when the peer closed."""
        frame = self.receive()
        if frame is None:
            return None
        if frame[0] != JSON:
            raise FrameError(f"a JSON frame was expected, not type {frame[0]}")
        return decode(frame[1])

    def send(self, kind: int, payload: bytes) -> None:
        self.socket.sendall(pack(kind, payload))

    def send_json(self, message: dict[str, Any]) -> None:
        self.socket.sendall(pack(JSON, encode(message)))

    def send_failure(self, failure: Failure) -> None:
        self.send_json({"error": {"code": failure.code, "message": failure.message[:4096]}})

    def end(self) -> None:
        """Ends the connection and wakes a thread that waits for something on it. Safe from any thread, as `close` is not:
        a descriptor that is closed can be another file's a moment later, and who waits on its number waits on that."""
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def close(self) -> None:
        """Ends the connection and gives its descriptor back. For the one thread that owns it."""
        self.end()
        self.socket.close()

    def _exactly(self, count: int, at_start: bool = False) -> bytes | None:
        parts: list[bytes] = []
        missing = count
        while missing:
            data = self.socket.recv(min(missing, 1 << 18))
            if not data:
                if at_start and missing == count:
                    return None
                raise FrameError("the connection ended inside a frame")
            parts.append(data)
            missing -= len(data)
        return b"".join(parts)
