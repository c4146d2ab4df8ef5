"""The source ``continue``: Continue's sessions, rules and settings. (``continue`` can't be the name of a package.)"""

from ctxstore.sources.agent import ResumableAgent
from ctxstore.sources.agents import AGENTS

__all__ = ["Continue"]


class Continue(ResumableAgent):
    """Contexts are ``continue/sessions/<session>`` and ``continue/home``."""

    description = AGENTS["continue"]
