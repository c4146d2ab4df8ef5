"""The source ``cursor``: conversations of Cursor's editor and of its command line, and its settings."""

from ctxstore.sources.agent import ResumableAgent
from ctxstore.sources.agents import AGENTS

__all__ = ["Cursor"]


class Cursor(ResumableAgent):
    """Contexts are ``cursor/composer/<conversation>``, ``cursor/chat/<conversation>`` and ``cursor/home``."""

    description = AGENTS["cursor"]
