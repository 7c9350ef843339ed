"""What the operations of an agent share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .registry import Registry

if TYPE_CHECKING:
    from .egress import Listener


class Context:
    """The sandbox's environment (replaced as a whole by `env.set`), its processes, and its proxy's port."""

    def __init__(self, env: dict[str, str]) -> None:
        self.env = dict(env)
        self.registry = Registry()
        self.listener: Listener | None = None  # the proxy's port, once there is one
