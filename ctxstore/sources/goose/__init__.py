"""The source ``goose``: Goose's sessions, in its database and in the files it kept before, and its settings."""

from ctxstore.sources.agent import ResumableAgent
from ctxstore.sources.agents import AGENTS

__all__ = ["Goose"]


class Goose(ResumableAgent):
    """Contexts are ``goose/<folder worked in>/<session>``, ``goose/database`` and ``goose/home``."""

    description = AGENTS["goose"]
