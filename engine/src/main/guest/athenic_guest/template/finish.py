"""What a fresh root folder needs to become a template: the user, small settings, caches made ahead of time, things left out."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from .definition import Definition
from .problem import Problem

# Kept although they lie in a folder named so: code of the library itself imports them.
_TESTS_KEPT = ("numpy/testing", "pandas/_testing", "sympy/testing")
# Below dist-packages: scipy's compiler, which only scipy's own build runs; integration rules that need a package nobody has.
_UNUSED = ("pythran", "sympy/integrals/rubi", "sympy/parsing/autolev/test-examples")
_FONTS = "import matplotlib.font_manager"


def finish(root: Path, definition: Definition) -> None:
    """Works in the root folder with its own programs (chroot); every step can be repeated."""
    _user(root, definition)
    _settings(root)
    _remove(root)
    _caches(root, definition)


def _run(root: Path, *command: str, env: dict[str, str] | None = None) -> None:
    plain = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "HOME": "/root", **(env or {})}
    done = subprocess.run(["chroot", str(root), *command], env=plain, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        raise Problem(f"'{' '.join(command[:3])}' failed in the new template: {(done.stderr or done.stdout).strip()[-600:]}")


def _user(root: Path, definition: Definition) -> None:
    users = (root / "etc/passwd").read_text()
    if f"\n{definition.user}:" not in users:
        _run(root, "useradd", "--uid", str(definition.uid), "--user-group", "--create-home", "--shell", "/bin/bash", definition.user)
    rule = root / "etc/sudoers.d/user"
    rule.write_text(f'{definition.user} ALL=(ALL:ALL) NOPASSWD:ALL\nDefaults:{definition.user} !requiretty, !lecture\n')
    rule.chmod(0o440)
    # sudo asks the resolver for the host's name at each start; a room has no resolver.
    (root / "etc/hosts").write_text("127.0.0.1 localhost sandbox\n::1 localhost\n")
    (root / "etc/hostname").write_text("sandbox\n")


def _settings(root: Path) -> None:
    (root / "etc/default/locale").write_text("LANG=C.UTF-8\n")
    (root / "etc/resolv.conf").write_text("")
    for name in ("machine-id", "mailname"):
        (root / "etc" / name).unlink(missing_ok=True)
    for name in ("code", "workspace"):
        if (root / name).is_dir():
            (root / name).rmdir()
    # Debian's marker stops `pip install`; a sandbox is thrown away, so nothing can be broken for long.
    for marker in root.glob("usr/lib/python3*/EXTERNALLY-MANAGED"):
        marker.unlink()
    # Mirrors and proxies of the machine that built this are nobody's business in a sandbox when they carry a password.
    for path in [*root.glob("etc/apt/sources.list.d/*"), *root.glob("etc/apt/apt.conf.d/*")]:
        if "@" in path.read_text(errors="replace") or path.name.startswith("99mmdebstrap"):
            path.unlink()


def _remove(root: Path) -> None:
    packages = root / "usr/lib/python3/dist-packages"
    for folder in sorted(packages.glob("**/tests")):
        relative = str(folder.relative_to(packages))
        if folder.is_dir() and not folder.is_symlink() and not relative.startswith(_TESTS_KEPT):
            shutil.rmtree(folder)
    for name in _UNUSED:
        shutil.rmtree(packages / name, ignore_errors=True)
    for folder in ("var/cache/apt", "var/lib/apt/lists", "var/log", "var/cache/debconf"):
        for entry in sorted((root / folder).glob("*")):
            shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
    for folder in ("var/cache/apt/archives/partial", "var/lib/apt/lists/partial"):
        (root / folder).mkdir(parents=True, exist_ok=True)


def _caches(root: Path, definition: Definition) -> None:
    if not (root / "usr/lib/python3/dist-packages/matplotlib").is_dir():
        return
    # Without its list of fonts matplotlib spends seconds on the first plot of every sandbox.
    home = root / "home" / definition.user
    _run(root, "python3", "-c", _FONTS, env={"MPLCONFIGDIR": f"/home/{definition.user}/.cache/matplotlib", "MPLBACKEND": "agg"})
    shutil.copytree(home / ".cache/matplotlib", root / "root/.cache/matplotlib", dirs_exist_ok=True)
    for folder, _, names in os.walk(home / ".cache"):
        for entry in (folder, *(os.path.join(folder, name) for name in names)):
            os.chown(entry, definition.uid, definition.uid)
