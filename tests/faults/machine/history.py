"""What moves whole contexts: forks, tags, drops, and forgetting."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from ctxstore.errors import AlreadyExists, Conflict, NotFound
from ctxstore.history.transaction import MustRestart
from tests.faults.machine.drafts import NAMES, Drafts, handles, picks
from tests.faults.machine.meanwhile import troubles


def has_commits(self: Any) -> bool:
    return bool(self.model.commits)


class History(Drafts):
    """Rules on contexts and commits."""

    def pick_commit(self, pick: int) -> bytes:
        """One of all commits ever made."""
        return list(self.model.commits)[pick % len(self.model.commits)]

    def pick_context(self, pick: int) -> str:
        """One of the contexts there are."""
        return sorted(self.model.contexts)[pick % len(self.model.contexts)]

    @precondition(has_commits)
    @rule(n=handles, pick=picks, ref=st.sampled_from([*NAMES, "fork/a", "fork/b"]), trouble=troubles)
    def fork(self, n: int, pick: int, ref: str, trouble: Any) -> None:
        id = self.pick_commit(pick)
        trap = self.make_trap(n, trouble, ref)
        try:
            self.publishing(
                lambda: self.repos[n].fork(id.hex(), ref),
                lambda _: self.model.state.moved(**{ref: id}).recalled(id),
                n,
                trap,
            )
        except AlreadyExists:
            assert ref in self.model.refs
        except MustRestart:
            assert trap is not None and trap.is_sprung and trouble[0] != "commit"
        except NotFound as error:
            assert self.model.may_be_gone(id), error

    @precondition(lambda self: self.model.contexts)
    @rule(n=handles, pick=picks, trouble=troubles)
    def drop(self, n: int, pick: int, trouble: Any) -> None:
        ref = self.pick_context(pick)
        head = self.model.refs[ref]
        trap = self.make_trap(n, trouble, ref)
        try:
            self.publishing(
                lambda: self.repos[n].set_ref(ref, None, expected=head),
                lambda _: self.model.state.moved(**{ref: None}),
                n,
                trap,
            )
        except Conflict:
            assert trap is not None and trap.is_sprung

    @precondition(has_commits)
    @rule(n=handles, first=picks, count=st.integers(1, 9), trouble=troubles)
    def forget(self, n: int, first: int, count: int, trouble: Any) -> None:
        ids = sorted(self.model.forgettable())
        start = first % len(ids) if ids else 0
        trap = self.make_trap(n, trouble, "elsewhere")
        try:
            self.forget_commits(n, ids[start : start + count], trap)
        except MustRestart:
            assert trap is not None and trap.is_sprung

    @precondition(has_commits)
    @rule(n=handles, pick=picks)
    def read_a_commit(self, n: int, pick: int) -> None:
        """And its log."""
        id = self.pick_commit(pick)
        self.check_commit(self.repos[n], id)
        assert [stored.id for stored in self.repos[n].log(id.hex())] == self.model.history(id)
