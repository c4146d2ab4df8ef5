"""Bytes by key, one swapped root, and who else is writing."""
