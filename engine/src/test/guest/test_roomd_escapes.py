"""Attempts to get out of a room, each named after what it tries. All are made by code of the room's `user` or of its root."""

from __future__ import annotations

import errno
import os
import re
import socket
import subprocess
import unittest
from typing import Any

from roomd_case import RoomdCase
from roomd_client import probe

_CALL = """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
def call(number, *arguments):
    value = libc.syscall(ctypes.c_long(number), *[ctypes.c_long(a) if isinstance(a, int) else a for a in arguments])
    return 0 if value >= 0 else ctypes.get_errno()
"""
_NAMESPACE_FLAGS = (0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000)


class Escapes(RoomdCase):
    """One room with both guests for all probes."""

    user: str
    root: str
    init: int

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.init = cls.roomd.room("prison", memoryBytes=1 << 30)["pid"]
        cls.user = cls.roomd.guest("prison", "kernel", "python")
        cls.root = cls.roomd.guest("prison", "agent", "agent")

    def both(self, source: str) -> list[Any]:
        return [probe(self.user, source), probe(self.root, source)]

    def refused(self, source: str, *numbers: int) -> None:
        """Both users get one of these errno values in `result`."""
        for who, path in (("user", self.user), ("root", self.root)):
            got = probe(path, _CALL + source)
            self.assertIn(got, numbers, f"{who}: {errno.errorcode.get(got, got)}")

    def test_host_files_are_not_there(self) -> None:
        marker = f"{self.roomd.folder}/marker"
        with open(marker, "w", encoding="ascii") as file:
            file.write("x")
        for found in self.both(f"import os\nresult = [os.path.exists(p) for p in ({marker!r}, '/work', '/run/athenic', {self.roomd.data!r}, '/sys/kernel')]"):
            self.assertEqual(found, [False] * 5)

    def test_host_processes_are_not_there(self) -> None:
        for names in self.both("import os\nresult = [int(n) for n in os.listdir('/proc') if n.isdigit()]"):
            self.assertLess(max(names), 100)
            self.assertLess(len(names), 12)

    def test_the_environment_of_the_makers_is_not_there(self) -> None:
        source = """
import glob
result = ''
for path in glob.glob('/proc/[0-9]*/environ') + glob.glob('/proc/[0-9]*/cmdline'):
    try: result += open(path, errors='replace').read()
    except OSError: pass
"""
        for text in self.both(source):
            self.assertNotIn("SECRET", text)
            self.assertNotIn(self.roomd.data, text)
            self.assertNotIn("roomd", text)

    def test_no_descriptor_is_inherited(self) -> None:
        for links in self.both("import os\nresult = {f: os.readlink('/proc/self/fd/' + f) for f in os.listdir('/proc/self/fd') if os.path.lexists('/proc/self/fd/' + f)}"):
            self.assertEqual({links[name] for name in ("0", "1", "2")}, {"/dev/null"})
            others = [link for name, link in links.items() if int(name) > 2 and not link.startswith(("socket:", "/proc"))]
            self.assertEqual(others, [])
            self.assertLessEqual(len(links), 7)

    def test_no_network_but_loopback(self) -> None:
        self.assertEqual(self.both("import socket\nresult = [name for _, name in socket.if_nameindex()]"), [["lo"], ["lo"]])
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            for got in self.both(f"import socket\nresult = socket.socket().connect_ex(('127.0.0.1', {port}))"):
                self.assertEqual(got, errno.ECONNREFUSED)
        for got in self.both("import socket\nresult = socket.socket().connect_ex(('1.1.1.1', 53))"):
            self.assertEqual(got, errno.ENETUNREACH)

    def test_abstract_sockets_of_the_host_are_not_there(self) -> None:
        with socket.socket(socket.AF_UNIX) as server:
            name = f"athenic-test-{os.getpid()}"
            server.bind(f"\0{name}")
            server.listen()
            for got in self.both(f"import socket\nresult = socket.socket(socket.AF_UNIX).connect_ex('\\0{name}')"):
                self.assertEqual(got, errno.ECONNREFUSED)

    def test_new_namespaces_are_refused(self) -> None:
        for flag in _NAMESPACE_FLAGS:
            self.refused(f"result = call(272, {flag})", errno.EPERM)  # unshare
            self.refused(f"result = call(56, {flag} | 17, 0, 0, 0, 0)", errno.EPERM)  # clone
        self.refused("result = call(435, 0, 88)", errno.ENOSYS)  # clone3: libraries fall back to clone

    def test_entering_namespaces_is_refused(self) -> None:
        self.refused("own = os.open('/proc/self/ns/net', os.O_RDONLY)\nresult = call(308, own, 0)\nos.close(own)", errno.EPERM)

    def test_mounts_are_refused(self) -> None:
        for number in (165, 166, 428, 429, 430, 431, 432, 433, 442, 155, 161):
            self.refused(f"result = call({number}, 0, 0, 0, 0, 0)", errno.EPERM)

    def test_dangerous_calls_are_refused(self) -> None:
        calls = {"ptrace": 101, "process_vm_readv": 310, "process_vm_writev": 311, "kcmp": 312, "pidfd_getfd": 438, "keyctl": 250, "add_key": 248,
                 "request_key": 249, "bpf": 321, "perf_event_open": 298, "userfaultfd": 323, "io_uring_setup": 425, "io_uring_enter": 426,
                 "io_uring_register": 427, "name_to_handle_at": 303, "open_by_handle_at": 304, "fanotify_init": 300, "init_module": 175,
                 "finit_module": 313, "delete_module": 176, "kexec_load": 246, "kexec_file_load": 320, "reboot": 169, "swapon": 167, "swapoff": 168,
                 "acct": 163, "syslog": 103, "iopl": 172, "ioperm": 173, "modify_ldt": 154, "vhangup": 153, "quotactl": 179, "lookup_dcookie": 212,
                 "clock_settime": 227, "settimeofday": 164, "adjtimex": 159, "clock_adjtime": 305, "sethostname": 170, "setdomainname": 171,
                 "migrate_pages": 256, "move_pages": 279, "mbind": 237, "set_mempolicy": 238, "memfd_secret": 447}
        for name, number in calls.items():
            with self.subTest(name):
                self.refused(f"result = call({number}, 0, 0, 0, 0, 0)", errno.EPERM)

    def test_unknown_calls_do_not_exist(self) -> None:
        for number in (470, 500, 1000):
            self.refused(f"result = call({number}, 0, 0, 0, 0, 0)", errno.ENOSYS)

    def test_personality_cannot_be_changed(self) -> None:
        self.refused("result = call(135, 0x0040000)", errno.ENOSYS, errno.EPERM)  # ADDR_NO_RANDOMIZE
        self.refused("result = call(135, 0xffffffff)", 0)

    def test_socket_families(self) -> None:
        for family in (3, 4, 5, 9, 17, 21, 29, 30, 31, 32, 38, 40, 41, 44, 45):
            self.refused(f"result = call(41, {family}, 2, 0)", errno.EAFNOSUPPORT)
        for protocol in (2, 9, 12, 15, 16):
            self.refused(f"result = call(41, 16, 3, {protocol})", errno.EPROTONOSUPPORT)
        self.refused("result = call(41, 2, 3, 1)", errno.EPERM)
        self.refused("result = call(41, 10, 3, 58)", errno.EPERM)
        self.refused("result = call(41, 2, 1, 132)", errno.EPROTONOSUPPORT)
        for family, kind, protocol in ((1, 1, 0), (2, 1, 0), (2, 2, 17), (10, 1, 6), (16, 3, 0)):
            self.refused(f"result = call(41, {family}, {kind}, {protocol})", 0)

    def test_multicast_groups_and_flow_labels(self) -> None:
        for level, option in ((0, 35), (0, 39), (0, 42), (0, 46), (41, 20), (41, 42), (41, 46), (41, 27)):
            self.refused(f"s = __import__('socket').socket({2 if level == 0 else 10}, 2)\nresult = call(54, s.fileno(), {level}, {option}, bytes(300), 300)\ns.close()", errno.ENODEV)
        self.refused("s = __import__('socket').socket(10, 2)\nresult = call(54, s.fileno(), 41, 32, bytes(32), 32)\ns.close()", errno.EPERM)
        self.refused("s = __import__('socket').socket()\nresult = call(54, s.fileno(), 1, 2, b'\\1\\0\\0\\0', 4)\ns.close()", 0)

    def test_nothing_can_be_typed_into_a_terminal(self) -> None:
        self.refused("a, b = os.openpty()\nresult = call(16, b, 0x5412, b'x')", errno.EPERM)
        self.refused("a, b = os.openpty()\nresult = call(16, b, 0x100005412, b'x')", errno.EPERM)  # the kernel reads the low half only

    def test_foreign_abis_end_the_process(self) -> None:
        # mov eax, 20 (getpid of i386); int 0x80; ret
        source = """
import ctypes, mmap, os, signal
page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
page.write(CODE)
address = ctypes.addressof(ctypes.c_char.from_buffer(page))
pid = os.fork()
if pid == 0:
    ctypes.CFUNCTYPE(ctypes.c_int)(address)()
    os._exit(0)
result = os.WTERMSIG(os.waitpid(pid, 0)[1])
"""
        self.assertEqual(self.both("CODE = b'\\xb8\\x14\\0\\0\\0\\xcd\\x80\\xc3'" + source), [31, 31])
        # x32: mov eax, 0x40000000 + 39; syscall; ret
        self.assertEqual(self.both("CODE = b'\\xb8\\x27\\0\\0\\x40\\x0f\\x05\\xc3'" + source), [31, 31])

    def test_capabilities(self) -> None:
        source = "result = {l.split()[0]: int(l.split()[1], 16) for l in open('/proc/self/status') if l.startswith('Cap')}"
        user, root = (value for value in self.both(source))
        allowed = sum(1 << bit for bit in (0, 1, 3, 4, 5, 6, 7, 8, 10))
        self.assertEqual(user, {"CapInh:": 0, "CapPrm:": 0, "CapEff:": 0, "CapBnd:": allowed, "CapAmb:": 0})
        self.assertEqual(root, {"CapInh:": 0, "CapPrm:": allowed, "CapEff:": allowed, "CapBnd:": allowed, "CapAmb:": 0})
        init = probe(self.root, "result = [int(l.split()[1], 16) for l in open('/proc/1/status') if l.startswith(('CapPrm', 'CapBnd'))]")
        self.assertEqual(init, [0, 0])

    def test_sudo_gives_the_rooms_root_and_no_more(self) -> None:
        status, text = self.run_command(self.user, "sudo -n sh -c 'id -u; grep CapEff /proc/self/status; unshare -U true;"
                                                   " mknod /tmp/disk b 254 0; dd if=/dev/loop0 of=/dev/null count=1; echo 1 > /proc/sys/kernel/panic; true' 2>&1")
        self.assertEqual(status, 0, text)
        self.assertIn("0\nCapEff:\t00000000000005fb", text)
        self.assertEqual(len(re.findall("not permitted|No such file|Read-only|denied", text)), 4, text)

    def test_setuid_files_of_a_room_mean_nothing_outside(self) -> None:
        sandbox = self.room()
        probe(self.roomd.guest(sandbox, "agent", "agent"), "import os, shutil\nshutil.copy('/bin/sh', '/home/user/sh')\nos.chmod('/home/user/sh', 0o6755)")
        path = f"/proc/{self.answer['pid']}/root/home/user/sh"
        self.assertGreaterEqual(os.stat(path).st_uid, 0x7000_0000)
        with self.assertRaises(PermissionError):  # a user of the host cannot even reach it
            subprocess.run([path, "-c", "id -u"], check=False, user=65534, group=65534)

    def test_devices_cannot_be_made(self) -> None:
        self.refused("result = call(133, b'/tmp/null', 0o20666, 0x103)", errno.EPERM)
        self.refused("result = call(133, b'/tmp/disk', 0o60666, 0xfe00)", errno.EPERM)

    def test_proc_is_masked(self) -> None:
        source = """
result = {}
for name in ('kcore', 'keys', 'kmsg', 'kallsyms', 'sysrq-trigger', 'cmdline', 'timer_list', 'modules', 'vmallocinfo', 'slabinfo', 'partitions', 'diskstats'):
    try: result[name] = len(open('/proc/' + name, 'rb').read(64))
    except OSError: result[name] = 0
"""
        for found in self.both(source):
            self.assertEqual(set(found.values()), {0}, found)
        self.refused("""
try: open('/proc/sysrq-trigger', 'w').write('c'); result = 0
except OSError as e: result = e.errno""", 0, errno.ENOENT, errno.EACCES, errno.EROFS)
        for path in ("/proc/sys/kernel/core_pattern", "/proc/sys/user/max_user_namespaces", "/proc/sys/vm/drop_caches", "/proc/sys/kernel/hostname",
                     "/proc/sys/net/ipv4/ip_forward"):
            self.refused(f"""
try: open({path!r}, 'w').write('1'); result = 0
except OSError as e: result = e.errno""", errno.EACCES, errno.EROFS, errno.EPERM)

    def test_the_boot_id_is_not_the_hosts(self) -> None:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            host = file.read()
        for here in self.both("result = open('/proc/sys/kernel/random/boot_id').read()"):
            self.assertEqual(len(here), len(host))
            self.assertNotEqual(here, host)

    def test_there_is_no_sysfs_and_no_cgroupfs(self) -> None:
        for found in self.both("import os\nresult = [os.listdir('/sys'), [l.split(' - ')[1].split()[0] for l in open('/proc/self/mountinfo')]]"):
            self.assertEqual(found[0], [])
            self.assertEqual(set(found[1]) - {"overlay", "tmpfs", "devpts", "proc", "mqueue", "devtmpfs"}, set())

    def test_control_groups_show_the_room_as_root(self) -> None:
        for text in self.both("result = open('/proc/self/cgroup').read()"):
            self.assertNotIn("athenic", text)
            self.assertNotIn("..", text)

    def test_host_paths_are_not_in_the_mount_table(self) -> None:
        for text in self.both("result = open('/proc/self/mountinfo').read()"):
            self.assertNotIn(self.roomd.data, text)
            self.assertNotIn("/run/athenic", text)

    def test_the_zygotes_program_cannot_be_written(self) -> None:
        self.refused("""
try: os.open('/proc/self/exe', os.O_WRONLY); result = 0
except OSError as e: result = e.errno""", errno.ETXTBSY, errno.EROFS, errno.EACCES)

    def test_the_agent_cannot_be_taken_over_by_the_user(self) -> None:
        source = """
import glob, os
result = []
for path in glob.glob('/proc/[0-9]*'):
    if os.stat(path).st_uid == 0:
        for name in ('mem', 'environ', 'fd', 'root', 'maps'):
            try: os.listdir(path + '/' + name) if name in ('fd', 'root') else open(path + '/' + name, 'rb').read(1); result.append(path + name)
            except OSError: pass
        try: os.kill(int(path.rsplit('/', 1)[1]), 0); result.append(path)
        except PermissionError: pass
"""
        self.assertEqual(probe(self.user, source), [])

    def test_nothing_of_another_sandbox_is_in_memory(self) -> None:
        secret = "0f9c2b7e-secret-of-a-neighbour"
        sandbox = self.room()
        for number in range(5):
            self.roomd.call("guest.start", sandbox=sandbox, name=f"g{number}", kind="python", env={f"KEY{n}": secret + "x" * n for n in range(200)}, cwd="/")

        found = probe(self.roomd.guest("prison", "later"), f"""
result = 0
own = {secret[::-1].encode()!r}[::-1]  # one copy, made here
with open('/proc/self/mem', 'rb', 0) as memory:
    for line in open('/proc/self/maps'):
        if ' rw' in line and 'vvar' not in line:
            start, end = (int(x, 16) for x in line.split()[0].split('-'))
            memory.seek(start)
            for position in range(start, end, 4096):
                result += memory.read(4096).count(own)
""")

        self.assertLessEqual(found, 2)  # the one that is searched for, and the page it was read into

    def test_chroot_and_handles_do_not_lead_out(self) -> None:
        self.refused("result = call(161, b'/tmp')", errno.EPERM)
        for found in self.both("import os\nresult = [os.path.samestat(os.stat('/'), os.stat('/' + '../' * 50)), sorted(os.listdir('/proc/1/cwd/')) if os.getuid() == 0 else 0]"):
            self.assertTrue(found[0])

    def test_core_dumps_are_off(self) -> None:
        for limits in self.both("import resource\nresult = resource.getrlimit(resource.RLIMIT_CORE)"):
            self.assertEqual(limits, [0, 0])

    def test_loop_devices_cannot_be_opened(self) -> None:
        self.assertEqual(self.both("import os\nresult = sorted(n for n in os.listdir('/dev') if not n.startswith('.'))"), [sorted(
            ["null", "zero", "full", "random", "urandom", "tty", "ptmx", "pts", "shm", "mqueue", "fd", "stdin", "stdout", "stderr"])] * 2)


if __name__ == "__main__":
    unittest.main()
