"""The source ``copilot``: GitHub Copilot CLI's sessions and settings."""

from ctxstore.sources.agent import ResumableAgent
from ctxstore.sources.agents import AGENTS
from ctxstore.sources.protocol import Attributes, Decoder, Scanner

__all__ = ["Copilot"]


class Copilot(ResumableAgent):
    """Contexts are ``copilot/sessions/<id>`` and ``copilot/home``."""

    description = AGENTS["copilot"]

    def decoder(self, key: str) -> Decoder | None:
        """Returns a decoder that changes nothing for a session's document, because a part of one cannot be read alone.

        Returns None for other transcripts.
        """
        from ctxstore.sources.copilot import layout

        return iter if layout.is_legacy(key) else None

    def make_scanner(self, key: str, before: Attributes | None) -> Scanner:
        """Returns a scanner of the transcript `key`."""
        from ctxstore.sources.copilot import layout, transcript

        return transcript.make_legacy_scanner(before) if layout.is_legacy(key) else transcript.make_scanner(before)
