"""The source ``goose``: Goose's sessions, in its database and in the files it kept before, and its settings."""

from ctxstore.sources.goose.source import Goose

__all__ = ["Goose"]
