"""Carries a planned checkout out: saves what is there, then writes, replaces and removes."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import NamedTuple

from ctxstore.errors import AlreadyExists, Corrupt, NotFound, StorageError
from ctxstore.history.engine import Engine
from ctxstore.ids import ObjectId
from ctxstore.ops.fetch import fetch, place_of
from ctxstore.ops.guard import Guard
from ctxstore.ops.target_folder import PendingFile, TargetFolder
from ctxstore.progress import SILENT, Progress
from ctxstore.trees.entries import DirEntry, Entry, FileEntry, SymlinkEntry

OPEN_FILES = 100
"""Files restored at a time: fewer than any system lets a process open."""


class Action(NamedTuple):
    """One step: `verb` is create, replace, remove or keep; `path` is below the target; `size` in bytes."""

    verb: str
    path: str
    size: int


class Unreadable(NamedTuple):
    """A context or a file that is damaged or gone, and how: everything else is brought back."""

    what: str
    message: str


class CheckoutResult(NamedTuple):
    """What a checkout did. `safety` is the op that saved the state before it, if it replaced anything."""

    files: int
    bytes: int
    removed: int
    safety: ObjectId | None
    target: str
    unreadable: tuple[Unreadable, ...] = ()


class Step(NamedTuple):
    """An action and the entry it brings back, None for a removal."""

    action: Action
    entry: Entry | None


class _File(NamedTuple):
    path: str
    entry: FileEntry


SaveFirst = Callable[[Sequence[str]], ObjectId | None]
"""Saves what is there, with the files that are about to be overwritten; the op. Raises if one can't be saved."""


class CheckoutPlan:
    """What a checkout will do. Nothing is written before `execute`.

    With `unreadable` given, even empty, what is damaged is left out and told; else it stops the checkout.
    """

    def __init__(
        self,
        engine: Engine,
        target: str,
        steps: Sequence[Step],
        *,
        refs: tuple[str, ...],
        save_first: SaveFirst | None = None,
        unreadable: tuple[Unreadable, ...] | None = None,
    ) -> None:
        self._engine = engine
        self._steps = steps
        self._save_first = save_first
        self.target = target
        self.refs = refs
        self.unreadable = unreadable or ()
        self._goes_on = unreadable is not None
        self._failed: list[Unreadable] = []
        self.actions = tuple(step.action for step in steps)

    @property
    def in_place(self) -> bool:
        """Whether it restores where the files were, exactly, stale files removed."""
        return self._save_first is not None

    @property
    def is_empty(self) -> bool:
        """Whether all is there already."""
        return all(action.verb == "keep" for action in self.actions)

    def execute(self, *, overwrite: bool = False, progress: Progress = SILENT) -> CheckoutResult:
        """Carry it out. Raises `AlreadyExists` if that needs `overwrite`, `Conflict` if somebody else writes there,
        `SourceError` if what would be overwritten can't be saved first, `Corrupt`, `StorageError`."""
        self._refuse_overwriting(overwrite)
        safety = None
        try:
            with TargetFolder(self.target) as folder:
                guard = Guard(folder, (action.path for action in self.actions if action.verb != "keep"))
                if self._save_first and not self.is_empty:
                    at_risk = (action.path for action in self.actions if action.verb in ("replace", "remove"))
                    safety = self._save_first([os.path.join(self.target, path) for path in at_risk])
                progress.start("checkout", sum(action.size for action in self.actions if action.verb != "keep"))
                size = self._carry_out(folder, guard, progress, exact=overwrite or self.in_place)
        except OSError as error:
            raise StorageError(f"{error.filename or self.target}: {error.strerror}") from error
        finally:
            progress.done()
        written = sum(s.action.verb in ("create", "replace") and not isinstance(s.entry, DirEntry) for s in self._steps)
        removed = sum(action.verb == "remove" for action in self.actions)
        failed = (*self.unreadable, *self._failed)
        return CheckoutResult(written - len(self._failed), size, removed, safety, self.target, failed)

    def _refuse_overwriting(self, overwrite: bool) -> None:
        replaced = [action.path for action in self.actions if action.verb == "replace"]
        if replaced and not overwrite and not self.in_place:
            more = f" and {len(replaced) - 1} more" if len(replaced) > 1 else ""
            raise AlreadyExists(
                f"{os.path.join(self.target, replaced[0])}{more} would be overwritten",
                hint="name an empty folder, or use --overwrite",
            )

    def _carry_out(self, folder: TargetFolder, guard: Guard, progress: Progress, *, exact: bool) -> int:
        for step in reversed(self._steps):
            if step.action.verb == "remove":
                guard.check(step.action.path)
                folder.remove(step.action.path)
                guard.removed(step.action.path)
        files: list[_File] = []
        for (verb, path, _), entry in self._steps:
            if verb not in ("create", "replace"):
                continue
            if isinstance(entry, FileEntry):
                files.append(_File(path, entry))
            elif isinstance(entry, SymlinkEntry):
                guard.check(path)
                folder.write_link(path, entry.target, entry.mtime_ns)
            elif isinstance(entry, DirEntry):
                folder.make_folder(path)
        size = 0
        if len(files) > OPEN_FILES:
            # By name, every batch would decompress frames from all over the repository again.
            files.sort(key=lambda file: place_of(self._engine, file.entry.id))
        for first in range(0, len(files), OPEN_FILES):
            size += self._write_batch(folder, files[first : first + OPEN_FILES], guard, progress)
        # Deepest first, because writing into a folder changes its time.
        for step in reversed(self._steps):
            if isinstance(step.entry, DirEntry) and (exact or step.action.verb != "keep"):
                folder.finish_folder(step.action.path, step.entry.mode, step.entry.mtime_ns)
        return size

    def _write_batch(self, folder: TargetFolder, files: Sequence[_File], guard: Guard, progress: Progress) -> int:
        """The bytes written. Of all contexts, a damaged file is left out; of one context, it stops everything."""
        try:
            self._write_files(folder, files, guard, progress)
        except (Corrupt, NotFound) as error:
            if not self._goes_on:
                raise
            if len(files) > 1:
                return sum(self._write_batch(folder, [file], guard, progress) for file in files)
            self._failed.append(Unreadable(files[0].path, error.message))
            return 0
        return sum(file.entry.size for file in files)

    def _write_files(self, folder: TargetFolder, files: Sequence[_File], guard: Guard, progress: Progress) -> None:
        pending: list[PendingFile] = []

        def write(number: int, offset: int, data: memoryview) -> None:
            pending[number].write(offset, data)
            progress.advance(len(data))

        try:
            for file in files:
                pending.append(folder.create_file(file.path))
            fetch(self._engine, [file.entry for file in files], write)
            for file, made in zip(files, pending, strict=True):
                guard.check(file.path)
                made.finish(file.entry.mode, file.entry.mtime_ns, durable=self.in_place)
        finally:
            for made in pending:
                made.abandon()
