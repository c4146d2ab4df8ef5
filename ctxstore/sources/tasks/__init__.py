"""Tasks: the sessions of Cline, and of Roo Code, which was derived from Cline. Both use the same files."""

from typing import ClassVar

from ctxstore.sources.agent import Layout, ResumableAgent
from ctxstore.sources.editors import TaskShape, group_of
from ctxstore.sources.protocol import Attributes, ReportSkipped, Scanner, SourceHome

__all__ = ["TaskAgent", "TaskShape"]


class TaskAgent(ResumableAgent):
    """Contexts are ``<source>/<installation>/<task>`` and ``<source>/<installation>/home``."""

    shape: ClassVar[TaskShape]

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.package = __name__

    def list_home(self, home: SourceHome, report: ReportSkipped) -> Layout:
        """Returns the layout of one home."""
        from ctxstore.sources.tasks.layout import TaskLayout

        return TaskLayout(self.shape, home.path, f"{self.name}/{group_of(home.label)}/", report)

    def make_scanner(self, key: str, before: Attributes | None) -> Scanner:
        """Returns a scanner of a task's messages."""
        from ctxstore.sources.tasks.transcript import make_scanner

        return make_scanner(self.agent, before)
