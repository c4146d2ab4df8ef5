"""Refs: tags, forks, renames, drops, undo, and the settings that are stored among the refs."""
