"""The JSON-lines server of docs/PROTOCOL.md, section 2: one client, its requests in parallel, answers and events by one writer at a time."""

from __future__ import annotations

import contextlib
import errno
import json
import select
import socket
import struct
import sys
import threading
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from athenic_guest.linux import SyscallError
from athenic_guest.roomd.errors import RoomError
from athenic_guest.roomd.requests import Fields

LINE_BYTES: Final = 65_536
_THREADS: Final = 32
_MAX_WAITING: Final = 2048
_SEND_SECONDS: Final = 10.0
# The machine has no more of something; everything else is a fault of ours or of its set-up.
_EXHAUSTED: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.EAGAIN, errno.EUSERS})
Handler = Callable[[Fields], dict[str, Any] | None]


def peer_uid(connection: socket.socket) -> int:
    """The user of the other end when it connected; SO_PEERCRED of unix(7)."""
    _, uid, _ = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    return int(uid)


class Session:
    """One client's connection. `serve` returns when it closes, misbehaves, or stops reading."""

    def __init__(self, connection: socket.socket, handlers: dict[str, Handler]) -> None:
        self._connection = connection
        self._handlers = handlers
        self._writing = threading.Lock()
        self._waiting = threading.BoundedSemaphore(_MAX_WAITING)
        # A client that does not read must not hold threads for ever.
        seconds = struct.pack("ll", int(_SEND_SECONDS), 0)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, seconds)
        self._hangup = select.poll()
        self._hangup.register(connection, select.POLLRDHUP)
        self._ended = False

    def serve(self) -> None:
        with ThreadPoolExecutor(_THREADS, thread_name_prefix="request") as pool:
            try:
                for line in self._lines():
                    self._accept(line, pool)
            except (OSError, RoomError) as error:
                log(f"client: {error}")
            self._ended = True
            self.close()
            pool.shutdown(wait=True, cancel_futures=True)

    def hung_up(self) -> bool:
        """Whether the client is gone, though some of its requests may still run."""
        return self._ended or bool(self._hangup.poll(0))

    def emit(self, message: dict[str, Any]) -> None:
        """Sends an event or an answer. A client that is gone or too slow is cut off: `serve` sees the end."""
        data = json.dumps(message, separators=(",", ":")).encode() + b"\n"
        with self._writing:
            try:
                self._connection.sendall(data)
            except OSError:
                self.close()

    def close(self) -> None:
        try:
            self._connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # closed already

    def _lines(self) -> Any:
        buffer = bytearray()
        while True:
            data = self._connection.recv(LINE_BYTES)
            if not data:
                return
            buffer += data
            while (end := buffer.find(b"\n")) >= 0:
                line = bytes(buffer[:end])
                del buffer[:end + 1]
                if end > LINE_BYTES:
                    break
                yield line
            if len(buffer) > LINE_BYTES:
                raise RoomError("invalid_argument", f"a line is longer than {LINE_BYTES} bytes")

    def _accept(self, line: bytes, pool: ThreadPoolExecutor) -> None:
        """A line that is no request ends the connection: the two sides no longer understand each other."""
        try:
            message = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise RoomError("invalid_argument", f"a line is not JSON: {error}") from None
        if not isinstance(message, dict) or not isinstance(message.get("id"), int) or isinstance(message.get("id"), bool):
            raise RoomError("invalid_argument", "a request is an object with a whole number id")
        if not self._waiting.acquire(blocking=False):
            self._fail(message["id"], RoomError("resource_exhausted", f"{_MAX_WAITING} requests are waiting: send fewer at a time"))
            return
        try:
            pool.submit(self._run, message)
        except RuntimeError as error:  # the machine gives us no thread
            self._waiting.release()
            self._fail(message["id"], RoomError("resource_exhausted", f"no thread for the request: {error}"))

    def _run(self, message: dict[str, Any]) -> None:
        number = message["id"]
        try:
            op = message.get("op")
            handler = self._handlers.get(op) if isinstance(op, str) else None
            if handler is None:
                raise RoomError("invalid_argument", f"unknown op {str(op)[:40]!r}; known: {', '.join(self._handlers)}")
            self.emit({"id": number, "ok": handler(Fields(str(op), message)) or {}})
        except RoomError as error:
            self._fail(number, error)
        except SyscallError as error:
            self._fail(number, RoomError("resource_exhausted" if error.errno in _EXHAUSTED else "internal", str(error)))
        except OSError as error:
            log(traceback.format_exc())
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                self._fail(number, RoomError("resource_exhausted", "the disk of the data folder is full: free space on it"))
            else:
                self._fail(number, RoomError("resource_exhausted" if error.errno in _EXHAUSTED else "internal", str(error)))
        except Exception as error:  # the thread's outermost frame
            log(traceback.format_exc())
            self._fail(number, RoomError("internal", f"{type(error).__name__}: {error}"))
        finally:
            self._waiting.release()

    def _fail(self, number: int, error: RoomError) -> None:
        self.emit({"id": number, "error": {"code": error.code, "message": error.message[:8192]}})


def log(text: str) -> None:
    """One line on stderr; whoever read it may be gone."""
    with contextlib.suppress(OSError):
        print(f"roomd: {text}", file=sys.stderr, flush=True)
