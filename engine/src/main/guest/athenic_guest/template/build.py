"""Builds a template with mmdebstrap from the host's own package mirror."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import shutil
import signal
import struct
import subprocess
import termios
import time
from pathlib import Path

from .definition import DEFINITIONS, Definition
from .finish import finish
from .problem import Problem, explain
from .progress import Progress, Reader
from .sources import Sources, find, proxies
from .store import Store

_NEEDED_BYTES = 3 << 30
_LOG_BYTES = 1 << 20
_STALL_SECONDS = 900.0


def build(data: Path, name: str = "code-interpreter", *, force: bool = False) -> Path:
    """The template's root folder, built when there is none for the present definition. Raises Problem."""
    definition = DEFINITIONS.get(name)
    if definition is None:
        raise Problem(f"unknown template '{name}': there is {', '.join(DEFINITIONS)}")
    store = Store(data)
    sources = find()
    digest = definition.digest(sources.suite)
    if not force and _current(store, name, digest):
        return store.root(name)
    _check_host(data)
    with store.lock():
        if not force and _current(store, name, digest):
            return store.root(name)
        store.sweep()
        _make(store, definition, sources, digest)
    return store.root(name)


def _current(store: Store, name: str, digest: str) -> bool:
    manifest = store.manifest(name)
    return manifest is not None and manifest.get("definition") == digest


def _check_host(data: Path) -> None:
    if os.geteuid() != 0:
        raise Problem("building a template needs root: run the same command with sudo")
    missing = [tool for tool in ("mmdebstrap", "unshare", "setsid", "chroot", "apt-get") if shutil.which(tool) is None]
    if missing:
        raise Problem(f"{', '.join(missing)} not found: run 'apt-get install -y mmdebstrap util-linux', then the same command again")
    data.mkdir(parents=True, exist_ok=True)
    space = os.statvfs(data)
    free = space.f_bavail * space.f_frsize
    if free < _NEEDED_BYTES:
        raise Problem(f"a template needs {_NEEDED_BYTES >> 20} MiB of disk while it is built, {data} has {free >> 20} MiB free: free some, or choose another --data folder")


def _make(store: Store, definition: Definition, sources: Sources, digest: str) -> None:
    progress = Progress(f"Template {definition.name}")
    folder = store.building(definition.name)
    try:
        root = folder / "rootfs"
        _bootstrap(folder, root, store.cache, definition, sources, progress)
        progress.show("preparing the user and the caches", 93)
        finish(root, definition)
        progress.show("counting", 99)
        size, files = _measure(root)
        manifest = {
            "name": definition.name,
            "definition": digest,
            "suite": sources.suite,
            "builtAt": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "bytes": size,
            "files": files,
            "packages": _packages(root),
        }
        store.publish(folder, definition.name, manifest)
        progress.finish(f"ready, {size >> 20} MiB in {files} files")
    except BaseException:
        progress.abandon()
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _bootstrap(folder: Path, root: Path, cache: Path, definition: Definition, sources: Sources, progress: Progress) -> None:
    (cache / "partial").mkdir(parents=True, exist_ok=True)
    listing, options = folder / "mirror.sources", folder / "proxy.conf"
    listing.write_text(sources.text)
    options.write_text("\n".join(proxies()) + "\n")
    archives = '"$1/var/cache/apt/archives"'
    # The own mount namespace takes the bind of the download cache away however this process ends.
    command = [
        *("unshare", "--mount", "--propagation", "private"),
        *("mmdebstrap", "--mode=root", "--variant=apt", "--format=directory"),
        f"--include={','.join(definition.packages)}",
        f"--aptopt={options}",
        *(f"--dpkgopt=path-exclude={pattern}" for pattern in definition.excludes),
        *("--skip=download/empty", "--skip=essential/unlink", "--skip=cleanup/apt/cache"),
        f'--setup-hook=mkdir -p {archives} && mount --bind "$ATHENIC_CACHE" {archives}',
        f"--customize-hook=umount {archives}",
        *(sources.suite, str(root), str(listing)),
    ]
    status, log = _run(command, {"ATHENIC_CACHE": str(cache.resolve())}, progress)
    if status != 0:
        raise Problem(explain(log))
    _prune(cache)
    listing.unlink()
    options.unlink()


def _run(command: list[str], extra: dict[str, str], progress: Progress) -> tuple[int, str]:
    """Runs on a pseudo-terminal, since mmdebstrap tells its progress to terminals only. Returns its status and the end of its output."""
    parent, child = pty.openpty()
    fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    env = {"PATH": os.environ.get("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"), "LANG": "C.UTF-8", "TERM": "dumb", **extra}
    # It asks /dev/tty for the width, so the terminal has to be its controlling one: setsid(1) makes it that without a further process.
    process = subprocess.Popen(["setsid", "--ctty", *command], stdin=child, stdout=child, stderr=child, env=env)
    os.close(child)
    reader, log = Reader(progress), bytearray()
    try:
        while True:
            ready, _, _ = select.select([parent], [], [], _STALL_SECONDS)
            if not ready:
                raise Problem(f"mmdebstrap said nothing for {_STALL_SECONDS:.0f} s: check the network, then run the same command again")
            try:
                data = os.read(parent, 65536)
            except OSError:  # EIO: every process on the terminal has ended
                break
            if not data:
                break
            reader.feed(data)
            log += data
            del log[:-_LOG_BYTES]
        return process.wait(), log.decode(errors="replace").replace("\r", "\n")
    finally:
        os.close(parent)
        _stop(process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is not None:
        return
    for kind, seconds in ((signal.SIGTERM, 10.0), (signal.SIGKILL, 10.0)):
        try:
            os.killpg(process.pid, kind)
            process.wait(seconds)
            return
        except (subprocess.TimeoutExpired, ProcessLookupError):
            continue


def _prune(cache: Path) -> None:
    """Keeps one version of each package, the newest by time, so that the cache does not grow with every update of the mirror."""
    newest: dict[str, Path] = {}
    for path in sorted(cache.glob("*.deb"), key=lambda path: path.stat().st_mtime):
        older = newest.get(path.name.partition("_")[0])
        if older is not None:
            older.unlink()
        newest[path.name.partition("_")[0]] = path


def _measure(root: Path) -> tuple[int, int]:
    size = files = 0
    for folder, folders, names in os.walk(root):
        for name in (*folders, *names):
            info = os.lstat(os.path.join(folder, name))
            size += info.st_blocks * 512
            files += 1
    return size, files


def _packages(root: Path) -> dict[str, str]:
    listed = subprocess.run(
        ["chroot", str(root), "dpkg-query", "-W", "-f", "${Package}\t${Version}\n"], capture_output=True, text=True, env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
    )
    return dict(line.split("\t", 1) for line in listed.stdout.splitlines() if "\t" in line)
