"""Packs: immutable files that store objects in compressed frames, and the index that finds an object in them."""
