"""Forgetting by policies, and the policies that a repository stores."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from ctxstore.history.oplog import Op
from ctxstore.ops.retention.policy import Policy
from tests.faults.machine.drafts import handles
from tests.faults.machine.history import has_commits
from tests.faults.machine.meanwhile import troubles
from tests.faults.machine.merging import Merging
from tests.faults.machine.model import State
from tests.faults.machine.world import HOUR

MONTH = 30 * 24 * HOUR


class Retention(Merging):
    """The rules on policies."""

    @precondition(has_commits)
    @rule(n=handles, last=st.integers(1, 4), is_aged=st.booleans(), trouble=troubles)
    def keep_the_last(self, n: int, last: int, is_aged: bool, trouble: Any) -> None:
        """Keeps the last commits, and perhaps none that is older than a month, though clocks have jumped by years."""
        policy = Policy(last=last, max_age_ns=MONTH if is_aged else 0)

        def follow(op: Op) -> State:
            marks = self._new_marks(op)
            expected = self.model.not_among_the_last(last)
            if trap is None:
                assert expected <= marks.keys() if is_aged else expected == marks.keys()
            elif not is_aged:
                assert marks.keys() <= expected  # the plan may be older than other programs' commits
            for head in self.model.contexts.values():
                assert not marks.keys() & self.model.kept_anyway(self.model.history(head))
            return self.model.state.without(marks)

        trap = self.make_trap(n, trouble, "elsewhere")
        self.publishing(lambda: self.repos[n].forget(policy), follow, n, trap, may_be_nothing=True)
        if trap is None:
            assert not self.model.not_among_the_last(last)

    @precondition(has_commits)
    @rule(n=handles, last=st.integers(1, 2), trouble=troubles)
    def empty_the_bin(self, n: int, last: int, trouble: Any) -> None:
        """Forgets dropped commits, and none that a context or a tag still reaches."""

        def follow(op: Op) -> State:
            marks = self._new_marks(op)
            for id in self.model.state.held:
                assert not marks.keys() & set(self.model.history(id))
            return self.model.state.without(marks)

        trap = self.make_trap(n, trouble, "elsewhere")
        call = lambda: self.repos[n].forget(Policy(last=last), dropped=True)  # noqa: E731
        self.publishing(call, follow, n, trap, may_be_nothing=True)

    def _new_marks(self, op: Op) -> dict[bytes, tuple[int, str]]:
        found = self.repos[0]._engine.forgotten_at(op.forgotten)
        assert all(found.find(id) == mark for id, mark in self.model.state.forgotten.items())
        marks = {id: found.find(id) for id in found.ids() if id not in self.model.state.forgotten}
        return {id: mark for id, mark in marks.items() if mark is not None}

    @rule(n=handles, last=st.integers(1, 3), trouble=troubles)
    def name_a_policy(self, n: int, last: int, trouble: Any) -> None:
        setting = "setting:policy/mine"
        if self.policies.get(self.model.refs.get(setting, b"")) == last:
            assert not self.repos[n].set_policy("mine", Policy(last=last))
            return

        def follow(op: Op) -> State:
            (change,) = op.changes
            assert change.new is not None
            self.policies[change.new] = last
            return self.model.state.moved(**{setting: change.new})

        trap = self.make_trap(n, trouble, "elsewhere")
        self.publishing(lambda: self.repos[n].set_policy("mine", Policy(last=last)), follow, n, trap)
