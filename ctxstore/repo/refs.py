"""The part of the façade that moves refs: forks, names, tags, merges, undo."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ctxstore.errors import InvalidInput
from ctxstore.history.commits import NamedCommit, StoredCommit
from ctxstore.history.engine import Engine
from ctxstore.history.refs import check_name
from ctxstore.history.transaction import Move, transaction
from ctxstore.ids import ID_SIZE, ObjectId

if TYPE_CHECKING:
    from ctxstore.history.oplog import Op, StoredOp
    from ctxstore.history.revisions import Revision
    from ctxstore.ops.merge.merge import Merged
    from ctxstore.ops.refs.contexts_and_tags import DropPlan
    from ctxstore.ops.refs.undo import ListedOp, OpEffect, UndoPlan


class RefMethods:
    """What `Repo` does to refs. Each method that writes is one op, and can be undone."""

    _engine: Engine

    def resolve(self, rev: str) -> Revision:
        """The commit a revision names. Raises `NotFound`, `InvalidInput`."""
        from ctxstore.history.revisions import Resolver

        return Resolver(self._engine).resolve(rev)

    def fork(self, rev: str, new_ref: str) -> StoredCommit:
        """Make a new context that starts at a revision and shares all of it. Raises `AlreadyExists`."""
        from ctxstore.ops.refs.contexts_and_tags import fork

        return fork(self._engine, self.resolve(rev).id, new_ref)

    def set_ref(self, ref: str, new: ObjectId | None, *, expected: ObjectId | None) -> None:
        """Compare-and-set: move a ref from `expected` to `new`; None: it is not there. Raises `RefMoved`."""
        check_name(ref)
        if not all(each is None or (isinstance(each, bytes) and len(each) == ID_SIZE) for each in (new, expected)):
            raise InvalidInput(f"a ref is moved from a commit's id to another: {ID_SIZE} bytes each, or None")
        with transaction(self._engine) as tx:
            if new is not None:
                tx.rely(new)
            tx.publish([Move(ref, expected, new)], "set-ref")

    def find_ref(self, ref: str) -> ObjectId | None:
        """The newest commit of a context by its whole name, or None."""
        return self._engine.refs(self._engine.root()).find(ref)

    def rename(self, old: str, new: str) -> StoredCommit:
        """Give a context, named whole, another name. Raises `NotFound`, `AlreadyExists`."""
        from ctxstore.ops.refs.contexts_and_tags import rename

        return rename(self._engine, old, new)

    def plan_drop(self, *patterns: str) -> DropPlan:
        """What dropping contexts, named whole or by globs, would do. Raises `NotFound`."""
        from ctxstore.ops.refs.contexts_and_tags import plan_drop

        return plan_drop(self._engine, patterns)

    def merge(self, ours: str, theirs: str, *, into: str, choice: str = "both", note: str = "") -> Merged:
        """Merge two revisions into a context: a new one, or one that is at either of them.

        What both changed, each in its own way, is listed in the result; `choice` says what is kept of it: ours,
        theirs or both. Raises `NotFound`, `InvalidInput`, `Conflict`.
        """
        from ctxstore.ops.merge.merge import Merge, merge

        return merge(self._engine, Merge(self.resolve(ours), self.resolve(theirs), into, choice, note))

    def tag(self, name: str, rev: str, *, force: bool = False) -> StoredCommit:
        """Name a commit for good; `force` moves a tag that is elsewhere. Raises `AlreadyExists`, `InvalidInput`."""
        from ctxstore.ops.refs.contexts_and_tags import create_tag

        revision = self.resolve(rev)
        create_tag(self._engine, name, revision.id, force=force)
        return StoredCommit(revision.id, revision.commit)

    def delete_tag(self, name: str) -> ObjectId:
        """Take a tag away; the commit it named. Raises `NotFound`."""
        from ctxstore.ops.refs.contexts_and_tags import delete_tag

        return delete_tag(self._engine, name)

    def tags(self) -> Iterator[NamedCommit]:
        """(name, commit) of the tags, sorted."""
        from ctxstore.ops.refs.contexts_and_tags import iter_tags

        return iter_tags(self._engine)

    def find_op(self, text: str) -> StoredOp:
        """An op by the start of its id. Raises `NotFound`, `InvalidInput`."""
        from ctxstore.history.revisions import Resolver

        return Resolver(self._engine).op(text)

    def ops(self) -> Iterator[ListedOp]:
        """The ops, newest first, and whether each is undone."""
        from ctxstore.ops.content.log import iter_runs
        from ctxstore.ops.refs.undo import iter_listed_ops

        return iter_listed_ops(iter_runs(self._engine))

    def op_effect(self, op: Op) -> OpEffect:
        """The commits that an op forgot or brought back."""
        from ctxstore.ops.refs.undo import op_effect

        return op_effect(self._engine, op)

    def plan_undo(self, op: str | None = None) -> UndoPlan:
        """What undoing an op would do: one given by the start of its id, else the newest that is no undo.

        Raises `Conflict` when something that it changed was changed since, `NotFound` when what it needs is gone.
        """
        from ctxstore.ops.refs.undo import plan_undo

        return plan_undo(self._engine, self.find_op(op) if op is not None else None)
