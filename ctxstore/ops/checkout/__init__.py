"""Checkout: plans how to restore a context's files, and carries the plan out."""
