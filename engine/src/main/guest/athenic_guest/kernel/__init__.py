"""Kernels: the interpreters of code contexts, one process each (docs/PROTOCOL.md section 4)."""
