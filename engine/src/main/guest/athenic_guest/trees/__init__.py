"""Trees: complete root folders below DATA/templates/.trees, each left by one step of a template's build; a template names its last one.

This package works in a process of its own (`trees.py`), started by roomd: its work takes long and reads what a hostile room has written.
"""
