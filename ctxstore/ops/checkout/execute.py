"""The execution of a checkout: saves the present state, then writes, replaces and removes files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import NamedTuple

from ctxstore.errors import AlreadyExists, Conflict, StorageError
from ctxstore.history.engine import Engine
from ctxstore.ids import ObjectId
from ctxstore.ops.checkout.limits import iter_warnings
from ctxstore.ops.checkout.link_policy import LinkPolicy
from ctxstore.ops.checkout.overwrite_guard import OverwriteGuard
from ctxstore.ops.checkout.resume_target import ResumeTarget
from ctxstore.ops.checkout.running_agents import refuse_open, refuse_running
from ctxstore.ops.checkout.safety_snapshot import AtRisk, SaveFirst
from ctxstore.ops.checkout.session_index import SessionIndexUpdate
from ctxstore.ops.checkout.steps import CheckoutStep, LeftOutFile, UnreadablePart
from ctxstore.ops.checkout.target_folder import TargetFolder
from ctxstore.ops.checkout.write_steps import StepWriter, WriteOptions
from ctxstore.progress import SILENT, Progress
from ctxstore.trees.entries import DirEntry


class CheckoutResult(NamedTuple):
    """The result of a checkout.

    - `safety_commit`: the commit that contains the replaced and removed data, or None if there was none.
    - `safety`: the id of the entry of the op log that made this commit, or None if an older commit has the data.
    - `saved`: the id of the entry that saved the newly made session, or None without one.
    - `files`, `removed`, `registered`: counts.
    - `warnings`: properties that the file system could not keep, such as modes.
    """

    files: int
    bytes: int
    removed: int
    safety: ObjectId | None
    target: str
    unreadable: tuple[UnreadablePart, ...] = ()
    registered: int = 0
    saved: ObjectId | None = None
    safety_commit: ObjectId | None = None
    warnings: tuple[str, ...] = ()


class CheckoutScope(NamedTuple):
    """The parts of a plan besides its steps.

    - `refs`: the contexts to restore.
    - `unreadable`: the contexts that can't be read. If it is not None, damaged files are skipped and reported as well.
      If it is None, the first one raises `Corrupt`.
    - `in_place`: files are restored to their original place, exactly, and stale files are removed.
    - `save_first`: saves the data that is about to be replaced or removed.
    - `resume_target`: the agent's side, if the files go into its home.
    - `links`: the links that are written through. None: no link is.
    - `left_out`: files that are not written, because the agent's source does not save such files.
    """

    refs: tuple[str, ...]
    save_first: SaveFirst
    unreadable: tuple[UnreadablePart, ...] | None = None
    in_place: bool = False
    resume_target: ResumeTarget | None = None
    links: LinkPolicy | None = None
    left_out: tuple[LeftOutFile, ...] = ()


class CheckoutPlan:
    """A plan of a checkout. Nothing is written before `execute`."""

    def __init__(self, engine: Engine, target: str, steps: Sequence[CheckoutStep], scope: CheckoutScope) -> None:
        self._engine = engine
        self._steps = steps
        self._scope = scope
        self.target = target
        self.refs = scope.refs
        self.unreadable = scope.unreadable or ()
        self.left_out = scope.left_out
        self.in_place = scope.in_place
        self.save_first = scope.save_first
        self.resume_target = scope.resume_target or ResumeTarget(target)
        self.actions = tuple(step.action for step in steps)

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
        try:
            with TargetFolder(self.target, self._scope.links) as folder:
                guard = OverwriteGuard(folder, (action.path for action in self.actions if action.verb != "keep"))
                replaced = self._index_update.find_replaced()
                safety = self.save_first(AtRisk(folder, self._paths_at_risk(), any(replaced)))
                progress.start("checkout", sum(action.size for action in self.actions if action.verb != "keep"))
                options = WriteOptions(overwrite or self.in_place, self._scope.unreadable is not None)
                writer = StepWriter(self._engine, folder, guard, progress, options)
                size = writer.write(self._steps)
                warnings = tuple(iter_warnings(self.target, folder.unsupported, writer.missing_links))
                self._update_session_index(replaced)
        except OSError as error:
            raise StorageError(f"{error.filename or self.target}: {error.strerror}") from error
        finally:
            progress.done()
        written = sum(s.action.verb in ("create", "replace") and not isinstance(s.entry, DirEntry) for s in self._steps)
        return CheckoutResult(
            files=written - len(writer.failed) - len(writer.missing_links),
            bytes=size,
            removed=sum(action.verb == "remove" for action in self.actions),
            safety=safety.run,
            target=self.target,
            unreadable=(*self.unreadable, *writer.failed),
            registered=len(self.resume_target.index_entries),
            saved=self.resume_target.save() if self.resume_target.save else None,
            safety_commit=safety.commit,
            warnings=warnings,
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

    @property
    def _index_update(self) -> SessionIndexUpdate:
        """The update of the agent's session index."""
        return SessionIndexUpdate(self.resume_target.home, self.resume_target.index_entries)

    def _paths_at_risk(self) -> list[str]:
        """Returns the paths of the files that are about to be overwritten or removed."""
        return [action.path for action in self.actions if action.verb in ("replace", "remove")]

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
