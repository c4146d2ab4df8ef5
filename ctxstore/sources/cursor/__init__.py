"""The source ``cursor``: conversations of Cursor's editor and of its command line, and its settings."""

from ctxstore.sources.cursor.source import Cursor

__all__ = ["Cursor"]
