"""The arguments and options of ``ctx checkout``."""

from __future__ import annotations

from typing import NamedTuple


class CheckoutOptions(NamedTuple):
    """The command's arguments and options."""

    rev: str | None
    everything: bool
    at: str | None
    to: str | None
    dry_run: bool
    yes: bool
    overwrite: bool
    home: str | None
    as_new_session: bool
    map_path: tuple[str, ...]
    at_message: str | None
    force: bool
    vanished: bool = False
    project: str | None = None

    @property
    def selects_several(self) -> bool:
        """Whether several sessions are restored, each to a place of its own."""
        return self.vanished or (self.everything and self.to is None)

    @property
    def changes_session(self) -> bool:
        """Whether the restored session differs from the saved one: in id, project folder or end."""
        return self.as_new_session or bool(self.map_path) or self.at_message is not None
