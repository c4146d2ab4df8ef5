"""Undo: reverts the changes of an entry of the op log, unless a later entry changed the same refs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import takewhile
from typing import NamedTuple

from ctxstore.errors import Conflict, NotFound
from ctxstore.history.engine import Engine
from ctxstore.history.forgotten import Forgotten
from ctxstore.history.oplog import Op, RefChange, StoredOp, iter_ops, read_op
from ctxstore.history.refs import SETTING, Refs
from ctxstore.history.transaction import Move, Published, Transaction, transaction
from ctxstore.ids import ObjectId, format_id
from ctxstore.ops.refs.retry import retry

MAX_LISTED = 3
"""The number of refs listed in an error message."""


class OpEffect(NamedTuple):
    """The commits that an entry of the op log forgot, and those it restored, with their marks."""

    forgot: Mapping[ObjectId, Forgotten]
    came_back: Mapping[ObjectId, Forgotten]


def op_effect(engine: Engine, op: Op) -> OpEffect:
    """Returns the commits that an entry of the op log forgot or restored."""
    before = read_op(engine.store, op.previous).forgotten if op.previous is not None else None
    effect = OpEffect({}, {})
    if before == op.forgotten:
        return effect
    old, new = engine.forgotten_at(before), engine.forgotten_at(op.forgotten)
    for id, was, now in old.differences(new):
        if was is None and now is not None:
            effect.forgot[id] = now  # type: ignore[index]
        elif was is not None and now is None:
            effect.came_back[id] = was  # type: ignore[index]
    return effect


class ListedOp(NamedTuple):
    """An entry of the op log. It is undone if a later undo reverted it and that undo is not itself undone."""

    id: ObjectId
    op: Op
    is_undone: bool


def iter_listed_ops(ops: Iterable[StoredOp]) -> Iterator[ListedOp]:
    """Yields each entry of the op log with whether it is undone. Entries must be given newest first."""
    undone: set[ObjectId] = set()
    for id, op in ops:
        is_undone = id in undone
        if op.undoes is not None and not is_undone:
            undone.add(op.undoes)
        yield ListedOp(id, op, is_undone)


class UndoPlan:
    """A plan to undo the entry `id` of the op log: the refs to move, and the commits to restore or to forget again."""

    def __init__(self, engine: Engine, id: ObjectId, op: Op) -> None:
        self._engine = engine
        self.id = id
        self.op = op
        self.moves: tuple[Move, ...] = ()
        self.restored: tuple[ObjectId, ...] = ()
        self.forgotten: tuple[ObjectId, ...] = ()
        with transaction(engine) as tx:
            self._prepare(tx)

    def execute(self) -> Published:
        """Executes the plan as a new entry of the op log. If others wrote since, raises `Conflict` or `NotFound`."""
        return retry(self._attempt)

    def _attempt(self) -> Published:
        """Prepares the undo from the newest state, and publishes it."""
        with transaction(self._engine) as tx:
            self._prepare(tx)
            counts = {"came_back": len(self.restored), "forgot": len(self.forgotten)}
            statistics = {name: number for name, number in counts.items() if number}
            return tx.publish(self.moves, "undo", self._note(), statistics, undoes=self.id)

    def _note(self) -> str:
        """Returns the note of the undo."""
        # The note of an undone undo would become a chain of notes.
        why = f": {self.op.note}" if self.op.note and self.op.undoes is None else ""
        return f"{_format_op(self.id)} ({self.op.command}{why})"

    def _prepare(self, tx: Transaction) -> None:
        """Prepares the undo from the newest state. Either all changes of the entry are reverted, or none is."""
        self._refuse_changed(tx)
        self.moves = tuple(Move(ref, new, old) for ref, old, new in self.op.changes)
        try:
            for move in self.moves:
                if move.new is not None and not move.ref.startswith(SETTING):
                    tx.rely(move.new)
            self._restore_marks(tx)
        except NotFound as error:
            raise NotFound(
                f"{_format_op(self.id)} can't be undone any more: {error.message}", hint=error.hint
            ) from error

    def _restore_marks(self, tx: Transaction) -> None:
        """Restores commits that the undone entry forgot, and forgets those that it restored."""
        effect = op_effect(self._engine, self.op)
        now = self._engine.forgotten(tx.root)
        if again := [id for id, mark in effect.forgot.items() if now.find(id) not in (None, mark)]:
            raise Conflict(
                f"commit {format_id(again[0])} was restored and forgotten again after {_format_op(self.id)}",
                hint="find the later run with `ctx op log`, and undo that one",
            )
        self.restored = tuple(id for id in effect.forgot if id in now)
        for id in self.restored:
            tx.rely(id)
        named = self._named_after(tx.refs) if effect.came_back else set()
        forgets = {id: mark for id, mark in effect.came_back.items() if id not in named and id not in now}
        self.forgotten = tuple(forgets)
        tx.forget(forgets)

    def _named_after(self, refs: Refs) -> set[ObjectId]:
        """Returns the commits that heads and tags name after the undo. They are not forgotten again, even if others
        named them."""
        after = dict(refs.iter_all()) | {move.ref: move.new for move in self.moves}
        return {id for id in after.values() if id is not None}

    def _refuse_changed(self, tx: Transaction) -> None:
        """Raises `Conflict` if the entry is undone already, or if a later entry changed the same refs."""
        later = self._effective_later_ops(tx)
        for run in later:
            if run.op.undoes == self.id:
                raise Conflict(
                    f"{_format_op(self.id)} was already undone by {_format_op(run.id)}",
                    hint=f"use `ctx undo {format_id(run.id)}` to repeat it",
                )
        changed = [change for change in self.op.changes if tx.refs.find(change.ref) != change.new]
        if changed:
            raise self._conflict(changed, later)

    def _effective_later_ops(self, tx: Transaction) -> list[ListedOp]:
        """Returns the later entries of the op log, without undone entries and without the undos of those."""
        ops = iter_ops(self._engine.store, tx.root.op)
        runs = list(iter_listed_ops(takewhile(lambda found: found[0] != self.id, ops)))
        ids = {run.id for run in runs}
        return [run for run in runs if not run.is_undone and run.op.undoes not in ids]

    def _conflict(self, changed: Sequence[RefChange], later: Sequence[ListedOp]) -> Conflict:
        """Returns the error for refs that changed since the entry to undo."""
        names = {change.ref for change in changed}
        by = next((run for run in later if names & {change.ref for change in run.op.changes}), None)
        by_whom = f", last by {_format_op(by.id)} ({by.op.command})" if by else ""
        listed = ", ".join(sorted(names)[:MAX_LISTED]) + (
            f" and {len(names) - MAX_LISTED} more" if len(names) > MAX_LISTED else ""
        )
        first = f"undo {_format_op(by.id)} first" if by else "undo the later runs first"
        old = next((change.old for change in changed if change.old and not change.ref.startswith(SETTING)), None)
        alternative = f", or restore the old state as a new context: `ctx fork {format_id(old)} NAME`" if old else ""
        return Conflict(f"{listed} changed since {_format_op(self.id)}{by_whom}", hint=first + alternative)


def plan_undo(engine: Engine, found: StoredOp | None = None) -> UndoPlan:
    """Plans to undo the entry `found` of the op log, or else the newest that is neither an undo nor undone.

    Raises `Conflict` if a later entry changed the same refs. Raises `NotFound` if there is nothing to undo, or if gc
    has deleted the content it needs.
    """
    if found is None:
        runs = iter_listed_ops(iter_ops(engine.store, engine.root().op))
        newest = next((run for run in runs if not run.is_undone and run.op.undoes is None), None)
        if newest is None:
            raise NotFound("there is nothing to undo", hint="`ctx op log` lists the runs")
        found = StoredOp(newest.id, newest.op)
    return UndoPlan(engine, found.id, found.op)


def _format_op(id: ObjectId) -> str:
    """Formats the id of an entry of the op log."""
    return f"op:{format_id(id)}"
