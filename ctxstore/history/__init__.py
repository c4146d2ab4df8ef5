"""Commits, refs, ops, and the root that holds them together."""
