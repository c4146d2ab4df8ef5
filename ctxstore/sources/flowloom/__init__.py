"""The source ``flowloom``: session folders below a project's ``.flowloom``."""

from ctxstore.sources.flowloom.source import FlowLoom

__all__ = ["FlowLoom"]
