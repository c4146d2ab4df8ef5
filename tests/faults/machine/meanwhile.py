"""Events in the middle of a command: a crash, or a command of another program."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from ctxstore.errors import NotFound
from ctxstore.history.forgotten import Forgotten
from ctxstore.history.oplog import Op
from ctxstore.history.transaction import transaction
from ctxstore.ids import ObjectId
from tests.faults.machine.model import Content, State
from tests.faults.machine.trapped import Crashed, Trap
from tests.faults.machine.world import HOUR, World

OTHERS = ("commit", "repeat", "recall", "forget", "epochs", "recompress")

troubles = st.one_of(
    st.none(),
    st.none(),
    st.tuples(st.just("crash"), st.integers(0, 9)),
    st.tuples(st.sampled_from(OTHERS), st.sampled_from([0, 0, 1, 1, 2, 3, 5]), st.booleans()),
)
"""No event, a crash at a call, or a command of the other handle at a call, in the same context or another."""


class Meanwhile(World):
    """The commands of the other handle that run in the middle of a command."""

    def make_trap(self, n: int, trouble: Any, ref: str) -> Trap | None:
        """Makes the trap for a command on handle `n`."""
        if trouble is None:
            return None
        kind, at, *rest = trouble
        if kind == "crash":
            return Trap(at, _crash, is_crash=True)
        other = 1 - n
        name = ref if rest[0] else "elsewhere"
        actions = {
            "commit": lambda: self.commit_quickly(other, name),
            "repeat": lambda: self._commit_what_was_forgotten(other, name),
            "recall": lambda: self._recall_what_was_forgotten(other),
            "forget": lambda: self._forget_and_collect(other, name),
            "epochs": lambda: self._live_on(other),
            "recompress": lambda: self._collect(other, recompress=True),
        }
        return Trap(at, actions[kind], is_crash=False)

    def commit_quickly(self, n: int, ref: str, new: Content | None = None) -> None:
        """Adds a message or another change to a context."""
        head = self.model.refs.get(ref)
        old = self.model.content(head)
        draft = self.repos[n].edit(ref)
        added = [len(self.model.ops)] if new is None else list(new.messages or ())
        draft.messages.extend(added)
        files = new.files if new else {}
        for path, kept in files.items():
            if kept.data is not None:
                draft.files.put(path, kept.data, mode=kept.mode, mtime_ns=kept.mtime_ns)
        files = {**old.files, **{path: kept for path, kept in files.items() if kept.data is not None}}
        messages = (*(old.messages or ()), *added) if added else old.messages
        content = old._replace(messages=messages, files=files)

        def follow(op: Op) -> State:
            (change,) = op.changes
            assert change.new is not None
            self.commit_made(ref, change.new, content, (head,) if head else ())
            return self.model.state.moved(**{ref: change.new})

        self.publishing(draft.commit, follow, n, None)

    def _commit_what_was_forgotten(self, n: int, ref: str) -> None:
        """Commits forgotten content once more: objects that a collector found dead live again."""
        for id in list(self.model.state.forgotten)[-2:]:
            self.commit_quickly(n, ref, self.model.content(id))

    def _recall_what_was_forgotten(self, n: int) -> None:
        """Tags a forgotten commit, if it still exists. It is then no longer forgotten."""
        for id in list(self.model.state.forgotten)[-1:]:
            try:
                self.publishing(
                    lambda id=id: self.repos[n].tag("recalled", id.hex(), force=True),
                    lambda _, id=id: self.model.state.moved(**{"tag:recalled": id}).recalled(id),
                    n,
                    None,
                )
            except NotFound as error:
                assert self.model.may_be_gone(id), error

    def _forget_and_collect(self, n: int, ref: str) -> None:
        """Moves a context forward, forgets every commit that may be forgotten, and collects them, wherever they are
        stored."""
        self.commit_quickly(n, ref)
        self.forget_commits(n, list(self.model.forgettable()), None)
        self._collect(n, recompress=True)

    def _live_on(self, n: int) -> None:
        """Lets days pass: transactions that began before are no longer waited for."""
        for _ in range(3):
            self.now += 13 * HOUR
            self.commit_quickly(n, "elsewhere")
        self._collect(n)

    def _collect(self, n: int, *, recompress: bool = False) -> None:
        self.model.collect()
        self.repos[n].gc(recompress=recompress)

    def forget_commits(self, n: int, ids: list[bytes], trap: Trap | None) -> None:
        """Forgets exactly these commits."""
        if not ids:
            return
        marks = {ObjectId(id): Forgotten(self.now, f"the {len(self.model.ops)}th") for id in ids}

        def call() -> None:
            with transaction(self.repos[n]._engine) as tx:
                tx.forget(marks)
                tx.publish([], "forget")

        self.publishing(call, lambda _: self.model.state.without(marks), n, trap)


def _crash() -> None:
    raise Crashed
