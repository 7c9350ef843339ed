"""The probes of `./athenic doctor --attack` that run inside a sandbox. Standard library only: the files are sent into the room as text."""
