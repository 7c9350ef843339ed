"""Errors that a client of roomd sees."""

from __future__ import annotations

CODES = frozenset({"invalid_argument", "not_found", "already_exists", "permission_denied", "unauthenticated", "resource_exhausted",
                   "failed_precondition", "internal", "unavailable"})


class RoomError(Exception):
    """A request that failed: one of PROTOCOL.md's codes and a message that says what was wanted, what was found, what to do."""

    def __init__(self, code: str, message: str) -> None:
        if code not in CODES:
            raise ValueError(code)
        super().__init__(message)
        self.code = code
        self.message = message
