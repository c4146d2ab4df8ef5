"""The source ``cursor``: conversations of Cursor's editor and of its command line, and its settings."""

from ctxstore.sources.agent import ResumableAgent
from ctxstore.sources.agents import AGENTS
from ctxstore.sources.protocol import Attributes, Scanner

__all__ = ["Cursor"]


class Cursor(ResumableAgent):
    """Contexts are ``cursor/composer/<conversation>``, ``cursor/chat/<conversation>`` and ``cursor/home``."""

    description = AGENTS["cursor"]

    def make_scanner(self, key: str, before: Attributes | None) -> Scanner:
        """Returns a scanner of the transcript `key`. A transcript of the command line is in a folder of its project."""
        from ctxstore.sources.cursor.transcript import make_scanner

        parts = key.split("/")
        return make_scanner(before, parts[1] if parts[0] == "projects" and len(parts) > 2 else "")
