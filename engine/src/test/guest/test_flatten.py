"""Layers that are made one show what they showed one on the other: the kernel's overlay is asked, generation after generation."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import socket
import stat
import sys
import tempfile
import traceback
import unittest

from athenic_guest import linux
from athenic_guest.roomd import mounts
from athenic_guest.trees.flatten import MAX_DEPTH, Flatten
from athenic_guest.trees.merge import Refused

_NAMES = "abcde"
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


class Chain:
    """Layers below `folder`, which is a file system of this process alone; a generation is made by changing what those before show."""

    def __init__(self, folder: str, seed: int) -> None:
        self.folder = folder
        self.chance = random.Random(seed)
        self.numbers = iter(range(1, 10_000))
        self.template = self.new("template")
        for path in ("a/a", "a/b/c", "b/a/a/a", "c/d", "d"):
            os.makedirs(f"{self.template}/{path}")
            with open(f"{self.template}/{path}/e", "w", encoding="ascii") as file:
                file.write(path)
        self.layers: list[str] = []

    def new(self, what: str) -> str:
        path = f"{self.folder}/{next(self.numbers)}{what}"
        os.mkdir(path)
        return path

    def shown(self, layers: list[str], upper: str | None = None) -> str:
        """Mounts them, oldest first; unmounted by `hidden`."""
        target = self.new("view")
        options = {"source": "test", "redirect_dir": "on", "metacopy": "off", "index": "off"}
        lower = [self.template, *layers]
        if upper is not None:
            options |= {"upperdir": os.path.basename(upper), "workdir": os.path.basename(self.new("work"))}
        options["lowerdir"] = ":".join(os.path.basename(each) for each in reversed(lower))
        os.chdir(self.folder)
        mount = mounts.new_mount("overlay", options, (), 0)
        mounts.attach(mount, target)
        os.close(mount)
        return target

    def hidden(self, target: str) -> None:
        os.chdir("/")
        linux.umount(target)

    def generation(self, changes: int) -> str:
        upper = self.new("upper")
        root = self.shown(self.layers, upper)
        for _ in range(changes):
            try:
                self._change(root)
            except OSError:
                pass  # a folder into itself, a name that is taken: the next one
        self.hidden(root)
        return upper

    def flatten(self, layers: list[str]) -> str:
        out, links = self.new("flat"), self.new("links")
        opened = [os.open(path, _FOLDER) for path in (*reversed(layers), self.template, out, links)]
        Flatten(opened[:-3], opened[-3], opened[-1]).run(opened[-2])
        for descriptor in opened:
            os.close(descriptor)
        shutil.rmtree(links)
        return out

    def _path(self, root: str) -> str:
        path = root
        for _ in range(self.chance.randint(1, 4)):
            path += "/" + self.chance.choice(_NAMES)
            if not os.path.isdir(path):
                break
        return path

    def _change(self, root: str) -> None:
        path, other = self._path(root), self._path(root)
        if os.path.lexists(path) and stat.S_ISFIFO(os.lstat(path).st_mode):
            os.unlink(path)  # to open it would wait for another end
        match self.chance.randrange(14):
            case 0 | 1 | 2:
                with open(path, "w", encoding="ascii") as file:
                    file.write(str(self.chance.random()))
            case 3 | 4:
                os.makedirs(path)
            case 5:
                os.unlink(path)
            case 6:
                shutil.rmtree(path)
            case 7 | 8 | 9:
                os.rename(path, other)
            case 10:  # a folder becomes a file, or the other way round
                if os.path.isdir(path):
                    shutil.rmtree(path)
                    os.symlink("nowhere/at all", path)
                else:
                    os.unlink(path)
                    os.mkdir(path)
            case 11:
                os.link(path, other)
            case 12:
                os.chmod(path, self.chance.choice((0o700, 0o4755, 0o1777, 0o640)))
                os.chown(path, self.chance.randrange(3000), self.chance.randrange(3000))
                os.setxattr(path, "user.note", str(self.chance.random()).encode())
            case 13:
                if self.chance.random() < 0.5:
                    os.mkfifo(path)
                else:
                    with open(path, "r+b") as file:
                        file.truncate(1 << 30)
                        file.seek(1 << 29)
                        file.write(b"middle")


def look(root: str) -> dict[str, object]:
    """All that a program can see below, by path; of files with several names, which ones belong together."""
    seen: dict[str, object] = {}
    together: dict[tuple[int, int], str] = {}

    def visit(path: str) -> None:
        full = f"{root}/{path}"
        status = os.lstat(full)
        entry: list[object] = [oct(status.st_mode), status.st_uid, status.st_gid, status.st_mtime_ns,
                               {name: os.getxattr(full, name, follow_symlinks=False).hex() for name in os.listxattr(full, follow_symlinks=False)
                                if not name.startswith("trusted.")}]
        if stat.S_ISDIR(status.st_mode):
            names = sorted(os.listdir(full))
            entry.append(names)
            for name in names:
                visit(f"{path}/{name}" if path else name)
        elif stat.S_ISLNK(status.st_mode):
            entry.append(os.readlink(full))
        elif stat.S_ISREG(status.st_mode):
            entry += [status.st_size, status.st_blocks < 2048, together.setdefault((status.st_dev, status.st_ino), path), content(full)]
        seen[path] = entry

    visit("")
    return seen


def content(path: str) -> str:
    """Of the parts with data: a test's holes are large."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        size, end = os.fstat(file.fileno()).st_size, 0
        while end < size:
            try:
                start = os.lseek(file.fileno(), end, os.SEEK_DATA)
            except OSError:
                break
            end = os.lseek(file.fileno(), start, os.SEEK_HOLE)
            digest.update(f"{start} ".encode() + os.pread(file.fileno(), end - start, start).rstrip(b"\0"))
    return digest.hexdigest()


def alone(work: object) -> None:
    """Runs `work(folder)` in a process with mounts of its own, and fails with what it says."""
    ours, theirs = socket.socketpair()
    child = os.fork()
    if child == 0:
        try:
            ours.close()
            linux.unshare(linux.CLONE_NEWNS)
            linux.mount(None, "/", None, linux.MS_REC | linux.MS_PRIVATE)
            folder = tempfile.mkdtemp(prefix="athenic-flatten-")
            linux.mount("tmpfs", folder, "tmpfs", 0, "size=256m")
            try:
                work(folder)  # type: ignore[operator]
                said = ""
            except BaseException:
                said = traceback.format_exc()
            linux.umount(folder)
            os.rmdir(folder)
            theirs.sendall(said[-60_000:].encode())
        finally:
            sys.stdout.flush()
            os._exit(0)
    theirs.close()
    said = b""
    while part := ours.recv(65_536):
        said += part
    ours.close()
    os.waitpid(child, 0)
    if said:
        raise AssertionError(said.decode())


def same(left: dict[str, object], right: dict[str, object], where: str) -> None:
    wrong = {path: (left.get(path), right.get(path)) for path in sorted({*left, *right}) if left.get(path) != right.get(path)}
    if wrong:
        raise AssertionError(f"{where}: {json.dumps(dict(list(wrong.items())[:5]), indent=1)}")


class Generations(unittest.TestCase):
    def _compare(self, seed: int, depth: int, rounds: int) -> None:
        def work(folder: str) -> None:
            chain = Chain(folder, seed)
            for number in range(rounds):
                while len(chain.layers) < depth:
                    chain.layers.append(chain.generation(chain.chance.randint(1, 12)))
                flat = chain.flatten(chain.layers)
                before, after = chain.shown(chain.layers), chain.shown([flat])
                same(look(before), look(after), f"seed {seed}, round {number}, below")
                chain.hidden(before)
                chain.hidden(after)
                # What a room that stood on the many has written shows the same on the one.
                upper = chain.generation(20)
                before, after = chain.shown([*chain.layers, upper]), chain.shown([flat, upper])
                same(look(before), look(after), f"seed {seed}, round {number}, above")
                chain.hidden(before)
                chain.hidden(after)
                chain.layers = [flat, upper]

        alone(work)

    def test_many_layers_are_made_one(self) -> None:
        for seed in range(12):
            self._compare(seed, 8, 6)

    def test_each_two_layers_are_made_one(self) -> None:
        for seed in range(100, 106):
            self._compare(seed, 2, 25)

    def test_folders_too_deep_are_refused(self) -> None:
        def work(folder: str) -> None:
            chain = Chain(folder, 0)
            upper = chain.new("upper")
            os.chdir(upper)
            for _ in range(MAX_DEPTH + 2):
                os.mkdir("d")
                os.chdir("d")
            os.chdir("/")
            try:
                chain.flatten([upper])
            except Refused as error:
                assert f"more than {MAX_DEPTH} deep" in str(error)
                return
            raise AssertionError("it was not refused")

        alone(work)


if __name__ == "__main__":
    unittest.main()
