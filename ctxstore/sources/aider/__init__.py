"""The source ``aider``: the histories that aider keeps in a project, and the chats that extensions of it save there."""

from ctxstore.sources.agent import ProjectAgent
from ctxstore.sources.agents import AGENTS

__all__ = ["Aider"]


class Aider(ProjectAgent):
    """A home is a project, with one context: ``aider/<project>/chat``."""

    description = AGENTS["aider"]
