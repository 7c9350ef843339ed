"""Compiles the tables of `seccomp_table.py` to BPF by libseccomp.so.2 through ctypes; seccomp_init(3), seccomp_rule_add(3)."""

from __future__ import annotations

import ctypes
import errno
import os
from typing import Final

from athenic_guest.linux import SyscallError
from athenic_guest.roomd import seccomp_table
from athenic_guest.roomd.seccomp_table import Action, Compare, Rule

# seccomp.h
_KILL_PROCESS, _ALLOW, _ERRNO = 0x8000_0000, 0x7FFF_0000, 0x0005_0000
_ATTRIBUTE_BAD_ARCH, _ATTRIBUTE_NO_NEW_PRIVS, _ATTRIBUTE_OPTIMIZE = 2, 3, 8
_COMPARISONS: Final = {"==": 4, ">": 6, "&": 7}
_UNKNOWN_CALL: Final = -1


class _Comparison(ctypes.Structure):
    """struct scmp_arg_cmp."""

    _fields_ = [("arg", ctypes.c_uint), ("op", ctypes.c_int), ("datum_a", ctypes.c_uint64), ("datum_b", ctypes.c_uint64)]


def _library() -> ctypes.CDLL:
    try:
        library = ctypes.CDLL("libseccomp.so.2", use_errno=True)
    except OSError as error:
        raise SyscallError("dlopen", "libseccomp.so.2", errno.ENOENT, f"install libseccomp2 ({error})") from None
    library.seccomp_init.restype = ctypes.c_void_p
    library.seccomp_init.argtypes = [ctypes.c_uint32]
    library.seccomp_release.argtypes = [ctypes.c_void_p]
    library.seccomp_release.restype = None
    library.seccomp_attr_set.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_uint32]
    library.seccomp_syscall_resolve_name.argtypes = [ctypes.c_char_p]
    library.seccomp_rule_add_array.argtypes = [ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int, ctypes.c_uint, ctypes.c_void_p]
    library.seccomp_export_bpf.argtypes = [ctypes.c_void_p, ctypes.c_int]
    return library


def compile_filters() -> tuple[bytes, bytes]:
    """The two programs every process of a room runs under: which calls there are, and which arguments of those are refused."""
    library = _library()
    calls = _compile(library, Action.ENOSYS, seccomp_table.CALLS)
    arguments = _compile(library, Action.ALLOW, seccomp_table.ARGUMENTS)
    return calls, arguments


def _compile(library: ctypes.CDLL, default: Action, rules: tuple[Rule, ...]) -> bytes:
    context = library.seccomp_init(_value(default))
    if not context:
        raise SyscallError("seccomp_init", default.name, errno.ENOMEM)
    try:
        _check(library.seccomp_attr_set(context, _ATTRIBUTE_BAD_ARCH, _KILL_PROCESS), "bad architecture")
        _check(library.seccomp_attr_set(context, _ATTRIBUTE_NO_NEW_PRIVS, 0), "no_new_privs")
        library.seccomp_attr_set(context, _ATTRIBUTE_OPTIMIZE, 2)  # a binary tree; libseccomp before 2.5 has none and works as well
        for rule in rules:
            for name in rule.calls.split():
                number = library.seccomp_syscall_resolve_name(name.encode())
                if number == _UNKNOWN_CALL:
                    continue  # newer than the library, or of another machine: it meets the default action
                if rule.action is not default:
                    _add(library, context, rule, number, name)
        return _export(library, context)
    finally:
        library.seccomp_release(context)


def _add(library: ctypes.CDLL, context: int, rule: Rule, number: int, name: str) -> None:
    comparisons = (_Comparison * max(1, len(rule.when)))(*[_comparison(compare) for compare in rule.when])
    result = library.seccomp_rule_add_array(context, _value(rule.action), number, len(rule.when), ctypes.byref(comparisons))
    if result == -errno.EDOM and number < 0:
        return  # a pseudo number: this machine has no such call
    _check(result, f"{name} ({rule.group})")


def _comparison(compare: Compare) -> _Comparison:
    if compare.operator == "&":
        return _Comparison(compare.argument, _COMPARISONS["&"], compare.mask, compare.value)
    return _Comparison(compare.argument, _COMPARISONS[compare.operator], compare.value, 0)


def _value(action: Action) -> int:
    if action is Action.ALLOW:
        return _ALLOW
    return _ERRNO | int(action.value)


def _export(library: ctypes.CDLL, context: int) -> bytes:
    descriptor = os.memfd_create("seccomp")
    try:
        _check(library.seccomp_export_bpf(context, descriptor), "export")
        return os.pread(descriptor, os.fstat(descriptor).st_size, 0)
    finally:
        os.close(descriptor)


def _check(result: int, what: str) -> None:
    if result < 0:
        raise SyscallError("libseccomp", what, -result)
