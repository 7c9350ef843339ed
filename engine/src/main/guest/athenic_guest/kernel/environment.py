"""The environment of a kernel's process and of one execution."""

from __future__ import annotations

import os
import pwd
import site
import sys

_PATH = "/home/user/.local/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def base() -> dict[str, str]:
    """What a process of the present user finds, besides the sandbox's own variables."""
    user = pwd.getpwuid(os.getuid())
    return {
        "PATH": _PATH,
        "HOME": user.pw_dir,
        "USER": user.pw_name,
        "LOGNAME": user.pw_name,
        "SHELL": "/bin/bash",
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",  # a Python program started by a cell streams its lines as well
    }


def enter(env: dict[str, str], cwd: str) -> None:
    """Makes this process's environment and working directory those of a context. A missing cwd falls back to the home."""
    os.environ.clear()
    os.environ.update({**base(), **env})
    os.umask(0o022)
    for folder in (cwd, os.environ["HOME"], "/"):
        try:
            os.chdir(folder)
            return
        except OSError:
            continue


def site_folders() -> list[str]:
    """Where `pip install` of the user puts modules; made now, since Python remembers that a folder was missing."""
    site.ENABLE_USER_SITE = True
    site.USER_BASE = os.path.expanduser("~/.local")
    site.USER_SITE = folder = f"{site.USER_BASE}/lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages"
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError:
        return []
    return [folder]


def apply(env: dict[str, str]) -> dict[str, str | None]:
    """Sets variables and returns what they were, for `restore`."""
    before = {name: os.environ.get(name) for name in env}
    os.environ.update(env)
    return before


def restore(before: dict[str, str | None]) -> None:
    for name, value in before.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
