"""The zygote: one process per template that has everything imported and forks guests into rooms.

Started by roomd with an empty environment, chrooted in the template (`roomd/zygote_entry.py`). It has one thread: a fork copies no other.
Its memory, freed parts included, is copied to every guest: so it never sees what belongs to one sandbox. A guest's order (its environment
may hold keys) comes in a memfd that only the child reads. Packets (SOCK_SEQPACKET, JSON) of roomd on descriptor 3:

`{"op": "setup", "filters": [hex…], "owner": [uid, gid]}` first; answered by `{"ready": true}` or `{"error": TEXT}`. Then
`{"id", "op": "fork", "cgroup": bool}` with descriptors [status pipe, order, pidfd of the room's init, v2 directory?, cgroup.procs…] →
`{"id", "pid"}` with [pidfd] or `{"id", "error"}`; the guest writes `ok` or an error to the status pipe when it is confined.
`{"exited": pid, "status": wait status}` when a guest has ended. An order is JSON: `kind`, `env`, `cwd`, `socket` (path below the sockets' folder), `dataBytes`.
"""

from __future__ import annotations

import gc
import json
import os
import select
import signal
import socket
import sys
import traceback
from typing import Any, NoReturn

if __name__ == "__main__":
    sys.path.insert(0, "/run/guest")

from athenic_guest import compact, confine, guests, linux

_CONTROL, _PACKET_BYTES, _ORDER_BYTES, _MAX_DESCRIPTORS = 3, 262_144, 1 << 20, 16
_SOCKETS = "/run/sock"
# At the memory limit kernels go first: the agent has to live to tell.
_OOM_SCORES = {"agent": 0}
_KERNEL_OOM_SCORE = 500
_TWISTER_WORDS = 624  # of the Mersenne Twister's state


class Zygote:
    """The loop over roomd's packets and the ends of children."""

    def __init__(self, control: socket.socket, setup: dict[str, Any]) -> None:
        self._control = control
        self._filters = [bytes.fromhex(text) for text in setup["filters"]]
        self._owner: tuple[int, int] = (int(setup["owner"][0]), int(setup["owner"][1]))
        linux.last_capability()  # kept for the guests
        self._own_pids = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)

    def serve(self) -> NoReturn:
        wake_read, wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        poll = select.poll()
        poll.register(self._control, select.POLLIN)
        poll.register(wake_read, select.POLLIN)
        while True:
            ready = {descriptor for descriptor, _ in poll.poll()}
            if wake_read in ready:
                try:
                    os.read(wake_read, 4096)
                except BlockingIOError:
                    pass
                self._reap()
            if self._control.fileno() in ready:
                self._handle()

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            self._control.send(json.dumps({"exited": pid, "status": status}).encode())

    def _handle(self) -> None:
        data, descriptors, _, _ = socket.recv_fds(self._control, _PACKET_BYTES, _MAX_DESCRIPTORS)
        if not data:
            os._exit(0)  # roomd is gone
        request = json.loads(data)
        try:
            pid, pidfd = self._fork(request, descriptors)
        except OSError as error:
            self._control.send(json.dumps({"id": request["id"], "error": str(error)}).encode())
        else:
            socket.send_fds(self._control, [json.dumps({"id": request["id"], "pid": pid}).encode()], [pidfd])
            os.close(pidfd)
        finally:
            for descriptor in descriptors:
                os.close(descriptor)

    def _fork(self, request: dict[str, Any], descriptors: list[int]) -> tuple[int, int]:
        """One fork, into the room's pid namespace: with a second one the guest would become a child of the host's init, not ours."""
        init = descriptors[2]
        linux.setns(init, linux.CLONE_NEWPID)  # for our children only; setns(2)
        try:
            pid, pidfd = linux.clone_process(0, descriptors[3] if request["cgroup"] else None)
        except OSError:
            linux.setns(self._own_pids, linux.CLONE_NEWPID)
            raise
        if pid == 0:
            self._become_guest(descriptors[0], descriptors[1], init, descriptors[4 if request["cgroup"] else 3:])
        try:
            linux.setns(self._own_pids, linux.CLONE_NEWPID)
        except OSError:
            os._exit(1)  # the next guest would be born in the wrong room
        return pid, pidfd

    def _become_guest(self, status: int, order_file: int, init: int, groups: list[int]) -> NoReturn:
        try:
            _forget_signals()
            order = json.loads(os.pread(order_file, _ORDER_BYTES, 0))
            kind = order["kind"]
            listener, status = confine.enter(confine.Target(
                init=init, groups=groups, socket_path=f"{_SOCKETS}/{order['socket']}", socket_uid=self._owner[0], socket_gid=self._owner[1],
                uid=0 if kind == "agent" else confine.USER_ID, oom_score=_OOM_SCORES.get(kind, _KERNEL_OOM_SCORE), filters=self._filters,
                processes=order["processes"], data_bytes=order["dataBytes"]), status)
            if kind == "python":
                _reseed()
            gc.enable()
            environment = {str(key): str(value) for key, value in order["env"].items()}
            os.environ.clear()
            os.environ.update(environment)
            os.write(status, b"ok")
            os.close(status)
            status = -1
            guests.serve(kind, listener, environment, order["cwd"])
        except SystemExit as leave:
            os._exit(leave.code if isinstance(leave.code, int) else int(leave.code is not None))
        except BaseException as error:  # the outermost frame of this process
            if status >= 0:
                os.write(status, f"{type(error).__name__}: {error}"[:4000].encode(errors="replace"))
            else:
                traceback.print_exc()
        os._exit(1)


def _forget_signals() -> None:
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _reseed() -> None:
    """Every child starts from the zygote's state of numpy's generator; `random` seeds itself after a fork, `secrets`, `uuid` and
    `os.urandom` ask the kernel anyway."""
    generator = sys.modules.get("numpy.random.mtrand")
    if generator is not None:
        # What `numpy.random.seed()` does in many functions, each on another page that would be copied.
        key = sys.modules["numpy"].frombuffer(os.urandom(_TWISTER_WORDS * 4), dtype="uint32")
        generator._rand._bit_generator.state = {"bit_generator": "MT19937", "state": {"key": key, "pos": _TWISTER_WORDS}}


def main() -> NoReturn:
    """Prepares what guests need, then forks on demand. Ends with roomd."""
    linux.close_from(4)
    control = socket.socket(fileno=_CONTROL)
    control.set_inheritable(False)
    try:
        setup = json.loads(control.recv(_PACKET_BYTES))
        guests.prepare()
        tasks = len(os.listdir("/proc/self/task"))
        if tasks != 1:
            raise RuntimeError(f"guests.prepare() left {tasks} threads: a fork would copy one of them and the locks of all")
        zygote = Zygote(control, setup)
    except BaseException as error:  # the outermost frame: roomd is told why there is no zygote
        traceback.print_exc()
        control.send(json.dumps({"error": f"{type(error).__name__}: {error}"[:4096]}).encode())
        os._exit(1)
    gc.collect()
    compact.compact()
    gc.freeze()
    gc.disable()
    try:
        control.send(json.dumps({"ready": True}).encode())
        zygote.serve()
    except (BrokenPipeError, ConnectionResetError):
        os._exit(0)  # roomd is gone


if __name__ == "__main__":
    main()
