"""The source ``cline``: the tasks, rules and settings of Cline, and what Roo Code has in common with it.

`layout` and `installations` find files and are all that an unchanged snapshot loads. `records`, `content` and
`transcript` understand messages; `scanner` sums them up on their way into the store.
"""

from ctxstore.sources.cline.source import Cline

__all__ = ["Cline"]
