"""What a template consists of. A change here changes the hash, and the hash decides whether a built template is still good."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass

# Raise it when finish.py changes what it leaves in the root folder.
LAYOUT = 1

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

# Documentation, translations and static libraries that nobody needs in a sandbox. The libraries' own tests are removed by
# finish.py: Debian's byte-compilation of a package fails when files of it are missing.
_EXCLUDES = (
    "/usr/share/doc/*",
    "/usr/share/man/*",
    "/usr/share/info/*",
    "/usr/share/locale/*",
    "/usr/share/lintian/*",
    "/usr/share/bug/*",
    "/usr/share/unicode/*",
    "/usr/include/boost/*",
    "/usr/lib/*/openblas-pthread/*.a",
    "/usr/lib/python3*/config-*/*.a",
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
}
