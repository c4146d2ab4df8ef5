"""The façade: opens the layers, one thin method an operation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ctxstore.errors import Corrupt, NotFound, SourceError
from ctxstore.history.commits import NamedCommit, StoredCommit, read_commit
from ctxstore.history.engine import Engine
from ctxstore.history.refs import matches
from ctxstore.ids import ObjectId
from ctxstore.progress import SILENT, Progress
from ctxstore.repo.finding import FindingMethods
from ctxstore.repo.refs import RefMethods
from ctxstore.repo.retention import RetentionMethods

if TYPE_CHECKING:
    from ctxstore.ops.check.check import CheckReport
    from ctxstore.ops.check.unreachable import UnreachableHistory
    from ctxstore.ops.checkout.execute import CheckoutPlan
    from ctxstore.ops.checkout.placement import Placement
    from ctxstore.ops.content.diff import ContextDiff, FileChange
    from ctxstore.ops.content.stats import Stats
    from ctxstore.ops.content.view import View
    from ctxstore.ops.draft.draft import Draft
    from ctxstore.ops.gc.collect import GcPlan, GcResult
    from ctxstore.ops.snapshot.snapshot import SnapshotReport
    from ctxstore.ops.snapshot.targets import Target
    from ctxstore.sources.protocol import Message, SourceHome


class Repo(RefMethods, RetentionMethods, FindingMethods):
    """An open repository. Safe from several threads and processes; close it, or use it as a context manager.

    What a method needs is imported when it is called: a hook that runs after every turn pays for no more
    than it uses.
    """

    def __init__(self, engine: Engine, path: str) -> None:
        self._engine = engine
        self.path = path

    def __enter__(self) -> Repo:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Repo {self.path}>"

    def close(self) -> None:
        """Let go of caches and files."""
        self._engine.close()

    # -- what a program writes

    def edit(self, ref: str, *, parent: str | None = None) -> Draft:
        """Begin a change to a context (made by its first commit), from its newest commit or revision `parent` on.

        Raises `InvalidInput` for a name no context may have, `NotFound` for an unknown parent.
        """
        from ctxstore.ops.draft.draft import open_draft

        return open_draft(self._engine, ref, self.resolve(parent).id if parent is not None else None)

    # -- what is there

    def view(self, rev: str) -> View:
        """A commit's content. Raises `NotFound`, `InvalidInput`."""
        from ctxstore.ops.content.view import View

        return View(self._engine, *self.resolve(rev))

    def messages(self, rev: str) -> Iterator[Message]:
        """A commit's messages, an agent's transcript or native records alike, one at a time."""
        from ctxstore.ops.content.conversation import iter_messages

        return iter_messages(self.view(rev))

    def refs(self, pattern: str = "") -> Iterator[NamedCommit]:
        """(name, newest commit) of the contexts that match a glob, a prefix or a part of the name; sorted.

        One whose commit can't be read is raised when all others were given.
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
        """A revision's commit and all it descends from, newest first."""
        from ctxstore.ops.content.log import iter_history

        return iter_history(self._engine, self.resolve(rev).id)

    def diff(self, old: str, new: str) -> ContextDiff:
        """What turns one revision into another: messages, memories, files."""
        from ctxstore.ops.content.diff import diff

        return diff(self._engine, self.resolve(old), self.resolve(new))

    def patch(self, change: FileChange) -> Iterator[str]:
        """Unified diff lines of one changed file."""
        from ctxstore.ops.content.patch import patch

        return patch(self._engine, change)

    def export(self, view: View, format: str = "json") -> Iterator[bytes]:
        """Yields a commit as one document: ``json``, ``jsonl``, ``markdown`` or, of a saved chat, ``aider-backup``.

        Raises `InvalidInput` if the format is unknown or does not fit the commit, and `Corrupt` while reading.
        """
        from ctxstore.ops.export import iter_export

        return iter_export(view, format)

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
        """Save what changed at `targets` (see `find_targets`). What can't be read is reported, the rest saved."""
        from ctxstore.ops.snapshot.home_scan import SnapshotOptions
        from ctxstore.ops.snapshot.snapshot import snapshot

        return snapshot(self._engine, targets, SnapshotOptions(note, kind, session, always), progress)

    def plan_checkout(self, rev: str, *, to: str | None = None, placement: Placement | None = None) -> CheckoutPlan:
        """What bringing a commit's files back would do: below `to`, or where they were, exactly; or as `placement`
        says: as a new session, in another home, for another folder, up to a message.

        Raises `NotFound`, `InvalidInput`.
        """
        from ctxstore.ops.checkout.plan import plan_checkout_in_place, plan_checkout_to

        revision = self.resolve(rev)
        if placement is not None:
            from ctxstore.ops.checkout.placement import check_placement

            check_placement(placement)
            to = placement.to if to is None else to
        if placement is not None and (placement.changes or placement.home is not None):
            from ctxstore.ops.checkout.plan_resume import plan_checkout_elsewhere

            return plan_checkout_elsewhere(self._engine, revision, placement)
        if to is not None:
            return plan_checkout_to(self._engine, revision, to)
        return plan_checkout_in_place(self._engine, revision, self._save_before_checkout)

    def plan_checkout_all(self, to: str, *, at: str | None = None) -> CheckoutPlan:
        """What laying all contexts out below `to` would do, as of now or of a time."""
        from ctxstore.ops.checkout.plan import plan_checkout_all

        return plan_checkout_all(self._engine, to, at)

    def _save_before_checkout(self, root: SourceHome, ref: str, at_risk: Sequence[str]) -> ObjectId | None:
        from ctxstore.ops.snapshot.home_scan import SnapshotOptions
        from ctxstore.ops.snapshot.snapshot import snapshot
        from ctxstore.ops.snapshot.targets import Target
        from ctxstore.sources.registry import get_source

        options = SnapshotOptions(note=f"before checkout of {ref}", session=ref.rpartition("/")[2])
        report = snapshot(self._engine, [Target(get_source(root.source), root)], options)
        for skipped in (each for source in report.sources for each in source.skipped if each.failed):
            if any(path == skipped.path or path.startswith(skipped.path + "/") for path in at_risk):
                raise SourceError(
                    f"{skipped.path} can't be saved before it is overwritten: {skipped.reason}",
                    hint="make it readable, or move it away, then run the checkout again",
                )
        return report.op

    # -- care

    def stats(self) -> Stats:
        """Counts and sizes."""
        from ctxstore.ops.content.stats import stats

        return stats(self._engine)

    def plan_gc(self, *, recompress: bool = False, progress: Progress = SILENT) -> GcPlan:
        """What a collection would free. Raises `Corrupt` if something reachable can't be followed."""
        from ctxstore.ops.gc.collect import plan_gc

        return plan_gc(self._engine, recompress=recompress, progress=progress)

    def gc(self, *, recompress: bool = False, progress: Progress = SILENT) -> GcResult:
        """Collect garbage, planning anew when others write in between."""
        from ctxstore.ops.gc.collect import collect

        return collect(self._engine, recompress=recompress, progress=progress)

    def check(self, *, read_data: bool = False, subset: str | None = None, progress: Progress = SILENT) -> CheckReport:
        """Verify the structure, and with `read_data` every stored byte, or those of a subset: ``5%``, ``2/7``."""
        from ctxstore.ops.check.check import check
        from ctxstore.ops.check.subset import parse_subset

        part = parse_subset(subset) if subset is not None else None
        return check(self._engine, read_data=read_data, subset=part, progress=progress)

    def iter_unreachable(self, *, all: bool = False) -> Iterator[UnreachableHistory]:
        """The newest commits of histories that no context and no tag reaches; with `all` every commit of them."""
        from ctxstore.ops.check.unreachable import iter_unreachable

        return iter_unreachable(self._engine, all=all)
