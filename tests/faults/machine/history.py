"""Operations that move whole contexts: fork, rename, tag, drop, undo and forget."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from ctxstore.errors import AlreadyExists, Conflict, NotFound, RefMoved
from ctxstore.history.oplog import Op
from ctxstore.history.transaction import MustRestart
from tests.faults.machine.drafts import NAMES, Drafts, handles, picks
from tests.faults.machine.meanwhile import troubles
from tests.faults.machine.model import Refused, State


def has_commits(self: Any) -> bool:
    return bool(self.model.commits)


class History(Drafts):
    """The rules on contexts and commits."""

    def pick_commit(self, pick: int) -> bytes:
        """Picks one of all commits ever made."""
        return list(self.model.commits)[pick % len(self.model.commits)]

    def pick_context(self, pick: int) -> str:
        """Picks one of the existing contexts."""
        return sorted(self.model.contexts)[pick % len(self.model.contexts)]

    @precondition(has_commits)
    @rule(n=handles, pick=picks, ref=st.sampled_from([*NAMES, "fork/a", "fork/b"]), trouble=troubles)
    def fork(self, n: int, pick: int, ref: str, trouble: Any) -> None:
        id = self.pick_commit(pick)
        try:
            self.publishing(
                lambda: self.repos[n].fork(id.hex(), ref),
                lambda _: self.model.state.moved(**{ref: id}).recalled(id),
                n,
                self.make_trap(n, trouble, ref),
            )
        except AlreadyExists:
            assert ref in self.model.refs
        except NotFound as error:
            assert self.model.may_be_gone(id), error

    @precondition(lambda self: self.model.contexts)
    @rule(n=handles, pick=picks, new=st.sampled_from([*NAMES, "new/a"]), trouble=troubles)
    def rename(self, n: int, pick: int, new: str, trouble: Any) -> None:
        old = self.pick_context(pick)
        try:
            self.publishing(
                lambda: self.repos[n].rename(old, new),
                lambda _: self.model.state.moved(**{new: self.model.refs[old], old: None}),
                n,
                self.make_trap(n, trouble, old),
            )
        except AlreadyExists:
            assert new in self.model.refs

    @precondition(lambda self: self.model.contexts)
    @rule(n=handles, pick=picks, trouble=troubles)
    def drop(self, n: int, pick: int, trouble: Any) -> None:
        ref = self.pick_context(pick)
        head = self.model.refs[ref]
        plan = self.repos[n].plan_drop(ref)
        try:
            self.publishing(
                plan.execute,
                lambda _: self.model.state.moved(**{ref: None}),
                n,
                self.make_trap(n, trouble, ref),
            )
        except RefMoved:
            assert self.model.refs.get(ref) != head
        except MustRestart:
            assert trouble is not None and trouble[0] not in ("commit", "repeat")

    @precondition(has_commits)
    @rule(n=handles, pick=picks, name=st.sampled_from(["v1", "v2"]), force=st.booleans(), trouble=troubles)
    def tag(self, n: int, pick: int, name: str, force: bool, trouble: Any) -> None:
        id, ref = self.pick_commit(pick), f"tag:{name}"
        if self.model.refs.get(ref) == id:
            self.repos[n].tag(name, id.hex(), force=force)
            return
        try:
            self.publishing(
                lambda: self.repos[n].tag(name, id.hex(), force=force),
                lambda _: self.model.state.moved(**{ref: id}).recalled(id),
                n,
                self.make_trap(n, trouble, "elsewhere"),
            )
        except AlreadyExists:
            assert ref in self.model.refs and not force
        except NotFound as error:
            assert self.model.may_be_gone(id), error

    @rule(n=handles, name=st.sampled_from(["v1", "v2"]), trouble=troubles)
    def delete_tag(self, n: int, name: str, trouble: Any) -> None:
        ref = f"tag:{name}"
        try:
            self.publishing(
                lambda: self.repos[n].delete_tag(name),
                lambda _: self.model.state.moved(**{ref: None}),
                n,
                self.make_trap(n, trouble, "elsewhere"),
            )
        except NotFound:
            assert ref not in self.model.refs

    @precondition(lambda self: len(self.model.ops) > 1)
    @rule(n=handles, back=st.none() | picks, trouble=troubles)
    def undo(self, n: int, back: int | None, trouble: Any) -> None:
        """Undoes the newest op that can be undone, or an older one, which may be an undo."""
        number = self.model.undoable() if back is None else len(self.model.ops) - 1 - back % (len(self.model.ops) - 1)
        id = None if number is None or back is None else (self.model.ops[number].id or b"").hex()
        try:
            self.publishing(
                lambda: self.repos[n].plan_undo(id).execute(),
                lambda op: self._undone(number, op),
                n,
                self.make_trap(n, trouble, "a"),
            )
        except Conflict:
            assert number is not None and isinstance(self.model.undo(number), Refused)
        except NotFound as error:
            expected = self.model.undo(number) if number is not None else (None, set())
            assert not isinstance(expected, Refused)
            assert number is None or any(map(self.model.may_be_gone, expected[1])), error

    def _undone(self, number: int | None, op: Op) -> State:
        assert number is not None and op.undoes == self.model.ops[number].id
        expected = self.model.undo(number)
        assert not isinstance(expected, Refused), expected
        return expected[0]

    @precondition(has_commits)
    @rule(n=handles, first=picks, count=st.integers(1, 9), trouble=troubles)
    def forget(self, n: int, first: int, count: int, trouble: Any) -> None:
        """Forgets some commits by their ids."""
        ids = list(self.model.forgettable())
        start = first % len(ids) if ids else 0
        try:
            self.forget_commits(n, ids[start : start + count], self.make_trap(n, trouble, "elsewhere"))
        except MustRestart:
            assert trouble is not None

    @precondition(has_commits)
    @rule(n=handles, pick=picks)
    def read_a_commit(self, n: int, pick: int) -> None:
        """Reads a commit and its log."""
        id = self.pick_commit(pick)
        self.check_commit(self.repos[n], id)
        assert [stored.id for stored in self.repos[n].log(id.hex())] == self.model.history(id)
