"""The source ``codex``: Codex CLI's sessions, memories and settings."""

from ctxstore.sources.agent import ResumableAgent
from ctxstore.sources.agents import AGENTS
from ctxstore.sources.protocol import Attributes, Decoder, Scanner

__all__ = ["Codex"]

_PACKED = ".zst"


class Codex(ResumableAgent):
    """Contexts are ``codex/<day>/<thread>`` and ``codex/home``."""

    description = AGENTS["codex"]

    def decoder(self, key: str) -> Decoder | None:
        """Returns the function that unpacks a packed rollout."""
        if not key.endswith(_PACKED):
            return None
        from ctxstore.sources.codex.compressed import unpack

        return unpack

    def make_scanner(self, key: str, before: Attributes | None) -> Scanner:
        """Returns a scanner of a rollout, plain or packed."""
        from ctxstore.sources.codex.transcript import PackedScanner, make_scanner

        return PackedScanner(before) if key.endswith(_PACKED) else make_scanner(before)
