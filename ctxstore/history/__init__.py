"""The history: commits, refs and ops, and the root through which they are reached."""
