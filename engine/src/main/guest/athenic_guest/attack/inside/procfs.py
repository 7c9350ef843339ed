"""Group `proc`: what /proc tells and takes."""

from __future__ import annotations

import os
import stat

from .probe import HOST, add, finds, is_root, needles, probe, processes, read, succeeded

# What tells about the machine or reaches into it. Written down apart from the product's own list, so that a name missing there is seen here.
_SECRET = """acpi asound bootconfig buddyinfo bus cmdline config.gz consoles crypto device-tree diskstats dma driver dynamic_debug fb fs interrupts iomem
ioports irq kallsyms kcore key-users keys kmsg kpagecgroup kpagecount kpageflags latency_stats locks mdstat modules mtd mtrr pagetypeinfo partitions
pressure sched_debug schedstat scsi slabinfo softirqs swaps sysrq-trigger timer_list timer_stats tty vmallocinfo vmstat zoneinfo allocinfo execdomains misc""".split()


def _secret(name: str) -> str | None:
    path = f"/proc/{name}"
    if os.path.isdir(path):
        found = os.listdir(path)
        return f"it has {found[:5]}" if found else None
    found_bytes = read(path, 200)
    return f"{found_bytes[:60]!r}" if found_bytes else None


def _written(path: str) -> str | None:
    """A mask is the device null, which takes everything and keeps nothing."""
    if os.path.exists(path) and stat.S_ISCHR(os.stat(path).st_mode):
        return None
    return succeeded("it opened for writing", lambda: os.close(os.open(path, os.O_WRONLY)))


for _name in _SECRET:
    add(f"proc.read-{_name.replace('_', '-')}", f"read /proc/{_name}", "empty or not there", lambda name=_name: _secret(name))  # type: ignore[misc]
for _name in ("sysrq-trigger", "sys/kernel/core_pattern", "sys/kernel/modprobe", "sys/kernel/hotplug", "sys/kernel/sysrq", "sys/kernel/panic", "sys/kernel/hostname",
              "sys/kernel/randomize_va_space", "sys/kernel/yama/ptrace_scope", "sys/kernel/kptr_restrict", "sys/kernel/unprivileged_bpf_disabled", "sys/kernel/poweroff_cmd",
              "sys/kernel/ns_last_pid", "sys/kernel/shmmax", "sys/kernel/msgmax", "sys/vm/drop_caches", "sys/vm/overcommit_memory", "sys/vm/panic_on_oom", "sys/fs/binfmt_misc/register",
              "sys/fs/file-max", "sys/fs/suid_dumpable", "sys/fs/protected_symlinks", "sys/fs/mqueue/msg_max", "sys/net/ipv4/ip_forward", "sys/net/core/somaxconn",
              "sys/user/max_user_namespaces", "sys/debug/exception-trace", "sys/dev/scsi/logging_level", "irq/default_smp_affinity", "kcore", "mtrr"):
    add(f"proc.write-{_name.replace('/', '-').replace('_', '-')}", f"write /proc/{_name}", "refused", lambda name=_name: _written(f"/proc/{name}"))  # type: ignore[misc]


@probe("proc.writable", "find any file of /proc outside the processes' folders that opens for writing", "there is none")
def _any_writable() -> str | None:
    own = {str(pid) for pid in processes()} | {"self", "thread-self"}
    for top in os.listdir("/proc"):
        if top in own:
            continue
        for folder, _, names in [("/proc", [], [top])] if not os.path.isdir(f"/proc/{top}") else os.walk(f"/proc/{top}"):
            for name in names:
                if folder.startswith("/proc/net") or os.path.islink(f"{folder}/{name}"):
                    continue
                if _written(f"{folder}/{name}"):
                    return f"{folder}/{name}"
    return None


@probe("proc.net-writable", "find any file of /proc/net and /proc/sys/net that opens for writing", "there is none")
def _net_writable() -> str | None:
    for root in ("/proc/self/net", "/proc/sys/net"):
        for folder, _, names in os.walk(root):
            for name in names:
                if _written(f"{folder}/{name}"):
                    return f"{folder}/{name}"
    return None


@probe("proc.boot-id", "recognise the machine by its boot id", "it is the room's own")
def _boot_id() -> str | None:
    return "it is the host's" if read("/proc/sys/kernel/random/boot_id").decode().strip() == HOST["bootId"] else None


@probe("proc.mounts", "learn the host's paths from the mount table", "none is in it")
def _mounts() -> str | None:
    for name in ("mountinfo", "mounts", "mountstats"):
        text = read(f"/proc/self/{name}").decode()
        found = [mark for mark in HOST["paths"] if mark in text]
        if found:
            return f"/proc/self/{name} has {found}"
    return None


@probe("proc.mounts-of-others", "learn the host's paths from the mount tables of all processes", "none is in them")
def _mounts_of_others() -> str | None:
    for pid in processes():
        for name in ("mountinfo", "mounts", "mountstats", "cgroup", "cpuset", "cmdline", "environ", "maps", "smaps", "numa_maps"):
            try:
                text = read(f"/proc/{pid}/{name}", 1 << 20).decode("utf-8", "replace")
            except OSError:
                continue
            found = [mark for mark in HOST["paths"] if mark in text]
            if found:
                return f"/proc/{pid}/{name} has {found}"
    return None


@probe("proc.cgroup", "learn or reach the host's control groups", "the room's is the root, and no cgroup file system is mounted")
def _cgroup() -> str | None:
    text = read("/proc/self/cgroup").decode()
    for line in text.splitlines():
        if line.rsplit(":", 1)[1] != "/":
            return line
    return None if not os.path.exists("/sys/fs/cgroup") else "/sys/fs/cgroup is there"


@probe("proc.file-systems", "find debugfs, tracefs, bpf, cgroup, sysfs or the host's disks mounted", "only the room's own are")
def _file_systems() -> str | None:
    kinds = {line.split(" - ")[1].split()[0] for line in read("/proc/self/mountinfo").decode().splitlines()}
    extra = kinds - {"overlay", "tmpfs", "devpts", "proc", "mqueue", "devtmpfs", "ext4"}
    return f"{extra} are mounted" if extra else None


@probe("proc.mount-flags", "run setuid programs or devices from the room's tmpfs, proc and shm", "they are mounted nosuid")
def _flags() -> str | None:
    for line in read("/proc/self/mountinfo").decode().splitlines():
        left, right = line.split(" - ")
        path, options = left.split()[4:6]
        if path != "/" and "nosuid" not in options and not path.startswith("/dev/") and right.split()[0] != "devtmpfs":
            return f"{path} is mounted {options}"
    return None


@probe("proc.maps-of-init", "read the address layout of pid 1", "refused to the user")
def _maps() -> str | None:
    return None if is_root() else succeeded("read", lambda: read("/proc/1/maps")[:50] or None)


@probe("proc.net-unix", "see the host's unix sockets", "only the room's own are listed")
def _unix() -> str | None:
    text = read("/proc/net/unix", 1 << 20).decode()
    found = [mark for mark in (*HOST["paths"], HOST["abstract"]) if mark in text]
    return f"{found} are listed" if found else None


@probe("proc.net-dev", "see the host's network interfaces", "only lo is listed")
def _interfaces() -> str | None:
    names = [line.split(":")[0].strip() for line in read("/proc/net/dev").decode().splitlines()[2:]]
    return f"{names}" if names != ["lo"] else None


@probe("proc.net-route", "see the host's routes and neighbours", "there are none")
def _routes() -> str | None:
    routes = [line for line in read("/proc/net/route").decode().splitlines()[1:] if not line.startswith("lo")]
    arp = read("/proc/net/arp").decode().splitlines()[1:]
    return f"{routes or arp}" if routes or arp else None


@probe("proc.net-tcp", "see the host's connections", "only the room's own are listed")
def _connections() -> str | None:
    wanted = f":{HOST['port']:04X} "
    return "the host's port is listed" if any(wanted in read(f"/proc/net/{name}", 1 << 20).decode() for name in ("tcp", "tcp6")) else None


@probe("proc.sysvipc", "see the host's shared memory, queues and semaphores", "the host's key is not listed")
def _ipc() -> str | None:
    for name in ("shm", "msg", "sem"):
        if str(HOST["ipcKey"]) in read(f"/proc/sysvipc/{name}").decode().split():
            return f"it is in /proc/sysvipc/{name}"
    return None


@probe("proc.pid-max", "see a host's process number in /proc/loadavg and /proc/sys/kernel/ns_last_pid", "they count the room's own processes")
def _last_pid() -> str | None:
    last = int(read("/proc/loadavg").split()[4])
    return f"the last pid is {last}" if last > 200_000 else None


@probe("proc.environ", "read the environment of every process for the host's", "it is not there")
def _environment() -> str | None:
    for pid in processes():
        try:
            found = read(f"/proc/{pid}/environ", 1 << 20)
        except OSError:
            continue
        for name, needle in needles().items():
            if finds(needle, found):
                return f"process {pid} has {name}"
    return None


@probe("proc.init-writable", "write the files of pid 1", "refused")
def _init_writable() -> str | None:
    if is_root():
        return None
    for name in ("oom_score_adj", "comm", "mem", "clear_refs", "sched", "autogroup", "coredump_filter", "timerslack_ns"):
        seen = succeeded(f"/proc/1/{name} was written", lambda: _write(f"/proc/1/{name}", b"1"))  # noqa: B023
        if seen:
            return seen
    return None


@probe("proc.label", "change the own security label (SELinux, AppArmor)", "refused")
def _label() -> str | None:
    for name in ("current", "exec", "fscreate", "keycreate", "sockcreate"):
        for text in (b"changeprofile unconfined", b"exec unconfined", b"unconfined_u:unconfined_r:unconfined_t:s0"):
            seen = succeeded(f"/proc/self/attr/{name} took {text!r}", lambda: _write(f"/proc/self/attr/{name}", text))  # noqa: B023
            if seen:
                return seen
    return None


def _write(path: str, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY)
    try:
        os.write(descriptor, data)
    finally:
        os.close(descriptor)
