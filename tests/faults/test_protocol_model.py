"""The protocol of docs/format/protocol.md, in every reachable state. It keeps its promise and needs its rules."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.faults.model import collecting, writing
from tests.faults.model.explorer import explore
from tests.faults.model.rules import AS_BUILT, Rules
from tests.faults.model.scenarios import (
    COLLECTORS,
    DEDUP,
    FORGETTING,
    FORKING,
    LYING,
    MERGERS,
    MERGING,
    POWER,
    POWER_MERGING,
    REVIVING,
    SCENARIOS,
    WRITERS,
)
from tests.marks import slow_except

DELETED = "the root lists a deleted pack"
MISSING = "no pack holds live objects"

NEEDED = {
    "cas": (WRITERS, "acknowledged commits are lost"),
    "unique_names": (DEDUP, DELETED),
    "listed_only": (WRITERS, MISSING),
    "durable_packs": (DEDUP, "never durable"),
    "own_epoch": (DEDUP, DELETED),
    "relied_objects": (DEDUP, MISSING),
    "relied_commits": (FORGETTING, MISSING),
    "revive_looks_up": (REVIVING, MISSING),
    "settle_unsure": (POWER, "after a power cut, acknowledged commits are lost"),
    "gc_cas": (DEDUP, "acknowledged commits are lost"),
    "gc_revived": (DEDUP, MISSING),
    "gc_epoch": (DEDUP, DELETED),
    "gc_forgotten": (REVIVING, MISSING),
    "present_first": (DEDUP, DELETED),
    "presence": (DEDUP, DELETED),
    "lag": (DEDUP, DELETED),
    "settle": (POWER, f"after a power cut, {DELETED}"),
    "read_then_settle": (POWER, f"after a power cut, {DELETED}"),
    "settle_renames": (LYING, f"after a power cut, {DELETED}"),
}

SPARE = {
    "merge_sources": (MERGING, MERGERS._replace(epochs=0)),
    "merge_sweep_alone": (MERGING, MERGERS._replace(epochs=0)),
    "gc_listed": (COLLECTORS._replace(epochs=2), MERGING),
    "forget_anew": (FORKING, FORGETTING),
    "heads_hold": (FORKING, FORGETTING),
}
"""The rules without which nothing is lost. Their purpose is in docs/reliability.md."""


SMALL = [scenario for scenario in SCENARIOS if scenario not in (COLLECTORS, FORKING, POWER_MERGING, MERGERS, LYING)]
"""The scenarios with fewer states."""


def without(*rules: str) -> Rules:
    return AS_BUILT._replace(**{rule: 1 if rule == "lag" else False for rule in rules})


@pytest.mark.parametrize("scenario", slow_except(*SMALL, of=SCENARIOS), ids=lambda scenario: scenario.name)
def test_nothing_is_ever_lost_by_the_protocol_as_it_is_built(scenario):
    explored = explore(scenario, AS_BUILT)
    print(scenario.name, explored)
    assert not explored.fault, str(explored)


@pytest.mark.parametrize("rule", NEEDED)
def test_without_a_rule_something_is_lost(rule):
    scenario, fault = NEEDED[rule]
    explored = explore(scenario, without(rule))
    print(explored)
    assert fault in explored.fault
    assert explored.trace


@pytest.mark.slow
@pytest.mark.parametrize("rule", SPARE)
def test_without_a_rule_that_is_for_other_reasons_nothing_is_lost(rule):
    for scenario in SPARE[rule]:
        explored = explore(scenario, without(rule))
        assert not explored.fault, str(explored)


def test_of_the_two_rules_that_keep_heads_one_is_needed():
    assert MISSING in explore(FORKING, without("forget_anew", "heads_hold")).fault


def test_every_rule_is_tried():
    assert set(NEEDED) | set(SPARE) == set(Rules._fields)


def test_every_step_of_the_model_is_taken():
    texts = "".join(Path(str(module.__file__)).read_text() for module in (writing, collecting))
    known = {
        kind for kind in re.findall(r'(?<!")"((?:Writing|Merging|Collecting) \d?[^"]*)"', texts) if "{" not in kind
    }
    known -= {"Writing 1: is present too late"}  # only when a rule is left out
    known |= {"Collecting 4: is alone", "Collecting 4: is not alone", "is killed"}
    scenarios = MERGING, FORKING._replace(epochs=0), REVIVING, LYING._replace(epochs=0)
    taken = frozenset().union(*(explore(scenario, AS_BUILT).kinds for scenario in scenarios))
    assert known <= taken, known - taken
