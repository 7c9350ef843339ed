"""roomd: the only process of Athenic with root's rights. It makes and destroys rooms (docs/PROTOCOL.md, section 2)."""
