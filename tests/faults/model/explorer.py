"""A search through every reachable state, breadth first, so that a fault is found in the fewest steps."""

import gc
from collections import deque
from typing import NamedTuple

from tests.faults.model.collecting import collector_steps, sweeper_steps
from tests.faults.model.rules import Rules
from tests.faults.model.state import (
    Collector,
    Scenario,
    State,
    Steps,
    World,
    Writer,
    can_enter,
    can_swap,
    fault,
    swapped,
    tidied,
)
from tests.faults.model.writing import settled, writer_steps


class Explored(NamedTuple):
    """The number of states and the kinds of steps between them. If the last state has a fault, the fault and the steps
    to it."""

    states: int
    kinds: frozenset[str] = frozenset()
    fault: str = ""
    trace: tuple[str, ...] = ()

    def __str__(self) -> str:
        if not self.fault:
            return f"safe: {self.states} states"
        return "\n".join([f"after {self.states} states: {self.fault}", *self.trace])


def explore(scenario: Scenario, rules: Rules) -> Explored:
    """Explores all states of a scenario, or those up to the first fault."""
    gc.disable()  # a search for cycles among a million tuples, which have none, takes half of the time
    try:
        return _explore(scenario, rules)
    finally:
        gc.enable()


def _explore(scenario: Scenario, rules: Rules) -> Explored:
    world = World(scenario, rules)
    came_from: dict[State, tuple[str, State] | None] = {scenario.start: None}
    waiting = deque([scenario.start])
    kinds = set()
    while waiting:
        state = waiting.popleft()
        for text, after in _steps(world, state):
            kinds.add(text.partition(" ")[2])
            if after in came_from:
                continue
            came_from[after] = (text, state)
            if found := fault(world, after):
                return Explored(len(came_from), frozenset(kinds), found, _trace(came_from, after))
            waiting.append(after)
    return Explored(len(came_from), frozenset(kinds))


def _steps(world: World, state: State) -> Steps:
    for i, process in enumerate(state.processes):
        if isinstance(process, Writer):
            steps = writer_steps(world, state, i, process)
        elif isinstance(process, Collector):
            steps = collector_steps(world, state, i, process)
        else:
            steps = sweeper_steps(world, state, i, process)
        for text, after in steps:
            yield f"{process.name} {text}", after
    if state.root.epoch < world.scenario.epochs and can_enter(state) and can_swap(state):
        after = swapped(state, state.root._replace(epoch=state.root.epoch + 1))
        yield "somebody else commits: a new epoch", tidied(settled(after, renames=True))


def _trace(came_from: dict[State, tuple[str, State] | None], state: State) -> tuple[str, ...]:
    texts = []
    while (step := came_from[state]) is not None:
        text, state = step
        texts.append(text)
    return tuple(reversed(texts))
