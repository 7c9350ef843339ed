"""Groups `capabilities` and `calls`: rights of the host, and the kernel's privileged entries."""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
import subprocess
from typing import Final

from .probe import HOST, add, call, errno_of, is_root, probe, read, refused, succeeded

# linux/capability.h
_NAMES: Final = """chown dac_override dac_read_search fowner fsetid kill setgid setuid setpcap linux_immutable net_bind_service net_broadcast net_admin
net_raw ipc_lock ipc_owner sys_module sys_rawio sys_chroot sys_ptrace sys_pacct sys_admin sys_boot sys_nice sys_resource sys_time sys_tty_config
mknod lease audit_write audit_control setfcap mac_override mac_admin syslog wake_alarm block_suspend audit_read perfmon bpf checkpoint_restore""".split()
_ROOMS: Final = {"chown", "dac_override", "fowner", "fsetid", "kill", "setgid", "setuid", "setpcap", "net_bind_service"}
_libc = ctypes.CDLL(None, use_errno=True)


def _sets() -> dict[str, int]:
    lines = (line.split() for line in read("/proc/self/status").decode().splitlines() if line.startswith("Cap"))
    return {name[3:6]: int(value, 16) for name, value in lines}


@probe("capabilities.sets", "hold a capability in any set that the room does not need", "the user's sets are empty, the root's are the nine that act on the room")
def _all_sets() -> str | None:
    allowed = sum(1 << _NAMES.index(name) for name in _ROOMS)
    found = _sets()
    limits = {"Inh": 0, "Amb": 0, "Bnd": allowed, "Prm": allowed if is_root() else 0, "Eff": allowed if is_root() else 0}
    wrong = {name: f"{found[name]:x}" for name, limit in limits.items() if found[name] & ~limit}
    return str(wrong) if wrong else None


for _number, _name in enumerate(_NAMES):
    if _name not in _ROOMS:
        add(f"capabilities.{_name.replace('_', '-')}", f"take CAP_{_name.upper()}", "it is in no set and cannot be added",
            lambda number=_number: _take(number))  # type: ignore[misc]


def _take(number: int) -> str | None:
    if _libc.prctl(23, number, 0, 0, 0) == 1:  # PR_CAPBSET_READ
        return "it is in the bounding set"
    if any(value >> number & 1 for value in _sets().values()):
        return "it is in a set"
    header, data = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    data[number // 32 * 3] = data[number // 32 * 3 + 1] = 1 << number % 32
    if errno_of(126, ctypes.byref(header), ctypes.byref(data)) == 0:
        return "capset(2) added it"
    if _libc.prctl(47, 2, number, 0, 0) == 0:  # PR_CAP_AMBIENT_RAISE
        return "it was raised to ambient"
    return None


@probe("capabilities.sudo", "get a right of the host by sudo", "root inside is the room's own powerless root")
def _sudo() -> str | None:
    found = subprocess.run(["sudo", "-n", "/bin/sh", "-c", "grep -h -E '^Cap(Prm|Eff|Bnd)' /proc/self/status; cat /proc/self/uid_map"],
                           capture_output=True, text=True, timeout=40, check=False)
    if found.returncode:
        return None
    allowed = sum(1 << _NAMES.index(name) for name in _ROOMS)
    *sets, mapping = found.stdout.splitlines()
    if any(int(line.split()[1], 16) & ~allowed for line in sets) or int(mapping.split()[1]) < 100_000:
        return found.stdout
    return None


@probe("capabilities.setuid-programs", "run every setuid program of the template and look at its rights", "none has a right of the host")
def _setuid_programs() -> str | None:
    for folder in ("/usr/bin", "/usr/sbin", "/usr/lib", "/usr/local/bin"):
        for path, _, names in os.walk(folder):
            for name in names:
                try:
                    info = os.lstat(f"{path}/{name}")
                    if os.listxattr(f"{path}/{name}", follow_symlinks=False).count("security.capability"):
                        return f"{path}/{name} has file capabilities"
                except OSError:
                    continue
                if info.st_mode & 0o4000 and info.st_uid not in (0, os.getuid()) and HOST:
                    return f"{path}/{name} is setuid to {info.st_uid}"
    return None


@probe("capabilities.no-nested", "become root in a namespace of one's own (mapping root)", "refused")
def _nested() -> str | None:
    return refused(272, 0x10000000 | 0x20000)


# Number (asm/unistd_64.h) and arguments that do no harm where the call would be taken.
_CALLS: Final = {
    "reboot": (169, 0, 0, 0), "kexec_load": (246, 0, 0, 0, 0), "kexec_file_load": (320, -1, -1, 0, 0, 0), "init_module": (175, 0, 0, 0),
    "finit_module": (313, -1, 0, 0), "delete_module": (176, 0, 0), "bpf": (321, 0, 0, 0), "perf_event_open": (298, 0, 0, 0, -1, 0),
    "keyctl": (250, 0, -3, 0), "add_key": (248, 0, 0, 0, 0), "request_key": (249, 0, 0, 0), "io_uring_setup": (425, 0, 0), "io_uring_enter": (426, -1, 0, 0, 0),
    "io_uring_register": (427, -1, 0, 0, 0), "userfaultfd": (323, 0), "syslog": (103, 10, 0, 0), "acct": (163, b"/nonexistent"), "iopl": (172, 3), "ioperm": (173, 0, 1, 1),
    "modify_ldt": (154, 0, 0, 0), "fanotify_init": (300, 0, 0), "fanotify_mark": (301, -1, 0, 0, 0, 0), "settimeofday": (164, 0, 0), "clock_settime": (227, 0, 0),
    "adjtimex": (159, 0), "clock_adjtime": (305, 0, 0), "sethostname": (170, b"x", 1), "setdomainname": (171, b"x", 1), "vhangup": (153,), "lookup_dcookie": (212, 0, 0, 0),
    "mbind": (237, 0, 0, 0, 0, 0, 0), "set_mempolicy": (238, 0, 0, 0), "set_mempolicy_home_node": (450, 0, 0, 0, 0), "memfd_secret": (447, 0), "uselib": (134, 0),
    "ustat": (136, 0, 0), "sysfs": (139, 3, 0, 0), "_sysctl": (156, 0), "create_module": (174, 0, 0), "query_module": (178, 0, 0, 0, 0, 0), "nfsservctl": (180, 0, 0, 0),
    "io_setup": (206, 1, 0), "io_submit": (209, 0, 0, 0), "io_destroy": (207, 0), "lsm_set_self_attr": (460, 0, 0, 0, 0), "lsm_list_modules": (461, 0, 0, 0),
    "cachestat": (451, -1, 0, 0, 0), "vmsplice": (278, -1, 0, 0, 0), "remap_file_pages": (216, 0, 0, 0, 0, 0), "uretprobe": (335,), "epoll-old": (214, 0, 0, 0, 0),
    "file_setattr": (469, -100, b"/tmp", 0, 0, 0), "setxattrat": (463, -100, b"/tmp", 0, 0, 0, 0),
}
for _name, _arguments in _CALLS.items():
    add(f"calls.{_name.replace('_', '-').strip('-')}", f"{_name}(2)", "refused before the kernel looks at its arguments",
        lambda arguments=_arguments, name=_name: None if name == "epoll-old" else refused(*arguments), ends=(4, 5, 11, 31) if _name == "uretprobe" else ())  # type: ignore[misc]


@probe("calls.personality", "switch address randomisation off", "refused")
def _personality() -> str | None:
    return next((seen for value in (0x0040000, 0x0100000, 0x0200000, 0x0800000, 8) if (seen := refused(135, value))), None)


@probe("calls.tiocsti", "type into a terminal by TIOCSTI and TIOCLINUX", "refused")
def _type_in() -> str | None:
    _, follower = os.openpty()
    return refused(16, follower, 0x5412, b"x") or refused(16, follower, 0x541C, b"\x02") or refused(16, follower, 0x5412 | 1 << 33, b"x")


def _run_code(code: bytes) -> str:
    """Machine code that makes one call in a foreign way and returns."""
    page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    page.write(code)
    value: int = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))()
    return f"the call returned {value}"


# asm/unistd_32.h and the x32 numbers: what would do harm if the filter counted in the wrong table.
for _name, _number in {"getpid": 20, "ptrace": 26, "mount": 21, "setuid": 23, "unshare": 310, "clone": 120, "vm86": 113, "modify_ldt": 123, "personality": 136, "keyctl": 288, "bpf": 357}.items():
    add(f"calls.i386-{_name.replace('_', '-')}", f"{_name} by the 32-bit gate (int 0x80)", "the process is ended",
        lambda number=_number: _run_code(b"\xb8" + number.to_bytes(4, "little") + b"\x31\xdb\x31\xc9\x31\xd2\xcd\x80\xc3"), ends=(31,))  # type: ignore[misc]
for _name, _number in {"getpid": 39, "ptrace": 521, "execve": 520, "ioctl": 514, "unshare": 272, "keyctl": 250, "bpf": 321, "process_vm_readv": 539}.items():
    add(f"calls.x32-{_name.replace('_', '-')}", f"{_name} by the x32 numbers", "the process is ended",
        lambda number=_number: _run_code(b"\xb8" + (0x40000000 | number).to_bytes(4, "little") + b"\x31\xff\x31\xf6\x31\xd2\x0f\x05\xc3"), ends=(31,))  # type: ignore[misc]


@probe("calls.mlock", "lock more memory than the limit", "refused, or within the room's memory")
def _mlock() -> str | None:
    page = mmap.mmap(-1, 64 << 20)
    return succeeded("64 MiB are locked", lambda: call(149, ctypes.addressof(ctypes.c_char.from_buffer(page)), 64 << 20))


@probe("calls.set-mm", "move the own program's boundaries (PR_SET_MM)", "refused")
def _set_mm() -> str | None:
    return None if _libc.prctl(35, 6, 0x400000, 0, 0) else "taken"


@probe("calls.port-io", "read a hardware port", "the process is ended", ends=(11,))
def _port_io() -> str | None:
    return _run_code(b"\x66\xba\x70\x00\xec\xc3")  # in al, 0x70


@probe("calls.privileged-instruction", "execute hlt, rdmsr and lgdt", "the process is ended", ends=(11, 4))
def _privileged() -> str | None:
    for code in (b"\xf4\xc3", b"\x0f\x32\xc3", b"\x0f\x01\x10\xc3"):
        pid = os.fork()
        if pid == 0:
            _run_code(code)
            os._exit(77)
        if os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 77:
            return f"{code.hex()} was executed"
    return None


@probe("calls.listener", "install a filter with a listener as a way to answer for other processes", "it covers only one's own processes")
def _listener() -> str | None:
    own = _libc.prctl(39, 0, 0, 0, 0)  # PR_GET_NO_NEW_PRIVS
    program = (ctypes.c_uint64 * 1)(0x7FFF0000 << 32 | 6)

    class Filter(ctypes.Structure):
        _fields_ = [("length", ctypes.c_ushort), ("program", ctypes.c_void_p)]

    code = errno_of(317, 1, 8, ctypes.byref(Filter(1, ctypes.addressof(program))))
    return None if own or code else "taken without no_new_privs"


@probe("calls.dmesg", "read the kernel's log", "refused")
def _dmesg() -> str | None:
    return succeeded("/dev/kmsg opened", lambda: read("/dev/kmsg")) or refused(103, 3, 0, 0)


@probe("calls.aslr-leak", "read kernel addresses from /proc/self", "they are hidden")
def _wchan() -> str | None:
    for name in ("stack", "syscall", "wchan"):
        try:
            text = read(f"/proc/self/{name}").decode()
        except OSError:
            continue
        if name == "stack" and text.strip():
            return text[:100]
        if "ffffffff8" in text and name != "syscall":
            return text[:100]
    return None


@probe("calls.errno-of-nothing", "make calls with numbers that do not exist", "ENOSYS")
def _nothing() -> str | None:
    for number in (471, 480, 500, 511, 548, 600, 1000, 65535, 1 << 20, (1 << 30) - 1):
        code = errno_of(number, 0, 0, 0, 0, 0, 0)
        if code != errno.ENOSYS:
            return f"{number}: {errno.errorcode.get(code, code)}"
    return None
