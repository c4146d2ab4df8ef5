"""Small repositories in which every event of the protocol can occur."""

from tests.faults.model.state import Collector, Names, Pack, Process, Root, Scenario, State, Sweeper, Task, Writer


def _names(text: str) -> Names:
    return frozenset(text.split())


def _pack(objects: str, name: str = "") -> Pack:
    return Pack(0, name, frozenset(objects))


def _root(packs: list[Pack], refs: dict[str, str], commits: str = "", forgotten: str = "") -> Root:
    all_commits = _names(commits) | frozenset(refs.values())
    return Root(0, frozenset(packs), frozenset(refs.items()), all_commits, _names(forgotten))


def _state(root: Root, *processes: Process) -> State:
    return State(root, processes, acknowledged=root.commits)


def _trees(**trees: str) -> dict[str, Names]:
    return {commit: frozenset(objects) for commit, objects in trees.items()}


GC, GC2, SWEEPER, SWEEPER2 = Collector("gc"), Collector("gc2"), Sweeper("sweeper"), Sweeper("sweeper2")

# One commit lives and one is forgotten. Their objects share a pack. A writer needs a dying object and a new one.
_SHARED = _root([_pack("lx")], {"main": "kept"}, "old", "old")
_SHARED_TREES = _trees(kept="l", old="x", a="lxn", b="lxm")
_A = Writer("a", Task("main", "kept", "a", frozenset("xn")))
_B = Writer("b", Task("side", None, "b", frozenset("lxm")))

DEDUP = Scenario("one writer, dedup", _SHARED_TREES, _state(_SHARED, _A, GC, SWEEPER), epochs=3)
WRITERS = Scenario("two writers, dedup", _SHARED_TREES, _state(_SHARED, _A, _B, GC, SWEEPER), epochs=2)
COLLECTORS = Scenario("two collectors", _SHARED_TREES, _state(_SHARED, _B, GC, GC2, SWEEPER), epochs=3)
SWEEPERS = Scenario("two sweepers", _SHARED_TREES, _state(_SHARED, _A, GC, SWEEPER, SWEEPER2), epochs=3)

# The writer merges small packs while others collect.
_SMALL = _root([_pack("l"), _pack("x"), _pack("yd")], {"main": "kept", "y": "y"}, "old dead", "old dead")
_SMALL_TREES = _trees(kept="l", y="y", old="x", dead="d", a="lxn", b="lxm")
_MERGER = Writer("a", _A.task._replace(merges=True))
MERGING = Scenario("merging", _SMALL_TREES, _state(_SMALL, _MERGER, GC, SWEEPER), epochs=2)
MERGERS = Scenario(
    "two merging",
    _trees(kept="l", old="x", a="ln", b="xm"),
    _state(
        _root([_pack("l"), _pack("x")], {"main": "kept"}, "old", "old"),
        Writer("a", Task("main", "kept", "a", frozenset("n"), merges=True)),
        Writer("b", Task("side", None, "b", frozenset("xm"), merges=True)),
        GC,
        SWEEPER,
    ),
    epochs=1,
)

# `old` is no head. One writer forgets it, one builds on it without looking up its objects, and one moves a ref to it.
_PAST = _root([_pack("lx")], {"main": "kept"}, "old")
_PAST_TREES = _trees(kept="l", old="x", a="xn")
_FORGET = Writer("forget", Task(forgets=_names("old")))
_BUILD = Writer("a", Task("side", None, "a", frozenset("n"), relies=_names("old")))
_FORK = Writer("fork", Task("fork", None, "old", relies=_names("old")))
FORGETTING = Scenario("forgetting a base", _PAST_TREES, _state(_PAST, _FORGET, _BUILD, GC, SWEEPER), epochs=2)
FORKING = Scenario("forgetting a fork", _PAST_TREES, _state(_PAST, _FORGET, _FORK, GC, SWEEPER), epochs=3, power=True)

# The commit is already forgotten. It is restored, or found to be collected.
_GONE = _PAST._replace(forgotten=_names("old"))
REVIVING = Scenario("reviving", _PAST_TREES, _state(_GONE, _FORK, GC, SWEEPER), epochs=3)
REVIVERS = Scenario("reviving and building", _PAST_TREES, _state(_GONE, _FORK, _BUILD, GC, SWEEPER), epochs=3)

# The power may fail, and swaps may fail in all ways.
POWER = Scenario("power cuts", _SHARED_TREES, _state(_SHARED, _A, GC, SWEEPER), epochs=3, power=True)
_MERGE_TREES = _trees(kept="l", old="x", y="y", a="lxn", b="ym")
_MERGE_ROOT = _root([_pack("lx"), _pack("y")], {"main": "kept", "y": "y"}, "old", "old")
_SECOND = Writer("b", Task("y", "y", "b", frozenset("m")))
POWER_MERGING = Scenario(
    "power cuts, merging", _MERGE_TREES, _state(_MERGE_ROOT, _MERGER, _SECOND, SWEEPER), epochs=2, power=True
)
LYING = Scenario(
    "syncs that lie", _MERGE_TREES, _state(_MERGE_ROOT, _MERGER, GC, SWEEPER), epochs=2, power=True, lies=True
)

SCENARIOS = (
    DEDUP,
    WRITERS,
    COLLECTORS,
    SWEEPERS,
    MERGING,
    MERGERS,
    FORGETTING,
    FORKING,
    REVIVING,
    REVIVERS,
    POWER,
    POWER_MERGING,
    LYING,
)
