"""The source ``opencode``: OpenCode's sessions, in its database and in the files it kept before, and its settings.

`layout` finds them, `database` knows the tables, `older` the files; `transcript` understands messages, `scanner` sums
them up, `resume` puts sessions back.
"""

from ctxstore.sources.opencode.source import OpenCode

__all__ = ["OpenCode"]
