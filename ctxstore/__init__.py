"""A git-like, content-addressed store for what AI agents know: messages, files in context, memories.

A program keeps its contexts here like this:

>>> import ctxstore, tempfile
>>> repo = ctxstore.init(tempfile.mkdtemp() + "/store")
>>> draft = repo.edit("chat/alice")
>>> draft.messages.append({"role": "user", "content": "Where were we?"})
>>> draft.memories["mood"] = "curious"
>>> first = draft.commit("the first turn")
>>> draft.messages.append({"role": "assistant", "content": "At the harbour."})
>>> second = draft.commit()

and reads them back at any revision:

>>> repo.view("chat/alice").messages[-1]["content"]
'At the harbour.'
>>> len(repo.view("chat/alice~1").messages)
1
>>> [message.role for message in repo.diff("chat/alice~1", "chat/alice").added]
['assistant']
>>> repo.fork("chat/alice~1", "chat/alice-2").id == first.id
True
>>> repo.close()
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ctxstore.errors import (
    AlreadyExists,
    Conflict,
    Corrupt,
    CtxstoreError,
    InvalidInput,
    NotFound,
    RefMoved,
    SourceError,
    StorageError,
    UnknownFormat,
)

if TYPE_CHECKING:
    from ctxstore.history.commits import Author, Commit, Stored, Summary
    from ctxstore.ids import ObjectId
    from ctxstore.ops.draft import Draft
    from ctxstore.ops.merge import Merged
    from ctxstore.ops.merging import MergeConflict
    from ctxstore.ops.retention import Policy
    from ctxstore.ops.view import View
    from ctxstore.repo import Repo, init, open
    from ctxstore.sources.protocol import Message, Part

__version__ = "0.1.0"

__all__ = [
    "AlreadyExists",
    "Author",
    "Commit",
    "Conflict",
    "Corrupt",
    "CtxstoreError",
    "Draft",
    "InvalidInput",
    "MergeConflict",
    "Merged",
    "Message",
    "NotFound",
    "ObjectId",
    "Part",
    "Policy",
    "RefMoved",
    "Repo",
    "SourceError",
    "StorageError",
    "Stored",
    "Summary",
    "UnknownFormat",
    "View",
    "init",
    "open",
]

_HOMES = {
    "Author": "ctxstore.history.commits",
    "Commit": "ctxstore.history.commits",
    "Draft": "ctxstore.ops.draft",
    "MergeConflict": "ctxstore.ops.merging",
    "Merged": "ctxstore.ops.merge",
    "Message": "ctxstore.sources.protocol",
    "ObjectId": "ctxstore.ids",
    "Part": "ctxstore.sources.protocol",
    "Policy": "ctxstore.ops.retention",
    "Repo": "ctxstore.repo",
    "Stored": "ctxstore.history.commits",
    "Summary": "ctxstore.history.commits",
    "View": "ctxstore.ops.view",
    "init": "ctxstore.repo",
    "open": "ctxstore.repo",
}


def __getattr__(name: str) -> Any:
    # Loaded when asked for: `ctx --help` and a run that finds nothing new must not load the engine's parts.
    if name not in _HOMES:
        raise AttributeError(f"module 'ctxstore' has no attribute {name!r}")
    from importlib import import_module

    value = globals()[name] = getattr(import_module(_HOMES[name]), name)
    return value
