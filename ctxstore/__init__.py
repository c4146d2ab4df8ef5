"""A git-like, content-addressed store for AI agents' sessions: their messages, files and memories.

A program writes commits of a context:

>>> import ctxstore, tempfile
>>> repo = ctxstore.init(tempfile.mkdtemp() + "/store")
>>> draft = repo.edit("chat/alice")
>>> draft.messages.append({"role": "user", "content": "Where were we?"})
>>> draft.memories["mood"] = "curious"
>>> first = draft.commit("the first turn")
>>> draft.messages.append({"role": "assistant", "content": "At the harbour."})
>>> second = draft.commit()

and reads them at any revision:

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
    from ctxstore.history.commits import Author, Commit, StoredCommit, Summary
    from ctxstore.ids import ObjectId
    from ctxstore.ops.content.view import View
    from ctxstore.ops.draft.draft import Draft
    from ctxstore.ops.merge.conflicts import MergeConflict
    from ctxstore.ops.merge.merge import Merged
    from ctxstore.ops.retention.policy import Policy
    from ctxstore.repo.init import init
    from ctxstore.repo.open import open
    from ctxstore.repo.repository import Repo
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
    "StoredCommit",
    "Summary",
    "UnknownFormat",
    "View",
    "init",
    "open",
]

_HOMES = {
    "Author": "ctxstore.history.commits",
    "Commit": "ctxstore.history.commits",
    "Draft": "ctxstore.ops.draft.draft",
    "MergeConflict": "ctxstore.ops.merge.conflicts",
    "Merged": "ctxstore.ops.merge.merge",
    "Message": "ctxstore.sources.protocol",
    "ObjectId": "ctxstore.ids",
    "Part": "ctxstore.sources.protocol",
    "Policy": "ctxstore.ops.retention.policy",
    "Repo": "ctxstore.repo.repository",
    "StoredCommit": "ctxstore.history.commits",
    "Summary": "ctxstore.history.commits",
    "View": "ctxstore.ops.content.view",
    "init": "ctxstore.repo.init",
    "open": "ctxstore.repo.open",
}


def __getattr__(name: str) -> Any:
    # Imported on first use: `ctx --help` and a snapshot that finds no changes must not load the engine's modules.
    if name not in _HOMES:
        raise AttributeError(f"module 'ctxstore' has no attribute {name!r}")
    from importlib import import_module

    value = globals()[name] = getattr(import_module(_HOMES[name]), name)
    return value
