"""The source ``aider``: the histories aider keeps in a project.

`history` cuts the chat history into what was said, `transcript` and `scanner` read it and sum it up.
"""

from ctxstore.sources.aider.source import Aider

__all__ = ["Aider"]
