"""The source ``copilot``: GitHub Copilot CLI's sessions and settings."""

from ctxstore.sources.agent import ResumableAgent
from ctxstore.sources.agents import AGENTS
from ctxstore.sources.protocol import Attributes, Scanner

__all__ = ["Copilot"]


class Copilot(ResumableAgent):
    """Contexts are ``copilot/sessions/<id>`` and ``copilot/home``."""

    description = AGENTS["copilot"]

    def make_scanner(self, key: str, before: Attributes | None) -> Scanner:
        """Returns a scanner of the transcript `key`."""
        from ctxstore.sources.copilot import layout, transcript

        return transcript.make_legacy_scanner(before) if layout.is_legacy(key) else transcript.make_scanner(before)
