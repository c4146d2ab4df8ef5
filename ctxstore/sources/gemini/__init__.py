"""The source ``gemini``: Gemini CLI's sessions, checkpoints, memories and settings.

`layout` finds files and is all that an unchanged snapshot loads. `records`, `thread` and `transcript` understand
what a session's file says; `scanner` sums it up on its way into the store; `resume` puts it back.
"""

from ctxstore.sources.gemini.source import Gemini

__all__ = ["Gemini"]
