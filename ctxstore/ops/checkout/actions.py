"""The steps of a checkout: compares the wanted files with the target folder."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterable, Iterator

from ctxstore.errors import StorageError
from ctxstore.history.engine import Engine
from ctxstore.ops.checkout.layout import is_at_or_below, size_of
from ctxstore.ops.checkout.link_policy import LinkPolicy
from ctxstore.ops.checkout.rewritten_file import RewrittenFile
from ctxstore.ops.checkout.steps import CheckoutAction, CheckoutStep
from ctxstore.ops.checkout.target_folder import TargetFolder
from ctxstore.ops.checkout.verify_written import read_exactly
from ctxstore.trees.entries import DirEntry, Entry, FileEntry, SymlinkEntry
from ctxstore.trees.files import read_content


def plan_steps(
    engine: Engine,
    target: str,
    entries: Iterable[tuple[str, Entry | RewrittenFile]],
    *,
    removed: Collection[str] = (),
    links: LinkPolicy | None = None,
) -> list[CheckoutStep]:
    """Returns a create, replace or keep step for each entry.

    `removed` are paths that the checkout will already have removed by then: nothing at or below them counts as present.
    """
    if not os.path.isdir(target):
        return [CheckoutStep(CheckoutAction("create", path, size_of(entry)), entry) for path, entry in entries]
    steps = []
    try:
        with TargetFolder(target, links) as folder:
            for path, entry in entries:
                is_removed = bool(removed) and is_at_or_below(removed, path)
                verb = "create" if is_removed else _choose_verb(engine, folder, path, entry)
                steps.append(CheckoutStep(CheckoutAction(verb, path, size_of(entry)), entry))
    except OSError as error:
        raise StorageError(f"{error.filename or target}: {error.strerror}") from error
    return steps


def _choose_verb(engine: Engine, folder: TargetFolder, path: str, entry: Entry | RewrittenFile) -> str:
    """Compares one entry with the present state of its path."""
    found = folder.find(path)
    if found is None:
        return "create"
    if isinstance(entry, DirEntry):
        return "keep" if stat.S_ISDIR(found.st_mode) else "replace"
    if isinstance(entry, SymlinkEntry):
        return "keep" if stat.S_ISLNK(found.st_mode) and folder.read_link(path) == entry.target else "replace"
    if not isinstance(entry, (FileEntry, RewrittenFile)) or not stat.S_ISREG(found.st_mode):
        return "replace"
    # Set-user-id, set-group-id and sticky bits are not restored, so they don't count.
    wanted = entry.mode & 0o777, entry.mtime_ns, entry.size
    if (found.st_mode & 0o777, found.st_mtime_ns, found.st_size) != wanted:
        return "replace"
    return "keep" if _has_same_content(engine, folder, path, entry) else "replace"


def _has_same_content(engine: Engine, folder: TargetFolder, path: str, entry: FileEntry | RewrittenFile) -> bool:
    """Whether the file at `path` contains the same bytes as the entry."""
    fd = folder.open_file(path)
    try:
        return all(read_exactly(fd, len(block)) == block for block in _blocks(engine, entry))
    finally:
        os.close(fd)


def _blocks(engine: Engine, entry: FileEntry | RewrittenFile) -> Iterator[bytes]:
    """Yields the wanted bytes of a file."""
    return entry.read() if isinstance(entry, RewrittenFile) else read_content(engine.store, entry)
