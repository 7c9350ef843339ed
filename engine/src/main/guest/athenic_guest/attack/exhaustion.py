"""Group `resources`: a room uses up what it can, while a neighbour computes 1+1 and must have its answer in time.

Each attack runs in a room of its own with small limits. Held: the neighbour's slowest answer is below `WORST_SECONDS`, the room stays within
its limits (or was ended for it), the kernel's own memory does not grow by more than `SLACK_BYTES`, and destroying the room works and leaves
no process.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

from athenic_guest import frames
from athenic_guest.attack.battery import Finding
from athenic_guest.attack.host import Host, Room, RoomdError, output

WORST_SECONDS: Final = 3.0
SLACK_BYTES: Final = 384 << 20
_ATTACK_SECONDS: Final = 3.0
_LIMITS: Final = {"memoryBytes": 192 << 20, "cpuMillis": 1000, "pids": 96, "diskBytes": 64 << 20, "inodes": 4096}
_HOLDS: Final = f"the neighbour answers within {WORST_SECONDS:.0f} s, the room keeps its limits or ends, nothing is left"
_HEAD: Final = "import os, sys, socket, time, signal, ctypes, mmap, threading\nlibc = ctypes.CDLL(None, use_errno=True)\nkeep = []\n"

# Name, what it tries, Python that does it in the room for ever.
ATTACKS: Final = (
    ("fork-bomb", "fork without end", "while True:\n  try: os.fork()\n  except OSError: pass"),
    ("fork-bomb-setsid", "fork daemons that ignore every signal", "for n in range(1, 65):\n  if n not in (9, 19, 32, 33):\n    try: signal.signal(n, signal.SIG_IGN)\n    except (OSError, ValueError): pass\nwhile True:\n  try:\n    if os.fork() == 0: os.setsid()\n  except OSError: time.sleep(0.001)"),
    ("threads", "start threads without end", "threading.stack_size(65536)\nwhile True:\n  try: threading.Thread(target=time.sleep, args=(600,)).start()\n  except RuntimeError: time.sleep(0.1)"),
    ("cpu", "spin in as many processes as there may be", "for _ in range(32):\n  if os.fork() == 0:\n    while True: pass\nwhile True: pass"),
    ("memory", "fill memory", "while True: keep.append(bytearray(os.urandom(4096)) * 256)"),
    ("memory-forks", "fill memory in many processes at once", "for _ in range(40): os.fork()\nwhile True: keep.append(bytearray(b'x') * (1 << 20))"),
    ("memfd", "fill memory by files without a name", "while True:\n  f = os.memfd_create('x'); os.write(f, bytes(1 << 20)); keep.append(f)"),
    ("shm", "fill /dev/shm", "n = 0\nwhile True:\n  n += 1\n  try: open(f'/dev/shm/{n}', 'wb').write(bytes(1 << 20))\n  except OSError: time.sleep(0.01)"),
    ("disk", "fill the disk", "n = 0\nwhile True:\n  n += 1\n  try: open(f'/var/tmp/{n}', 'wb').write(os.urandom(1 << 20))\n  except OSError: time.sleep(0.01)"),
    ("disk-sync", "write and fsync without end", "f = open('/var/tmp/x', 'wb', buffering=0)\nwhile True: f.seek(0); f.write(bytes(1 << 20)); os.fsync(f.fileno())"),
    ("inodes", "make files without end", "n = 0\nwhile True:\n  n += 1\n  try: os.close(os.open(f'/var/tmp/f{n}', os.O_CREAT | os.O_WRONLY))\n  except OSError: time.sleep(0.001)"),
    ("directories", "make a directory as deep as it goes", "n = 0\nwhile True:\n  try: os.mkdir('d'); os.chdir('d'); n += 1\n  except OSError: time.sleep(0.01)"),
    ("lookups", "look up names that do not exist, which the kernel remembers", "n = 0\nwhile True:\n  n += 1; os.path.exists(f'/tmp/missing-{n}-' + 'x' * 200)"),
    ("open-files", "open files in many processes", "for _ in range(6): os.fork()\nwhile True:\n  try: keep.append(os.open('/dev/null', 0))\n  except OSError: time.sleep(0.1)"),
    ("terminals", "open terminals without end", "while True:\n  try: keep.append(os.openpty())\n  except OSError: time.sleep(0.01)"),
    ("inotify", "make watches without end", "while True:\n  f = libc.inotify_init1(0)\n  if f < 0: time.sleep(0.01)\n  for n in range(200): libc.inotify_add_watch(f, b'/proc/self/fd' if n % 2 else b'/usr/bin', 0xFFF)"),
    ("epoll", "nest and fill epoll sets", "import select\nwhile True:\n  try:\n    e = select.epoll(); [e.register(f, 1) for f in keep[-1:] and [k.fileno() for k in keep[-100:]]]; keep.append(e)\n  except OSError: time.sleep(0.01)"),
    ("timers", "make POSIX timers that fire all the time", "class S(ctypes.Structure): _fields_ = [('a', ctypes.c_long * 4)]\nwhile True:\n  t = ctypes.c_void_p()\n  e = (ctypes.c_int * 16)(0, 0, 0, 1)\n  if libc.timer_create(1, e, ctypes.byref(t)): time.sleep(0.001); continue\n  libc.timer_settime(t, 0, ctypes.byref(S((0, 100000, 0, 100000))), None)"),
    ("signals", "queue real-time signals to itself, blocked", "signal.pthread_sigmask(signal.SIG_BLOCK, [34, 35])\nb = (ctypes.c_int * 32)(34, 0, -1)\nwhile True: libc.syscall(129, os.getpid(), 34, b)"),
    ("pipes", "fill pipes of the largest size", "import fcntl\nwhile True:\n  try:\n    r, w = os.pipe2(os.O_NONBLOCK); keep.append((r, w))\n    try: fcntl.fcntl(w, 1031, 1 << 20)\n    except OSError: pass\n    while True: os.write(w, bytes(65536))\n  except OSError: pass"),
    ("unix-sockets", "fill unix sockets", "while True:\n  try:\n    a, b = socket.socketpair(); a.setblocking(False); keep.append((a, b))\n    while True: a.send(bytes(65536))\n  except OSError: pass"),
    ("descriptors-in-flight", "send descriptors of sockets into each other", "while True:\n  try:\n    a, b = socket.socketpair(); a.setblocking(False)\n    while True: socket.send_fds(a, [b'x'], [a.fileno(), b.fileno()] * 100); keep.append((a, b))\n  except OSError: time.sleep(0.001)"),
    ("tcp", "fill loopback connections", "s = socket.create_server(('127.0.0.1', 0), backlog=4096)\nwhile True:\n  try:\n    c = socket.create_connection(s.getsockname()); c.setblocking(False); keep.append((c, s.accept()))\n    while True: c.send(bytes(65536))\n  except OSError: pass"),
    ("udp", "fill datagram sockets", "while True:\n  try:\n    s = socket.socket(2, 2); s.bind(('127.0.0.1', 0)); s.setblocking(False); keep.append(s)\n    for _ in range(100): s.sendto(bytes(60000), s.getsockname())\n  except OSError: pass"),
    ("netlink", "leave dumps of the kernel unread", "while True:\n  try:\n    s = socket.socket(16, 3, 0); s.setsockopt(1, 8, 1 << 20); s.setblocking(False); keep.append(s)\n    for _ in range(50): s.send(b'\\x14\\0\\0\\0\\x12\\0\\x01\\x03' + bytes(12))\n  except OSError: time.sleep(0.001)"),
    ("queues", "fill System V and POSIX queues", "n = 0\nwhile True:\n  q = libc.msgget(0, 0o600)\n  if q >= 0: [libc.msgsnd(q, b'\\1' + bytes(8191), 8000, 0o4000) for _ in range(20)]\n  else: time.sleep(0.01)\n  n += 1; libc.syscall(240, f'q{n}'.encode(), 0o102, 0o600, None)"),
    ("semaphores", "make System V semaphores and memory without end", "while True:\n  if libc.semget(0, 250, 0o600) < 0 and libc.shmget(0, 1 << 20, 0o600) < 0: time.sleep(0.01)"),
    ("mappings", "make mappings without end", "while True:\n  try: keep.append(mmap.mmap(-1, 4096, prot=len(keep) % 2 + 1))\n  except (OSError, ValueError): time.sleep(0.01)"),
    ("page-tables", "use a page of every 2 MiB", "while True:\n  try: m = mmap.mmap(-1, 1 << 36, flags=0x4022)\n  except OSError: time.sleep(0.01); continue\n  keep.append(m)\n  for at in range(0, 1 << 36, 1 << 21): m[at]"),
    ("file-locks", "take locks without end", "import fcntl\nf = open('/var/tmp/locks', 'wb')\nn = 0\nwhile True:\n  n += 2\n  try: fcntl.lockf(f, fcntl.LOCK_EX, 1, n)\n  except OSError: time.sleep(0.01)"),
    ("filters", "load seccomp filters without end", "libc.prctl(38, 1, 0, 0, 0)\np = (ctypes.c_uint64 * 4000)(*[0x7FFF000000000006] * 4000)\nclass F(ctypes.Structure): _fields_ = [('n', ctypes.c_ushort), ('p', ctypes.c_void_p)]\nwhile True:\n  if libc.syscall(317, 1, 0, ctypes.byref(F(4000, ctypes.addressof(p)))): time.sleep(0.01)"),
    ("landlock", "make Landlock rules without end", "a = (ctypes.c_uint64 * 1)(1)\nwhile True:\n  f = libc.syscall(444, a, 8, 0)\n  if f < 0: time.sleep(0.01)"),
    ("output", "print for ever while nobody reads", "import itertools\nfor _ in itertools.count(): sys.stdout.write('x' * 65536)"),
    ("futex", "wait on futexes in many processes", "for _ in range(80):\n  try:\n    if os.fork() == 0:\n      w = ctypes.c_uint32(0)\n      while True: libc.syscall(202, ctypes.byref(w), 0, 0, None)\n  except OSError: pass\nsignal.pause()"),
    ("swap-pressure", "read the whole template again and again through a small page cache", "while True:\n  for f, _, names in os.walk('/usr/lib'):\n    for n in names:\n      try: open(f + '/' + n, 'rb').read()\n      except OSError: pass"),
    ("xattrs", "set extended attributes of the largest size", "n = 0\nwhile True:\n  n += 1\n  try:\n    open(f'/dev/shm/x{n}', 'w').close(); os.setxattr(f'/dev/shm/x{n}', 'user.x', bytes(60000))\n  except OSError: time.sleep(0.001)"),
    ("sync", "ask the whole machine to write its disks out", "while True: os.sync()"),
)


class Neighbour:
    """Computes 1+1 without pause and remembers its slowest answer."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._stop = threading.Event()
        self.worst = 0.0
        self.answers = 0
        self.problem = ""
        self._thread = threading.Thread(target=self._run, name="neighbour", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.is_set():
            began = time.monotonic()
            try:
                compute(self._room)
            except (OSError, frames.FrameError, RoomdError) as error:
                self.problem = str(error)
                return
            self.worst = max(self.worst, time.monotonic() - began)
            self.answers += 1
            self._stop.wait(0.02)

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()


def compute(room: Room) -> None:
    """1+1 in the room's kernel. Raises RoomdError when the answer is not 2."""
    connection = room.execute("1+1")
    try:
        texts = [json.loads(data).get("text") for kind, data in output(connection, 30) if kind == frames.JSON]
    finally:
        connection.close()
    if "2" not in texts:
        raise RoomdError(f"1+1 was answered by {texts}")


def attempts(host: Host, neighbour: Room, only: str) -> Iterator[Finding]:
    for name, tries, source in ATTACKS:
        if f"resources.{name}".startswith(only):
            seen = _attack(host, neighbour, source)
            yield Finding(f"resources.{name}", "user", tries, _HOLDS, bool(seen), seen)
    for name, tries, holds, check in _DAEMONS:
        if f"time.{name}".startswith(only):
            room = host.room(**_LIMITS)
            try:
                seen = check(room)
            except (OSError, frames.FrameError, RoomdError) as error:
                seen = str(error)
            seen = seen or _destroyed(room)
            yield Finding(f"time.{name}", "user", tries, holds, bool(seen), seen)


def _attack(host: Host, neighbour: Room, source: str) -> str:
    kernel_before, files_before = _kernel_bytes(), _open_files()
    room = host.room(**_LIMITS)
    watch = Neighbour(neighbour)
    connections = []
    problems = []
    try:
        with suppress(OSError, frames.FrameError):
            connections.append(room.start(["/usr/bin/python3", "-c", _HEAD + source]))
        time.sleep(_ATTACK_SECONDS)
        grown, opened = _kernel_bytes() - kernel_before, _open_files() - files_before
        if grown > SLACK_BYTES + _LIMITS["memoryBytes"]:
            problems.append(f"the kernel's memory grew by {grown >> 20} MiB")
        if opened > _file_limit() // 2:
            problems.append(f"{opened} more files are open on the machine")
        problems += _over(room)
    except RoomdError as error:
        problems.append(str(error))
    finally:
        for connection in connections:
            connection.close()
    problems.append(_destroyed(room))
    watch.stop()
    if watch.problem:
        problems.append(f"the neighbour: {watch.problem}")
    elif watch.worst > WORST_SECONDS:
        problems.append(f"the neighbour waited {watch.worst:.1f} s for 1+1")
    elif watch.answers == 0:
        problems.append("the neighbour was never asked")
    return "; ".join(problem for problem in problems if problem)


def _over(room: Room) -> list[str]:
    try:
        found = room.stat()
    except RoomdError as error:
        return [] if "not_found" in str(error) or "failed_precondition" in str(error) else [str(error)]
    wrong = []
    if found["memoryBytes"] > _LIMITS["memoryBytes"]:
        wrong.append(f"{found['memoryBytes']} bytes of memory")
    if found["pids"] > _LIMITS["pids"]:
        wrong.append(f"{found['pids']} processes")
    if found["diskTotalBytes"] > _LIMITS["diskBytes"] or found["diskUsedBytes"] > found["diskTotalBytes"]:
        wrong.append(f"{found['diskUsedBytes']} bytes of disk")
    return wrong


def _destroyed(room: Room) -> str:
    """Destroys the room; what was left of it."""
    try:
        room.destroy()
    except RoomdError as error:
        return str(error)
    left = room.pids()
    if left or room.host.has_room(room.name):
        return f"left after the end: processes {left}"
    return ""


def _kernel_bytes() -> int:
    with open("/proc/meminfo", encoding="ascii") as file:
        found = {line.split(":")[0]: int(line.split()[1]) << 10 for line in file}
    return found["SUnreclaim"] + found["KernelStack"] + found["PageTables"] + found.get("Percpu", 0)


def _file_limit() -> int:
    with open("/proc/sys/fs/file-max", encoding="ascii") as file:
        return int(file.read())


def _open_files() -> int:
    with open("/proc/sys/fs/file-nr", encoding="ascii") as file:
        return int(file.read().split()[0])


_IGNORE: Final = "import os, signal, sys, time\nfor n in range(1, 65):\n  if n not in (9, 19, 32, 33): signal.signal(n, signal.SIG_IGN)\n"
_DAEMON: Final = _IGNORE + "if os.fork(): os._exit(0)\nos.setsid()\nif os.fork(): os._exit(0)\nopen('/proc/self/comm', 'w').write('attack-daemon')\n"


def _end_of(room: Room, source: str, millis: int, seconds: float) -> str:
    connection = room.start(["/usr/bin/python3", "-c", source], timeout_millis=millis)
    try:
        messages = [json.loads(data) for kind, data in output(connection, seconds) if kind == frames.JSON]
    finally:
        connection.close()
    return "" if any("end" in message for message in messages) else "the stream ended without the command's end"


def _interrupted(room: Room, source: str) -> str:
    """The server's way: interrupt, wait, end the kernel; then another one must work."""
    connection = room.execute(source)
    connection.receive()
    time.sleep(0.5)
    connection.close()
    time.sleep(0.5)
    room.host.call("guest.kill", sandbox=room.name, name="kernel", signal=9)
    room.kernel = room.guest("second", "python")
    compute(room)
    return ""


_DAEMONS: Final = (
    ("command-ignores-signals", "go on after a command's time limit by ignoring every signal", "the command's end is told within 10 s",
     lambda room: _end_of(room, _IGNORE + "while True: time.sleep(1)", 500, 10)),
    ("command-stopped", "go on after a command's time limit by stopping oneself", "the command's end is told within 10 s",
     lambda room: _end_of(room, "import os; os.kill(os.getpid(), 19)", 500, 10)),
    ("daemon-keeps-output", "hold the command's output open by a daemon in a session of its own", "the command's end is told within 10 s of its limit",
     lambda room: _end_of(room, _DAEMON.replace("os._exit(0)", "time.sleep(60)", 1) + "while True: time.sleep(1)", 500, 12)),
    ("daemon", "outlive the sandbox by a double fork, a new session and ignored signals", "no process is left when it is destroyed",
     lambda room: _end_of(room, _DAEMON + "os.close(1); os.close(2)\nwhile True: time.sleep(1)", 0, 20)),
    ("daemons-respawn", "outlive the sandbox by daemons that start each other anew", "no process is left when it is destroyed",
     lambda room: _end_of(room, _DAEMON + "os.close(1); os.close(2)\nwhile True:\n  if os.fork() == 0: continue\n  os._exit(0)", 0, 20)),
    ("frozen-children", "outlive the sandbox by stopped children", "no process is left when it is destroyed",
     lambda room: _end_of(room, "import os\nfor _ in range(20):\n  p = os.fork()\n  if p == 0: os.close(1); os.close(2); os.kill(os.getpid(), 19)", 0, 20)),
    ("kernel-ignores-interrupt", "go on in a kernel that ignores the interrupt", "it is ended, and another kernel computes", lambda room: _interrupted(room, _IGNORE + "print(1, flush=True)\nwhile True: time.sleep(1)")),
    ("kernel-stopped", "stop the kernel's process", "it is ended, and another kernel computes", lambda room: _interrupted(room, "import os\nprint(1, flush=True)\nos.kill(os.getpid(), 19)")),
    ("kernel-in-c", "hold the interpreter's lock in C", "it is ended, and another kernel computes",
     lambda room: _interrupted(room, "print(1, flush=True)\nimport ctypes\nctypes.PyDLL(None).sleep(600)")),
    ("command-ends-at-once", "pretend to have ended while a child goes on printing", "the end is told", lambda room: _end_of(room, "import os\nif os.fork() == 0:\n  for _ in range(20): os.write(1, b'x' * 100)\n", 3000, 15)),
)


