"""Refs: tags, forks, renames, drops, undo, and the settings that are kept beside the refs."""
