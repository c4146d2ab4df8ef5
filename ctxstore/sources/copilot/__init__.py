"""The source ``copilot``: GitHub Copilot CLI's sessions and settings.

`layout` finds files and is all that an unchanged snapshot loads. `records` and `transcript` understand a session's
events; `scanner` sums them up on their way into the store.
"""

from ctxstore.sources.copilot.source import Copilot

__all__ = ["Copilot"]
