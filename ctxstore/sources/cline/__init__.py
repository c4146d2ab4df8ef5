"""The source ``cline``: Cline's tasks, rules and settings, in any editor or alone."""

from collections.abc import Sequence

from ctxstore.sources.agents import AGENTS
from ctxstore.sources.resumable import ContextChange, IndexEntry, StoredContext
from ctxstore.sources.tasks import TaskAgent, TaskShape

__all__ = ["Cline"]


class Cline(TaskAgent):
    """Contexts are ``cline/<installation>/<task>`` and ``cline/<installation>/home``."""

    description = AGENTS["cline"]
    shape = TaskShape(
        files=("state/taskHistory.json", "globalState.json"),
        folders=(
            "settings",
            "rules",
            "skills",
            "hooks",
            "workflows",
            "agents",
            "Rules",
            "Hooks",
            "Workflows",
            "Agents",
        ),
        secrets=frozenset({"providers.json"}),
    )

    def new_session(self, now: int, random: bytes) -> str:
        """Returns an id as Cline makes them: the time in milliseconds."""
        return str(now // 10**6)

    def index_entries(self, stored: StoredContext, change: ContextChange, home: str) -> Sequence[IndexEntry]:
        """Returns the entry in ``state/taskHistory.json``."""
        from ctxstore.sources.tasks.task_list import list_cline

        return list_cline(stored, change)
