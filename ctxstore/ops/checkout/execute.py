"""The execution of a checkout: saves the present state, then writes, replaces and removes files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import NamedTuple

from ctxstore.errors import AlreadyExists, Conflict, Corrupt, NotFound, StorageError
from ctxstore.history.engine import Engine
from ctxstore.ids import ObjectId
from ctxstore.ops.checkout.batch_read import fetch, storage_order
from ctxstore.ops.checkout.overwrite_guard import OverwriteGuard
from ctxstore.ops.checkout.resume_target import ResumeTarget
from ctxstore.ops.checkout.rewritten_file import RewrittenFile
from ctxstore.ops.checkout.running_agents import refuse_open, refuse_running
from ctxstore.ops.checkout.session_index import SessionIndexUpdate
from ctxstore.ops.checkout.target_folder import PendingFile, TargetFolder
from ctxstore.ops.checkout.verify_written import verify_written
from ctxstore.progress import SILENT, Progress
from ctxstore.trees.entries import DirEntry, Entry, FileEntry, SymlinkEntry

OPEN_FILES = 100
"""Files restored at the same time: fewer than any system lets a process open."""


class CheckoutAction(NamedTuple):
    """A step of a checkout: `verb` is create, replace, remove or keep. `path` is relative to the target, `size` is in
    bytes."""

    verb: str
    path: str
    size: int


class UnreadablePart(NamedTuple):
    """A damaged or missing context or file, and the error. The rest is restored."""

    what: str
    message: str


class CheckoutResult(NamedTuple):
    """The result of a checkout.

    `safety` is the run that saved the previous state, if anything was replaced. `saved` is the run that saved the newly
    made session. `files`, `removed` and `registered` are counts.
    """

    files: int
    bytes: int
    removed: int
    safety: ObjectId | None
    target: str
    unreadable: tuple[UnreadablePart, ...] = ()
    registered: int = 0
    saved: ObjectId | None = None


class CheckoutStep(NamedTuple):
    """An action and the entry to restore. The entry is None for a removal."""

    action: CheckoutAction
    entry: Entry | RewrittenFile | None


class _File(NamedTuple):
    """A regular file to restore."""

    path: str
    entry: FileEntry


class CheckoutPlan:
    """A plan of a checkout. Nothing is written before `execute`.

    If `unreadable` is not None, damaged files are skipped and reported. If it is None, the first one raises `Corrupt`.
    """

    def __init__(
        self,
        engine: Engine,
        target: str,
        steps: Sequence[CheckoutStep],
        *,
        refs: tuple[str, ...],
        unreadable: tuple[UnreadablePart, ...] | None = None,
        resume_target: ResumeTarget | None = None,
    ) -> None:
        self._engine = engine
        self._steps = steps
        self.target = target
        self.refs = refs
        self.unreadable = unreadable or ()
        self._skip_unreadable = unreadable is not None
        self._failed: list[UnreadablePart] = []
        self.resume_target = resume_target or ResumeTarget(target)
        self.actions = tuple(step.action for step in steps)

    @property
    def in_place(self) -> bool:
        """Whether the files are restored to their original place, exactly, and stale files are removed."""
        return self.resume_target.save_first is not None

    @property
    def is_empty(self) -> bool:
        """Whether all files and index entries exist already."""
        return not self.resume_target.index_entries and all(action.verb == "keep" for action in self.actions)

    @property
    def destroys(self) -> bool:
        """Whether any present file or index entry is replaced or removed."""
        return any(action.verb in ("replace", "remove") for action in self.actions) or any(
            self._index_update.find_replaced()
        )

    def execute(self, *, overwrite: bool = False, force: bool = False, progress: Progress = SILENT) -> CheckoutResult:
        """Executes the plan, then reads back the written files and compares them.

        Raises `AlreadyExists` if files would be overwritten without `overwrite`. Raises `Conflict` if another process
        writes to the same files, or if the agent runs (unless `force`). Raises `SourceError` if a file to overwrite
        can't be saved first, and `Corrupt` or `StorageError`.
        """
        self._refuse_overwriting(overwrite)
        if not force:
            self._refuse_running()
        refuse_open(self._databases())
        safety = None
        try:
            with TargetFolder(self.target) as folder:
                guard = OverwriteGuard(folder, (action.path for action in self.actions if action.verb != "keep"))
                replaced = self._index_update.find_replaced()
                if self.resume_target.save_first and not self.is_empty:
                    safety = self.resume_target.save_first(self._files_at_risk(replaced))
                progress.start("checkout", sum(action.size for action in self.actions if action.verb != "keep"))
                size = self._apply_steps(folder, guard, progress, exact=overwrite or self.in_place)
                self._verify(folder)
                self._update_session_index(replaced)
        except OSError as error:
            raise StorageError(f"{error.filename or self.target}: {error.strerror}") from error
        finally:
            progress.done()
        written = sum(s.action.verb in ("create", "replace") and not isinstance(s.entry, DirEntry) for s in self._steps)
        return CheckoutResult(
            files=written - len(self._failed),
            bytes=size,
            removed=sum(action.verb == "remove" for action in self.actions),
            safety=safety,
            target=self.target,
            unreadable=(*self.unreadable, *self._failed),
            registered=len(self.resume_target.index_entries),
            saved=self.resume_target.save() if self.resume_target.save else None,
        )

    def _refuse_running(self) -> None:
        """Raises `Conflict` if the agent runs and present data is at risk."""
        refuse_running(self.resume_target.find_running() if self.in_place or self.destroys else ())

    def _update_session_index(self, replaced: Sequence[bytes]) -> None:
        """Adds the session to the agent's session index. If this fails, the error states that the files are written."""
        try:
            self._index_update.execute(replaced)
        except (Conflict, StorageError) as error:
            written = [action.path for action in self.actions if action.verb in ("create", "replace")]
            if not written:
                raise
            raise type(error)(
                f"{error.message}; the files are written "
                f"({os.path.join(self.target, written[0])}), but not added to the session index",
                hint=error.hint,
            ) from error

    def _databases(self) -> list[str]:
        """Returns the paths of databases that are replaced together with their write-ahead logs."""
        paths = {action.path for action in self.actions if action.verb in ("replace", "create")}
        return [os.path.join(self.target, path) for path in paths if path + "-wal" in paths]

    def _verify(self, folder: TargetFolder) -> None:
        """Compares each written file with its entry."""
        failed = {each.what for each in self._failed}
        for (verb, path, _), entry in self._steps:
            if verb in ("create", "replace") and path not in failed and isinstance(entry, (FileEntry, RewrittenFile)):
                verify_written(self._engine, folder, path, entry)

    @property
    def _index_update(self) -> SessionIndexUpdate:
        """The update of the agent's session index."""
        return SessionIndexUpdate(self.resume_target.home, self.resume_target.index_entries)

    def _files_at_risk(self, replaced: Sequence[bytes]) -> list[str]:
        """Returns the paths of the files that are about to be overwritten, removed or changed."""
        files = (action.path for action in self.actions if action.verb in ("replace", "remove"))
        return [*(os.path.join(self.target, path) for path in files), *self._index_update.files_at_risk(replaced)]

    def _refuse_overwriting(self, overwrite: bool) -> None:
        """Raises `AlreadyExists` if something would be overwritten without permission."""
        if overwrite or self.in_place:
            return
        paths = [action.path for action in self.actions if action.verb == "replace"]
        self._index_update.refuse_replacing()
        if paths:
            more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
            raise AlreadyExists(
                f"{os.path.join(self.target, paths[0])}{more} would be overwritten",
                hint="choose an empty folder, or use --overwrite",
            )

    def _apply_steps(self, folder: TargetFolder, guard: OverwriteGuard, progress: Progress, *, exact: bool) -> int:
        """Removes, writes and finishes files and folders. Returns the number of bytes written."""
        for step in reversed(self._steps):
            if step.action.verb == "remove":
                guard.check(step.action.path)
                folder.remove(step.action.path)
                guard.mark_removed(step.action.path)
        files: list[_File] = []
        rewritten = 0
        for (verb, path, _), entry in self._steps:
            if verb not in ("create", "replace"):
                continue
            if isinstance(entry, FileEntry):
                files.append(_File(path, entry))
            elif isinstance(entry, RewrittenFile):
                guard.check(path)
                _write_rewritten(folder, path, entry, durable=self.in_place)
                progress.advance(entry.size)
                rewritten += entry.size
            elif isinstance(entry, SymlinkEntry):
                guard.check(path)
                folder.write_link(path, entry.target, entry.mtime_ns)
            elif isinstance(entry, DirEntry):
                folder.make_folder(path)
        size = rewritten
        if len(files) > OPEN_FILES:
            # In the order of names, every batch would decompress frames from the entire repository again.
            files.sort(key=lambda file: storage_order(self._engine, file.entry.id))
        for first in range(0, len(files), OPEN_FILES):
            size += self._write_batch(folder, files[first : first + OPEN_FILES], guard, progress)
        # Finish the deepest folders first, because writing into a folder changes its time.
        for step in reversed(self._steps):
            if isinstance(step.entry, DirEntry) and (exact or step.action.verb != "keep"):
                folder.finish_folder(step.action.path, step.entry.mode, step.entry.mtime_ns)
        return size

    def _write_batch(
        self, folder: TargetFolder, files: Sequence[_File], guard: OverwriteGuard, progress: Progress
    ) -> int:
        """Writes some files and returns the number of bytes.

        A damaged file is skipped and reported in a checkout of all contexts. In a checkout of one context it raises.
        """
        try:
            self._write_files(folder, files, guard, progress)
        except (Corrupt, NotFound) as error:
            if not self._skip_unreadable:
                raise
            if len(files) > 1:
                return sum(self._write_batch(folder, [file], guard, progress) for file in files)
            self._failed.append(UnreadablePart(files[0].path, error.message))
            return 0
        return sum(file.entry.size for file in files)

    def _write_files(
        self, folder: TargetFolder, files: Sequence[_File], guard: OverwriteGuard, progress: Progress
    ) -> None:
        """Writes files under temporary names, and renames each one when it is complete."""
        pending: list[PendingFile] = []

        def write(number: int, offset: int, data: memoryview) -> None:
            pending[number].write(offset, data)
            progress.advance(len(data))

        try:
            for file in files:
                pending.append(folder.create_file(file.path))
            fetch(self._engine, [file.entry for file in files], write)
            for file, pending_file in zip(files, pending, strict=True):
                guard.check(file.path)
                pending_file.finish(file.entry.mode, file.entry.mtime_ns, durable=self.in_place)
        finally:
            for pending_file in pending:
                pending_file.discard()


def _write_rewritten(folder: TargetFolder, path: str, file: RewrittenFile, *, durable: bool) -> None:
    """Writes a file whose content is generated on the way."""
    pending = folder.create_file(path)
    try:
        offset = 0
        for block in file.read():
            pending.write(offset, memoryview(block))
            offset += len(block)
        pending.finish(file.mode, file.mtime_ns, durable=durable)
    finally:
        pending.discard()
