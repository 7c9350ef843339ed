"""Failures of a build, told as: what was wanted, what was found, what to do."""

from __future__ import annotations


class Problem(Exception):
    """A build cannot go on; the text is for the person at the terminal."""


_HINTS = (
    (("No space left on device",), "the disk is full: free at least 4 GB where the data directory is, then run the same command again"),
    (
        ("Temporary failure resolving", "Could not resolve", "Unable to connect", "Could not connect", "Network is unreachable", "Connection timed out"),
        "the package mirror cannot be reached: check the network (and the proxy in /etc/apt), then run the same command again; what was downloaded is kept",
    ),
    (("Unable to locate package", "has no installation candidate"), "the mirror lacks a package: run 'apt-get update' and check that the mirror in /etc/apt serves this release"),
    (("NO_PUBKEY", "is not signed", "invalid signature", "not signed by"), "the mirror's signature was not accepted: reinstall the keyring (debian-archive-keyring), then run the same command again"),
    (("Hash Sum mismatch", "File has unexpected size"), "the mirror changed during the download: run the same command again in a few minutes"),
)


def explain(log: str) -> str:
    """The likely cause of a failed run of mmdebstrap, read from its log; its last lines when none is known."""
    for needles, text in _HINTS:
        if any(needle in log for needle in needles):
            return text
    tail = [line for line in log.splitlines() if line.strip()][-8:]
    return "mmdebstrap failed; its last lines:\n  " + "\n  ".join(tail)
