"""The source ``opencode``: OpenCode's sessions, in its database and in the files it kept before, and its settings."""

from ctxstore.sources.agent import ResumableAgent
from ctxstore.sources.agents import AGENTS

__all__ = ["OpenCode"]


class OpenCode(ResumableAgent):
    """Contexts are ``opencode/<folder worked in>/<session>``, ``opencode/database`` and ``opencode/home``."""

    description = AGENTS["opencode"]
