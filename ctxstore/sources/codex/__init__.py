"""The source ``codex``: Codex CLI's sessions, memories and settings.

`layout` finds files and is all that an unchanged snapshot loads. `records`, `items` and `transcript` understand
rollouts, `compressed` those that Codex has packed; `scanner` sums them up on their way into the store.
"""

from ctxstore.sources.codex.source import Codex

__all__ = ["Codex"]
