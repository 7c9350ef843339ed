"""Bounds of a room that really stop, and what is told when they do."""

from __future__ import annotations

import errno
import os
import unittest

from athenic_guest.roomd.guard import Guard, files_of
from roomd_case import RoomdCase
from roomd_client import RoomdError, probe, until

_MIB = 1 << 20


class Limits(RoomdCase):
    def test_memory_ends_at_the_limit_and_the_kill_is_told(self) -> None:
        sandbox = self.room(memoryBytes=96 * _MIB)
        agent = self.roomd.guest(sandbox, "agent", "agent")
        kernel = self.roomd.guest(sandbox)

        with self.assertRaises(ConnectionError):
            probe(kernel, "x = bytearray(400 << 20)\nfor i in range(0, len(x), 4096): x[i] = 1")

        event = self.roomd.await_event(lambda event: event["event"] == "oom" and event["sandbox"] == sandbox)
        self.assertGreaterEqual(event["kills"], 1)
        ended = self.roomd.await_event(lambda event: event["event"] == "guest.exit" and event["sandbox"] == sandbox)
        self.assertEqual((ended["name"], ended["signal"]), ("kernel", 9))
        self.assertEqual(probe(agent, "result = 'alive'"), "alive")  # kernels go before the agent
        statistics = self.roomd.call("room.stat", sandbox=sandbox)
        self.assertLessEqual(statistics["memoryBytes"], 96 * _MIB)
        self.assertEqual(statistics["memoryLimitBytes"], 96 * _MIB)
        self.assertGreaterEqual(statistics["oomKills"], 1)
        self.assertEqual(probe(self.roomd.guest(sandbox, "next"), "result = 1"), 1)

    def test_shared_memory_counts_as_memory(self) -> None:
        sandbox = self.room(memoryBytes=96 * _MIB)
        kernel = self.roomd.guest(sandbox)

        with self.assertRaises((OSError, ConnectionError)):
            probe(kernel, "f = open('/dev/shm/x', 'wb')\nfor _ in range(400): f.write(bytes(1 << 20))\n")
        with self.assertRaises((OSError, ConnectionError)):
            kernel = self.roomd.guest(sandbox, "second")
            probe(kernel, "import os\nfds = []\nfor _ in range(400):\n  fd = os.memfd_create('x'); os.write(fd, bytes(1 << 20)); fds.append(fd)")

    def test_socket_buffers_have_a_bound(self) -> None:
        queued = probe(self.kernel(memoryBytes=128 * _MIB), """
import socket
sockets, total = [], 0
for _ in range(3000):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.setblocking(False); s.bind(('127.0.0.1', 0)); s.connect(s.getsockname())
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    try:
        for _ in range(4): s.send(bytes(50_000))
    except OSError: pass
    sockets.append(s)
for s in sockets:
    try:
        while True: total += len(s.recv(60_000))
    except OSError: pass
result = total
""", 60)

        self.assertLess(queued, 128 * _MIB)

    def test_unread_netlink_sockets_end_the_room(self) -> None:
        sandbox = self.room(memoryBytes=256 * _MIB)
        kernel = self.roomd.guest(sandbox)

        with self.assertRaises((ConnectionError, TimeoutError)):
            probe(kernel, """
import os, socket
while True:
    sockets = []
    try:
        while True:
            s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0); s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20); s.setblocking(False)
            sockets.append(s)
            for _ in range(50): s.send(b'\\x14\\0\\0\\0\\x12\\0\\x01\\x03' + bytes(12))
    except OSError:
        if os.fork() == 0: sockets_of_child = sockets
        else: __import__('signal').pause()
""", 60)

        self.roomd.await_event(lambda event: event["event"] == "oom" and event["sandbox"] == sandbox)
        self.assertEqual(self.roomd.await_event(lambda event: event["event"] == "room.exit" and event["sandbox"] == sandbox)["signal"], 9)

    def test_processes_end_at_the_limit(self) -> None:
        kernel = self.kernel(pids=32)

        count, number = probe(kernel, """
import os, signal
children = []
try:
    while len(children) < 500:
        pid = os.fork()
        if pid == 0:
            signal.pause()
        children.append(pid)
    result = [len(children), 0]
except OSError as e:
    result = [len(children), e.errno]
for pid in children:
    os.kill(pid, 9); os.waitpid(pid, 0)
""")

        self.assertLess(count, 32)
        self.assertEqual(number, errno.EAGAIN)

    def test_a_fork_bomb_is_destroyed(self) -> None:
        sandbox = self.room(pids=64)
        kernel = self.roomd.guest(sandbox)
        with self.assertRaises((TimeoutError, ConnectionError, OSError, RuntimeError)):
            probe(kernel, "import os\nwhile True:\n  try: os.fork()\n  except OSError: pass", 1)

        self.roomd.call("room.destroy", sandbox=sandbox)

    def test_the_disk_ends_at_the_limit(self) -> None:
        sandbox = self.room(diskBytes=32 * _MIB, inodes=1024)
        kernel = self.roomd.guest(sandbox)

        for path in ("/home/user/big", "/tmp/big", "/var/tmp/big"):
            written, number = probe(kernel, f"""
import os
written = number = 0
with open({path!r}, 'wb', buffering=0) as f:
    try:
        while written < 200 << 20: written += f.write(bytes(1 << 20))
        os.fsync(f.fileno())
    except OSError as e: number = e.errno
os.unlink({path!r})
result = [written, number]
""")
            self.assertEqual(number, errno.ENOSPC)
            self.assertLess(written, 33 * _MIB)
        statistics = self.roomd.call("room.stat", sandbox=sandbox)
        self.assertLessEqual(statistics["diskTotalBytes"], 32 * _MIB)

    def test_the_disk_is_no_faster_than_its_limit(self) -> None:
        sandbox = self.room(diskBytes=64 * _MIB, ioBytes=2 * _MIB)
        kernel = self.roomd.guest(sandbox)

        written, read = probe(kernel, """
import mmap, os, time
page = mmap.mmap(-1, 1 << 20)
fd = os.open('/home/user/fast', os.O_CREAT | os.O_RDWR | os.O_DIRECT)
began = time.monotonic()
for _ in range(4): os.write(fd, page)
written = time.monotonic() - began
os.lseek(fd, 0, os.SEEK_SET)
began = time.monotonic()
for _ in range(4): os.readv(fd, [page])
result = [written, time.monotonic() - began]
""")

        self.assertGreater(written, 1.0)  # 2 s, less what the kernel lets through at once
        self.assertGreater(read, 1.0)
        self.roomd.call("room.destroy", sandbox=sandbox)
        throttles = "/sys/fs/cgroup/blkio/blkio.throttle.write_bps_device"
        if os.path.exists(throttles):
            with open(throttles, encoding="ascii") as file:
                self.assertNotIn(f" {2 * _MIB}\n", file.read())

    def test_inodes_end_at_the_limit(self) -> None:
        sandbox = self.room(diskBytes=64 * _MIB, inodes=1024)
        kernel = self.roomd.guest(sandbox)

        made, number = probe(kernel, """
import os
os.mkdir('/home/user/many')
made = number = 0
try:
    while made < 20_000:
        os.close(os.open(f'/home/user/many/{made}', os.O_CREAT | os.O_WRONLY)); made += 1
except OSError as e: number = e.errno
result = [made, number]
""")

        self.assertEqual(number, errno.ENOSPC)
        self.assertLess(made, 1100)
        statistics = self.roomd.call("room.stat", sandbox=sandbox)
        self.assertGreater(statistics["inodesUsed"], 900)

    def test_no_way_round_the_disk_limit(self) -> None:
        kernel = self.kernel(diskBytes=32 * _MIB)

        mounts = probe(kernel, "import os\nresult = [[l.split()[4], os.statvfs(l.split()[4]).f_blocks * os.statvfs(l.split()[4]).f_frsize,"
                               " os.access(l.split()[4], os.W_OK)] for l in open('/proc/self/mountinfo') if ' - tmpfs ' in l or ' - overlay ' in l]")

        for path, size, writable in mounts:
            if writable:
                self.assertLessEqual(size, 256 * _MIB, path)

    def test_cpu_is_shared_by_quota(self) -> None:
        sandbox = self.room(cpuMillis=200)
        kernel = self.roomd.guest(sandbox)
        before = self.roomd.call("room.stat", sandbox=sandbox)["cpuMicros"]

        used, passed = probe(kernel, "import time\nw, c = time.monotonic(), time.process_time()\n"
                                     "while time.monotonic() - w < 1.5: pass\nresult = [time.process_time() - c, time.monotonic() - w]")

        self.assertLess(used / passed, 0.5)
        self.assertGreater(self.roomd.call("room.stat", sandbox=sandbox)["cpuMicros"], before)

    def test_one_room_cannot_use_up_what_the_kernel_counts_per_user(self) -> None:
        hog, other = self.agent(), self.agent()

        probe(hog, """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
keep = []
while True:
    fd = libc.inotify_init1(0)
    if fd < 0: break
    keep.append(fd)
timers = 0
while timers < 200_000 and libc.timer_create(1, None, ctypes.byref(ctypes.c_void_p())) == 0: timers += 1
import builtins
builtins.keep = keep
result = [len(keep), timers]
""")

        self.assertEqual(probe(other, "import ctypes\nlibc = ctypes.CDLL(None)\n"
                                      "result = [libc.inotify_init1(0) >= 0, libc.timer_create(1, None, ctypes.byref(ctypes.c_void_p()))]"), [True, 0])

    def test_a_room_with_the_machines_open_files_is_ended(self) -> None:
        hog = self.room(pids=64)
        hog_init = self.answer["pid"]
        modest = self.room()
        ended: list[str] = []
        inits = {hog: hog_init, modest: self.answer["pid"]}

        probe(self.roomd.guest(hog), """
import os, signal
for _ in range(4):
    if os.fork() == 0:
        os.closerange(3, 256)  # the probe's connection is told to be at its end when nobody has it
        for _ in range(5000): os.open('/dev/null', os.O_RDONLY)
        open(f'/tmp/{os.getpid()}', 'w').close()
        signal.pause()
import time
while len(os.listdir('/tmp')) < 4: time.sleep(0.01)
""")

        self.assertGreater(files_of(inits[hog]), 20_000)
        self.assertLess(files_of(inits[modest]), 100)
        guard = Guard(lambda: inits.items(), ended.append, lambda: (50_000, 160_000))
        try:
            until(lambda: bool(ended), "the guard looks at open files")
        finally:
            guard.close()
        self.assertEqual(set(ended), {hog})

    def test_limits_out_of_range_are_refused(self) -> None:
        for name, value in (("memoryBytes", 4096), ("memoryBytes", -1), ("cpuMillis", 0), ("pids", 1 << 40), ("diskBytes", 10), ("inodes", 0),
                            ("inodes", 1.5), ("pids", True), ("ioBytes", -1), ("cpuMillis", "1000")):
            with self.subTest(name=name, value=value), self.assertRaises(RoomdError) as caught:
                self.room(**{name: value})  # type: ignore[arg-type]
            self.assertEqual(caught.exception.code, "invalid_argument")


class LimitsInMemory(RoomdCase):
    """The same disk bounds where rooms write to memory."""

    arguments = ("--disk", "tmpfs")

    def test_the_disk_ends_at_the_limit(self) -> None:
        self.assertEqual(self.roomd.call("hello")["disk"], "tmpfs")
        kernel = self.kernel(diskBytes=16 * _MIB, inodes=512)

        numbers = probe(kernel, """
import os
result = []
try: open('/home/user/big', 'wb').write(bytes(40 << 20)); result.append(0)
except OSError as e: result.append(e.errno)
os.truncate('/home/user/big', 0)
try:
    for i in range(2000): os.mkdir(f'/home/user/{i}')
    result.append(0)
except OSError as e: result.append(e.errno)
""")

        self.assertEqual(numbers, [errno.ENOSPC, errno.ENOSPC])


if __name__ == "__main__":
    unittest.main()
