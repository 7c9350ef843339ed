"""The template builder: sources, progress, hints, and what an abort leaves. The whole build is what every other test runs on."""

from __future__ import annotations

import fcntl
import io
import json
import os
import signal
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from athenic_guest.template import build as builder
from athenic_guest.template import sources
from athenic_guest.template.definition import DEFINITIONS
from athenic_guest.template.problem import Problem, explain
from athenic_guest.template.progress import Progress, Reader
from athenic_guest.template.store import Store
from roomd_client import GUEST_FOLDER, TEMPLATE, until

_SCRIPT = f"{GUEST_FOLDER}/template.py"
_DEBIAN = """\
Types: deb
URIs: http://mirror.example/debian
# a comment
Suites: bookworm bookworm-updates bookworm-backports
Components: main contrib
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://old.example/debian
Suites: bookworm
Components: main
Enabled: no
"""
_THIRD = """\
deb http://third.example/repo cloud-sdk-bookworm main
deb [arch=amd64 signed-by=/usr/share/keyrings/third.gpg] http://third.example/debian bookworm main
deb-src http://mirror.example/debian bookworm main
deb http://third.example/linux/debian bookworm stable
"""


class Folder(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="athenic-template-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)


class SourcesOfTheHost(Folder):
    def find(self, system: str = "ID=debian\nVERSION_CODENAME=bookworm\n", **files: str) -> sources.Sources:
        (self.folder / "sources.list.d").mkdir(exist_ok=True)
        (self.folder / "os-release").write_text(system)
        for name, text in files.items():
            (self.folder / "sources.list.d" / name.replace("_", ".")).write_text(text)
        return sources.find(self.folder, self.folder / "os-release")

    def test_the_distribution_s_own_are_taken_and_third_parties_left_out(self) -> None:
        found = self.find(debian_sources=_DEBIAN, third_list=_THIRD)

        self.assertEqual(found.suite, "bookworm")
        self.assertEqual([line for line in found.text.splitlines() if line.startswith("URIs")], ["URIs: http://mirror.example/debian", "URIs: http://mirror.example/debian-security"])
        self.assertIn("Suites: bookworm bookworm-updates\nComponents: main\n", found.text)
        self.assertNotIn("third", found.text)
        self.assertIn("debian-archive-keyring", found.text)

    def test_one_line_sources_with_options(self) -> None:
        (self.folder / "sources.list").write_text("deb [ arch=amd64 signed-by=/usr/share/keyrings/debian-archive-keyring.gpg ] http://m.example/debian bookworm main # end\n")

        found = self.find()

        self.assertEqual(found.text, "Types: deb\nURIs: http://m.example/debian\nSuites: bookworm\nComponents: main\nSigned-By: /usr/share/keyrings/debian-archive-keyring.gpg\n")

    def test_mirror_lists_of_cloud_images_are_followed(self) -> None:
        (self.folder / "list").write_text("# mirrors\nhttps://m.example/debian\tpriority:1\nhttps://n.example/debian\n")

        found = self.find(d_sources=f"Types: deb\nURIs: mirror+file://{self.folder}/list\nSuites: bookworm\nComponents: main\n")

        self.assertIn("URIs: https://m.example/debian\n", found.text)

    def test_an_own_mirror_is_known_by_the_distribution_s_key(self) -> None:
        found = self.find(d_sources="Types: deb\nURIs: http://own.example/apt\nSuites: bookworm\nComponents: main\nSigned-By: /usr/share/keyrings/debian-archive-keyring.pgp\n")

        self.assertIn("own.example", found.text)

    def test_ubuntu_gets_universe(self) -> None:
        found = self.find("ID=ubuntu\nVERSION_CODENAME=noble\n", u_sources="Types: deb\nURIs: http://m.example/ubuntu/\nSuites: noble noble-updates\nComponents: main restricted\n")

        self.assertIn("Components: main universe\n", found.text)

    def test_other_systems_and_missing_sources_are_told(self) -> None:
        with self.assertRaisesRegex(Problem, "Debian or Ubuntu"):
            self.find("ID=fedora\nVERSION_CODENAME=x\n")
        with self.assertRaisesRegex(Problem, "no package source for 'bookworm'"):
            self.find(third_list=_THIRD)


class Telling(unittest.TestCase):
    def test_progress_rises_from_step_to_step(self) -> None:
        out = io.StringIO()
        progress = Progress("T", out)
        reader = Reader(progress)
        for text in ("I: running apt-get update...\r\n", "\x1b[2Kdownloading:   50.00 [==> ]\r", "I: extracting archives...\n", "extracting:  100.00 [===]\r",
                     "I: installing remaining packages inside the chroot...\n", "downloading: 100.00 [=]\r", "installing:    0.10 [>]\r", "installing:   99.00 [=>]\r", "I: cleaning package lists...\n"):
            reader.feed(text.encode())

        percents = [int(line.split()[1].rstrip("%")) for line in out.getvalue().splitlines()]
        self.assertEqual(percents, sorted(percents))
        self.assertGreaterEqual(percents[-1], 90)

    def test_failures_say_what_to_do(self) -> None:
        for log, words in (("E: write: No space left on device", "free at least"), ("Err: Temporary failure resolving 'x'", "check the network"),
                           ("E: Unable to locate package x", "apt-get update"), ("strange", "its last lines:\n  strange")):
            self.assertIn(words, explain(log))


class Stored(Folder):
    def test_a_ready_template_is_found_at_once_and_a_change_of_definition_noticed(self) -> None:
        store = Store(self.folder)
        suite = sources.find().suite
        for name, definition in DEFINITIONS.items():
            (store.root(name) / "usr").mkdir(parents=True)
            manifest = store.folder / name / "manifest.json"

            manifest.write_text(json.dumps({"definition": definition.digest(suite)}))
            self.assertEqual(builder.build(self.folder, name), store.root(name))

            manifest.write_text(json.dumps({"definition": definition.digest("other")}))
            self.assertFalse(builder._current(store, name, definition.digest(suite)))
            manifest.write_text("{ torn")
            self.assertIsNone(store.manifest(name))
        self.assertEqual(set(DEFINITIONS), {"code-interpreter", "debian"})

    def test_an_unknown_name_and_a_second_builder_are_refused(self) -> None:
        with self.assertRaisesRegex(Problem, "unknown template"):
            builder.build(self.folder, "nothing")
        with Store(self.folder).lock(), self.assertRaisesRegex(Problem, "under way"), Store(self.folder).lock():
            pass

    def test_leftovers_of_an_abort_are_swept_and_downloads_kept(self) -> None:
        store = Store(self.folder)
        for name in (".build-code-interpreter-1/rootfs/usr", ".removed-code-interpreter-2/rootfs", "cache"):
            (store.folder / name).mkdir(parents=True)
        (store.cache / "a_1_all.deb").touch()

        store.sweep()

        self.assertEqual(sorted(path.name for path in store.folder.iterdir()), ["cache"])
        self.assertTrue((store.cache / "a_1_all.deb").exists())

    def test_a_published_template_replaces_the_old_one_whole(self) -> None:
        store = Store(self.folder)
        for version in ("1", "2"):
            built = store.folder / f".build-x-{version}"
            (built / "rootfs/usr").mkdir(parents=True)
            (built / "rootfs/usr/version").write_text(version)
            store.publish(built, "x", {"version": version})

        self.assertEqual(store.manifest("x"), {"version": "2"})
        self.assertEqual((store.root("x") / "usr/version").read_text(), "2")
        self.assertEqual([path.name for path in store.folder.iterdir()], ["x"])

    def test_an_abort_leaves_the_downloads_and_nothing_else(self) -> None:
        for number in (signal.SIGTERM, signal.SIGKILL):
            build = subprocess.Popen([sys.executable, "-B", _SCRIPT, "build", "--data", str(self.folder)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            cache = self.folder / "templates/cache"
            until(lambda: any(cache.glob("*.deb")), "nothing is downloaded", 120)

            build.send_signal(number)
            _, said = build.communicate(timeout=60)

            until(lambda: not self.users(), "a program of the aborted build lives on", 60)
            Store(self.folder).sweep()
            self.assertEqual(sorted(path.name for path in (self.folder / "templates").iterdir()), [".lock", "cache"], said)
            self.assertNotIn(str(self.folder), Path("/proc/self/mounts").read_text())

    def users(self) -> list[str]:
        """Processes whose command line names the folder."""
        found = []
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                if str(self.folder).encode() in path.read_bytes():
                    found.append(path.parent.name)
            except OSError:
                continue
        return found


class Refused(Folder):
    """Each failure tells what is missing and what to do, on one line."""

    def build(self, **options: object) -> str:
        done = subprocess.run([sys.executable, "-I", _SCRIPT, "build", "--data", str(self.folder / "data")], capture_output=True, text=True, timeout=60, **options)  # type: ignore[call-overload]
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        return str(done.stderr)

    def test_without_root(self) -> None:
        os.seteuid(65534)
        try:
            with self.assertRaisesRegex(Problem, "needs root: run the same command with sudo"):
                builder.build(self.folder)
        finally:
            os.seteuid(0)

    def test_without_mmdebstrap(self) -> None:
        self.assertIn("mmdebstrap", self.build(env={"PATH": "/nowhere"}))
        self.assertIn("apt-get install", self.build(env={"PATH": "/nowhere"}))

    def test_without_space(self) -> None:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(self.folder)], check=True)
        self.addCleanup(subprocess.run, ["umount", str(self.folder)], check=True)

        self.assertIn("has 64 MiB free: free some, or choose another --data folder", self.build())


class Built(unittest.TestCase):
    def test_the_template_has_what_it_promises(self) -> None:
        root = Path(TEMPLATE) / "rootfs"
        manifest = json.loads((root.parent / "manifest.json").read_text())

        self.assertIn("python3-numpy", manifest["packages"])
        self.assertTrue(set(DEFINITIONS["code-interpreter"].packages) <= set(manifest["packages"]))
        self.assertTrue(list((root / "home/user/.cache/matplotlib").glob("fontlist*.json")))
        self.assertEqual(list(root.glob("usr/lib/python3*/EXTERNALLY-MANAGED")), [])
        for absent in ("code", "etc/resolv.conf.d", "usr/share/doc/bash"):
            self.assertFalse((root / absent).exists(), absent)
        self.assertEqual((root / "etc/sudoers.d/user").stat().st_mode & 0o777, 0o440)
        self.assertEqual(os.stat(root / "home/user").st_uid, 1000)

    def test_the_lock_is_the_kernel_s(self) -> None:
        with tempfile.TemporaryDirectory() as folder, Store(Path(folder)).lock():
            handle = os.open(Path(folder) / "templates/.lock", os.O_RDWR)
            with self.assertRaises(BlockingIOError):
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.close(handle)


if __name__ == "__main__":
    unittest.main()
