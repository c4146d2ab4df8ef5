"""Objects in solid frames, frames in packs, and the index of where each object lies."""
