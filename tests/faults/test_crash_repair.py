"""A crash at any point of a repair. The next repair completes it. See docs/reliability.md."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ctxstore.ops.repair.execute import repair_repository
from ctxstore.ops.repair.plan import RepairOptions
from tests.faults.crashes import Disk, iter_disks
from tests.faults.explorer import Explorer, Moment, iter_cases
from tests.faults.oracle import Content, Promise
from tests.faults.simulated import SimulatedFiles
from tests.faults.workload import PLACE, Folder, Session, make_environment, make_packs_small

Damage = Callable[[dict[str, bytes]], None]


def write(session: Session) -> None:
    """Writes enough for a manifest, and too little for a merge."""
    session.init()
    for number in range(3):
        session.commit("chat/a", Content([number] * 20, {"count": number}, {"file": session.noise(100 * number)}))
    session.fork("chat/a", "chat/b")
    session.tag("v1", "chat/a")
    session.forget(next(iter(session.promise.commits)))


def lose_the_root(files: dict[str, bytes]) -> None:
    del files[f"{PLACE}/root"]


def lose_both_roots(files: dict[str, bytes]) -> None:
    del files[f"{PLACE}/root"], files[f"{PLACE}/root.old"]


def damage_the_root(files: dict[str, bytes]) -> None:
    files[f"{PLACE}/root"] = files[f"{PLACE}/root"][:-1]


def damage_the_config(files: dict[str, bytes]) -> None:
    files[f"{PLACE}/config"] = b"{}"


def damage_the_manifest(files: dict[str, bytes]) -> None:
    for path in files:
        if path.startswith(f"{PLACE}/manifests/"):
            files[path] = files[path][:20]


def damage_a_footer(files: dict[str, bytes]) -> None:
    path = sorted(path for path in files if path.startswith(f"{PLACE}/packs/"))[2]
    files[path] = files[path][:-7]


DAMAGES: list[Damage] = [
    lose_the_root,
    lose_both_roots,
    damage_the_root,
    damage_the_config,
    damage_the_manifest,
    damage_a_footer,
]


def mend(files: SimulatedFiles, seed: int = 2) -> None:
    repair_repository(Folder(PLACE, files), make_environment(seed), RepairOptions())


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_a_crash_while_repairing_is_repaired(monkeypatch: pytest.MonkeyPatch, damage: Damage) -> None:
    make_packs_small(monkeypatch)
    explorer = Explorer()
    end = explorer.record(write)[-1]
    disk = next(iter_disks(end.capture, samples=0, seed=0))
    files = dict(disk.files)
    damage(files)
    moments = _moments_of_mending(disk._replace(files=files), end.allowed)
    assert len(moments) > 5
    for case in iter_cases(moments, samples=64):
        explorer.check(case, first=mend)


def _moments_of_mending(disk: Disk, allowed: tuple[Promise, ...]) -> list[Moment]:
    files = disk.mounted()
    found: list[Moment] = []
    files.on_operation = lambda operation: found.append(Moment(len(found), files.capture(operation), allowed))
    mend(files, seed=1)
    return found
