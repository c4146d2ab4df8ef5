"""The safety snapshot: saves what a checkout is about to replace or remove.

One swap adds two entries to the op log. The first moves the context to the commit, the second moves it back. So the
op log keeps the commit from being collected, and every revision means the same before and after the checkout.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple

from ctxstore.errors import SourceError
from ctxstore.history.commits import Commit, write_commit
from ctxstore.history.engine import Engine
from ctxstore.history.refs import quote_name
from ctxstore.history.transaction import Move, Transaction, transaction
from ctxstore.ids import ObjectId
from ctxstore.ops.checkout.target_folder import TargetFolder
from ctxstore.ops.checkout.verify_written import has_content
from ctxstore.ops.refs.retry import retry
from ctxstore.ops.snapshot.capture import Capture, CapturedContext, PreviousState, only_times_differ
from ctxstore.ops.snapshot.last_saved import LastSaved
from ctxstore.ops.snapshot.previous_commit import PreviousCommit
from ctxstore.ops.snapshot.stat_cache import SavedContext, StatRow
from ctxstore.ops.snapshot.summary import summarise
from ctxstore.ops.snapshot.targets import Target
from ctxstore.progress import SILENT
from ctxstore.sources.protocol import FoundContext, FoundFile, ReportSkipped, Skipped, SourceHome
from ctxstore.sources.registry import get_source
from ctxstore.trees.entries import Entry, FileEntry, SymlinkEntry, decode_entry, decode_key, encode_key

MAX_NAME = 200
"""The characters of a folder's path that the name of its safety snapshot contains: the last ones."""


class SavedState(NamedTuple):
    """The commit that contains everything at risk, and the entry of the op log that made it.

    `run` is the id of the entry, or None if an older commit contains everything. Both are None if nothing was at risk.
    """

    run: ObjectId | None = None
    commit: ObjectId | None = None


class AtRisk(NamedTuple):
    """The data that a checkout is about to replace or remove.

    `paths` are files below `folder`. `has_rows`: rows of the context in a database are at risk as well.
    """

    folder: TargetFolder
    paths: Sequence[str]
    has_rows: bool = False


SaveFirst = Callable[[AtRisk], SavedState]
"""A callback that saves data at risk. Raises `SourceError` if some of it can't be saved."""


class SafetySnapshot:
    """Saves a context of an agent's home, or files of a folder that is no agent's home.

    `names` are the names that the context may have there: a session that moves to another project changes its name. The
    commit contains the context as its source lists it, and each file at risk that the source does not list.
    """

    def __init__(self, engine: Engine, home: SourceHome, names: Sequence[str], note: str) -> None:
        self._engine = engine
        self._target = Target(get_source(home.source), home)
        self._names = names
        self._note = note

    def save(self, at_risk: AtRisk) -> SavedState:
        """Saves the present state. Raises `SourceError` if something at risk can't be saved."""
        if not at_risk.paths and not at_risk.has_rows:
            return SavedState()
        return retry(lambda: self._save_once(at_risk))

    def _save_once(self, at_risk: AtRisk) -> SavedState:
        skipped: list[Skipped] = []
        listed = self._find_context(skipped.append, is_certain=at_risk.has_rows)
        name = listed.name if listed else self._names[0]
        files = {file.key: file for file in listed.files} if listed else {}
        for path in at_risk.paths:
            if path not in files and (file := _find_file(at_risk.folder, path)):
                files[path] = file
        context = FoundContext(name, [files[key] for key in sorted(files)])
        last_saved = LastSaved(self._engine, self._target)
        with transaction(self._engine) as tx:
            head = tx.refs.find(name)
            saved = _without(last_saved.find(name), set(at_risk.paths))
            saved = saved if saved is not None and saved.head == head else None
            previous = PreviousCommit(self._engine, tx.root, head)
            capture = Capture(self._engine, tx.writer, self._target, skipped=skipped, progress=SILENT)
            state = PreviousState(previous, saved, last_saved.cache.scanned_at)
            captured = capture.capture(context, state, only_state=False)
            _Check(tx, at_risk, files, captured, skipped).refuse_unsaved()
            if self._is_same(name, captured, previous):
                return SavedState(None, head)
            commit = self._commit(context, captured, previous)
            # Files that no context lists may be only some of those in the folder: no commit to restore in place.
            commit = commit if listed else commit._replace(source="", root="", label="")
            id = write_commit(tx.writer, commit)
            run = tx.publish([Move(name, head, id)], "snapshot", self._note, back="checkout").id
        return SavedState(run, id)

    def _find_context(self, report: ReportSkipped, *, is_certain: bool) -> FoundContext | None:
        """Returns the context as its source lists it now.

        If the context certainly exists, it may also be found by its session's id.
        """
        source, home = self._target
        for name in self._names:
            found = source.find_context(home, name, report)
            if found is not None and found.files:
                return found
        session = self._names[0].rpartition("/")[2]
        every = source.contexts(home, lambda skipped: None) if is_certain else ()
        return next((context for context in every if context.name.rpartition("/")[2] == session), None)

    def _is_same(self, name: str, captured: CapturedContext, previous: PreviousCommit) -> bool:
        """Whether the newest commit contains the present state. The times of a session's files don't count."""
        if previous.commit is None or captured.tree == previous.commit.tree:
            return previous.commit is not None and not previous.damage
        is_session = self._target.source.transcript(name, list(map(decode_key, captured.entries))) is not None
        return is_session and only_times_differ(previous.entries(), captured.entries)

    def _commit(self, context: FoundContext, captured: CapturedContext, previous: PreviousCommit) -> Commit:
        """Returns the commit of the present state."""
        source, home = self._target
        parents, generation = previous.lineage()
        return Commit(
            tree=captured.tree,
            parents=parents,
            generation=generation,
            time=self._engine.environment.clock(),
            author=self._engine.environment.author,
            ref=context.name,
            note=self._note,
            source=source.name,
            root=home.path,
            label=home.label,
            summary=summarise(source, context.name, captured.entries, captured.attributes, previous.summary),
        )


def folder_snapshot(engine: Engine, folder: str, what: str) -> SafetySnapshot:
    """Returns a snapshot of files in a folder that is no agent's home, before the checkout of `what`."""
    name = f"overwritten/{quote_name(folder.strip('/').replace('/', '-'))[-MAX_NAME:]}"
    return SafetySnapshot(engine, SourceHome("directory", folder, ""), [name], f"before checkout of {what} to {folder}")


def _without(saved: SavedContext | None, paths: Collection[str]) -> SavedContext | None:
    """Returns the cached record of a context without the files at risk, so that a snapshot reads these files."""
    if saved is None or saved.raw_rows is None:
        return None
    return saved._replace(raw_rows=[row for row in saved.raw_rows if decode_key(StatRow(*row).key) not in paths])


def _find_file(folder: TargetFolder, path: str) -> FoundFile | None:
    """Returns a file or link that its source does not list, or None for a folder or if nothing exists there.

    Raises `SourceError` for anything else, because its content can't be saved.
    """
    found = folder.find(path)
    if found is None or stat.S_ISDIR(found.st_mode):
        return None
    where = os.path.join(folder.path, path)
    if not (stat.S_ISREG(found.st_mode) or stat.S_ISLNK(found.st_mode)):
        raise SourceError(f"{where} is neither a file nor a link, and can't be saved", hint="move it away")
    return FoundFile(path, where, found)


class _Check(NamedTuple):
    """Compares what is at risk with what was captured."""

    tx: Transaction
    at_risk: AtRisk
    files: Mapping[str, FoundFile]
    captured: CapturedContext
    skipped: Sequence[Skipped]

    def refuse_unsaved(self) -> None:
        """Raises `SourceError` for the first file at risk whose content was not captured."""
        for path in self.at_risk.paths:
            if not self._is_saved(path):
                raise self._error(os.path.join(self.at_risk.folder.path, path))
        if not self.at_risk.has_rows:
            return
        rows = [file for file in self.files.values() if file.content is not None]
        if not rows:
            raise self._error(f"the session's rows in {self.at_risk.folder.path}")
        for file in rows:
            if encode_key(file.key) not in self.captured.entries:
                raise self._error(file.path)

    def _is_saved(self, path: str) -> bool:
        """Whether the captured entry has the content that exists at `path` now."""
        folder = self.at_risk.folder
        found = folder.find(path)
        if found is None or stat.S_ISDIR(found.st_mode):
            return True  # nothing to lose: a folder is removed only if it is empty
        data = self.captured.entries.get(encode_key(path))
        entry: Entry | None = decode_entry(data) if data is not None else None
        if stat.S_ISLNK(found.st_mode):
            return isinstance(entry, SymlinkEntry) and entry.target == folder.read_link(path)
        if not isinstance(entry, FileEntry):
            return False
        file = self.files.get(path)
        if file is not None and file.content is not None:
            return True  # a consistent copy of a database differs from the file's own bytes
        return self._has_bytes(path, entry)

    def _has_bytes(self, path: str, entry: FileEntry) -> bool:
        """Whether the file at `path` has the bytes of the entry."""
        try:
            fd = self.at_risk.folder.open_file(path)
        except OSError:
            return False
        try:
            return os.fstat(fd).st_size == entry.size and has_content(self.tx.writer, fd, entry)
        finally:
            os.close(fd)

    def _error(self, what: str) -> SourceError:
        """Returns the error for something that could not be saved, with the reason if it is known."""
        reason = next((f": {each.reason}" for each in self.skipped if each.path == what), "")
        return SourceError(
            f"{what} can't be saved before it is overwritten{reason}",
            hint="make it readable or move it away, then run the checkout again; --to DIR restores elsewhere",
        )
