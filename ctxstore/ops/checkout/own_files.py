"""The check that a checkout into an agent's home writes only files that a snapshot by the same source would save there.

The check matters most for credentials. A source never saves them. So a stored credential comes from elsewhere, and the
present one would be overwritten although no commit contains it.

To decide, the source lists an empty folder in which placeholders imitate the stored files.
"""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

from ctxstore.errors import InvalidInput
from ctxstore.history.engine import Engine
from ctxstore.ops.checkout.layout import WantedFiles
from ctxstore.ops.checkout.rewritten_file import RewrittenFile
from ctxstore.ops.checkout.steps import LeftOutFile
from ctxstore.ops.checkout.target_folder import split_path
from ctxstore.sources.protocol import FoundFile, Skipped, Source, SourceHome
from ctxstore.sources.walk import why_not
from ctxstore.trees.entries import DirEntry, Entry, FileEntry, SymlinkEntry
from ctxstore.trees.files import read_content

HEAD = 256 << 10
"""Bytes of a file's start that the imitation contains: more than any source reads to decide whether to list it."""

WHOLE = 64 << 20
"""The size up to which a database is imitated as a whole. It can't be opened otherwise."""

DIRECTORY = "directory"
"""The source of folders and single files that a user names: it saves all files."""

_SQLITE = b"SQLite format 3\0"


class PresentFiles(NamedTuple):
    """The source's present listing of the context: the files it saves, and those it leaves out on purpose."""

    files: Collection[FoundFile]
    skipped: Collection[Skipped]


class OwnFiles(NamedTuple):
    """The entries to write, and those to leave out, with the reasons."""

    entries: WantedFiles
    left_out: tuple[LeftOutFile, ...]


def list_present(source: Source, home: SourceHome, names: Iterable[str]) -> PresentFiles:
    """Lists the context that has one of the names in `home`."""
    skipped: list[Skipped] = []
    for name in names:
        context = source.find_context(home, name, skipped.append)
        if context is not None:
            return PresentFiles(context.files, skipped)
    return PresentFiles((), skipped)


def select_own_files(
    engine: Engine, source: Source, home: SourceHome, entries: WantedFiles, present: PresentFiles, *, has_rows: bool
) -> OwnFiles:
    """Divides the entries into those that `source` saves from `home`, and all others.

    `has_rows` means that the context has rows in a database. Whether the source lists files beside the rows depends on
    the database, so only the names of these files decide.
    """
    listed = {file.key for file in present.files}
    others = [(path, entry) for path, entry in entries if path not in listed]
    skipped = {os.path.relpath(each.path, home.path): each.reason for each in present.skipped if _is_kept_out(each)}
    reasons = {path: reason for path, entry in others if (reason := skipped.get(path) or _reason_of_name(path, entry))}
    unknown = [(path, entry) for path, entry in others if path not in reasons]
    unknown = [(path, entry) for path, entry in unknown if not isinstance(entry, RewrittenFile) or not entry.is_made]
    if unknown and not has_rows and source.name != DIRECTORY:
        own = _list_imitation(engine, source, home, unknown)
        why = f"{source.agent}'s files do not include it"
        reasons |= {path: why for path, _ in unknown if path not in own}
    kept = [(path, entry) for path, entry in entries if path not in reasons]
    if reasons and not any(isinstance(entry, (FileEntry, RewrittenFile)) for _, entry in kept):
        path = min(reasons)
        raise InvalidInput(f"{path} can't be restored to {home.path}: {reasons[path]}", hint="use --to DIR")
    return OwnFiles(kept, tuple(LeftOutFile(path, reasons[path]) for path in sorted(reasons)))


def _is_kept_out(skipped: Skipped) -> bool:
    """Whether a source left out a file on purpose, and the file could be replaced."""
    return not skipped.failed and os.path.isfile(skipped.path) and not os.path.islink(skipped.path)


def _reason_of_name(path: str, entry: Entry | RewrittenFile) -> str:
    """Returns why every source leaves out files of this name, or an empty text."""
    return "" if isinstance(entry, DirEntry) else why_not(split_path(path)[-1], stat.S_IFREG)


def _list_imitation(engine: Engine, source: Source, home: SourceHome, entries: WantedFiles) -> set[str]:
    """Returns the keys that `source` lists if a home contains only these entries."""
    with tempfile.TemporaryDirectory(prefix="ctxstore-") as folder:
        for path, entry in entries:
            _imitate(engine, os.path.join(folder, path), entry)
        contexts = source.contexts(SourceHome(home.source, folder, home.label), lambda skipped: None)
        return {file.key for context in contexts for file in context.files}


def _imitate(engine: Engine, path: str, entry: Entry | RewrittenFile) -> None:
    """Makes a file, folder or link that looks like the entry to a source."""
    if isinstance(entry, DirEntry):
        os.makedirs(path, exist_ok=True)
        return
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if isinstance(entry, SymlinkEntry):
        os.symlink(entry.target, os.fsencode(path))
        return
    size, limit = 0, HEAD
    with open(path, "wb") as file:
        for block in _blocks(engine, entry):
            file.write(block)
            limit = WHOLE if not size and block.startswith(_SQLITE) else limit
            size += len(block)
            if size >= limit:
                break


def _blocks(engine: Engine, entry: Entry | RewrittenFile) -> Iterator[bytes]:
    """Yields the bytes of a file to write."""
    if isinstance(entry, RewrittenFile):
        return entry.read()
    return read_content(engine.store, entry) if isinstance(entry, FileEntry) else iter(())
