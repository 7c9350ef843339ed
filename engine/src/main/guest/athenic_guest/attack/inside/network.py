"""Groups `network` and `ipc`: everything but the room's own loopback, and what other processes of the machine share."""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import socket
import struct

from .probe import HOST, add, call, errno_of, probe, refused, succeeded

_NOT_THERE = (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ECONNREFUSED, errno.EADDRNOTAVAIL, errno.ENETDOWN, errno.EACCES, errno.EPERM, errno.EINVAL)


def _connect(family: int, address: tuple[object, ...]) -> str | None:
    with socket.socket(family, socket.SOCK_STREAM) as peer:
        peer.settimeout(20)
        try:
            code = peer.connect_ex(address)
        except OSError as error:
            code = error.errno or -1
        return None if code in _NOT_THERE else f"connect answered {errno.errorcode.get(code, code)}"


def _send(family: int, address: tuple[object, ...]) -> str | None:
    with socket.socket(family, socket.SOCK_DGRAM) as peer:
        return succeeded("a datagram left", lambda: peer.sendto(b"x", address))


for _name, _address in {"metadata": "169.254.169.254", "dns": "1.1.1.1", "private-10": "10.0.0.1", "private-172": "172.17.0.1", "private-192": "192.168.0.1",
                        "link-local": "169.254.1.1", "cgnat": "100.64.0.1", "broadcast": "255.255.255.255", "multicast": "224.0.0.1"}.items():
    add(f"network.tcp-{_name}", f"connect to {_address}", "unreachable", lambda address=_address: _connect(socket.AF_INET, (address, 80)))  # type: ignore[misc]
    add(f"network.udp-{_name}", f"send a datagram to {_address}", "unreachable", lambda address=_address: _send(socket.AF_INET, (address, 53)))  # type: ignore[misc]
for _name, _address in {"global": "2606:4700::1111", "link-local": "fe80::1", "ula": "fd00:ec2::254", "mapped": "::ffff:169.254.169.254"}.items():
    add(f"network.tcp6-{_name}", f"connect to {_address}", "unreachable", lambda address=_address: _connect(socket.AF_INET6, (address, 80)))  # type: ignore[misc]


@probe("network.host-loopback", "connect to a server on the host's 127.0.0.1", "the room has a loopback of its own")
def _loopback() -> str | None:
    for address in ("127.0.0.1", "127.0.0.2", "0.0.0.0", "localhost"):
        seen = _connect(socket.AF_INET, (address, HOST["port"]))
        if seen:
            return f"{address}: {seen}"
    return None


@probe("network.host-loopback6", "connect to a server on the host's ::1", "the room has a loopback of its own")
def _loopback6() -> str | None:
    return _connect(socket.AF_INET6, ("::1", HOST["port"])) or _connect(socket.AF_INET6, ("::ffff:127.0.0.1", HOST["port"]))


@probe("network.server-ports", "connect to the product's own ports", "nothing of it listens in the room")
def _server_ports() -> str | None:
    for port in (4000, 4002, 80, 443, 22, 2375, 5432, 6379, 49983, 49999):
        seen = _connect(socket.AF_INET, ("127.0.0.1", port))
        if seen:
            return f"port {port}: {seen}"
    return None


@probe("network.abstract", "connect to an abstract unix socket of the host", "it is not there")
def _abstract() -> str | None:
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET):
        with socket.socket(socket.AF_UNIX, kind) as peer:
            code = peer.connect_ex("\0" + HOST["abstract"])
            if code not in (errno.ECONNREFUSED, errno.EPERM, errno.EACCES):
                return f"connect answered {errno.errorcode.get(code, code)}"
    return None


@probe("network.unix-path", "connect to roomd's and the guests' sockets by their paths", "they are not in the room")
def _unix_path() -> str | None:
    for path in (*HOST["sockets"], "/run/docker.sock", "/var/run/docker.sock", "/run/dbus/system_bus_socket", "/run/systemd/private", "/tmp/.X11-unix/X0"):
        with socket.socket(socket.AF_UNIX) as peer:
            if peer.connect_ex(path) == 0:
                return f"{path} answers"
    return None


@probe("network.interfaces", "find another interface than lo", "there is only lo")
def _interfaces() -> str | None:
    names = [name for _, name in socket.if_nameindex()]
    return None if names == ["lo"] else f"{names}"


@probe("network.resolve", "resolve a name", "no name server is reachable")
def _resolve() -> str | None:
    try:
        return str(socket.getaddrinfo("example.com", 80))
    except socket.gaierror:
        return None


_FAMILIES = {"ax25": 3, "ipx": 4, "appletalk": 5, "netrom": 6, "bridge": 7, "atmpvc": 8, "x25": 9, "key": 15, "packet": 17, "econet": 19, "atmsvc": 20, "rds": 21, "irda": 23, "pppox": 24,
             "llc": 26, "ib": 27, "mpls": 28, "can": 29, "tipc": 30, "bluetooth": 31, "iucv": 32, "rxrpc": 33, "isdn": 34, "phonet": 35, "ieee802154": 36, "caif": 37,
             "alg": 38, "nfc": 39, "vsock": 40, "kcm": 41, "qipcrtr": 42, "smc": 43, "xdp": 44, "mctp": 45}
for _name, _family in _FAMILIES.items():
    add(f"network.family-{_name}", f"open a socket of family {_name} ({_family})", "refused",
        lambda family=_family: next((seen for kind in (1, 2, 3, 5) if (seen := refused(41, family, kind, 0, by=(errno.EAFNOSUPPORT,)))), None))  # type: ignore[misc]
for _name, _arguments in {"raw-icmp": (2, 3, 1), "raw-any": (2, 3, 255), "raw6": (10, 3, 58), "packet-old": (2, 10, 0), "raw-cloexec": (2, 3 | 0o2000000, 1), "sctp": (2, 1, 132),
                          "mptcp": (2, 1, 262), "udplite": (2, 2, 136), "dccp": (2, 6, 33), "l2tp": (2, 2, 115), "gre": (2, 3, 47)}.items():
    add(f"network.socket-{_name}", f"open a socket {_arguments}", "refused",
        lambda arguments=_arguments: refused(41, *arguments, by=(errno.EPERM, errno.EPROTONOSUPPORT, errno.ENOSYS, errno.ESOCKTNOSUPPORT, errno.EACCES)))  # type: ignore[misc]
for _name, _protocol in {"usersock": 2, "firewall": 3, "inet-diag": 4, "xfrm": 6, "selinux": 7, "iscsi": 8, "audit": 9, "fib-lookup": 10, "connector": 11, "netfilter": 12, "uevent": 15,
                         "generic": 16, "crypto": 21, "smc": 22}.items():
    add(f"network.netlink-{_name}", f"open a netlink socket for {_name}", "refused",
        lambda protocol=_protocol: refused(41, 16, 3, protocol, by=(errno.EPROTONOSUPPORT, errno.EPERM, errno.ENOSYS)))  # type: ignore[misc]


def _route_message(kind: int, body: bytes, flags: int = 5) -> int:
    """Sends one message to the route netlink; the errno of its answer."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as peer:
        peer.settimeout(20)
        peer.send(struct.pack("=IHHII", 16 + len(body), kind, flags, 1, 0) + body)
        answer = peer.recv(8192)
        found, _, value = struct.unpack_from("=HHi", answer, 4)[0], 0, struct.unpack_from("=i", answer, 16)[0]
        return -value if found == 2 else 0


for _name, _kind, _body in (("new-link", 16, struct.pack("=BxHiII", 0, 0, 0, 1, 1) + struct.pack("=HH8s", 12, 3, b"dummy0\0\0")), ("address", 20, struct.pack("=BBBBI", 2, 8, 0, 0, 1) + struct.pack("=HH4s", 8, 2, b"\x0a\0\0\1")),
                            ("route", 24, struct.pack("=BBBBBBBBI", 2, 0, 0, 0, 254, 3, 0, 1, 0)), ("rule", 32, struct.pack("=BBBBBBBBI", 2, 0, 0, 0, 254, 3, 0, 1, 0)),
                            ("neighbour", 28, struct.pack("=BxxxiHBB", 2, 1, 128, 0, 0)), ("move-link", 19, struct.pack("=BxHiII", 0, 0, 1, 0, 0) + struct.pack("=HHI", 8, 19, 1)),
                            ("new-namespace-id", 88, struct.pack("=I", 0)), ("traffic-control", 36, struct.pack("=BxxxiIII", 0, 1, 0, 0xFFFFFFFF, 0))):
    add(f"network.change-{_name}", f"change the network by a route-netlink message ({_name})", "refused",
        lambda kind=_kind, body=_body: None if (code := _route_message(kind, body, 0x605)) in (errno.EPERM, errno.EACCES, errno.EOPNOTSUPP) else f"it answered {errno.errorcode.get(code, code)}")  # type: ignore[misc]

for _name, (_level, _option, _value) in {"mark": (1, 36, b"\1\0\0\0"), "rcvbuf-force": (1, 33, b"\0\0\0\x10"), "sndbuf-force": (1, 32, b"\0\0\0\x10"), "priority-7": (1, 12, b"\7\0\0\0"),
                                         "debug": (1, 1, b"\1\0\0\0"), "transparent": (0, 19, b"\1\0\0\0"), "tcp-repair": (6, 19, b"\1\0\0\0"), "iptables": (0, 64, bytes(92)),
                                         "multicast": (0, 35, b"\xe0\0\0\1" + bytes(8)), "devmem": (1, 79, bytes(8))}.items():
    add(f"network.option-{_name}", f"set the socket option {_name}", "refused", lambda level=_level, option=_option, value=_value: _option_refused(level, option, value))  # type: ignore[misc]


def _option_refused(level: int, option: int, value: bytes) -> str | None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as peer:
        return succeeded("it was set", lambda: peer.setsockopt(level, option, value))


for _name, _request in {"interface-flags": 0x8914, "interface-address": 0x8916, "interface-name": 0x8923, "add-route": 0x890B, "bridge": 0x89A0, "tunnel": 0x89F1, "ethtool": 0x8946, "arp": 0x8955}.items():
    add(f"network.ioctl-{_name}", f"change an interface by ioctl ({_name})", "refused", lambda request=_request: _interface_ioctl(request))  # type: ignore[misc]


def _interface_ioctl(request: int) -> str | None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        body = struct.pack("16sH22x", b"lo", 0x49).ljust(128, b"\0")
        return succeeded("taken", lambda: fcntl.ioctl(peer.fileno(), request, body))


@probe("network.credentials", "send another user's credentials over a unix socket (SCM_CREDENTIALS)", "refused")
def _credentials() -> str | None:
    left, right = socket.socketpair()
    right.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
    outside = 0 if os.getuid() else 70_000_000
    return succeeded("sent", lambda: left.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_CREDENTIALS, struct.pack("iII", os.getpid(), outside, outside))]))


@probe("network.bpf-filter", "attach a classic and an extended filter to a socket", "the extended one is refused")
def _filter() -> str | None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        return succeeded("attached", lambda: peer.setsockopt(socket.SOL_SOCKET, 50, struct.pack("i", -1)))


@probe("network.vsock-ioctl", "learn the machine's vsock number", "the device is not there")
def _vsock() -> str | None:
    return succeeded("/dev/vsock opened", lambda: os.open("/dev/vsock", os.O_RDONLY))


# --- ipc ---------------------------------------------------------------------------------------------------------------


@probe("ipc.shared-memory", "attach the host's System V shared memory by its key", "there is none with that key")
def _shm() -> str | None:
    code = errno_of(29, HOST["ipcKey"], 0, 0)
    return None if code == errno.ENOENT else f"shmget answered {errno.errorcode.get(code, 'a segment')}"


@probe("ipc.shared-memory-ids", "attach shared memory by guessing its id", "there is none")
def _shm_ids() -> str | None:
    ctypes.CDLL(None).shmat.restype = ctypes.c_long
    for number in (*range(64), *(n << 15 for n in range(8)), HOST["shmId"]):
        code = errno_of(30, number, 0, 0o10000)
        if code not in (errno.EINVAL, errno.EIDRM):
            return f"segment {number} answered {errno.errorcode.get(code, 'attached')}"
    return None


@probe("ipc.queue", "open the host's System V queue and semaphores by their key", "there are none")
def _queue() -> str | None:
    for number in (68, 64):
        code = errno_of(number, HOST["ipcKey"], 0, 0)
        if code != errno.ENOENT:
            return f"call {number} answered {errno.errorcode.get(code, 'an id')}"
    return None


@probe("ipc.posix-queue", "open the host's POSIX message queue", "it is not there")
def _posix_queue() -> str | None:
    code = errno_of(240, HOST["queue"].encode(), os.O_RDONLY, 0, 0)
    return None if code == errno.ENOENT else f"mq_open answered {errno.errorcode.get(code, 'a descriptor')}"


@probe("ipc.dev-shm", "find files of the host in /dev/shm", "it is the room's own")
def _dev_shm() -> str | None:
    return f"{HOST['shmFile']} is there" if os.path.exists(f"/dev/shm/{HOST['shmFile']}") else None


@probe("ipc.dev-mqueue", "list the host's queues in /dev/mqueue", "it is the room's own")
def _dev_mqueue() -> str | None:
    names = os.listdir("/dev/mqueue")
    return f"{names}" if HOST["queue"] in names else None


@probe("ipc.keyring", "reach the keyring of the host's user", "refused")
def _keyring() -> str | None:
    return refused(250, 0, -4, 0) or refused(250, 6, -5) or refused(248, b"user", b"x", b"y", 1, -4)


@probe("ipc.terminal", "open the controlling terminal of the host", "there is none")
def _terminal() -> str | None:
    return succeeded("/dev/tty opened", lambda: os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))


@probe("ipc.futex-others", "wake waiters of other processes by a shared futex on a fresh page", "only one's own waiters")
def _futex() -> str | None:
    word = ctypes.c_uint32(0)
    return None if call(202, ctypes.byref(word), 1, 1 << 30) == 0 else "a foreign waiter was woken"
