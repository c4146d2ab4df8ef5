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

from typing import TYPE_CHECKING

from ctxstore.errors import (
    AlreadyExists,
    Conflict,
    Corrupt,
    CtxstoreError,
    InvalidInput,
    NotFound,
    RefMoved,
    RepositoryClosed,
    SourceError,
    StorageError,
    UnknownFormat,
)

if TYPE_CHECKING:
    from ctxstore.history.commits import Author, Commit, NamedCommit, StoredCommit, Summary
    from ctxstore.history.engine import Environment
    from ctxstore.history.forgotten import Forgotten, ForgottenCommits
    from ctxstore.history.oplog import Op, RefChange, StoredOp
    from ctxstore.history.refs import RefHead
    from ctxstore.history.revisions import Revision
    from ctxstore.history.transaction import Move, Published
    from ctxstore.ids import ObjectId
    from ctxstore.ops.check.check import CheckProblem, CheckReport
    from ctxstore.ops.check.impact import DamagedPlace
    from ctxstore.ops.check.unreachable import UnreachableHistory
    from ctxstore.ops.check.verify_commit import VerifiedCommit
    from ctxstore.ops.checkout.execute import CheckoutPlan, CheckoutResult
    from ctxstore.ops.checkout.placement import Placement
    from ctxstore.ops.checkout.steps import LeftOutFile, UnreadablePart
    from ctxstore.ops.content.diff import ContextDiff, FileChange, MemoryChange, SubagentDiff
    from ctxstore.ops.content.find_message import NumberedMessage
    from ctxstore.ops.content.stats import Stats
    from ctxstore.ops.content.view import Memories, Records, View, ViewFiles
    from ctxstore.ops.draft.draft import Draft, DraftFiles
    from ctxstore.ops.draft.memories import DraftMemories
    from ctxstore.ops.draft.messages import DraftMessages
    from ctxstore.ops.gc.collect import GcPlan, GcResult
    from ctxstore.ops.merge.conflicts import MergeConflict
    from ctxstore.ops.merge.merge import Merged
    from ctxstore.ops.refs.contexts_and_tags import DropPlan
    from ctxstore.ops.refs.undo import ListedOp, OpEffect, UndoPlan
    from ctxstore.ops.retention.forget import ContextPlan, ForgetPlan, ForgetResult, ForgetVerdict
    from ctxstore.ops.retention.named_policies import AutomaticPolicy, NamedPolicy
    from ctxstore.ops.retention.policy import Policy
    from ctxstore.ops.search.find import CommitTime, HoldingContext, SearchFilters, SearchHit
    from ctxstore.ops.search.search import SearchResult
    from ctxstore.ops.search.snippet import Snippet
    from ctxstore.ops.secrets.masking import Secret, SecretPlace
    from ctxstore.ops.secrets.scan import SecretsReport
    from ctxstore.ops.snapshot.home_scan import SourceReport
    from ctxstore.ops.snapshot.previous_commit import DamagedContext
    from ctxstore.ops.snapshot.shrink_guard import Shrunk
    from ctxstore.ops.snapshot.snapshot import SnapshotReport
    from ctxstore.ops.snapshot.sources_report import Expiry, FailedSource, FoundHome, SourcesReport
    from ctxstore.ops.snapshot.targets import Target
    from ctxstore.progress import Progress
    from ctxstore.repo.init import init
    from ctxstore.repo.open import exists, open
    from ctxstore.repo.repository import Repo
    from ctxstore.sources.protocol import Message, Part, Skipped, Source, SourceHome
    from ctxstore.trees.entries import DirEntry, Entry, FileEntry, ListEntry, MapEntry, SymlinkEntry

__version__ = "0.1.0"

__all__ = [
    "AlreadyExists",
    "Author",
    "AutomaticPolicy",
    "CheckProblem",
    "CheckReport",
    "CheckoutPlan",
    "CheckoutResult",
    "Commit",
    "CommitTime",
    "Conflict",
    "ContextDiff",
    "ContextPlan",
    "Corrupt",
    "CtxstoreError",
    "DamagedContext",
    "DamagedPlace",
    "DirEntry",
    "Draft",
    "DraftFiles",
    "DraftMemories",
    "DraftMessages",
    "DropPlan",
    "Entry",
    "Environment",
    "Expiry",
    "FailedSource",
    "FileChange",
    "FileEntry",
    "ForgetPlan",
    "ForgetResult",
    "ForgetVerdict",
    "Forgotten",
    "ForgottenCommits",
    "FoundHome",
    "GcPlan",
    "GcResult",
    "HoldingContext",
    "InvalidInput",
    "LeftOutFile",
    "ListEntry",
    "ListedOp",
    "MapEntry",
    "Memories",
    "MemoryChange",
    "MergeConflict",
    "Merged",
    "Message",
    "Move",
    "NamedCommit",
    "NamedPolicy",
    "NotFound",
    "NumberedMessage",
    "ObjectId",
    "Op",
    "OpEffect",
    "Part",
    "Placement",
    "Policy",
    "Progress",
    "Published",
    "Records",
    "RefChange",
    "RefHead",
    "RefMoved",
    "Repo",
    "RepositoryClosed",
    "Revision",
    "SearchFilters",
    "SearchHit",
    "SearchResult",
    "Secret",
    "SecretPlace",
    "SecretsReport",
    "Shrunk",
    "Skipped",
    "SnapshotReport",
    "Snippet",
    "Source",
    "SourceError",
    "SourceHome",
    "SourceReport",
    "SourcesReport",
    "Stats",
    "StorageError",
    "StoredCommit",
    "StoredOp",
    "SubagentDiff",
    "Summary",
    "SymlinkEntry",
    "Target",
    "UndoPlan",
    "UnknownFormat",
    "UnreachableHistory",
    "UnreadablePart",
    "VerifiedCommit",
    "View",
    "ViewFiles",
    "exists",
    "init",
    "open",
]

_NAMES = {
    "history.commits": "Author Commit NamedCommit StoredCommit Summary",
    "history.engine": "Environment",
    "history.forgotten": "Forgotten ForgottenCommits",
    "history.oplog": "Op RefChange StoredOp",
    "history.refs": "RefHead",
    "history.revisions": "Revision",
    "history.transaction": "Move Published",
    "ids": "ObjectId",
    "ops.check.check": "CheckProblem CheckReport",
    "ops.check.impact": "DamagedPlace",
    "ops.check.unreachable": "UnreachableHistory",
    "ops.check.verify_commit": "VerifiedCommit",
    "ops.checkout.execute": "CheckoutPlan CheckoutResult",
    "ops.checkout.placement": "Placement",
    "ops.checkout.steps": "LeftOutFile UnreadablePart",
    "ops.content.diff": "ContextDiff FileChange MemoryChange SubagentDiff",
    "ops.content.find_message": "NumberedMessage",
    "ops.content.stats": "Stats",
    "ops.content.view": "Memories Records View ViewFiles",
    "ops.draft.draft": "Draft DraftFiles",
    "ops.draft.memories": "DraftMemories",
    "ops.draft.messages": "DraftMessages",
    "ops.gc.collect": "GcPlan GcResult",
    "ops.merge.conflicts": "MergeConflict",
    "ops.merge.merge": "Merged",
    "ops.refs.contexts_and_tags": "DropPlan",
    "ops.refs.undo": "ListedOp OpEffect UndoPlan",
    "ops.retention.forget": "ContextPlan ForgetPlan ForgetResult ForgetVerdict",
    "ops.retention.named_policies": "AutomaticPolicy NamedPolicy",
    "ops.retention.policy": "Policy",
    "ops.search.find": "CommitTime HoldingContext SearchFilters SearchHit",
    "ops.search.search": "SearchResult",
    "ops.search.snippet": "Snippet",
    "ops.secrets.masking": "Secret SecretPlace",
    "ops.secrets.scan": "SecretsReport",
    "ops.snapshot.home_scan": "SourceReport",
    "ops.snapshot.previous_commit": "DamagedContext",
    "ops.snapshot.shrink_guard": "Shrunk",
    "ops.snapshot.snapshot": "SnapshotReport",
    "ops.snapshot.sources_report": "Expiry FailedSource FoundHome SourcesReport",
    "ops.snapshot.targets": "Target",
    "progress": "Progress",
    "repo.init": "init",
    "repo.open": "exists open",
    "repo.repository": "Repo",
    "sources.protocol": "Message Part Skipped Source SourceHome",
    "trees.entries": "DirEntry Entry FileEntry ListEntry MapEntry SymlinkEntry",
}

if not TYPE_CHECKING:  # a type checker knows the imports above, and refuses other names

    def __getattr__(name: str) -> object:
        from ctxstore.lazy import load_name

        return load_name(__name__, _NAMES, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
