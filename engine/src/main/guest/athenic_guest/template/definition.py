"""What a template consists of. A change here changes the hash, and the hash decides whether a built template is still good."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass

# Raise it when finish.py changes what it leaves in the root folder.
LAYOUT = 2

_PYTHON = (
    "python3 python3-pip python3-venv python-is-python3 ipython3 python3-numpy python3-pandas python3-matplotlib "
    "python3-scipy python3-sklearn python3-seaborn python3-requests python3-pil python3-openpyxl python3-sympy "
    "python3-bs4 python3-lxml python3-yaml python3-networkx python3-tabulate python3-jinja2 python3-psutil python3-tqdm "
    "libopenblas0-pthread"
)
_TOOLS = (
    "nodejs esbuild git curl wget sudo ca-certificates catatonit procps iproute2 openssh-client "
    "less nano unzip zip xz-utils jq file tree bc make passwd tzdata"
)

# A base for templates of one's own: Python runs the agent (and whatever calls it), not cells.
_PLAIN = "python3 sudo ca-certificates curl catatonit procps iproute2 passwd tzdata"

# What nobody needs in a sandbox, by what it is. A C and C++ compiler stays: pip compiles with it. Python's own files are removed by
# finish.py: Debian's byte-compilation of a package fails when files of it are missing.
_EXCLUDES = (
    # documentation and translations
    "/usr/share/doc/*",
    "/usr/share/man/*",
    "/usr/share/info/*",
    "/usr/share/locale/*",
    "/usr/share/lintian/*",
    "/usr/share/bug/*",
    "/usr/share/unicode/*",
    "/usr/share/gitweb/*",
    # headers and static libraries of what comes with scipy, and static twins of the C libraries (libgcc.a and libc_nonshared.a are linked always)
    "/usr/include/boost/*",
    "/usr/include/xsimd/*",
    "/usr/lib/*/perl/*/CORE/*",
    "/usr/lib/*/openblas-pthread/*.a",
    "/usr/lib/python3*/config-*/*.a",
    "/usr/lib/*/libpython3*.a",
    "/usr/lib/*/libc.a",
    "/usr/lib/*/libm-*.a",
    "/usr/lib/*/libtirpc.a",
    "/usr/lib/gcc/*/*/libstdc++*.a",
    "/usr/lib/gcc/*/*/libsupc++.a",
    "/usr/lib/gcc/*/*/libquadmath.a",
    # gcc: link-time optimisation and its tools; sanitizers, which need ptrace or terabytes of address space; the second and third linker
    "/usr/bin/*-lto-dump*",
    "/usr/lib/gcc/*/*/lto1",
    "/usr/libexec/gcc/*/*/lto1",
    "/usr/lib/gcc/*/*/lib[almtu]*san*",
    "/usr/lib/*/lib[ahltu]*san.so*",
    "/usr/bin/*-ld.gold",
    "/usr/bin/*-dwp",
    "/usr/bin/*gp-*",
    "/usr/bin/*gprofng*",
    "/usr/lib/*/libgprofng*",
    "/usr/lib/*/gprofng/*",
    # git as a server, over mail and WebDAV
    "/usr/lib/git-core/git-daemon",
    "/usr/lib/git-core/git-http-backend",
    "/usr/lib/git-core/git-http-push",
    "/usr/lib/git-core/git-imap-send",
    "/usr/lib/git-core/scalar",
    "/usr/bin/scalar",
    # esbuild runs as a program; browsers' libraries
    "/usr/lib/*/nodejs/esbuild-wasm/*",
    "/usr/share/nodejs/esbuild-wasm/*",
    "/usr/share/javascript/*",
)


@dataclass(frozen=True)
class Definition:
    """A template by name: Debian packages, files left out, and the user that code runs as."""

    name: str
    packages: tuple[str, ...]
    excludes: tuple[str, ...]
    user: str = "user"
    uid: int = 1000
    layout: int = LAYOUT

    def digest(self, suite: str) -> str:
        """SHA-256 (hex) over everything that decides the content, the suite included."""
        text = json.dumps([asdict(self), suite], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


DEFINITIONS = {
    "code-interpreter": Definition(
        name="code-interpreter",
        packages=tuple(sorted((_PYTHON + " " + _TOOLS).split())),
        excludes=_EXCLUDES,
    ),
    "debian": Definition(name="debian", packages=tuple(sorted(_PLAIN.split())), excludes=_EXCLUDES),
}
