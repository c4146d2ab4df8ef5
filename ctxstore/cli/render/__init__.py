"""Rendering of results: as text for people, as JSON for programs."""
