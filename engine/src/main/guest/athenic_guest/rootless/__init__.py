"""Athenic for an ordinary user: a user namespace in which roomd is root over the user's own and the user's subordinate ids only (ADR 0014)."""
