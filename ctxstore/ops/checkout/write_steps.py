"""The execution of a plan's steps: removes, writes and verifies files below the target folder."""

from __future__ import annotations

import resource
from collections.abc import Sequence
from typing import NamedTuple

from ctxstore.errors import Corrupt, NotFound
from ctxstore.history.engine import Engine
from ctxstore.ops.checkout.batch_read import fetch, storage_order
from ctxstore.ops.checkout.overwrite_guard import OverwriteGuard
from ctxstore.ops.checkout.pending_file import PendingFile
from ctxstore.ops.checkout.rewritten_file import RewrittenFile
from ctxstore.ops.checkout.steps import CheckoutStep, UnreadablePart
from ctxstore.ops.checkout.target_folder import TargetFolder
from ctxstore.ops.checkout.verify_written import verify_written
from ctxstore.progress import Progress
from ctxstore.trees.entries import DirEntry, FileEntry, SymlinkEntry

OPEN_FILES = 400
"""The most files restored at the same time. Syncing many at once is cheaper: they share writes of the journal."""

SYNC_THREADS = 16
"""Files synced at the same time."""


class WriteOptions(NamedTuple):
    """The options of `StepWriter`.

    `is_exact`: folders that are kept get their mode and time as well. `skip_unreadable`: damaged files are skipped and
    reported in `failed`; otherwise the first one raises.
    """

    is_exact: bool
    skip_unreadable: bool


class _File(NamedTuple):
    """A regular file to restore."""

    path: str
    entry: FileEntry


class StepWriter:
    """Executes the steps of one checkout.

    `failed` are the files that could not be read from the repository. `missing_links` are the paths of links on a file
    system without links.
    """

    def __init__(
        self, engine: Engine, folder: TargetFolder, guard: OverwriteGuard, progress: Progress, options: WriteOptions
    ) -> None:
        self._engine = engine
        self._folder = folder
        self._guard = guard
        self._progress = progress
        self._options = options
        self.failed: list[UnreadablePart] = []
        self.missing_links: list[str] = []

    def write(self, steps: Sequence[CheckoutStep]) -> int:
        """Removes, writes and finishes files and folders, and verifies them. Returns the number of bytes written."""
        self._remove(steps)
        size, files = self._write_all_but_files(steps)
        batch = _batch_size()
        if len(files) > batch:
            # In the order of names, every batch would decompress frames from the entire repository again.
            files.sort(key=lambda file: storage_order(self._engine, file.entry.id))
        for first in range(0, len(files), batch):
            size += self._write_batch(files[first : first + batch])
        self._finish_folders(steps)
        self._folder.sync_folders()
        self._verify(steps)
        return size

    def _remove(self, steps: Sequence[CheckoutStep]) -> None:
        """Removes stale files, those inside a folder before the folder."""
        for step in reversed(steps):
            if step.action.verb == "remove":
                self._guard.check(step.action.path)
                self._folder.remove(step.action.path)
                self._guard.mark_removed(step.action.path)

    def _write_all_but_files(self, steps: Sequence[CheckoutStep]) -> tuple[int, list[_File]]:
        """Writes links, folders and rewritten files. Returns the bytes written, and the files still to write."""
        files: list[_File] = []
        size = 0
        for (verb, path, _), entry in steps:
            if verb not in ("create", "replace"):
                continue
            if isinstance(entry, FileEntry):
                files.append(_File(path, entry))
            elif isinstance(entry, RewrittenFile):
                self._write_rewritten(path, entry)
                size += entry.size
            elif isinstance(entry, SymlinkEntry):
                self._guard.check(path)
                if not self._folder.write_link(path, entry.target, entry.mtime_ns):
                    self.missing_links.append(path)
            elif isinstance(entry, DirEntry):
                self._folder.make_folder(path)
        return size, files

    def _finish_folders(self, steps: Sequence[CheckoutStep]) -> None:
        """Sets modes and times, of the deepest folders first, because writing into a folder changes its time."""
        for step in reversed(steps):
            if isinstance(step.entry, DirEntry) and (self._options.is_exact or step.action.verb != "keep"):
                self._folder.finish_folder(step.action.path, step.entry.mode, step.entry.mtime_ns)

    def _verify(self, steps: Sequence[CheckoutStep]) -> None:
        """Compares each written file with its entry."""
        failed = {each.what for each in self.failed}
        for (verb, path, _), entry in steps:
            if verb in ("create", "replace") and path not in failed and isinstance(entry, (FileEntry, RewrittenFile)):
                verify_written(self._engine, self._folder, path, entry)

    def _write_batch(self, files: Sequence[_File]) -> int:
        """Writes some files and returns the number of bytes.

        A damaged file is skipped and reported in a checkout of all contexts. In a checkout of one context it raises.
        """
        try:
            self._write_files(files)
        except (Corrupt, NotFound) as error:
            if not self._options.skip_unreadable:
                raise
            if len(files) > 1:
                return sum(self._write_batch([file]) for file in files)
            self.failed.append(UnreadablePart(files[0].path, error.message))
            return 0
        return sum(file.entry.size for file in files)

    def _write_files(self, files: Sequence[_File]) -> None:
        """Writes files under temporary names, and renames each one when it is complete."""
        pending: list[PendingFile] = []

        def write(number: int, offset: int, data: memoryview) -> None:
            pending[number].write(offset, data)
            self._progress.advance(len(data))

        try:
            for file in files:
                pending.append(PendingFile(self._folder, file.path))
            fetch(self._engine, [file.entry for file in files], write)
            for file, pending_file in zip(files, pending, strict=True):
                pending_file.set_attributes(file.entry.mode, file.entry.mtime_ns)
            _sync_all(pending)
            for file, pending_file in zip(files, pending, strict=True):
                self._guard.check(file.path)
                pending_file.rename()
        finally:
            for pending_file in pending:
                pending_file.discard()

    def _write_rewritten(self, path: str, file: RewrittenFile) -> None:
        """Writes a file whose content is generated on the way."""
        pending = PendingFile(self._folder, path)
        try:
            offset = 0
            for block in file.read():
                pending.write(offset, memoryview(block))
                offset += len(block)
            self._progress.advance(offset)
            pending.set_attributes(file.mode, file.mtime_ns)
            pending.sync()
            self._guard.check(path)
            pending.rename()
        finally:
            pending.discard()


def _batch_size() -> int:
    """Returns how many files to restore at the same time: a quarter of those that this process may open."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return OPEN_FILES if soft == resource.RLIM_INFINITY else max(1, min(OPEN_FILES, soft // 4))


def _sync_all(files: Sequence[PendingFile]) -> None:
    """Makes files durable before they get their names.

    File systems write the journal once for all syncs that wait at the same time. So threads make syncing many files
    almost as fast as syncing one.
    """
    if len(files) < 2:
        for file in files:
            file.sync()
        return
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(min(SYNC_THREADS, len(files)), thread_name_prefix="ctxstore-sync") as pool:
        for done in [pool.submit(file.sync) for file in files]:
            done.result()
