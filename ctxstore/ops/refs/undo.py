"""Undoing an op: what it changed goes back, if nothing changed it since."""

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


class OpEffect(NamedTuple):
    """The commits an op forgot, and those it brought back, with their marks."""

    forgot: Mapping[ObjectId, Forgotten]
    came_back: Mapping[ObjectId, Forgotten]


def op_effect(engine: Engine, op: Op) -> OpEffect:
    """What an op did to the forgotten commits."""
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
    """An op, and whether what it did was taken back by one that still stands."""

    id: ObjectId
    op: Op
    is_undone: bool


def iter_listed_ops(ops: Iterable[StoredOp]) -> Iterator[ListedOp]:
    """Whether each of the ops, given from the newest on, is undone: an undo that is undone itself undoes nothing."""
    undone: set[ObjectId] = set()
    for id, op in ops:
        is_undone = id in undone
        if op.undoes is not None and not is_undone:
            undone.add(op.undoes)
        yield ListedOp(id, op, is_undone)


class UndoPlan:
    """What undoing the op `id` would do: refs that move, commits that come back or are forgotten again."""

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
        """Carry it out as one op. Raises `Conflict` and `NotFound` like the planning, if others wrote since."""
        return retry(self._attempt)

    def _attempt(self) -> Published:
        with transaction(self._engine) as tx:
            self._prepare(tx)
            counts = {"came_back": len(self.restored), "forgot": len(self.forgotten)}
            statistics = {name: number for name, number in counts.items() if number}
            return tx.publish(self.moves, "undo", self._note(), statistics, undoes=self.id)

    def _note(self) -> str:
        # An undone undo's note would be a chain of notes.
        why = f": {self.op.note}" if self.op.note and self.op.undoes is None else ""
        return f"{_format_op(self.id)} ({self.op.command}{why})"

    def _prepare(self, tx: Transaction) -> None:
        """Look at the newest state. All of the op can be taken back, or nothing is."""
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
        effect = op_effect(self._engine, self.op)
        now = self._engine.forgotten(tx.root)
        if again := [id for id, mark in effect.forgot.items() if now.find(id) not in (None, mark)]:
            raise Conflict(
                f"commit {format_id(again[0])} came back and was forgotten again after {_format_op(self.id)}",
                hint="`ctx op log` shows by which op: undo that one",
            )
        self.restored = tuple(id for id in effect.forgot if id in now)
        for id in self.restored:
            tx.rely(id)
        named = self._named_after(tx.refs) if effect.came_back else set()
        forgets = {id: mark for id, mark in effect.came_back.items() if id not in named and id not in now}
        self.forgotten = tuple(forgets)
        tx.forget(forgets)

    def _named_after(self, refs: Refs) -> set[ObjectId]:
        """What heads and tags will name: it is not forgotten again, whoever named it since."""
        after = dict(refs.iter_all()) | {move.ref: move.new for move in self.moves}
        return {id for id in after.values() if id is not None}

    def _refuse_changed(self, tx: Transaction) -> None:
        later = self._effective_later_ops(tx)
        for run in later:
            if run.op.undoes == self.id:
                raise Conflict(
                    f"{_format_op(self.id)} was undone already, by {_format_op(run.id)}",
                    hint=f"`ctx undo {format_id(run.id)}` does it again",
                )
        changed = [change for change in self.op.changes if tx.refs.find(change.ref) != change.new]
        if changed:
            raise self._conflict(changed, later)

    def _effective_later_ops(self, tx: Transaction) -> list[ListedOp]:
        """The later ops, without those that were undone and the undos of these."""
        ops = iter_ops(self._engine.store, tx.root.op)
        runs = list(iter_listed_ops(takewhile(lambda found: found[0] != self.id, ops)))
        ids = {run.id for run in runs}
        return [run for run in runs if not run.is_undone and run.op.undoes not in ids]

    def _conflict(self, changed: Sequence[RefChange], later: Sequence[ListedOp]) -> Conflict:
        names = {change.ref for change in changed}
        by = next((run for run in later if names & {change.ref for change in run.op.changes}), None)
        by_whom = f", last by {_format_op(by.id)} ({by.op.command})" if by else ""
        listed = ", ".join(sorted(names)[:MAX_LISTED]) + (
            f" and {len(names) - MAX_LISTED} more" if len(names) > MAX_LISTED else ""
        )
        first = f"undo {_format_op(by.id)} first" if by else "undo what came later first"
        old = next((change.old for change in changed if change.old and not change.ref.startswith(SETTING)), None)
        alternative = f", or bring the old state back alternative it: `ctx fork {format_id(old)} NAME`" if old else ""
        return Conflict(f"{listed} changed since {_format_op(self.id)}{by_whom}", hint=first + alternative)


def plan_undo(engine: Engine, found: StoredOp | None = None) -> UndoPlan:
    """What undoing an op would do; without one, the newest that is no undo and is not undone.

    Raises `Conflict` when something it changed was changed since, `NotFound` when there is nothing to undo or
    what it needs was collected.
    """
    if found is None:
        runs = iter_listed_ops(iter_ops(engine.store, engine.root().op))
        newest = next((run for run in runs if not run.is_undone and run.op.undoes is None), None)
        if newest is None:
            raise NotFound("there is nothing to undo", hint="`ctx op log` lists what was done")
        found = StoredOp(newest.id, newest.op)
    return UndoPlan(engine, found.id, found.op)


def _format_op(id: ObjectId) -> str:
    return f"op:{format_id(id)}"
