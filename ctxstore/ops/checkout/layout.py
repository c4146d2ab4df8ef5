"""The layout of a checkout: the entries to write for a stored context, as its source arranges them."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence

from ctxstore.errors import Conflict
from ctxstore.ops.checkout.complete_view import CompleteView
from ctxstore.ops.checkout.rewritten_file import RewrittenFile, rewrite_file
from ctxstore.ops.checkout.target_folder import split_path
from ctxstore.ops.content.conversation import source_of, transcript_key
from ctxstore.ops.content.view import View
from ctxstore.sources.protocol import Expiring, SourceHome
from ctxstore.sources.resumable import ContextChange, Resumable, StoredContext
from ctxstore.trees.entries import DirEntry, Entry, FileEntry, SymlinkEntry

WantedFiles = list[tuple[str, Entry | RewrittenFile]]
"""The entries to write, as (path relative to the target, entry), sorted by path."""

DAY = 86_400 * 10**9
MARGIN_DAYS = 7
"""The days that a restored file must have left before its agent deletes it, or half of the agent's period if less.

A file with fewer days left gets the present time.
"""


def resumable_source(view: View) -> Resumable | None:
    """Returns the source that made a commit, if its agent can resume sessions, else None."""
    source = source_of(view)
    return source if isinstance(source, Resumable) else None


def stored_context(view: View) -> StoredContext:
    """Converts a view to the value that a source works on."""
    keys = [path for path, _ in view.files.entries()]
    unchanged = view.unchanged if isinstance(view, CompleteView) else frozenset()
    return StoredContext(view.commit.ref, view.commit.summary.project, keys, view.iter_bytes, unchanged)


def restore_layout(view: View, change: ContextChange) -> WantedFiles:
    """Returns the entries to write for `change`, as the source arranges them. Without a source they are the stored
    entries.

    Raises `Conflict` or `Corrupt` for paths that can't be written, and whatever `Resumable.restore_layout` raises.
    """
    source = resumable_source(view)
    entries = dict(view.files.entries())
    wanted: WantedFiles = list(entries.items())
    if source is not None:
        wanted = []
        for file in source.restore_layout(stored_context(view), change):
            if isinstance(view, CompleteView) and file.key in view.written:
                continue
            entry = entries.get(file.origin) if file.origin is not None else None
            if file.edit is not None and (entry is None or isinstance(entry, FileEntry)):
                wanted.append((file.key, rewrite_file(view, file, change.now)))
            elif entry is not None:
                wanted.append((file.key, _with_time(entry, change.now) if file.is_new else entry))
        wanted.sort(key=lambda each: each[0])
    check_paths(view.ref, wanted)
    return wanted


def has_rows(view: View, change: ContextChange) -> bool:
    """Whether the session's messages are restored as rows of a database, not as a file."""
    source, key = resumable_source(view), transcript_key(view)
    if source is None or key is None:
        return False
    return key not in {file.origin for file in source.restore_layout(stored_context(view), change)}


def _with_time(entry: Entry, now: int) -> Entry:
    """Returns the entry with another modification time (ns)."""
    return entry._replace(mtime_ns=now) if isinstance(entry, (FileEntry, DirEntry, SymlinkEntry)) else entry


def keep_from_expiring(wanted: WantedFiles, home: SourceHome, view: View, now: int) -> WantedFiles:
    """Returns the entries, with the present time for files that the agent would soon delete because of their age.

    If the file exists and is recent enough, its time is kept, so that a second checkout writes nothing.
    """
    source = source_of(view)
    days = source.kept_days(home) if isinstance(source, Expiring) else None
    if days is None:
        return wanted
    oldest = now - max(days - MARGIN_DAYS, days // 2) * DAY
    return [(path, _younger(home, path, entry, oldest, now)) for path, entry in wanted]


def _younger(home: SourceHome, path: str, entry: Entry | RewrittenFile, oldest: int, now: int) -> Entry | RewrittenFile:
    """Returns the entry, with a later modification time if it is older than `oldest` (ns)."""
    if not isinstance(entry, (FileEntry, RewrittenFile)) or entry.mtime_ns >= oldest:
        return entry
    try:
        present = os.lstat(os.path.join(home.path, path)).st_mtime_ns
    except OSError:
        present = 0
    return entry._replace(mtime_ns=present if oldest <= present <= now else now)


def check_paths(what: str, entries: Sequence[tuple[str, Entry | RewrittenFile]]) -> None:
    """Checks the paths of a checkout of `what`.

    Raises `Corrupt` for a path that could leave the target. Raises `Conflict` for a duplicate path, or for a path
    inside a file or link.
    """
    folders = {path for path, entry in entries if isinstance(entry, DirEntry)}
    others = {path for path, _ in entries} - folders
    if len({path for path, _ in entries}) < len(entries):
        raise Conflict(f"{what}: two files would be written to the same path")
    for path, _ in entries:
        parts = split_path(path)
        if any("/".join(parts[:i]) in others for i in range(1, len(parts))):
            raise Conflict(f"{what}: {path!r} is inside a path that is a file")


def is_at_or_below(paths: Collection[str], path: str) -> bool:
    """Whether `path` or one of its parent folders is one of `paths`."""
    while path not in paths:
        path, slash, _ = path.rpartition("/")
        if not slash:
            return False
    return True


def size_of(entry: Entry | RewrittenFile) -> int:
    """Returns the size of a file in bytes, and 0 for other entries."""
    return entry.size if isinstance(entry, (FileEntry, RewrittenFile)) else 0
