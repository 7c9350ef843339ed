"""The distribution's package sources, taken from the host's own apt configuration; third-party sources are left out."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from .problem import Problem

DISTRIBUTIONS = {"debian": ("main",), "ubuntu": ("main", "universe")}


@dataclass(frozen=True)
class Sources:
    """`text` is a deb822 sources file; `suite` the host's release by its code name."""

    suite: str
    text: str


def find(apt: Path = Path("/etc/apt"), os_release: Path = Path("/etc/os-release")) -> Sources:
    """Reads the host's sources. Raises Problem when the host is no Debian or Ubuntu, or has no source of its distribution."""
    system = _os_release(os_release)
    distribution, suite = system.get("ID", ""), system.get("VERSION_CODENAME", "")
    if distribution not in DISTRIBUTIONS or not suite:
        raise Problem(f"a template is built from the packages of Debian or Ubuntu, this host is '{distribution or 'unknown'}': use a Debian or Ubuntu host")
    stanzas = [stanza for stanza in _stanzas(apt) if _of_distribution(stanza, distribution, suite)]
    if not any(suite in stanza["suites"].split() for stanza in stanzas):
        raise Problem(f"no package source for '{suite}' in {apt}: add {distribution}'s own mirror there")
    return Sources(suite, "\n".join(_render(stanza, distribution) for stanza in stanzas))


def proxies() -> list[str]:
    """The host's apt proxy settings, as lines of apt.conf."""
    try:
        dump = subprocess.run(["apt-config", "dump"], capture_output=True, text=True, check=True, timeout=20).stdout
    except (OSError, subprocess.SubprocessError):
        return []
    return [line for line in dump.splitlines() if line.lower().startswith(("acquire::http::proxy", "acquire::https::proxy")) and '""' not in line]


def _os_release(path: Path) -> dict[str, str]:
    pairs = (line.partition("=") for line in path.read_text().splitlines() if "=" in line)
    return {key: value.strip().strip('"') for key, _, value in pairs}


def _stanzas(apt: Path) -> list[dict[str, str]]:
    found: list[dict[str, str]] = []
    folder = apt / "sources.list.d"
    for path in sorted(folder.glob("*.sources")) if folder.is_dir() else ():
        found += _deb822(path.read_text())
    for path in [apt / "sources.list", *(sorted(folder.glob("*.list")) if folder.is_dir() else ())]:
        if path.is_file():
            found += filter(None, map(_one_line, path.read_text().splitlines()))
    return found


def _deb822(text: str) -> list[dict[str, str]]:
    stanzas: list[dict[str, str]] = []
    current: dict[str, str] = {}
    key = ""
    for line in [*text.splitlines(), ""]:
        if line.startswith("#"):
            continue
        if not line.strip():
            if current:
                stanzas.append(current)
            current = {}
        elif line[0] in " \t" and key:
            current[key] += "\n" + line
        else:
            key, _, value = line.partition(":")
            key = key.strip().lower()
            current[key] = value.strip()
    return stanzas


def _one_line(line: str) -> dict[str, str] | None:
    words = line.partition("#")[0].split()
    if not words or words[0] != "deb":
        return None
    options: dict[str, str] = {}
    rest = words[1:]
    if rest and rest[0].startswith("["):
        end = next((i for i, word in enumerate(rest) if word.endswith("]")), None)
        if end is None:
            return None
        for option in " ".join(rest[: end + 1]).strip("[] ").split():
            name, _, value = option.partition("=")
            options[name] = value
        rest = rest[end + 1 :]
    if len(rest) < 3:
        return None
    stanza = {"types": "deb", "uris": rest[0], "suites": rest[1], "components": " ".join(rest[2:])}
    if "signed-by" in options:
        stanza["signed-by"] = options["signed-by"]
    return stanza


def _of_distribution(stanza: dict[str, str], distribution: str, suite: str) -> bool:
    if stanza.get("enabled", "yes").lower() in ("no", "false", "0") or "deb" not in stanza.get("types", "").split():
        return False
    suites = stanza.get("suites", "").split()
    wanted = {suite, f"{suite}-updates", f"{suite}-security"}
    if not suites or not wanted.issuperset(name for name in suites if name != f"{suite}-backports"):
        return False
    if "main" not in stanza.get("components", "").split():
        return False
    signed = stanza.get("signed-by", "")
    if Path(signed).name.startswith(f"{distribution}-archive-"):
        return True
    # A key written into the stanza, or apt's default keys, which third parties use as well: then the address has to say it.
    return (not signed or "\n" in signed) and f"/{distribution}" in _uris(stanza)


def _uris(stanza: dict[str, str]) -> str:
    """The addresses, those of `mirror+file:` (cloud images) read from their file: the chroot has no such file."""
    found = []
    for uri in stanza.get("uris", "").split():
        if uri.startswith("mirror+file:"):
            try:
                lines = Path(re.sub("^mirror[+]file:/*", "/", uri)).read_text().splitlines()
            except OSError:
                lines = []
            found += [line.split()[0] for line in lines if line.strip() and not line.startswith("#")][:1]
        else:
            found.append(uri)
    return " ".join(found)


def _render(stanza: dict[str, str], distribution: str) -> str:
    components = list(dict.fromkeys([*stanza["components"].split(), *DISTRIBUTIONS[distribution]]))
    lines = ["Types: deb", f"URIs: {_uris(stanza)}", "Suites: " + " ".join(name for name in stanza["suites"].split() if not name.endswith("-backports"))]
    lines.append("Components: " + " ".join(name for name in components if name in ("main", "universe")))
    if stanza.get("signed-by"):
        lines.append("Signed-By: " + stanza["signed-by"])
    return "\n".join(lines) + "\n"
