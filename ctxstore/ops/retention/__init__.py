"""Retention: decides which commits a policy keeps, and forgets the others."""
