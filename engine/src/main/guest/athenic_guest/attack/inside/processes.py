"""Group `processes`: others' processes, scheduling, limits of one's own."""

from __future__ import annotations

import ctypes
import errno
import os
import resource
import signal

from .probe import HOST, add, call, errno_of, is_root, others, probe, processes, read, refused, succeeded

_GONE = (errno.ESRCH, errno.EPERM, errno.ENOSYS)


@probe("processes.list", "see processes of the host or of another sandbox", "only the room's own are in /proc")
def _list() -> str | None:
    found = processes()
    return f"{len(found)} processes, the highest is {max(found)}" if len(found) > 200 else None


@probe("processes.signal-all", "find processes outside by kill(pid, 0) over 40,000 numbers", "every answer is one of the room's processes")
def _signal_all() -> str | None:
    # A number beyond those in /proc is an exited child that waits to be reaped, or a thread.
    threads = {int(name) for pid in processes() for name in _threads(pid)}
    for pid in range(1, 40_000):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            continue
        except PermissionError:
            pass
        if pid not in threads and not os.path.exists(f"/proc/{pid}"):
            try:
                os.kill(pid, 0)
            except OSError:
                continue
            return f"process {pid} answers and is not in /proc"
    return None


def _threads(pid: int) -> list[str]:
    try:
        return os.listdir(f"/proc/{pid}/task")
    except OSError:
        return []


@probe("processes.host-pid", "signal a process of the host by its number", "there is no such process, or it is the room's own")
def _host_pid() -> str | None:
    for pid in HOST["pids"]:
        if os.path.exists(f"/proc/{pid}"):
            continue
        for number in (62, 434):  # kill, pidfd_open
            if errno_of(number, pid, 0) not in _GONE:
                return f"process {pid} of the host answers to call {number}"
    return None


@probe("processes.signal-agent", "signal the processes of the room's root as its user", "refused")
def _signal_agent() -> str | None:
    if is_root():
        return None
    for pid in others(os.getuid()):
        seen = succeeded(f"process {pid} takes signals", lambda: os.kill(pid, 0))  # noqa: B023
        if seen:
            return seen
        seen = succeeded(f"process {pid} takes signals by pidfd", lambda: signal.pidfd_send_signal(os.pidfd_open(pid), 0))  # noqa: B023
        if seen:
            return seen
    return None


@probe("processes.init-immortal", "kill the room's init from inside", "it lives, or only this room ends")
def _init() -> str | None:
    if is_root():
        return None  # ending one's own room is a right of its root; what it does to others is tried from outside
    return succeeded("init takes signals", lambda: os.kill(1, 0))


for _name, _number, _arguments in (
    ("ptrace-attach", 101, (16, 1, 0, 0)), ("ptrace-seize", 101, (0x4206, 1, 0, 0)), ("ptrace-traceme", 101, (0, 0, 0, 0)),
    ("process_vm_readv", 310, (1, 0, 0, 0, 0, 0)), ("process_vm_writev", 311, (1, 0, 0, 0, 0, 0)), ("kcmp", 312, (1, 1, 0, 0, 0)),
    ("pidfd_getfd", 438, (0, 0, 0)), ("process_madvise", 440, (0, 0, 0, 0, 0)), ("move_pages", 279, (1, 0, 0, 0, 0, 0)),
    ("migrate_pages", 256, (1, 0, 0, 0)),
):
    add(f"processes.{_name}", f"reach into another process with {_name.split('-')[0]}", "refused before the kernel looks at it",
        lambda number=_number, arguments=_arguments: refused(number, *arguments))  # type: ignore[misc]


@probe("processes.other-limits", "change the limits and priorities of the room's root as its user", "refused")
def _other_limits() -> str | None:
    if is_root():
        return None
    for pid in others(os.getuid()):
        for what, attempt in (("limits", lambda: resource.prlimit(pid, resource.RLIMIT_NOFILE, (1, 1))),  # noqa: B023
                              ("affinity", lambda: os.sched_setaffinity(pid, {0})),  # noqa: B023
                              ("priority", lambda: os.setpriority(os.PRIO_PROCESS, pid, 19)),  # noqa: B023
                              ("scheduler", lambda: os.sched_setscheduler(pid, os.SCHED_IDLE, os.sched_param(0))),  # noqa: B023
                              ("io priority", lambda: call(251, 1, pid, 3 << 13))):  # noqa: B023
            seen = succeeded(f"{what} of {pid} changed", attempt)
            if seen:
                return seen
    return None


for _policy in ("FIFO", "RR"):
    add(f"processes.realtime-{_policy.lower()}", f"run under SCHED_{_policy}", "refused",
        lambda policy=_policy: succeeded("it runs in real time", lambda: os.sched_setscheduler(0, getattr(os, f"SCHED_{policy}"), os.sched_param(1))))  # type: ignore[misc]


@probe("processes.deadline", "run under SCHED_DEADLINE", "refused")
def _deadline() -> str | None:
    attributes = (ctypes.c_uint64 * 7)(48 | (6 << 32), 0, 0, 10_000_000, 20_000_000, 20_000_000, 0)
    return succeeded("it has a deadline", lambda: call(314, 0, ctypes.byref(attributes), 0))


@probe("processes.nice", "raise the own priority over the host's", "refused")
def _nice() -> str | None:
    return succeeded("nice -20", lambda: os.setpriority(os.PRIO_PROCESS, 0, -20))


@probe("processes.io-priority", "take the real-time class of the disk", "refused")
def _io_priority() -> str | None:
    return succeeded("real-time io", lambda: call(251, 1, 0, 1 << 13))


@probe("processes.oom-score", "make oneself unkillable at the memory limit", "the score cannot be lowered")
def _oom_score() -> str | None:
    with open("/proc/self/oom_score_adj", encoding="ascii") as file:
        own = int(file.read())

    def lower() -> str:
        with open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:
            file.write("-1000" if own <= 0 else str(-1))
        with open("/proc/self/oom_score_adj", encoding="ascii") as file:
            return file.read().strip()

    return succeeded("the score is lower", lower)


for _name in ("NOFILE", "NPROC", "MEMLOCK", "SIGPENDING", "MSGQUEUE", "NICE", "RTPRIO", "CORE"):
    add(f"processes.raise-{_name.lower()}", f"raise RLIMIT_{_name}", "refused",
        lambda name=_name: _raise(name))  # type: ignore[misc]


def _raise(name: str) -> str | None:
    which = getattr(resource, f"RLIMIT_{name}")
    hard = resource.getrlimit(which)[1]
    if hard == resource.RLIM_INFINITY:
        return None if name == "NPROC" else "there is no limit"  # the pids cgroup counts processes
    try:
        resource.setrlimit(which, (hard + 1, hard + 1))
    except (OSError, ValueError):
        return None
    return f"raised from {hard}"


for _path in ("uid_map", "gid_map", "projid_map", "setgroups", "timens_offsets"):
    add(f"processes.write-{_path.replace('_', '-')}", f"write /proc/self/{_path}", "refused", lambda path=_path: _write_own(path))  # type: ignore[misc]


def _write_own(name: str) -> str | None:
    def write() -> None:
        with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
            file.write({"setgroups": "deny", "timens_offsets": "monotonic 100 0"}.get(name, "0 0 4294967295"))

    return succeeded("it was written", write)


@probe("processes.pagemap", "read physical addresses from /proc/self/pagemap", "they are zero")
def _pagemap() -> str | None:
    buffer = ctypes.create_string_buffer(b"x" * 8192)
    with open("/proc/self/pagemap", "rb") as file:
        file.seek(ctypes.addressof(buffer) // 4096 * 8)
        entry = int.from_bytes(file.read(8), "little")
    frame = entry & ((1 << 55) - 1)
    return f"page frame {frame:#x}" if frame else None


@probe("processes.init-environment", "read the environment and memory of pid 1", "empty or refused")
def _init_environment() -> str | None:
    found = read("/proc/1/environ")
    return f"{found[:100]!r}" if found else None


@probe("processes.init-mem", "open the memory of pid 1", "refused")
def _init_memory() -> str | None:
    if is_root():
        return None  # an init without rights and secrets, of the room's own root
    return succeeded("opened", lambda: os.close(os.open("/proc/1/mem", os.O_RDONLY)))
