"""A model of a store, made of dicts and tuples. It has no packs, roots or caches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple


class Kept(NamedTuple):
    """A file with its bytes. A folder has none."""

    data: bytes | None
    mode: int
    mtime_ns: int


class Content(NamedTuple):
    """The content of a commit. A list or map that was never changed is None, and one that was emptied is empty."""

    messages: tuple[Any, ...] | None = None
    memories: Mapping[str, Any] | None = None
    files: Mapping[str, Kept] = {}


class Made(NamedTuple):
    """A commit as it was acknowledged."""

    content: Content
    parents: tuple[bytes, ...]
    generation: int
    time: int
    ref: str
    source: str
    shrunk: bool


class State(NamedTuple):
    """The state after an op: contexts, tags and settings by their keys in the refs map, and forgotten commits with time
    and reason."""

    refs: Mapping[str, bytes] = {}
    forgotten: Mapping[bytes, tuple[int, str]] = {}

    @property
    def contexts(self) -> dict[str, bytes]:
        """The contexts and their newest commits."""
        return {name: id for name, id in self.refs.items() if ":" not in name}

    @property
    def held(self) -> set[bytes]:
        """The heads and tagged commits. Nothing removes their content."""
        return {id for name, id in self.refs.items() if not name.startswith("setting:")}

    def moved(self, **changes: bytes | None) -> State:
        """Returns the state with refs moved. None removes a ref."""
        refs = {**self.refs, **changes}
        return self._replace(refs={name: id for name, id in refs.items() if id is not None})

    def without(self, marks: Mapping[bytes, tuple[int, str]]) -> State:
        """Returns the state with more forgotten commits."""
        return self._replace(forgotten={**self.forgotten, **marks})

    def recalled(self, *ids: bytes) -> State:
        """Returns the state in which commits that have children are no longer forgotten."""
        return self._replace(forgotten={id: why for id, why in self.forgotten.items() if id not in ids})


class Done(NamedTuple):
    """An op: its id, the state after it, and the op it undid, if it is an undo."""

    id: bytes | None
    state: State
    undoes: bytes | None = None


class Refused(NamedTuple):
    """The reason why an op cannot be undone."""

    why: str


class Model:
    """A model of everything that was acknowledged."""

    def __init__(self) -> None:
        self.commits: dict[bytes, Made] = {}
        self.ops: list[Done] = [Done(None, State())]
        self.at_risk: set[bytes] = set()
        """The commits whose content a collection may have removed."""

    @property
    def state(self) -> State:
        return self.ops[-1].state

    @property
    def refs(self) -> Mapping[str, bytes]:
        return self.state.refs

    @property
    def contexts(self) -> dict[str, bytes]:
        return self.state.contexts

    def publish(self, id: bytes, state: State, undoes: bytes | None = None) -> None:
        """Records an acknowledged op."""
        self.at_risk &= state.forgotten.keys()
        self.ops.append(Done(id, state, undoes))

    def collect(self) -> None:
        """Records that a collection may run now, or has run."""
        self.at_risk |= self.state.forgotten.keys() - self.state.held

    def may_be_gone(self, id: bytes | None) -> bool:
        """Whether a commit's content may be missing."""
        return id in self.at_risk and id not in self.state.held

    def content(self, id: bytes | None) -> Content:
        """Returns the content of a commit, and empty content for None."""
        return self.commits[id].content if id is not None else Content()

    def undoable(self) -> int | None:
        """Finds the op that the next undo undoes: the newest that is no undo and is not undone."""
        undone = self._undone()
        ops = range(len(self.ops) - 1, 0, -1)
        return next((n for n in ops if self.ops[n].undoes is None and self.ops[n].id not in undone), None)

    def _undone(self, since: int = 0) -> set[bytes]:
        """Returns the ops that are undone by later ops which are not undone themselves."""
        undone: set[bytes] = set()
        for done in self.ops[:since:-1]:
            if done.undoes is not None and done.id not in undone:
                undone.add(done.undoes)
        return undone

    def undo(self, number: int) -> tuple[State, set[bytes]] | Refused:
        """Computes the state after undoing an op, and the commits whose content this needs."""
        before, after, now = self.ops[number - 1].state, self.ops[number].state, self.state
        if self.ops[number].id in self._undone(number):
            return Refused("undone already")
        names = [n for n in {**before.refs, **after.refs} if before.refs.get(n) != after.refs.get(n)]
        if any(now.refs.get(name) != after.refs.get(name) for name in names):
            return Refused("changed since")
        forgot = {id: mark for id, mark in after.forgotten.items() if id not in before.forgotten}
        if any(now.forgotten.get(id, mark) != mark for id, mark in forgot.items()):
            return Refused("forgotten again since")
        came_back = {id: mark for id, mark in before.forgotten.items() if id not in after.forgotten}
        state = now.moved(**{name: before.refs.get(name) for name in names})
        again = {id: mark for id, mark in came_back.items() if id not in state.held and id not in now.forgotten}
        needed = {before.refs[name] for name in names if name in before.refs and not name.startswith("setting:")}
        needed |= forgot.keys() & now.forgotten.keys()
        return state.without(again).recalled(*needed), needed

    def history(self, id: bytes) -> list[bytes]:
        """Lists a commit and its ancestors, as the log lists them."""
        found = {id}
        waiting = [id]
        while waiting:
            new = set(self.commits[waiting.pop()].parents) - found
            found |= new
            waiting += new
        return sorted(found, key=lambda each: (self.commits[each].generation, self.commits[each].time, each))[::-1]

    def merge_base(self, ours: bytes, theirs: bytes) -> bytes | None:
        """Finds the nearest common ancestor that is not forgotten."""
        common = set(self.history(ours)) & set(self.history(theirs)) - self.state.forgotten.keys()
        nearest = sorted(common, key=lambda id: (-self.commits[id].generation, -self.commits[id].time, id))
        return nearest[0] if nearest else None

    def kept_anyway(self, history: list[bytes]) -> set[bytes]:
        """Returns commits of a history that no policy forgets: heads, tagged commits, and the last before a shrink."""
        shrunk = {self.commits[id].parents[0] for id in history if self.commits[id].shrunk}
        return self.state.held | shrunk

    def not_among_the_last(self, count: int) -> set[bytes]:
        """Returns the commits that a policy of the last `count` commits forgets."""
        known: set[bytes] = set()
        kept: set[bytes] = set()
        for head in self.contexts.values():
            history = self.history(head)
            there = [id for id in history if id not in self.state.forgotten]
            known.update(there)
            kept.update(there[:count], self.kept_anyway(history))
        return known - kept

    def forgettable(self) -> Iterator[bytes]:
        """Yields the commits that may be forgotten: no heads, no tagged commits, none that is already forgotten."""
        return (id for id in self.commits if id not in self.state.held and id not in self.state.forgotten)
