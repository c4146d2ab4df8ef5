"""The source ``flowloom``: session folders below a project's ``.flowloom``."""

from ctxstore.sources.agent import ProjectAgent
from ctxstore.sources.agents import AGENTS

__all__ = ["FlowLoom"]


class FlowLoom(ProjectAgent):
    """A home is a project. Contexts are ``flowloom/<project>/<session>`` and ``flowloom/<project>/index``."""

    description = AGENTS["flowloom"]
