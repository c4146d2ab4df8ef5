"""The saving of several targets. One that takes long, or never ends, delays no other."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

import pytest

from ctxstore import SourceHome, Target
from ctxstore.integrations import savers
from ctxstore.integrations.savers import Savers
from ctxstore.sources.directory import Directory
from tests.integrations.agent_home import eventually


def target(path: str) -> Target:
    return Target(Directory(), SourceHome("directory", path, path))


@pytest.fixture(autouse=True)
def _short_times(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(savers, "PATIENCE", 0.1)
    monkeypatch.setattr(savers, "SLOW", 0.5)


class Recorded:
    """A saver that hangs at `/stuck` until it is released, and fails at `/broken`."""

    def __init__(self) -> None:
        self.saved: list[str] = []
        self.warnings: list[str] = []
        self.release = threading.Event()

    def __call__(self, targets: Sequence[Target]) -> bool:
        (path,) = (target.home.path for target in targets)
        if path == "/stuck":
            self.release.wait(30)
        self.saved.append(path)
        return path != "/broken"


def test_targets_are_saved_beside_one_that_does_not_end() -> None:
    save = Recorded()
    savers = Savers(save, save.warnings.append)
    for path in ("/stuck", "/one", "/two", "/broken"):
        savers.add(target(path))
    ended: dict[str, bool] = {}

    def advance() -> bool:
        ended.update((each.target.home.path, each.is_saved) for each in savers.advance())
        return len(ended) == 3

    eventually(advance)
    assert ended == {"/one": True, "/two": True, "/broken": False}
    assert savers.has(target("/stuck").home) and not savers.has(target("/one").home)
    eventually(lambda: list(savers.advance()) or save.warnings)
    started = time.monotonic()
    savers.add(target("/three"))
    savers.finish()
    assert save.saved[-1] == "/three" and time.monotonic() - started < 5
    assert len(save.warnings) == 1 and save.warnings[0].startswith("/stuck: not saved")
    save.release.set()
    eventually(lambda: [each.target.home.path for each in savers.advance()] == ["/stuck"])


def test_an_unexpected_error_is_raised() -> None:
    def fail(_: Sequence[Target]) -> bool:
        raise ZeroDivisionError

    savers = Savers(fail, print)
    savers.add(target("/one"))
    with pytest.raises(ZeroDivisionError):
        eventually(lambda: list(savers.advance()))
