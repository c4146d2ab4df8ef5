"""The source ``roo``: Roo Code's tasks, rules and settings, kept as Cline keeps its own."""

from ctxstore.sources.roo.source import RooCode

__all__ = ["RooCode"]
