"""`Repo`, the public API of an open repository: one thin method per operation."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from ctxstore import ops
from ctxstore.errors import Corrupt, NotFound
from ctxstore.history.commits import NamedCommit, StoredCommit, read_commit
from ctxstore.history.engine import Engine
from ctxstore.history.refs import matches
from ctxstore.progress import SILENT, Progress
from ctxstore.repo.finding import FindingMethods
from ctxstore.repo.refs import RefMethods
from ctxstore.repo.retention import RetentionMethods

if TYPE_CHECKING:
    from ctxstore.ops.check.check import CheckReport
    from ctxstore.ops.check.unreachable import UnreachableHistory
    from ctxstore.ops.check.verify_commit import VerifiedCommit
    from ctxstore.ops.checkout.execute import CheckoutPlan
    from ctxstore.ops.checkout.placement import Placement
    from ctxstore.ops.content.diff import ContextDiff, FileChange
    from ctxstore.ops.content.stats import Stats
    from ctxstore.ops.content.view import View
    from ctxstore.ops.draft.draft import Draft
    from ctxstore.ops.gc.collect import GcPlan, GcResult
    from ctxstore.ops.snapshot.snapshot import SnapshotReport
    from ctxstore.ops.snapshot.targets import Target
    from ctxstore.sources.protocol import Message


class Repo(RefMethods, RetentionMethods, FindingMethods):
    """An open repository. Several threads and processes may use it. Close it, or use it as a context manager.

    A method loads its operation from `ops` when it is called, so that a hook after every turn starts quickly.
    """

    def __init__(self, engine: Engine, path: str) -> None:
        self._engine = engine
        self.path = path

    def __enter__(self) -> Repo:
        self._engine.check_open()
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Repo {self.path}>"

    def close(self) -> None:
        """Closes the repository's files and drops its caches.

        Later calls of its methods, views, drafts and iterators raise `RepositoryClosed`.
        """
        self._engine.close()

    # -- writing by programs

    def edit(self, ref: str, *, parent: str | None = None) -> Draft:
        """Opens a draft of a context, based on its newest commit or on the revision `parent`.

        The first commit creates a context that does not exist. Raises `InvalidInput` for an invalid name, and
        `NotFound` for an unknown parent.
        """
        return ops.open_draft(self._engine, ref, self.resolve(parent).id if parent is not None else None)

    # -- reading

    def view(self, rev: str) -> View:
        """Returns the content of a commit, read on demand. Raises `NotFound`, `InvalidInput`."""
        revision = self.resolve(rev)
        return ops.View(self._engine, revision.ref, revision.id, revision.commit)

    def messages(self, rev: str) -> Iterator[Message]:
        """Yields a commit's messages, whether they come from an agent's transcript or from a program."""
        return ops.iter_messages(self.view(rev))

    def refs(self, pattern: str = "") -> Iterator[NamedCommit]:
        """Yields the contexts and their newest commits, sorted by name. `pattern` is a glob or a part of the name.

        If a commit is unreadable, yields all others first and then raises its `Corrupt` or `NotFound`.
        """
        engine = self._engine
        failed: Corrupt | NotFound | None = None
        for name, id in engine.refs(engine.root()).iter():
            if not matches(name, pattern):
                continue
            try:
                commit = read_commit(engine.store, id)
            except (Corrupt, NotFound) as error:
                failed = failed or type(error)(f"{name}: {error.message}", hint=error.hint)
                continue
            yield NamedCommit(name, StoredCommit(id, commit))
        if failed is not None:
            raise failed

    def log(self, rev: str) -> Iterator[StoredCommit]:
        """Yields a revision's commit and all its ancestors, newest first."""
        return ops.iter_history(self._engine, self.resolve(rev).id)

    def diff(self, old: str, new: str) -> ContextDiff:
        """Compares two revisions. Returns the changes of messages, memories and files."""
        return ops.diff(self._engine, self.resolve(old), self.resolve(new))

    def patch(self, change: FileChange) -> Iterator[str]:
        """Yields the lines of a unified diff of one changed file."""
        return ops.patch(self._engine, change)

    def export(self, view: View, format: str = "json") -> Iterator[bytes]:
        """Yields a commit as one document: ``json``, ``jsonl``, ``markdown`` or, of a saved chat, ``aider-backup``.

        Raises `InvalidInput` if the format is unknown or does not fit the commit, and `Corrupt` while reading.
        """
        return ops.iter_export(view, format)

    # -- agents' files

    def snapshot(
        self,
        targets: Sequence[Target],
        *,
        note: str = "",
        kind: str = "auto",
        session: str | None = None,
        always: bool = False,
        progress: Progress = SILENT,
    ) -> SnapshotReport:
        """Saves what changed at `targets` (see `find_targets`). Skips and reports unreadable files."""
        self._engine.check_open()
        return ops.create_snapshot(self._engine, targets, ops.SnapshotOptions(note, kind, session, always), progress)

    def plan_checkout(self, rev: str, *, to: str | None = None, placement: Placement | None = None) -> CheckoutPlan:
        """Plans to restore a commit's files: below `to`, or else exactly where they were.

        A `placement` changes the session: a new id, another home, another folder, or an earlier last message. Nothing
        is written before the plan is executed. Raises `NotFound`, `InvalidInput`.
        """
        revision = self.resolve(rev)
        if placement is not None:
            ops.check_placement(placement)
            to = placement.to if to is None else to
        if placement is not None and (placement.changes or placement.home is not None):
            return ops.plan_checkout_elsewhere(self._engine, revision, placement, os.environ)
        if to is not None:
            return ops.plan_checkout_to(self._engine, revision, to)
        return ops.plan_checkout_in_place(self._engine, revision, os.environ)

    def iter_vanished(self, environ: Mapping[str, str]) -> Iterator[str]:
        """Yields the names of contexts whose files are gone from this machine, though it saved them."""
        return ops.iter_vanished(self._engine, environ)

    def plan_checkout_all(self, to: str, *, at: str | None = None) -> CheckoutPlan:
        """Plans to restore all contexts below `to`, in their present state or that of the time `at`."""
        return ops.plan_checkout_all(self._engine, to, at)

    # -- maintenance

    def stats(self) -> Stats:
        """Returns the repository's counts and sizes."""
        return ops.stats(self._engine)

    def plan_gc(self, *, recompress: bool = False, progress: Progress = SILENT) -> GcPlan:
        """Plans a garbage collection. Raises `Corrupt` if a reachable object is unreadable."""
        return ops.plan_gc(self._engine, recompress=recompress, progress=progress)

    def gc(self, *, recompress: bool = False, progress: Progress = SILENT) -> GcResult:
        """Collects garbage. Plans again if other processes write in the meantime."""
        return ops.collect(self._engine, recompress=recompress, progress=progress)

    def check(self, *, read_data: bool = False, subset: str | None = None, progress: Progress = SILENT) -> CheckReport:
        """Checks that all reachable objects exist. With `read_data`, also reads every stored byte, or a `subset`.

        A subset is a random share of the bytes, such as ``5%``, or one of several slices, such as ``2/7``.
        """
        part = ops.parse_subset(subset) if subset is not None else None
        return ops.check_repository(self._engine, read_data=read_data, subset=part, progress=progress)

    def verify(self, rev: str) -> VerifiedCommit:
        """Reads all files of a commit again and compares their hashes. Raises `Corrupt`, `NotFound`, `InvalidInput`."""
        return ops.verify_commit(self._engine, self.resolve(rev).id)

    def iter_unreachable(self, *, all: bool = False) -> Iterator[UnreachableHistory]:
        """Yields the newest commit of each history that no context and no tag reaches, or with `all` every commit."""
        return ops.iter_unreachable(self._engine, all=all)
