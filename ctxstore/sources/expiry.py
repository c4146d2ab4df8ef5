"""For sources whose agent deletes old sessions by itself."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from ctxstore.sources.protocol import SourceHome


@runtime_checkable
class Expiring(Protocol):
    """A source whose agent tidies up."""

    def kept_days(self, root: SourceHome) -> int | None:
        """Days after its last change when the agent at `root` deletes a session, by its settings; ``None``: never."""
