"""The agent: processes, files and ports of a room, served to the engine (docs/PROTOCOL.md section 3)."""

from .server import serve

__all__ = ["serve"]
