"""The files that several sessions' histories consist of: a checkout adds those that a session continues, and refuses to
change those that others continue."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence

from ctxstore.errors import Conflict, NotFound
from ctxstore.history.engine import Engine
from ctxstore.ops.checkout.complete_view import CompleteView
from ctxstore.ops.checkout.layout import resumable_source, stored_context
from ctxstore.ops.checkout.rewritten_file import RewrittenFile
from ctxstore.ops.checkout.steps import CheckoutStep
from ctxstore.ops.content.conversation import source_of, transcript_key
from ctxstore.ops.content.inherited import HistoryFile, find_history
from ctxstore.ops.content.view import View
from ctxstore.sources.lineage import Inheriting, limit
from ctxstore.sources.protocol import SourceHome, decoder_of
from ctxstore.sources.resumable import ContextChange
from ctxstore.trees.entries import FileEntry
from ctxstore.trees.files import read_content


def complete_history(view: View, change: ContextChange, home: SourceHome | None) -> CompleteView:
    """Returns the commit with the files that its transcript continues.

    Raises `NotFound` if no context has one, and `Conflict` if the target has another file in its place.
    """
    source, key = source_of(view), transcript_key(view)
    if key is None or not isinstance(source, Inheriting):
        return CompleteView(view)
    history = find_history(view, source, key)
    missing = history.missing.file if history.missing else ""
    if home is not None and missing and source.file_with(missing, source.list_files(home.path)) is None:
        raise NotFound(
            f"{view.ref} continues a file that no context has: {missing}",
            hint="`ctx snapshot` saves it if it still exists; --to DIR writes the session's own files",
        )
    others = [file for file in history.files[:-1] if change.session or file.key not in view.files]
    entries = {file.key: file.view.get_file(file.key) for file in others}
    if home is None:
        return CompleteView(view, entries)
    unchanged = frozenset(file.key for file in others if _has_bytes(home, file.key, _prefix(file)))
    complete = CompleteView(view, entries, unchanged)
    changed = [file for file in others if file.key not in unchanged]
    return CompleteView(view, entries, unchanged, _written_before(complete, changed, change, home))


def _written_before(
    view: CompleteView, others: list[HistoryFile], change: ContextChange, home: SourceHome
) -> frozenset[str]:
    """Returns the paths of files that the target has as the checkout would write them, as far as they count."""
    source = resumable_source(view)
    if source is None or not others:
        return frozenset()
    wanted = {file.origin: file for file in source.restore_layout(stored_context(view), change)}
    found = set()
    for other in others:
        file = wanted.get(other.key)
        if file is None or not os.path.lexists(os.path.join(home.path, file.key)):
            continue
        blocks = _prefix(other)
        if not _has_bytes(home, file.key, file.edit(blocks) if file.edit else blocks):
            raise Conflict(
                f"{view.ref} continues {file.key}, but {home.path} has another file in its place",
                hint=f"restore {other.view.ref} there first, or use another --home",
            )
        found.add(file.key)
    return frozenset(found)


def _prefix(file: HistoryFile) -> Iterator[bytes]:
    """Yields the bytes of a file that a history contains, as they are stored in a plain file."""
    source = source_of(file.view)
    decode = decoder_of(source, file.key) if source else None
    blocks = file.view.iter_bytes(file.key)
    return limit(decode(blocks) if decode else blocks, file.end)


def _has_bytes(home: SourceHome, key: str, blocks: Iterable[bytes]) -> bool:
    """Whether a file of the home begins with these bytes."""
    try:
        fd = os.open(os.path.join(home.path, key), os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return False
    with open(fd, "rb") as file:
        return all(file.read(len(block)) == block for block in blocks)


def require_kept_histories(engine: Engine, view: View, home: SourceHome, steps: Sequence[CheckoutStep]) -> None:
    """Raises `Conflict` if a step would change bytes that another session at `home` continues."""
    source = source_of(view)
    replaced = {step.action.path: step for step in steps if step.action.verb in ("replace", "remove")}
    if not isinstance(source, Inheriting) or not any(source.is_history(key) for key in replaced):
        return
    written = {step.action.path for step in steps}
    for context, key, base in source.iter_bases(home.path):
        place = source.file_with(base.file, replaced)
        if place is None or key in written or base.end is None:
            continue
        if not _keeps(engine, home, replaced[place], base.end):
            raise Conflict(
                f"{context} continues the first {base.end:,} bytes of {place}, which this checkout would change",
                hint="use --as-new-session: the original stays unchanged; or restore to another --home",
            )


def _keeps(engine: Engine, home: SourceHome, step: CheckoutStep, end: int) -> bool:
    """Whether a file has the same first bytes after the step."""
    entry = step.entry
    if isinstance(entry, RewrittenFile):
        blocks = entry.read()
    elif isinstance(entry, FileEntry):
        blocks = read_content(engine.store, entry)
    else:
        return False
    try:
        size = os.lstat(os.path.join(home.path, step.action.path)).st_size
    except OSError:
        return True
    wanted = b"".join(limit(blocks, end))
    return size < end or (len(wanted) == end and _has_bytes(home, step.action.path, [wanted]))
