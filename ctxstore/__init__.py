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
from ctxstore.history.commits import Author, Commit, Stored, Summary
from ctxstore.ids import ObjectId
from ctxstore.repo import Repo, init, open

__version__ = "0.1.0"

__all__ = [
    "AlreadyExists",
    "Author",
    "Commit",
    "Conflict",
    "Corrupt",
    "CtxstoreError",
    "InvalidInput",
    "NotFound",
    "ObjectId",
    "RefMoved",
    "Repo",
    "SourceError",
    "StorageError",
    "Stored",
    "Summary",
    "UnknownFormat",
    "init",
    "open",
]
