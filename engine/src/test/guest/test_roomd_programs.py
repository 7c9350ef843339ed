"""Real programs work in a room: what the seccomp filters, masks and dropped rights must not break."""

from __future__ import annotations

import unittest

from roomd_case import RoomdCase
from roomd_client import probe


class Programs(RoomdCase):
    """One room for all."""

    user: str
    root: str

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.roomd.room("workshop", memoryBytes=2 << 30, pids=512, diskBytes=1 << 30, inodes=65_536)
        cls.user = cls.roomd.guest("workshop", "kernel", "python")
        cls.root = cls.roomd.guest("workshop", "agent", "agent")

    def works(self, command: str, expected: str = "", path: str | None = None) -> None:
        status, text = self.run_command(path or self.user, command, 120)
        self.assertEqual(status, 0, f"{command}\n{text}")
        self.assertIn(expected, text)

    def python(self, source: str, expected: str = "") -> None:
        self.works(f"cat > /tmp/program.py <<'END_OF_PROGRAM'\n{source}\nEND_OF_PROGRAM\npython3 /tmp/program.py", expected)

    def test_python_threads(self) -> None:
        self.python("import threading\nr = []\nts = [threading.Thread(target=r.append, args=(i,)) for i in range(50)]\n"
                    "[t.start() for t in ts]; [t.join() for t in ts]\nprint(sorted(r) == list(range(50)))", "True")

    def test_python_asyncio_and_subprocesses(self) -> None:
        self.python("import asyncio\nasync def main():\n p = await asyncio.create_subprocess_exec('echo', 'hi', stdout=-1)\n"
                    " print((await p.communicate())[0])\nasyncio.run(main())", "b'hi\\n'")

    def test_python_multiprocessing(self) -> None:
        self.python("import multiprocessing as m\ndef f(x): return x * x\nif __name__ == '__main__':\n"
                    " with m.Pool(2) as p: print(p.map(f, range(5)))\n l = m.Lock()\n with l: print('locked')\n"
                    " from multiprocessing import shared_memory as s\n b = s.SharedMemory(create=True, size=64); b.buf[0] = 7; print(b.buf[0]); b.close(); b.unlink()",
                    "[0, 1, 4, 9, 16]\nlocked\n7")

    def test_python_sqlite(self) -> None:
        self.python("import sqlite3\nc = sqlite3.connect('/home/user/a.db'); c.execute('pragma journal_mode=wal'); c.execute('create table if not exists t(x)')\n"
                    "c.execute('insert into t values (1)'); c.commit(); print(c.execute('select count(*) > 0 from t').fetchone())", "(1,)")

    def test_python_sockets(self) -> None:
        self.python("import socket, threading\ns = socket.create_server(('localhost', 0))\nthreading.Thread(target=lambda: s.accept()[0].sendall(b'ok')).start()\n"
                    "print(socket.create_connection(s.getsockname()).recv(2), socket.getaddrinfo('localhost', 80)[0][4][0])", "b'ok'")

    def test_python_numbers(self) -> None:
        self.python("import numpy as np, pandas as pd\nprint(int(np.linalg.det(np.eye(300))), pd.DataFrame({'a': [1, 2]}).sum().a)", "1 3")

    def test_low_ports_can_be_served(self) -> None:
        self.python("import socket\ns = socket.create_server(('127.0.0.1', 80))\nprint('bound')", "bound")

    def test_ipv6_loopback(self) -> None:
        self.python("import socket\ns = socket.create_server(('::1', 0), family=socket.AF_INET6)\nprint('bound')", "bound")

    def test_ptys(self) -> None:
        self.python("import pty, os\nos.environ['TERM'] = 'dumb'\nos._exit(pty.spawn(['sh', '-c', 'tty; stty size'], lambda fd: os.read(fd, 100)) >> 8)", "/dev/pts/")

    def test_inotify(self) -> None:
        self.python("import ctypes, os\nl = ctypes.CDLL(None); f = l.inotify_init1(0); assert l.inotify_add_watch(f, b'/tmp', 0x100) > 0\n"
                    "open('/tmp/seen', 'w'); print(b'seen' in os.read(f, 4096))", "True")

    def test_node(self) -> None:
        self.works("node -e 'const {Worker} = require(\"worker_threads\"); const fs = require(\"fs\"); const cp = require(\"child_process\");"
                   " console.log(cp.execSync(\"echo child\").toString().trim(), fs.readdirSync(\"/home\").join());"
                   " new Worker(\"require(\\\"worker_threads\\\").parentPort.postMessage(42)\", {eval: true}).on(\"message\", m => console.log(\"worker\", m))'", "worker 42")

    def test_bash_job_control_and_pipes(self) -> None:
        self.works("bash -c 'set -o pipefail; seq 1000 | sort -rn | head -1; (sleep 0.1; echo later) & wait; diff <(echo a) <(echo a) && echo same'", "same")

    def test_git(self) -> None:
        self.works("cd /tmp && git init -q repo && cd repo && git config user.email a@b.c && git config user.name n && echo x > f && git add . && git commit -qm m"
                   " && git log --oneline && git gc -q && cd .. && git clone -q repo copy && ls copy", "f")

    def test_sudo(self) -> None:
        self.works("sudo -n id -u && sudo -n -u user id -un && sudo -n sh -c 'echo x > /etc/written && cat /etc/written && rm /etc/written'", "0\nuser\nx")

    def test_users_and_owners(self) -> None:
        self.works("sudo -n useradd -m other && sudo -n chown other /home/other && sudo -n -u other sh -c 'touch ~/f && stat -c %U ~/f' && sudo -n userdel -r other 2>/dev/null", "other")

    def test_dpkg_installs_a_package(self) -> None:
        self.works("mkdir -p /tmp/p/DEBIAN /tmp/p/usr/share/hello && printf 'Package: hello-room\\nVersion: 1\\nArchitecture: all\\nMaintainer: a <a@b.c>\\nDescription: x\\n'"
                   " > /tmp/p/DEBIAN/control && echo hi > /tmp/p/usr/share/hello/f && dpkg-deb -b /tmp/p /tmp/p.deb && sudo -n dpkg -i /tmp/p.deb && cat /usr/share/hello/f"
                   " && sudo -n dpkg -r hello-room", "hi")

    def test_apt_runs(self) -> None:
        self.works("apt-cache policy bash >/dev/null && sudo -n apt-get -s remove hostname >/dev/null; apt-get --version | head -1", "apt")

    def test_renaming_directories_of_the_template(self) -> None:
        self.works("sudo -n sh -c 'cp -r /usr/share/doc /usr/share/doc.copy 2>/dev/null; mv /usr/share/zoneinfo /usr/share/moved && ls /usr/share/moved | head -1'"
                   " && sudo -n mv /usr/share/moved /usr/share/zoneinfo")

    def test_file_attributes_and_locks(self) -> None:
        self.python("import os, fcntl, mmap\nf = open('/tmp/l', 'w+b'); fcntl.flock(f, 2); fcntl.lockf(f, 2); f.truncate(8192)\nm = mmap.mmap(f.fileno(), 8192); m[0] = 1; m.flush()\n"
                    "os.setxattr('/tmp/l', 'user.a', b'b'); print(os.getxattr('/tmp/l', 'user.a')); os.link('/tmp/l', '/tmp/l2'); os.mkfifo('/tmp/fifo'); os.sync(); os.fsync(f.fileno())", "b'b'")

    def test_processes_are_listed(self) -> None:
        self.works("ps aux | grep -v grep | grep -q catatonit && free -m | grep -q Mem && nproc && uptime && df -h / && top -bn1 | head -3")

    def test_the_clock_and_names(self) -> None:
        self.works("date && hostname && getent hosts localhost && cat /etc/hostname", "sandbox")

    def test_orphans_are_reaped(self) -> None:
        self.works("for i in 1 2 3 4 5; do sh -c \"(sleep 0.05; touch /tmp/orphan$i) &\"; done; until [ $(ls /tmp | grep -c orphan) = 5 ]; do sleep 0.02; done;"
                   " while ps -eo ppid=,stat= | grep -q '^ *1 Z'; do sleep 0.02; done; echo none", "none")

    def test_root_of_the_room_can_do_its_work(self) -> None:
        self.works("cp /bin/true /tmp/t && chown 1000:1000 /tmp/t && chmod 6755 /tmp/t && install -d -o user /srv/app && su user -c 'id -un' && touch /root/x", "user", self.root)
        self.assertEqual(probe(self.root, "import os\npid = os.fork()\nif pid == 0:\n  os.setgroups([]); os.setresgid(1000, 1000, 1000); os.setresuid(1000, 1000, 1000)\n"
                                          "  os._exit(os.getuid() == 1000)\nresult = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])"), 1)


if __name__ == "__main__":
    unittest.main()
