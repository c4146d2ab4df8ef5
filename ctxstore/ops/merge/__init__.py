"""Merge: a three-way merge of two commits, conflicts listed."""
