"""The source ``copilot``: GitHub Copilot CLI's sessions and settings."""

from ctxstore.sources.agent import ResumableAgent
from ctxstore.sources.agents import AGENTS

__all__ = ["Copilot"]


class Copilot(ResumableAgent):
    """Contexts are ``copilot/sessions/<id>`` and ``copilot/home``."""

    description = AGENTS["copilot"]
