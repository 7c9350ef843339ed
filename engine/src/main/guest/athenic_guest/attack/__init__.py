"""`./athenic doctor --attack`: tries to break out of real sandboxes and says what held and what broke."""
