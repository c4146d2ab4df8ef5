"""What may come between: a crash, or what another program does in the middle of a command."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from ctxstore.history.forgotten import Forgotten
from ctxstore.history.oplog import Op
from ctxstore.history.transaction import transaction
from ctxstore.ids import ObjectId
from tests.faults.machine.model import State
from tests.faults.machine.trapped import Crashed, Trap
from tests.faults.machine.world import HOUR, World

OTHERS = ("commit", "forget", "epochs", "recompress")

troubles = st.one_of(
    st.none(),
    st.none(),
    st.tuples(st.just("crash"), st.integers(0, 9)),
    st.tuples(st.sampled_from(OTHERS), st.integers(0, 5), st.booleans()),
)
"""Nothing; a crash at a call; what the other handle does at a call, to the same context or not."""


class Meanwhile(World):
    """What the other handle does when it is its turn in the middle of a command."""

    def make_trap(self, n: int, trouble: Any, ref: str) -> Trap | None:
        """The trap for a command on handle `n`."""
        if trouble is None:
            return None
        kind, at, *rest = trouble
        if kind == "crash":
            return Trap(at, _crash, is_crash=True)
        other = 1 - n
        name = ref if rest[0] else "elsewhere"
        actions = {
            "commit": lambda: self.commit_quickly(other, name),
            "forget": lambda: self._forget_and_collect(other, name),
            "epochs": lambda: self._live_on(other),
            "recompress": lambda: self._collect(other, recompress=True),
        }
        return Trap(at, actions[kind], is_crash=False)

    def commit_quickly(self, n: int, ref: str) -> None:
        """Add a message to a context."""
        head = self.model.refs.get(ref)
        content = self.model.content(head)
        draft = self.repos[n].edit(ref)
        number = len(self.model.ops)
        draft.messages.append(number)
        content = content._replace(messages=(*(content.messages or ()), number))

        def follow(op: Op) -> State:
            (change,) = op.changes
            assert change.new is not None
            self.commit_made(ref, change.new, content, (head,) if head else ())
            return self.model.state.moved(**{ref: change.new})

        self.publishing(draft.commit, follow, n, None)

    def _forget_and_collect(self, n: int, ref: str) -> None:
        """Move a context on, forget all that may be forgotten, and collect it, wherever it lies."""
        self.commit_quickly(n, ref)
        self.forget_commits(n, list(self.model.forgettable()), None)
        self._collect(n, recompress=True)

    def _live_on(self, n: int) -> None:
        """Days pass: what was begun before then is not waited for any more."""
        for _ in range(3):
            self.now += 13 * HOUR
            self.commit_quickly(n, "elsewhere")
        self._collect(n)

    def _collect(self, n: int, *, recompress: bool = False) -> None:
        self.model.collect()
        self.repos[n].gc(recompress=recompress)

    def forget_commits(self, n: int, ids: list[bytes], trap: Trap | None) -> None:
        """Forget exactly these."""
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
