"""Parts of roomd that need no room."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest

from roomd_client import GUEST_FOLDER

sys.path.insert(0, GUEST_FOLDER)

from athenic_guest.linux import SyscallError  # noqa: E402
from athenic_guest.roomd import cgroups, folders, plan, seccomp, seccomp_table  # noqa: E402
from athenic_guest.roomd.cgroup_v1 import HierarchyV1  # noqa: E402
from athenic_guest.roomd.cgroup_v2 import GroupV2, HierarchyV2  # noqa: E402
from athenic_guest.roomd.disk import copy_sparse  # noqa: E402
from athenic_guest.roomd.lockfile import LockFile  # noqa: E402
from athenic_guest.roomd.undo import Undo  # noqa: E402

LIMITS = cgroups.Limits(memory_bytes=64 << 20, cpu_millis=1500, pids=20, disk_bytes=1 << 30, inodes=1000)


class Plan(unittest.TestCase):
    def test_the_order_of_steps(self) -> None:
        steps = [f"{type(step).__name__} {getattr(step, 'path', getattr(step, 'name', ''))}" for step in plan.room_plan("box", 1 << 20)]

        order = [steps.index(wanted) for wanted in (
            "Mount dev", "Device null", "Mount dev/pts", "Mount proc", "Sysctl user/max_user_namespaces", "ReadOnly proc/sys",
            "Cover proc/sys/kernel/random/boot_id", "Mask proc/kcore", "TextFile etc/hosts", "Pivot ")]
        self.assertEqual(order, sorted(order))
        self.assertEqual(steps[-1], "Pivot ")

    def test_every_mount_forbids_devices_or_is_devices(self) -> None:
        for step in plan.room_plan("box", 1 << 20):
            if isinstance(step, plan.Mount):
                self.assertTrue(step.flags & 2, step)  # MS_NOSUID
                self.assertTrue(step.flags & 4 or step.path in ("dev", "dev/pts"), step)  # MS_NODEV


class Seccomp(unittest.TestCase):
    def test_both_filters_compile(self) -> None:
        for program in seccomp.compile_filters():
            self.assertGreater(len(program), 400)
            self.assertEqual(len(program) % 8, 0)
            self.assertLessEqual(len(program) // 8, 4096)  # BPF_MAXINSNS

    def test_no_call_is_both_allowed_and_refused(self) -> None:
        names: dict[str, seccomp_table.Rule] = {}
        for rule in seccomp_table.CALLS:
            for name in rule.calls.split():
                if not rule.when:
                    self.assertNotIn(name, names, f"{name}: {rule.group}")
                    names[name] = rule
            self.assertTrue(rule.reason)

    def test_the_dangerous_calls_are_named(self) -> None:
        refused = {name for rule in seccomp_table.CALLS if rule.action is seccomp_table.Action.EPERM for name in rule.calls.split()}
        self.assertLessEqual({"unshare", "setns", "mount", "ptrace", "bpf", "keyctl", "io_uring_setup", "userfaultfd", "open_by_handle_at"}, refused)
        everything = {name for rule in seccomp_table.CALLS for name in rule.calls.split()}
        self.assertNotIn("clone3", everything)


class CgroupV2(unittest.TestCase):
    """v2's files on a host whose controllers are on v1: the values by a folder of plain files, killing and freezing on the real tree."""

    def test_limits(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            for name in ("memory.max", "memory.swap.max", "cpu.max", "cpu.weight", "pids.max"):
                open(f"{folder}/{name}", "w", encoding="ascii").close()
            GroupV2(folder).limit(LIMITS)

            self.assertEqual({name: cgroups.read(f"{folder}/{name}") for name in os.listdir(folder)}, {
                "memory.max": str(64 << 20), "memory.swap.max": "0", "cpu.max": "150000 100000", "cpu.weight": "150", "pids.max": "20"})

    def test_a_limit_that_cannot_be_set_fails(self) -> None:
        with tempfile.TemporaryDirectory() as folder, self.assertRaises(SyscallError) as caught:
            GroupV2(folder).limit(LIMITS)
        self.assertIn("memory.max", str(caught.exception))

    def test_usage(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            for name, text in (("memory.current", "4096\n"), ("memory.max", "8192\n"), ("cpu.stat", "usage_usec 77\nuser_usec 7\n"), ("pids.current", "3\n"),
                               ("memory.events", "low 0\noom 2\noom_kill 1\n")):
                with open(f"{folder}/{name}", "w", encoding="ascii") as file:
                    file.write(text)
            self.assertEqual(GroupV2(folder).usage(), cgroups.Usage(4096, 8192, 77, 3, 1))

    def test_missing_controllers_are_named(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            with open(f"{folder}/cgroup.controllers", "w", encoding="ascii") as file:
                file.write("cpu pids\n")
            with self.assertRaises(SyscallError) as caught:
                HierarchyV2(folder, "x").prepare()
            self.assertIn("controllers memory", str(caught.exception))

    def test_frozen_and_killed_on_the_real_tree(self) -> None:
        tree = cgroups.find_mounts().v2
        if tree is None:
            raise RuntimeError("this host has no cgroup v2 tree")
        path = f"{tree}/athenic-test-{os.getpid()}"
        group = GroupV2(path)
        group.make()
        try:
            child = subprocess.Popen(["/bin/sh", "-c", "while :; do :; done"])
            cgroups.write(f"{path}/cgroup.procs", str(child.pid))
            group.freeze(True)
            self.assertEqual(cgroups.read_key(f"{path}/cgroup.events", "frozen"), 1)
            self.assertEqual(group.pids(), {child.pid})
            group.kill()
            self.assertEqual(child.wait(60), -signal.SIGKILL)
        finally:
            group.remove()
        self.assertFalse(os.path.exists(path))


class CgroupV1(unittest.TestCase):
    def test_missing_controllers_are_named(self) -> None:
        with self.assertRaises(SyscallError) as caught:
            HierarchyV1(cgroups.Mounted({"memory": "/m"}, None), "x")
        self.assertIn("pids", str(caught.exception))

    def test_mounts_are_found(self) -> None:
        with tempfile.NamedTemporaryFile("w", suffix="mountinfo") as file:
            file.write("31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
                       "33 31 0:30 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw,nsdelegate\n")
            file.flush()
            found = cgroups.find_mounts(file.name)
        self.assertEqual(found.v2, "/sys/fs/cgroup/unified")
        self.assertEqual(found.v1["cpuacct"], "/sys/fs/cgroup/cpu,cpuacct")
        self.assertEqual(found.v1["cpu"], "/sys/fs/cgroup/cpu,cpuacct")


class Steps(unittest.TestCase):
    def test_undo_runs_in_reverse_and_keeps_the_first_failure(self) -> None:
        done: list[str] = []

        def fail(text: str) -> None:
            done.append(text)
            raise OSError(text)

        undo = Undo()
        undo.add(lambda: done.append("ids"), after_success=True)
        undo.add(lambda: done.append("folder"))
        undo.add(lambda: fail("second"))
        undo.add(lambda: fail("first"))
        with self.assertRaises(OSError) as caught:
            undo.run()
        self.assertEqual(done, ["first", "second", "folder"])
        self.assertEqual((str(caught.exception), caught.exception.__notes__), ("first", ["second"]))

    def test_errors_name_call_subject_errno_and_hint(self) -> None:
        with self.assertRaises(SyscallError) as caught:
            cgroups.write("/proc/self/none/x", "1")
        self.assertRegex(str(caught.exception), r"write\('1' to /proc/self/none/x\): ENOENT \(No such file or directory\)")

    def test_sparse_copies_stay_sparse(self) -> None:
        with tempfile.TemporaryFile() as source, tempfile.TemporaryFile() as target:
            source.truncate(1 << 30)
            source.seek(512 << 20)
            source.write(b"middle")
            source.flush()
            copy_sparse(source.fileno(), target.fileno(), 1 << 30)

            self.assertEqual(os.fstat(target.fileno()).st_size, 1 << 30)
            self.assertLess(os.fstat(target.fileno()).st_blocks * 512, 1 << 20)
            self.assertEqual(os.pread(target.fileno(), 6, 512 << 20), b"middle")

    def test_folders_of_others_are_refused(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.close(folders.open_owned(opened, "mine"))
                os.mkdir(f"{folder}/loose")
                os.chmod(f"{folder}/loose", 0o777)
                os.mkdir(f"{folder}/theirs")
                os.chown(f"{folder}/theirs", 65534, 65534)
                os.symlink("/etc", f"{folder}/link")
                for name in ("loose", "theirs", "link"):
                    with self.subTest(name), self.assertRaises(OSError):
                        folders.open_owned(opened, name)
            finally:
                os.close(opened)


class Locks(unittest.TestCase):
    def test_a_lock_has_one_holder_and_goes_at_the_end(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = f"{folder}/lock"
            first = LockFile.try_take(path)
            assert first is not None
            self.assertIsNone(LockFile.try_take(path))
            first.release()
            self.assertFalse(os.path.exists(path))
            second = LockFile.try_take(path)
            assert second is not None
            second.release()

    def test_the_lock_of_a_killed_holder_is_free(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            pid = os.fork()
            if pid == 0:
                LockFile.try_take(f"{folder}/lock")
                os._exit(0)
            os.waitpid(pid, 0)

            held = LockFile.try_take(f"{folder}/lock")
            assert held is not None
            held.release()


class Start(unittest.TestCase):
    def test_bad_arguments_are_explained(self) -> None:
        for arguments, text in ((["--data", "/none", "--runtime", "/run/athenic/x", "--uid", "0", "--gid", "0"], "--data is no directory"),
                                (["--data", "/tmp", "--runtime", "/run/../etc", "--uid", "0", "--gid", "0"], "--runtime must be"),
                                (["--data", "/tmp", "--runtime", "/run/athenic/x", "--uid", "-1", "--gid", "0"], "must not be negative")):
            done = subprocess.run([sys.executable, "-I", f"{GUEST_FOLDER}/roomd.py", *arguments], capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 2)
            self.assertIn(text, done.stderr)

    def test_until_ends(self) -> None:
        self.assertEqual(sum(1 for _ in cgroups.until(time.monotonic() - 1)), 1)
        self.assertGreaterEqual(sum(1 for _ in cgroups.until(time.monotonic() + 0.05)), 1)
        patient = cgroups.until(time.monotonic() + 600)
        self.assertEqual([next(patient) for _ in range(3)], [None] * 3)


if __name__ == "__main__":
    unittest.main()
