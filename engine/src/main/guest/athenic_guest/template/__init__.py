"""Templates: the root folders that sandboxes start from."""
