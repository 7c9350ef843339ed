"""Whom roomd serves: one client at a time, the server. One that goes without `shutdown` has crashed or is being replaced, so its rooms are
kept for a while, and the next client gets them."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import threading
import time
from collections.abc import Callable
from typing import Any, Final

from athenic_guest.roomd.server import Handler, Session, log, peer_uid

_LONELY_SECONDS: Final = 60.0
_STARTED_BY: Final = os.getppid()
SERVING, LINGERING, ENDING = "serving", "lingering", "ending"


class Clients:
    """`linger`: how many seconds rooms are kept without a client; `on_state` is told what roomd does now. `stop` and `expect` may run in a
    signal handler; `serve` runs in the main thread and returns when roomd shall end."""

    def __init__(self, uid: int, linger: float, on_state: Callable[[str], None]) -> None:
        self._uid = uid
        self._linger = linger
        self._on_state = on_state
        self._wake_read, self._wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._session: Session | None = None
        self._thread: threading.Thread | None = None
        self._over = False  # set by the session's thread as its last act
        self._leaving = False
        self._alone_since = time.monotonic()
        self.stopping = False

    def serve(self, listener: socket.socket, handlers: dict[str, Handler]) -> None:
        listener.setblocking(False)
        served = False
        while not self.stopping:
            if self._over:
                self._end_session()
                if self._leaving or self._linger == 0:
                    break
                served = True
            if self._thread is None and self._given_up(served):
                break
            if self._wait(listener) and not self.stopping:
                self._accept(listener, handlers)
        self._on_state(ENDING)
        if self._thread is not None:
            self._end_session()

    def _wait(self, listener: socket.socket) -> bool:
        """Whether somebody knocks. While the last client's requests still run nobody is let in."""
        poll = select.poll()
        poll.register(self._wake_read, select.POLLIN)
        session = self._session
        if session is None or not session.hung_up():
            poll.register(listener, select.POLLIN)
        ready = {descriptor for descriptor, _ in poll.poll(1000 if session is None else None)}
        if self._wake_read in ready:
            with contextlib.suppress(BlockingIOError):
                os.read(self._wake_read, 4096)
        return listener.fileno() in ready

    def _accept(self, listener: socket.socket, handlers: dict[str, Handler]) -> None:
        if self._session is not None and self._session.hung_up():
            return  # its thread has not seen it yet: the next one waits for a moment
        try:
            connection, _ = listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        uid = peer_uid(connection)
        if uid != self._uid:
            log(f"refused a client of user {uid}: only {self._uid} may connect")
        if uid != self._uid or self._thread is not None:  # one client at a time: others are told so by a closed connection
            connection.close()
            return
        connection.setblocking(True)
        self._session = session = Session(connection, handlers)
        self._thread = threading.Thread(target=self._run, args=(session, connection), name="client")
        self._on_state(SERVING)
        self._thread.start()

    def _run(self, session: Session, connection: socket.socket) -> None:
        try:
            with connection:
                session.serve()
        finally:
            self._over = True
            self._wake()

    def _end_session(self) -> None:
        thread, session, self._thread, self._session = self._thread, self._session, None, None
        if session is not None:
            session.close()  # `stop`, in another thread, may find it no more
        if thread is not None:
            thread.join()
        self._over = False
        self._alone_since = time.monotonic()
        if not self._leaving and not self.stopping and self._linger > 0:
            log(f"the client is gone: rooms are kept for {self._linger:.0f} s")
            self._on_state(LINGERING)

    def _given_up(self, served: bool) -> bool:
        alone = time.monotonic() - self._alone_since
        if served:
            if alone > self._linger:
                log(f"no client came back within {self._linger:.0f} s")
            return alone > self._linger
        if alone > _LONELY_SECONDS and os.getppid() != _STARTED_BY:
            log("no client came and the process that started roomd is gone")
            return True
        return False

    def emit(self, event: dict[str, Any]) -> None:
        """To the client, if there is one; another finds what happened in the answer to its `hello`."""
        session = self._session
        if session is not None:
            session.emit(event)

    def leave(self) -> None:
        """When the client that is served now goes, roomd ends."""
        self._leaving = True

    def stop(self) -> None:
        self.stopping = True
        self._wake()
        session = self._session
        if session is not None:
            session.close()

    def expect(self) -> None:
        """A client is about to come: the time to wait for it begins anew."""
        self._alone_since = time.monotonic()
        self._wake()

    def _wake(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.write(self._wake_write, b"x")
