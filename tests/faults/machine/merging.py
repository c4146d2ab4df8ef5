"""Merges, compared with a three-way merge of dicts. The ids of the result are those of its content."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from ctxstore.errors import Conflict, InvalidInput, NotFound
from ctxstore.history.oplog import Op
from ctxstore.ids import format_id
from tests.faults.machine.drafts import NAMES, handles, picks
from tests.faults.machine.history import History, has_commits
from tests.faults.machine.meanwhile import troubles
from tests.faults.machine.model import Content, State
from tests.faults.machine.world import read


class Merging(History):
    """The rule on merges."""

    @precondition(has_commits)
    @rule(
        n=handles,
        sides=st.tuples(picks, picks),
        into=st.sampled_from([*NAMES, "merged"]),
        choice=st.sampled_from(["ours", "theirs", "both"]),
        trouble=troubles,
    )
    def merge(self, n: int, sides: tuple[int, int], into: str, choice: str, trouble: Any) -> None:
        ours, theirs = (self.pick_commit(pick) for pick in sides)
        head = self.model.refs.get(into)
        newer = self._newer(ours, theirs)
        if newer is not None and head == newer:
            assert self.repos[n].merge(ours.hex(), theirs.hex(), into=into, choice=choice).op is None
            return

        def follow(op: Op) -> State:
            (change,) = op.changes
            assert change.ref == into and change.new is not None
            assert change.old in (None, ours, theirs), "a merge has left commits behind"
            if newer is None:
                self._merged(change.new, ours, theirs, into, choice)
            else:
                assert change.new == newer
            return self.model.state.moved(**{into: change.new}).recalled(newer or ours, newer or theirs)

        trap = self.make_trap(n, trouble, into)
        try:
            self.publishing(
                lambda: self.repos[n].merge(ours.hex(), theirs.hex(), into=into, choice=choice), follow, n, trap
            )
        except Conflict:
            assert self.model.refs.get(into) not in (None, ours, theirs)
        except InvalidInput:
            assert newer is None and self._is_mixed(ours, theirs)
        except NotFound as error:
            was_collected = any(map(self.model.may_be_gone, (ours, theirs) if newer is None else (newer,)))
            assert was_collected or (trap is not None and trap.is_sprung), error

    def _newer(self, ours: bytes, theirs: bytes) -> bytes | None:
        """Returns the side that descends from the other, or None if both have changes."""
        if ours in self.model.history(theirs):
            return theirs
        return ours if theirs in self.model.history(ours) else None

    def _is_mixed(self, ours: bytes, theirs: bytes) -> bool:
        pairs = ((ours, theirs), (theirs, ours))
        return any(self.model.commits[a].source and self.model.content(b).messages is not None for a, b in pairs)

    def _merged(self, id: bytes, ours: bytes, theirs: bytes, into: str, choice: str) -> None:
        """Checks a merge: its ids match its content, and it has every change that only one side made."""
        view = self.repos[0].view(id.hex())
        found = read(view)
        side = self.model.commits[ours]
        self.commit_made(side.ref if side.source else into, id, found, (ours, theirs))
        base, left, right = (self.model.content(each) for each in (self.model.merge_base(ours, theirs), ours, theirs))
        if choice != "both":
            wanted = merged(base.memories or {}, left.memories or {}, right.memories or {}, choice)
            assert (found.memories or {}) == wanted
        else:
            wanted = merged(base.memories or {}, left.memories or {}, right.memories or {}, "ours")
            assert {key: (found.memories or {}).get(key) for key in wanted} == wanted
            copy = f" (theirs {format_id(theirs)})"
            kept = {key.removesuffix(copy) for key in found.memories or {} if key not in wanted}
            assert all((right.memories or {})[key] == (found.memories or {})[key + copy] for key in kept)
        self._check_sides(base, left, right, found)

    @staticmethod
    def _check_sides(base: Content, left: Content, right: Content, found: Content) -> None:
        """Asserts that messages and files which one side left unchanged are those of the other side."""
        for mine, other in ((left, right), (right, left)):
            if (mine.messages or ()) == (base.messages or ()):
                assert (found.messages or ()) == (other.messages or ())
        for path in {*base.files, *left.files, *right.files}:
            before, a, b = (content.files.get(path) for content in (base, left, right))
            if b in (a, before):
                assert found.files.get(path) == a
            elif a == before:
                assert found.files.get(path) == b


def merged(base: Mapping[str, Any], left: Mapping[str, Any], right: Mapping[str, Any], choice: str) -> dict[str, Any]:
    """Merges dicts in three ways. A value removed on one side and changed on the other stays."""
    missing = object()
    result = {}
    for key in {*base, *left, *right}:
        before, a, b = (side.get(key, missing) for side in (base, left, right))
        if b in (a, before):
            value = a
        elif a == before:
            value = b
        elif missing in (a, b):
            value = b if a is missing else a
        else:
            value = a if choice == "ours" else b
        if value is not missing:
            result[key] = value
    return result
