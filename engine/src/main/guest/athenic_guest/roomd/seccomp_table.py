"""Which system calls a room has, as data: groups with a reason each.

Two filters are stacked; the kernel obeys the stricter (seccomp(2)). `CALLS` is an allow list in the style of container runtimes' default
profile, without any rule that depends on a capability: a room has capabilities of its own, but they must not widen the kernel's surface.
What is not in it answers ENOSYS, so that libraries fall back (clone3 → clone, new calls → old ones). `ARGUMENTS` allows everything
but some arguments; it exists because a comparison like "not TIOCSTI in the low 32 bits" cannot be said in an allow list.
Foreign ABIs (int 0x80, x32) end the process: Linux's numbers differ there and the filters would be about the wrong calls.
"""

from __future__ import annotations

import enum
from typing import Final, NamedTuple


class Action(enum.Enum):
    """What the kernel does; numbers are errno values (errno.h)."""

    ALLOW = "allow"
    PRETEND = 0
    EPERM = 1
    ENODEV = 19
    ENOSYS = 38
    EPROTONOSUPPORT = 93
    EAFNOSUPPORT = 97


class Compare(NamedTuple):
    """A condition on argument number `argument`: `==`, `>`, or `&` (argument & mask == value)."""

    argument: int
    operator: str
    value: int
    mask: int = 0


class Rule(NamedTuple):
    """The calls of one group (names separated by spaces), when, what happens, why."""

    group: str
    calls: str
    action: Action
    reason: str
    when: tuple[Compare, ...] = ()


_LOW = 0xFFFF_FFFF  # the kernel looks at the low half of an int argument only
_UNIX, _INET, _INET6, _NETLINK = 1, 2, 10, 16  # bits/socket.h
_RAW, _PACKET = 3, 10
# linux/in.h, linux/in6.h: the options of setsockopt(2), by level, that join a multicast group.
_IP, _IPV6, _FLOWLABEL = 0, 41, 32
_JOINS: Final = ((_IP, 35), (_IP, 39), (_IP, 42), (_IP, 46), (_IPV6, 20), (_IPV6, 27), (_IPV6, 42), (_IPV6, 46))
_NAMESPACE_FLAGS: Final = (0x0002_0000, 0x0200_0000, 0x0400_0000, 0x0800_0000, 0x1000_0000, 0x2000_0000, 0x4000_0000)

_ALLOWED: Final = (
    Rule("files", """access chdir chmod chown close close_range copy_file_range creat dup dup2 dup3 faccessat faccessat2 fadvise64 fallocate
        fchdir fchmod fchmodat fchmodat2 fchown fchownat fcntl fdatasync fgetxattr flistxattr flock fremovexattr fsetxattr fstat fstatfs
        fsync ftruncate futimesat getcwd getdents getdents64 getxattr lchown lgetxattr link linkat listxattr llistxattr lremovexattr lseek
        lsetxattr lstat mkdir mkdirat mknod mknodat newfstatat open openat openat2 pread64 preadv preadv2 pwrite64 pwritev pwritev2 read
        readahead readlink readlinkat readv removexattr rename renameat renameat2 rmdir sendfile setxattr splice stat statfs statx symlink
        symlinkat sync_file_range syncfs tee truncate umask unlink unlinkat utime utimensat utimes write writev""",
         Action.ALLOW, "the room's own file system; mknod makes fifos and sockets, devices need a capability of the host"),
    Rule("memory", """brk madvise membarrier memfd_create mincore mlock mlock2 mlockall mmap mprotect mremap mseal msync munlock munlockall
        munmap pkey_alloc pkey_free pkey_mprotect get_mempolicy""", Action.ALLOW, "bounded by the memory cgroup"),
    Rule("processes", """arch_prctl capget capset execve execveat exit exit_group fork getcpu getegid geteuid getgid getgroups getpgid getpgrp
        getpid getppid getpriority getresgid getresuid getrlimit getrusage getsid gettid getuid kill pidfd_open pidfd_send_signal prctl
        prlimit64 process_mrelease rseq set_robust_list get_robust_list set_tid_address set_thread_area get_thread_area setfsgid setfsuid
        setgid setgroups setpgid setpriority setregid setresgid setresuid setreuid setrlimit setsid setuid tgkill times tkill vfork wait4
        waitid waitpid ioprio_get ioprio_set sysinfo uname map_shadow_stack""",
         Action.ALLOW, "within the room's pid and user namespaces; bounded by the pids cgroup"),
    Rule("threads", "clone", Action.ALLOW, "threads and forks; new namespaces are refused below"),
    Rule("scheduling", """futex futex_requeue futex_time64 futex_wait futex_waitv futex_wake sched_get_priority_max sched_get_priority_min
        sched_getaffinity sched_getattr sched_getparam sched_getscheduler sched_rr_get_interval sched_setaffinity sched_setattr
        sched_setparam sched_setscheduler sched_yield""", Action.ALLOW, "within the cpu cgroup; real time needs a capability of the host"),
    Rule("signals", """pause restart_syscall rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend
        rt_sigtimedwait rt_tgsigqueueinfo sigaltstack signalfd signalfd4""", Action.ALLOW, "within the room"),
    Rule("time", """alarm clock_getres clock_gettime clock_nanosleep getitimer gettimeofday nanosleep setitimer time timer_create timer_delete
        timer_getoverrun timer_gettime timer_settime timerfd_create timerfd_gettime timerfd_settime""", Action.ALLOW, "reading clocks and waiting"),
    Rule("waiting", """epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait epoll_wait_old eventfd eventfd2
        inotify_add_watch inotify_init inotify_init1 inotify_rm_watch pipe pipe2 poll ppoll pselect6 select""", Action.ALLOW, "event loops"),
    Rule("ipc", """mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedsend mq_unlink msgctl msgget msgrcv msgsnd semctl semget semop
        semtimedop shmat shmctl shmdt shmget""", Action.ALLOW, "within the room's ipc namespace"),
    Rule("network", """accept accept4 bind connect getpeername getsockname getsockopt listen recvfrom recvmmsg recvmsg sendmmsg sendmsg sendto
        setsockopt shutdown""", Action.ALLOW, "within the room's network namespace, which has a loopback interface only"),
    Rule("terminal", "ioctl", Action.ALLOW, "on descriptors that the room can open; some requests are refused below"),
    Rule("own sandboxes", "seccomp landlock_create_ruleset landlock_add_rule landlock_restrict_self", Action.ALLOW, "they only take away"),
    Rule("random", "getrandom", Action.ALLOW, "harmless"),
)

_REFUSED: Final = (
    Rule("namespaces", "unshare setns", Action.EPERM, "a new user namespace gives full capabilities inside it"),
    Rule("mounts", """mount umount umount2 move_mount open_tree open_tree_attr fsopen fsconfig fsmount fspick mount_setattr pivot_root chroot
        quotactl quotactl_fd swapon swapoff""", Action.EPERM, "the tree of a room does not change; file system parsers are not for guests"),
    Rule("keys", "keyctl add_key request_key", Action.EPERM, "keyrings have no namespace: they are the host's"),
    Rule("other processes' memory", "ptrace process_vm_readv process_vm_writev process_madvise kcmp pidfd_getfd", Action.EPERM,
         "guests must not take over the agent, and a tracer could get round filters on old kernels"),
    Rule("large kernel surfaces", "io_uring_setup io_uring_enter io_uring_register bpf userfaultfd perf_event_open fanotify_init fanotify_mark",
         Action.EPERM, "the source of most recent kernel exploits; nothing here needs them"),
    Rule("aio", "io_setup io_destroy io_submit io_cancel io_getevents io_pgetevents", Action.ENOSYS,
         "fs.aio-max-nr is one number for the whole machine: a room could use it up"),
    Rule("handles", "name_to_handle_at open_by_handle_at", Action.EPERM, "a handle gets round the mount namespace"),
    Rule("host", """reboot init_module finit_module delete_module kexec_load kexec_file_load acct syslog vhangup sethostname setdomainname
        iopl ioperm modify_ldt vm86 vm86old lookup_dcookie nfsservctl uselib ustat sysfs _sysctl create_module get_kernel_syms query_module
        memfd_secret""", Action.EPERM, "they are about the machine"),
    Rule("clock", "clock_settime clock_adjtime adjtimex settimeofday stime", Action.EPERM, "the clock is the host's"),
    Rule("numa", "mbind set_mempolicy set_mempolicy_home_node migrate_pages move_pages", Action.EPERM, "placement of memory is the host's"),
    Rule("sync", "sync", Action.PRETEND, "it would write out the whole host and make neighbours wait; syncfs and fsync work"),
)


def _socket_rules() -> tuple[Rule, ...]:
    allowed = [Rule("sockets", "socket socketpair", Action.ALLOW, "between the room's processes", (Compare(0, "==", _UNIX),)),
               Rule("sockets", "socket", Action.ALLOW, "NETLINK_ROUTE only: getifaddrs(3) needs it",
                    (Compare(0, "==", _NETLINK), Compare(2, "==", 0)))]
    for family in (_INET, _INET6):
        for protocol in (0, 1, 6, 17, 58):  # default, icmp, tcp, udp, icmpv6
            allowed.append(Rule("sockets", "socket", Action.ALLOW, "loopback",
                                (Compare(0, "==", family), Compare(2, "==", protocol))))
    return tuple(allowed)


CALLS: Final = (
    *_ALLOWED,
    *_REFUSED,
    *_socket_rules(),
    *(Rule("personality", "personality", Action.ALLOW, "0 and the query; others switch protections such as randomisation off",
           (Compare(0, "==", value),)) for value in (0, _LOW)),
)

ARGUMENTS: Final = (
    *(Rule("namespaces", "clone", Action.EPERM, "a new user namespace gives full capabilities inside it",
           (Compare(0, "&", flag, flag),)) for flag in _NAMESPACE_FLAGS),
    Rule("terminal", "ioctl", Action.EPERM, "TIOCSTI types into another process's terminal", (Compare(1, "&", 0x5412, _LOW),)),
    Rule("terminal", "ioctl", Action.EPERM, "TIOCLINUX pastes into the console", (Compare(1, "&", 0x541C, _LOW),)),
    *(Rule("sockets", "setsockopt", Action.ENODEV, "the memory of multicast groups is charged to nobody; there is no network to join them on",
           (Compare(1, "&", level, _LOW), Compare(2, "&", option, _LOW))) for level, option in _JOINS),
    Rule("sockets", "setsockopt", Action.EPERM, "there are 4,096 flow labels for the whole machine",
         (Compare(1, "&", _IPV6, _LOW), Compare(2, "&", _FLOWLABEL, _LOW))),
    *(Rule("sockets", "socket", Action.EPERM, "raw sockets", (Compare(0, "==", family), Compare(1, "&", kind, 0xF)))
      for family in (_INET, _INET6) for kind in (_RAW, _PACKET)),
    *(Rule("sockets", "socket", Action.EPROTONOSUPPORT, "sctp, mptcp and the like: modules nobody here needs",
           (Compare(0, "==", family), Compare(2, ">", 58))) for family in (_INET, _INET6)),
    Rule("sockets", "socket", Action.EPROTONOSUPPORT, "netlink other than route: audit (sudo asks for it), netfilter, uevents",
         (Compare(0, "==", _NETLINK), Compare(2, ">", 0))),
    *(Rule("sockets", "socket socketpair", Action.EAFNOSUPPORT, "packet, vsock, alg, bluetooth, tipc …: kernel surface",
           (Compare(0, "==", family),)) for family in range(_NETLINK + 1) if family not in (_UNIX, _INET, _INET6, _NETLINK)),
    Rule("sockets", "socket socketpair", Action.EAFNOSUPPORT, "packet, vsock, alg, bluetooth, tipc …: kernel surface",
         (Compare(0, ">", _NETLINK),)),
)
