"""The source ``roo``: Roo Code's tasks, rules and settings, in any editor."""

from collections.abc import Sequence

from ctxstore.sources.agents import AGENTS
from ctxstore.sources.resumable import ContextChange, IndexEntry, StoredContext, new_uuid
from ctxstore.sources.tasks import TaskAgent, TaskShape

__all__ = ["RooCode"]


class RooCode(TaskAgent):
    """Contexts are ``roo/<installation>/<task>`` and ``roo/<installation>/home``."""

    description = AGENTS["roo"]
    shape = TaskShape(
        files=("tasks/_index.json", "custom_modes.yaml"), folders=("settings", "rules", "commands", "skills")
    )

    def new_session(self, now: int, random: bytes) -> str:
        """Returns a random UUID."""
        return new_uuid(now, random)

    def index_entries(self, stored: StoredContext, change: ContextChange, home: str) -> Sequence[IndexEntry]:
        """Returns the entry in ``tasks/_index.json``, if that exists."""
        from ctxstore.sources.tasks.task_list import list_roo

        return list_roo(stored, change, home)
