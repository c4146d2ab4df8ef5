"""The methods of `Repo` that move refs: forks, names, tags, merges, undo."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ctxstore import ops
from ctxstore.errors import InvalidInput
from ctxstore.history.commits import NamedCommit, StoredCommit
from ctxstore.history.engine import Engine
from ctxstore.history.refs import check_name
from ctxstore.history.revisions import Resolver, Revision
from ctxstore.history.transaction import Move, transaction
from ctxstore.ids import ID_SIZE, ObjectId

if TYPE_CHECKING:
    from ctxstore.history.oplog import Op, StoredOp
    from ctxstore.ops.merge.merge import Merged
    from ctxstore.ops.refs.contexts_and_tags import DropPlan
    from ctxstore.ops.refs.undo import ListedOp, OpEffect, UndoPlan


class RefMethods:
    """The methods of `Repo` for refs. Each method that writes adds one entry to the op log, which can be undone."""

    _engine: Engine

    def resolve(self, rev: str) -> Revision:
        """Returns the commit that a revision names. Raises `NotFound`, `InvalidInput`."""
        return Resolver(self._engine).resolve(rev)

    def fork(self, rev: str, new_ref: str) -> StoredCommit:
        """Creates a context that starts at a revision and shares its history. Raises `AlreadyExists`."""
        return ops.fork(self._engine, self.resolve(rev).id, new_ref)

    def set_ref(self, ref: str, new: ObjectId | None, *, expected: ObjectId | None) -> None:
        """Moves a context's ref from `expected` to `new`, where None means that there is no ref. Raises `RefMoved`."""
        check_name(ref)
        if not all(each is None or (isinstance(each, bytes) and len(each) == ID_SIZE) for each in (new, expected)):
            raise InvalidInput(f"`new` and `expected` must each be the id of a commit ({ID_SIZE} bytes) or None")
        with transaction(self._engine) as tx:
            if new is not None:
                tx.rely(new)
            tx.publish([Move(ref, expected, new)], "set-ref")

    def find_ref(self, ref: str) -> ObjectId | None:
        """Returns the newest commit of the context with this full name, or None."""
        return self._engine.refs(self._engine.root()).find(ref)

    def rename(self, old: str, new: str) -> StoredCommit:
        """Renames a context, which is given by its full name. Raises `NotFound`, `AlreadyExists`."""
        return ops.rename(self._engine, old, new)

    def plan_drop(self, *patterns: str) -> DropPlan:
        """Plans to drop contexts, which are given by full names or globs. Raises `NotFound`."""
        return ops.plan_drop(self._engine, patterns)

    def merge(self, ours: str, theirs: str, *, into: str, choice: str = "both", note: str = "") -> Merged:
        """Merges two revisions into a context: a new one, or one whose newest commit is one of the two.

        The result lists the conflicts: things that both sides changed differently. `choice` selects what to keep of
        those: ``ours``, ``theirs`` or ``both``. Raises `NotFound`, `InvalidInput`, `Conflict`.
        """
        return ops.merge_revisions(
            self._engine, ops.Merge(self.resolve(ours), self.resolve(theirs), into, choice, note)
        )

    def tag(self, name: str, rev: str, *, force: bool = False) -> StoredCommit:
        """Tags a commit. With `force`, moves an existing tag to it. Raises `AlreadyExists`, `InvalidInput`."""
        revision = self.resolve(rev)
        ops.create_tag(self._engine, name, revision.id, force=force)
        return StoredCommit(revision.id, revision.commit)

    def delete_tag(self, name: str) -> ObjectId:
        """Deletes a tag. Returns the commit that it named. Raises `NotFound`."""
        return ops.delete_tag(self._engine, name)

    def tags(self) -> Iterator[NamedCommit]:
        """Yields the tags' names and commits, sorted by name."""
        return ops.iter_tags(self._engine)

    def find_op(self, text: str) -> StoredOp:
        """Returns the entry of the op log whose id starts with `text`. Raises `NotFound`, `InvalidInput`."""
        return Resolver(self._engine).op(text)

    def ops(self) -> Iterator[ListedOp]:
        """Yields the entries of the op log, newest first, with whether each is undone."""
        return ops.iter_listed_ops(ops.iter_runs(self._engine))

    def op_effect(self, op: Op) -> OpEffect:
        """Returns the commits that an entry of the op log forgot or restored."""
        return ops.op_effect(self._engine, op)

    def plan_undo(self, op: str | None = None) -> UndoPlan:
        """Plans to undo the entry of the op log whose id starts with `op`.

        Without `op`, it is the newest entry that is neither an undo nor undone. Raises `Conflict` if a later entry
        changed the same refs, and `NotFound` if a commit that it needs was collected.
        """
        return ops.plan_undo(self._engine, self.find_op(op) if op is not None else None)
