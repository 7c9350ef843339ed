"""An ordinary user of the tests' own, with subordinate ids, a data directory and the built template: made and removed by root."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile

from roomd_client import GUEST_FOLDER, PROBE, TEMPLATE, Roomd

from athenic_guest import linux
from athenic_guest.roomd import mounts
from athenic_guest.rootless import subids


class User:
    """`close` removes the account, its folders and the mount. Nothing of root's is readable by it but what everybody may read."""

    def __init__(self) -> None:
        self.name = f"athenic-{secrets.token_hex(4)}"
        self._undo = contextlib.ExitStack()
        try:
            self.folder = tempfile.mkdtemp(prefix="athenic-rootless-", dir="/tmp")
            self._undo.callback(shutil.rmtree, self.folder)
            os.chmod(self.folder, 0o755)
            self.home = f"{self.folder}/home"
            subprocess.run(["useradd", "--create-home", "--home-dir", self.home, "--shell", "/bin/bash", "--key", "SUB_UID_COUNT=65536",
                            "--key", "SUB_GID_COUNT=65536", self.name], check=True, capture_output=True)
            self._undo.callback(subprocess.run, ["userdel", self.name], check=True, capture_output=True)
            self.uid, self.gid = (int(subprocess.run(["id", flag, self.name], check=True, capture_output=True, text=True).stdout) for flag in ("-u", "-g"))
            self.ids = subids.find(self.uid)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self._undo.close()

    def offer_template(self, target: str) -> None:
        """Mounts the built template at a folder, its owners shifted to the user's subordinate ids: as if the user had built it."""
        opened = os.open(TEMPLATE, os.O_RDONLY | os.O_DIRECTORY)
        try:
            tree = mounts.clone_tree(opened)
        finally:
            os.close(opened)
        try:
            with _namespace(f"0 {self.ids.uid} {subids.COUNT}", f"0 {self.ids.gid} {subids.COUNT}") as namespace:
                mounts.set_attributes(tree, mounts.ATTR_RDONLY | mounts.ATTR_IDMAP, namespace)
            mounts.attach(tree, target)
        finally:
            os.close(tree)
        self._undo.callback(linux.umount, target)

    def command(self, *command: str) -> list[str]:
        """The command as this user would call it: with no privilege and an environment of its own."""
        return ["setpriv", f"--reuid={self.uid}", f"--regid={self.gid}", "--init-groups", "--inh-caps=-all", "env", "-i", f"HOME={self.home}",
                f"USER={self.name}", "PATH=/usr/bin:/bin:/usr/sbin:/sbin", *command]


@contextlib.contextmanager
def _namespace(uid_map: str, gid_map: str):  # type: ignore[no-untyped-def]
    """A user namespace with these maps, as a descriptor."""
    read, write = os.pipe()
    pid, pidfd = linux.clone_process(linux.CLONE_NEWUSER)
    if pid == 0:
        os.close(write)
        os.read(read, 1)
        os._exit(0)
    os.close(read)
    try:
        for name, text in (("uid_map", uid_map), ("gid_map", gid_map)):
            with open(f"/proc/{pid}/{name}", "w", encoding="ascii") as file:
                file.write(text)
        namespace = os.open(f"/proc/{pid}/ns/user", os.O_RDONLY)
        try:
            yield namespace
        finally:
            os.close(namespace)
    finally:
        os.close(write)
        os.waitpid(pid, 0)
        os.close(pidfd)


class RootlessRoomd(Roomd):
    """roomd as the user starts it, with the probe guest."""

    def __init__(self, user: User) -> None:
        self.user = user
        folder = f"{user.folder}/roomd"
        os.makedirs(f"{folder}/data/templates/probe", mode=0o755)
        shutil.copytree(GUEST_FOLDER, f"{folder}/guest", ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(PROBE, f"{folder}/guest/athenic_guest/guests.py")
        for path in (f"{folder}/data", f"{folder}/data/templates"):
            os.chown(path, user.uid, user.gid)
        user.offer_template(f"{folder}/data/templates/probe")
        super().__init__(folder=folder)

    def place(self) -> str:
        runtime = f"{self.user.folder}/run"
        os.makedirs(runtime, mode=0o700, exist_ok=True)
        os.chown(runtime, self.user.uid, self.user.gid)
        return f"{runtime}/a"

    def launch(self, arguments: list[str]) -> list[str]:
        script = f"{self.folder}/guest/rootless.py"
        return self.user.command("/usr/bin/python3", "-I", script, "roomd", "--", "/usr/bin/python3", "-I", *arguments, "--rootless")

    def connect(self) -> None:
        """As the user: roomd asks the kernel who connects."""
        os.seteuid(self.user.uid)
        try:
            super().connect()
        finally:
            os.seteuid(0)

    def await_end(self, status: int = 0) -> None:
        """The folder is the user's and goes with it."""
        got = self.process.wait(60)
        self.kill()
        if got != status:
            raise AssertionError(f"roomd ended with status {got}, not {status}")


def install(user: User, checkout: str) -> str:
    """A copy of what runs (launcher, guest code, jar) that the user can read and not change; returns its folder."""
    target = f"{user.folder}/athenic"
    for folder in ("bin", "engine/src/main/guest"):
        shutil.copytree(f"{checkout}/{folder}", f"{target}/{folder}", ignore=shutil.ignore_patterns("__pycache__"))
    os.makedirs(f"{target}/server/target")
    shutil.copy(f"{checkout}/athenic", target)
    shutil.copyfile(f"{checkout}/server/target/athenic.jar", f"{target}/server/target/athenic.jar")
    return target


def main(checkout: str) -> None:
    """For tests in other languages: prints one line of JSON about a user, keeps the user until standard input ends."""
    user = User()
    try:
        data = f"{user.home}/data"
        key = f"{user.home}/.ssh/id_ed25519"
        for folder in (data, f"{data}/templates", os.path.dirname(key)):
            os.mkdir(folder, 0o700)
            os.chown(folder, user.uid, user.gid)
        with open(key, "w", encoding="ascii") as file:
            file.write("the user's key")
        os.chown(key, user.uid, user.gid)
        os.chmod(user.home, 0o700)
        template = f"{data}/templates/code-interpreter"
        os.mkdir(template, 0o755)
        user.offer_template(template)
        print(json.dumps({"name": user.name, "uid": user.uid, "home": user.home, "data": data, "key": key, "firstId": user.ids.uid,
                          "athenic": f"{install(user, checkout)}/athenic", "command": user.command()}), flush=True)
        sys.stdin.read()
    finally:
        user.close()


if __name__ == "__main__":
    main(sys.argv[1])
