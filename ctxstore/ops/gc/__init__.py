"""Garbage collection: mark, repack, sweep."""
