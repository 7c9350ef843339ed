"""Failures told as: what was wanted, what was found, what to do."""

from __future__ import annotations


class Problem(Exception):
    """This user cannot have namespaces of their own; the text is for the person at the terminal."""
