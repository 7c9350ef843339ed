"""What the operations of an agent share."""

from __future__ import annotations

from .registry import Registry


class Context:
    """The sandbox's environment (replaced as a whole by `env.set`) and its processes."""

    def __init__(self, env: dict[str, str]) -> None:
        self.env = dict(env)
        self.registry = Registry()
