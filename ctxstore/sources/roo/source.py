"""Roo Code as a `Source`."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence

from ctxstore.sources.cline.installations import editor_folders
from ctxstore.sources.cline.layout import TaskShape
from ctxstore.sources.cline.source import Tasks
from ctxstore.sources.resumable import ContextChange, IndexEntry, StoredContext, new_uuid


class RooCode(Tasks):
    """Roo Code, in any editor."""

    name = "roo"
    agent = "Roo Code"
    shape = TaskShape(
        source="roo",
        files=("tasks/_index.json", "custom_modes.yaml"),
        folders=("settings", "rules", "commands", "skills"),
    )

    def folders(self, environ: Mapping[str, str]) -> Iterator[str]:
        """The editors' folders, and the user's own rules."""
        yield from editor_folders("rooveterinaryinc.roo-cline", environ)
        if environ.get("HOME"):
            yield os.path.join(environ["HOME"], ".roo")

    def new_session(self, now: int, random: bytes) -> str:
        """A random UUID."""
        return new_uuid(now, random)

    def index_entries(self, stored: StoredContext, change: ContextChange, root: str) -> Sequence[IndexEntry]:
        """The entry in ``tasks/_index.json``, if that is there."""
        from ctxstore.sources.cline.task_list import list_roo

        return list_roo(stored, change, root)
