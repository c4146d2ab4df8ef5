"""A search that crashes a program at every possible point and checks that every promise was kept."""

from __future__ import annotations

import random
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple

from ctxstore.storage.local import LocalStorage
from tests.faults.crashes import Disk, iter_disks, random_disk
from tests.faults.oracle import BrokenPromise, Content, Oracle, Promise
from tests.faults.simulated import Capture, SimulatedFiles
from tests.faults.workload import PLACE, Folder, Session


class Moment(NamedTuple):
    """A point at which the machine may fail, and the promises of which one must then be kept.

    These are the last promise that was made and the next one, if a call is under way.
    """

    number: int
    capture: Capture
    allowed: tuple[Promise, ...]


class Case(NamedTuple):
    """One state that one crash may leave."""

    moment: Moment
    disk: Disk

    @property
    def key(self) -> Hashable:
        """A value that is equal for equal states with equal promises."""
        return self.disk.fingerprint(), tuple(promise.fingerprint() for promise in self.moment.allowed)

    def __str__(self) -> str:
        return f"crash after operation {self.moment.number}, {self.moment.capture.operation}"


def recorded(
    files: SimulatedFiles, session: Session, program: Callable[[Session], None], allowed: tuple[Promise, ...] = ()
) -> list[Moment]:
    """Records the moments of a program's run.

    Until the store promises something, the promises in `allowed` remain valid.
    """
    found = [(files.capture("the start"), 1)]
    files.on_operation = lambda operation: found.append((files.capture(operation), len(session.promises)))
    program(session)
    found.append((files.capture("the end"), len(session.promises)))
    files.on_operation = lambda operation: None
    promises = session.promises
    return [
        Moment(number, capture, (*(allowed if made == 1 else ()), *promises[made - 1 : made + 1]))
        for number, (capture, made) in enumerate(found)
    ]


def iter_cases(moments: Iterable[Moment], samples: int) -> Iterator[Case]:
    """Yields every state that a crash at one of these moments may leave, once for each promise."""
    cases = (Case(moment, disk) for moment in moments for disk in iter_disks(moment.capture, samples, moment.number))
    return _unseen(cases, set())


def iter_random_cases(moments: Sequence[Moment], number: int, seed: int, seen: set[Hashable]) -> Iterator[Case]:
    """Yields up to `number` random states that are not in `seen`, and fewer when hardly any remain.

    The first is the state at the end with all unsynced changes lost. A program that built on such a change fails there.
    """
    return islice(_unseen(_random_cases(moments, 4 * number, seed), seen), number)


def _random_cases(moments: Sequence[Moment], number: int, seed: int) -> Iterator[Case]:
    yield Case(moments[-1], next(iter_disks(moments[-1].capture, samples=0, seed=0)))
    generator = random.Random(seed)
    for _ in range(number):
        moment = generator.choice(moments)
        yield Case(moment, random_disk(moment.capture, generator))


def _unseen(cases: Iterable[Case], seen: set[Hashable]) -> Iterator[Case]:
    for case in cases:
        if case.key not in seen:
            seen.add(case.key)
            yield case


def go_on(session: Session) -> None:
    """Writes once more and then collects, as a user does after a crash."""
    if not session.promise.exists:
        session.init()
    session.commit("chat/a", Content(["after the crash"], {"crashed": True}, {"new": b"file"}))
    session.gc()


def go_on_collecting(session: Session) -> None:
    """Collects and then writes. The collection must not trust a root that a crash may still take back."""
    if session.promise.exists:
        session.gc()
    go_on(session)


class Explorer:
    """Checks of the cases of a store. `storage` makes the tested store from its path and files."""

    def __init__(self, storage: Callable[[str, Any], LocalStorage] = Folder) -> None:
        self.storage = storage
        self._oracle = Oracle()

    def record(self, program: Callable[[Session], None]) -> list[Moment]:
        """Records the moments of a program that starts with an empty disk."""
        files = SimulatedFiles.holding({}, ("/", "/home"))
        return recorded(files, Session(files, storage=self.storage), program)

    def killed(self, moment: Moment) -> list[Moment]:
        """Records the moments of a second program, after the first was killed and the machine was not."""
        files = SimulatedFiles(moment.capture)
        promise = self._oracle.kept(self._oracle.read(files, PLACE), moment.allowed)
        session = Session(files, promise, self.storage, seed=1 + moment.number)
        return recorded(files, session, go_on_collecting, moment.allowed)

    def check(self, case: Case, first: Callable[[SimulatedFiles], None] = lambda files: None) -> None:
        """Asserts that, after `first`, the promised content exists, the next write works, and one collection removes
        all litter."""
        try:
            files = case.disk.mounted()
            first(files)
            self._check(files, case.moment.allowed)
        except Exception as error:
            raise BrokenPromise(f"{case}: {type(error).__name__}: {error}") from error

    def _check(self, files: SimulatedFiles, allowed: tuple[Promise, ...]) -> None:
        kept = self._oracle.kept(self._oracle.read(files, PLACE), allowed)
        session = Session(files, kept, self.storage, seed=1 << 20)
        go_on(session)
        found = self._oracle.read(files, PLACE)
        self._oracle.kept(found, [session.promise])
        assert found is not None and not found.litter, "a collection left litter"
        assert f"{PLACE}/root.new" not in files.contents(), "a write left root.new"
