"""Programs that edit contexts. Their drafts stay open, become stale, and are committed sooner or later or never."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from ctxstore.errors import NotFound, RefMoved
from ctxstore.history.oplog import Op
from ctxstore.history.transaction import MustRestart
from ctxstore.ops.draft.draft import Draft
from tests.faults.machine.meanwhile import Meanwhile, troubles
from tests.faults.machine.model import Content, Kept, State

NAMES = ("a", "b", "chat/c", "chat/d")
PATHS = ("notes.md", "src/a.py", "src/b.py", "log.txt")
KEYS = ("mood", "name", "plan", "ü", "z" * 40)

handles = st.integers(0, 1)
picks = st.integers(0, 99)
parents = st.none() | picks
places = st.integers(0, 400)
values = st.one_of(
    st.integers(0, 20),
    st.text("ab€", max_size=4),
    st.fixed_dictionaries({"role": st.sampled_from(["user", "assistant"]), "text": st.text("xy ", max_size=9)}),
    st.integers(1, 400).map(lambda n: "long " * n),
    st.sampled_from([None, True, 1.5, [], {}]),
)
lists = st.one_of(st.lists(values, max_size=4), st.integers(0, 400).map(lambda n: [f"message {i}" for i in range(n)]))
contents = st.one_of(
    st.binary(max_size=8),
    st.integers(1, 30).map(lambda n: b"line of a file that has many, number %d\n" * n),
    st.tuples(st.integers(0, 5), st.integers(1000, 9000)).map(lambda t: noise(*t)),
)


def noise(seed: int, size: int) -> bytes:
    """Generates incompressible bytes from a seed. They make several chunks."""
    import random

    return random.Random(seed).randbytes(size)


edits = st.one_of(
    st.tuples(st.just("extend"), lists),
    st.tuples(st.just("insert"), places, values),
    st.tuples(st.just("replace"), places, values),
    st.tuples(st.just("delete"), places, st.integers(1, 40)),
    st.tuples(st.just("truncate"), places),
    st.tuples(st.just("remember"), st.sampled_from(KEYS), values),
    st.tuples(st.just("forget"), st.sampled_from(KEYS)),
    st.tuples(st.just("put"), st.sampled_from(PATHS), contents, st.sampled_from([0o644, 0o755])),
    st.tuples(st.just("remove"), st.sampled_from(PATHS)),
)


@dataclass
class Open:
    """A draft and its model: its content, its base, and the head of its context when it was opened."""

    handle: int
    real: Draft
    ref: str
    base: bytes | None
    head: bytes | None
    content: Content

    def edit(self, verb: str, *arguments: Any) -> None:
        """Applies the same change to the draft and the model."""
        getattr(self, f"_{verb}")(*arguments)

    def _extend(self, new: list[Any]) -> None:
        self.real.messages.extend(new)
        if new:
            self._keep([*(self.content.messages or ()), *new])

    def _insert(self, at: int, value: Any) -> None:
        self._on_both(lambda messages: messages.insert(at, value))

    def _replace(self, at: int, value: Any) -> None:
        def change(messages: Any) -> None:
            if len(messages):
                messages[at % len(messages)] = value

        self._on_both(change)

    def _delete(self, at: int, count: int) -> None:
        def change(messages: Any) -> None:
            first = at % len(messages) if len(messages) else 0
            del messages[first : first + count]

        self._on_both(change)

    def _truncate(self, at: int) -> None:
        def change(messages: Any) -> None:
            del messages[at:]

        self._on_both(change)

    def _on_both(self, change: Callable[[Any], None]) -> None:
        change(self.real.messages)
        expected = list(self.content.messages or ())
        change(expected)
        if self.real.messages.is_changed:
            self._keep(expected)
        assert len(self.real.messages) == len(expected)

    def _keep(self, messages: list[Any]) -> None:
        self.content = self.content._replace(messages=tuple(messages))

    def _remember(self, key: str, value: Any) -> None:
        self.real.memories[key] = value
        self.content = self.content._replace(memories={**(self.content.memories or {}), key: value})

    def _forget(self, key: str) -> None:
        memories = dict(self.content.memories or {})
        assert (key in self.real.memories) == (key in memories)
        if key in memories:
            del self.real.memories[key], memories[key]
            self.content = self.content._replace(memories=memories)

    def _put(self, path: str, data: bytes, mode: int) -> None:
        self.real.files.put(path, data, mode=mode, mtime_ns=len(data))
        self.content = self.content._replace(files={**self.content.files, path: Kept(data, mode, len(data))})

    def _remove(self, path: str) -> None:
        self.real.files.remove(path)
        files = {name: kept for name, kept in self.content.files.items() if name != path}
        self.content = self.content._replace(files=files)


class Drafts(Meanwhile):
    """The rules on drafts."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.drafts: list[Open] = []

    def on_reopen(self, n: int) -> None:
        super().on_reopen(n)
        self.drafts = [draft for draft in self.drafts if draft.handle != n]

    @initialize(commits=st.integers(0, 12))
    def live_a_while(self, commits: int) -> None:
        for number in range(commits):
            self.commit_quickly(number % 2, NAMES[number % 3])

    @contextmanager
    def _based_on(self, base: bytes | None) -> Iterator[None]:
        """Expects an error if the base of a draft may have been collected."""
        try:
            yield
        except NotFound as error:
            assert self.model.may_be_gone(base), error
            self.drafts = [draft for draft in self.drafts if draft.base != base]

    def _open_draft(self, n: int, ref: str, parent: int | None) -> Open | None:
        head = base = self.model.refs.get(ref)
        if parent is not None and self.model.commits:
            base = list(self.model.commits)[parent % len(self.model.commits)]
        with self._based_on(base):
            real = self.repos[n].edit(ref, parent=base.hex() if base and parent is not None else None)
            return Open(n, real, ref, base, head, self.model.content(base))
        return None

    @rule(n=handles, ref=st.sampled_from(NAMES), parent=parents, changes=st.lists(edits, max_size=3), trouble=troubles)
    def write(self, n: int, ref: str, parent: int | None, changes: list[Any], trouble: Any) -> None:
        """Opens a draft on any commit, edits it, and commits it."""
        self._write(n, ref, parent, changes, trouble)

    def _write(self, n: int, ref: str, parent: int | None, changes: list[Any], trouble: Any) -> None:
        draft = self._open_draft(n, ref, parent)
        if draft is not None:
            with self._based_on(draft.base):
                for change in changes:
                    draft.edit(*change)
                self._commit(draft, trouble)
                if self.repos[n]._engine is draft.real.engine:
                    self.drafts = [*self.drafts[-3:], draft]

    @rule(n=handles, ref=st.sampled_from(NAMES), changes=st.lists(edits, max_size=3), trouble=troubles)
    def go_on(self, n: int, ref: str, changes: list[Any], trouble: Any) -> None:
        """Opens a draft on the newest commit, as most programs do, edits it, and commits it."""
        self._write(n, ref, None, changes, trouble)

    @rule(n=handles, ref=st.sampled_from(NAMES), parent=parents)
    def begin(self, n: int, ref: str, parent: int | None) -> None:
        """Opens a draft and keeps it open."""
        draft = self._open_draft(n, ref, parent)
        if draft is not None:
            self.drafts = [*self.drafts[-3:], draft]

    @precondition(lambda self: self.drafts)
    @rule(pick=picks, changes=st.lists(edits, min_size=1, max_size=3))
    def change(self, pick: int, changes: list[Any]) -> None:
        draft = self.drafts[pick % len(self.drafts)]
        with self._based_on(draft.base):
            for change in changes:
                draft.edit(*change)

    @precondition(lambda self: self.drafts)
    @rule(pick=picks, trouble=troubles)
    def commit(self, pick: int, trouble: Any) -> None:
        """Commits an open draft, however stale it is."""
        draft = self.drafts[pick % len(self.drafts)]
        with self._based_on(draft.base):
            self._commit(draft, trouble)

    def _commit(self, draft: Open, trouble: Any) -> None:
        trap = self.make_trap(draft.handle, trouble, draft.ref)
        try:
            stored = self.publishing(draft.real.commit, lambda op: self._committed(draft, op), draft.handle, trap)
        except RefMoved:
            assert self.model.refs.get(draft.ref) != draft.head
        except MustRestart:
            assert trap is not None and trap.is_sprung and trouble[0] not in ("commit", "repeat")
        else:
            assert stored is None or draft.base == stored.id

    def _committed(self, draft: Open, op: Op) -> State:
        (change,) = op.changes
        assert change.ref == draft.ref and change.new is not None
        assert self.model.refs.get(draft.ref) == draft.head, "a ref that had moved was overwritten"
        parents = (draft.base,) if draft.base else ()
        self.commit_made(draft.ref, change.new, draft.content, parents)
        state = self.model.state.moved(**{draft.ref: change.new})
        if draft.base and draft.base != draft.head:
            state = state.recalled(draft.base)
        draft.base = draft.head = change.new
        return state
