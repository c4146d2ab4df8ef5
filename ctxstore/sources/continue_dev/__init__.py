"""The source ``continue``: Continue's sessions, rules and settings. (``continue`` can't be the name of a package.)

`layout` finds files and is all that an unchanged snapshot loads. `records` and `transcript` understand sessions;
`scanner` sums them up on their way into the store.
"""

from ctxstore.sources.continue_dev.source import Continue

__all__ = ["Continue"]
