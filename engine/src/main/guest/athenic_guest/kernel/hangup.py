"""A signal to the main thread when the server hangs up, sent by the operating system.

The thread that waits for a connection's end needs Python's lock to notice it, and a long call in C (a regular expression that
backtracks, the power of large numbers) holds that lock, although it looks for signals. So the socket itself is asked to signal: fcntl(2),
F_SETOWN_EX, F_SETSIG, O_ASYNC. The signal also comes for data and for space in the buffer; `hung_up` tells which it was.
"""

from __future__ import annotations

import fcntl
import os
import select
import signal
import socket
import struct

SIGNAL = signal.SIGURG  # ignored by default: harmless in a process whose handler has been taken away
_F_SETSIG, _F_SETOWN_EX, _F_OWNER_TID = 10, 15, 0  # asm-generic/fcntl.h


def watch(peer: socket.socket, thread: int) -> None:
    """From now on `thread` (a native thread id of this process) is signalled about `peer`."""
    try:
        handle = peer.fileno()
        fcntl.fcntl(handle, _F_SETOWN_EX, struct.pack("ii", _F_OWNER_TID, thread))
        fcntl.fcntl(handle, _F_SETSIG, int(SIGNAL))
        fcntl.fcntl(handle, fcntl.F_SETFL, fcntl.fcntl(handle, fcntl.F_GETFL) | os.O_ASYNC)
    except (OSError, ValueError):
        pass  # closed meanwhile: the thread that waits for it knows


def interrupts_waiting(peer: socket.socket) -> int:
    """How often the server of a durable execution has asked for an interrupt that nobody has read yet."""
    try:
        return peer.recv(65_536, socket.MSG_PEEK | socket.MSG_DONTWAIT).count(b'"interrupt"')
    except OSError:
        return 0


def hung_up(peer: socket.socket) -> bool:
    """Whether the other side has closed the connection, or its sending half."""
    handle = peer.fileno()
    if handle < 0:
        return True
    poll = select.poll()
    poll.register(handle, select.POLLRDHUP)
    return bool(poll.poll(0))
