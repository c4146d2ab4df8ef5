"""The source ``claude-code``: Claude Code's sessions, memories and settings.

`layout` finds files and is all that an unchanged snapshot loads. `records`, `content` and `transcript`
understand transcripts; `scanner` sums them up on their way into the store.
"""

from ctxstore.sources.claude_code.source import ClaudeCode

__all__ = ["ClaudeCode"]
