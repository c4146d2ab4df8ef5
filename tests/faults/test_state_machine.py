"""A repository and a plain model of it, which agree whatever programs do in any order. See docs/reliability.md.

Each case is a seed, so its examples are the same every time. CTXSTORE_MACHINE_EXAMPLES makes more of them, and
CTXSTORE_MACHINE_SEED others.
"""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.faults.machine.folder import Folder
from tests.marks import slow_except

EXAMPLES = int(os.environ.get("CTXSTORE_MACHINE_EXAMPLES", "60"))
STEPS = int(os.environ.get("CTXSTORE_MACHINE_STEPS", "40"))
FIRST = int(os.environ.get("CTXSTORE_MACHINE_SEED", "0"))
CASES = [("folder" if number < 3 else "memory", FIRST + number) for number in range(8)]


@pytest.fixture(autouse=True)
def little_makes_much_happen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limits so low that a few commits fill several packs and need a manifest, a database and a merge."""
    monkeypatch.setattr("ctxstore.history.root.INLINE_PACKS", 4)
    monkeypatch.setattr("ctxstore.history.root.RECENT_PACKS", 2)
    monkeypatch.setattr("ctxstore.packs.writer.PACK_TARGET", 4 << 10)
    monkeypatch.setattr("ctxstore.packs.compact.FAN", 4)
    monkeypatch.setattr("ctxstore.packs.compact.SMALLEST", 2 << 10)
    monkeypatch.setattr("ctxstore.packs.index.IN_MEMORY", 60)


@pytest.mark.parametrize(("kind", "number"), slow_except(CASES[3], of=CASES))
def test_a_repository_holds_what_the_model_holds(kind: str, number: int) -> None:
    """The seed is `number`."""

    def machine() -> Folder:
        return Folder(kind)

    profile = settings(
        max_examples=EXAMPLES,
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        print_blob=True,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        phases=[Phase.generate, Phase.shrink],
    )
    run_state_machine_as_test(seed(number)(machine), settings=profile)
