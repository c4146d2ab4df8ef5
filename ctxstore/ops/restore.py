"""Restore: what has to be written, replaced and removed for a commit to be back."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Collection, Iterable, Sequence

from ctxstore.errors import Conflict, Corrupt, InvalidInput, NotFound, StorageError
from ctxstore.history.commits import Commit, read_commit
from ctxstore.history.engine import Engine
from ctxstore.history.refs import Refs
from ctxstore.history.revisions import Resolver, Revision, parse_time
from ctxstore.ids import ObjectId
from ctxstore.ops.checkout import Action, CheckoutPlan, Step, Unreadable
from ctxstore.ops.conversation import source_of
from ctxstore.ops.fetch import place_of
from ctxstore.ops.target_folder import TargetFolder, split_path
from ctxstore.ops.view import View
from ctxstore.sources.protocol import Root
from ctxstore.trees.entries import DirEntry, Entry, FileEntry, SymlinkEntry
from ctxstore.trees.files import read_content


def plan_checkout_to(engine: Engine, revision: Revision, to: str) -> CheckoutPlan:
    """Lay a commit's files out below the folder `to`."""
    entries = _entries(View(engine, *revision))
    if not entries:
        raise InvalidInput(
            f"{revision.ref} holds no files",
            hint=f"ctx export {revision.ref} --format json writes its messages",
        )
    return CheckoutPlan(engine, os.path.abspath(to), _steps(engine, to, entries), refs=(revision.ref,))


def plan_checkout_all(engine: Engine, to: str, at: str | None) -> CheckoutPlan:
    """Lay all contexts out below `to` as their homes were, now or at a time."""
    heads = list(_refs_at(engine, at).iter())
    found, unreadable = _read_heads(engine, heads)
    entries: dict[str, Entry] = {}
    refs = [ref for ref, _ in heads if ref in found and found[ref][1]]
    for ref in refs:
        commit, files = found[ref]
        # Files of a fork would lie where those of its original do: they get a place by the fork's name.
        prefix = commit.label if commit.label and commit.ref == ref else ref
        entries.update((f"{prefix}/{path}", entry) for path, entry in files)
    if not refs and unreadable:
        raise Corrupt(f"no context can be read: {unreadable[0].message}")
    if not refs:
        raise NotFound("nothing with files was saved by then", hint="`ctx log` lists what was saved")
    every = sorted(entries.items())
    _check_paths("all contexts", every)
    target = os.path.abspath(to)
    steps = _steps(engine, target, every)
    return CheckoutPlan(engine, target, steps, refs=tuple(refs), unreadable=tuple(sorted(unreadable)))


def _read_heads(
    engine: Engine, heads: Sequence[tuple[str, ObjectId]]
) -> tuple[dict[str, tuple[Commit, list[tuple[str, Entry]]]], list[Unreadable]]:
    """Commit and files of each context, and which can't be read. By name, each would take another frame to unpack."""
    commits: dict[str, tuple[ObjectId, Commit]] = {}
    found: dict[str, tuple[Commit, list[tuple[str, Entry]]]] = {}
    unreadable = []
    for ref, id in sorted(heads, key=lambda head: place_of(engine, head[1])):
        try:
            commits[ref] = id, read_commit(engine.store, id)
        except (Corrupt, NotFound) as error:
            unreadable.append(Unreadable(ref, error.message))
    for ref, (id, commit) in sorted(commits.items(), key=lambda each: place_of(engine, each[1][1].tree)):
        try:
            found[ref] = commit, list(_entries(View(engine, ref, id, commit)))
        except (Corrupt, NotFound) as error:
            unreadable.append(Unreadable(ref, error.message))
    return found, unreadable


def _refs_at(engine: Engine, at: str | None) -> Refs:
    if at is None:
        return engine.refs(engine.root())
    try:
        return Resolver(engine).refs_at(parse_time(at, engine.environment.clock()))
    except NotFound as error:
        raise NotFound(f"nothing was saved as early as {at!r}", hint="`ctx log` lists the runs") from error


def plan_checkout_in_place(
    engine: Engine, revision: Revision, save: Callable[[Root, str, Sequence[str]], ObjectId | None]
) -> CheckoutPlan:
    """Make a context's own files what they were, where they were; `save` snapshots it first."""
    view = View(engine, *revision)
    source = source_of(view)
    if source is None or not revision.commit.root:
        raise InvalidInput(
            f"{revision.ref} was not made from files here, so there is no place to restore it to",
            hint="use --to DIR, or `ctx export`",
        )
    root = Root(source.name, revision.commit.root, revision.commit.label)
    entries = _entries(view)
    target = _place_of(root, entries)
    wanted = {path: isinstance(entry, DirEntry) for path, entry in entries}
    name = revision.commit.ref  # what the source calls it: a fork has another ref
    now = source.find_context(root, name, lambda skipped: None)
    # A folder where a file is wanted, or the other way round, goes first.
    stale = [file for file in (now.files if now else ()) if wanted.get(file.key) != stat.S_ISDIR(file.stat.st_mode)]
    steps = [
        *(Step(Action("remove", file.key, file.stat.st_size), None) for file in stale),
        *_steps(engine, target, entries, gone={file.key for file in stale}),
    ]
    steps.sort(key=lambda step: step.action.path)
    return CheckoutPlan(
        engine, target, steps, refs=(revision.ref,), save_first=lambda at_risk: save(root, name, at_risk)
    )


def _place_of(root: Root, entries: Sequence[tuple[str, Entry]]) -> str:
    """The folder a context's keys are below: a root that is a single file lies in it, and says so by its label."""
    folder, name = os.path.split(root.path)
    is_file = [key for key, _ in entries] == [name] and os.path.basename(root.label) != name
    return folder if is_file else root.path


def _entries(view: View) -> list[tuple[str, Entry]]:
    entries = list(view.files.entries())
    _check_paths(view.ref, entries)
    return entries


def _check_paths(what: str, entries: Sequence[tuple[str, Entry]]) -> None:
    """Raises `Corrupt` for a path that could leave the target, `Conflict` for one below a file or link."""
    folders = {path for path, entry in entries if isinstance(entry, DirEntry)}
    others = {path for path, _ in entries} - folders
    for path, _ in entries:
        parts = split_path(path)
        if any("/".join(parts[:i]) in others for i in range(1, len(parts))):
            raise Conflict(f"{what}: {path!r} lies below a file")


def _steps(engine: Engine, target: str, entries: Iterable[tuple[str, Entry]], gone: Collection[str] = ()) -> list[Step]:
    """What to do for each entry; `gone` are paths that will have been removed by then."""
    if not os.path.isdir(target):
        return [Step(Action("create", path, _size(entry)), entry) for path, entry in entries]
    steps = []
    try:
        with TargetFolder(target) as folder:
            for path, entry in entries:
                verb = "create" if gone and _is_in(gone, path) else _verb(engine, folder, path, entry)
                steps.append(Step(Action(verb, path, _size(entry)), entry))
    except OSError as error:
        raise StorageError(f"{error.filename or target}: {error.strerror}") from error
    return steps


def _is_in(paths: Collection[str], path: str) -> bool:
    """Whether `path` or a folder above it is one of `paths`."""
    while path not in paths:
        path, slash, _ = path.rpartition("/")
        if not slash:
            return False
    return True


def _size(entry: Entry) -> int:
    return entry.size if isinstance(entry, FileEntry) else 0


def _verb(engine: Engine, folder: TargetFolder, path: str, entry: Entry) -> str:
    found = folder.find(path)
    if found is None:
        return "create"
    if isinstance(entry, DirEntry):
        return "keep" if stat.S_ISDIR(found.st_mode) else "replace"
    if isinstance(entry, SymlinkEntry):
        return "keep" if stat.S_ISLNK(found.st_mode) and folder.read_link(path) == entry.target else "replace"
    if not isinstance(entry, FileEntry) or not stat.S_ISREG(found.st_mode):
        return "replace"
    is_same = (stat.S_IMODE(found.st_mode), found.st_mtime_ns, found.st_size) == entry[:3]
    return "keep" if is_same and _same_content(engine, folder, path, entry) else "replace"


def _same_content(engine: Engine, folder: TargetFolder, path: str, entry: FileEntry) -> bool:
    fd = folder.open_file(path)
    try:
        return all(_read_exactly(fd, len(block)) == block for block in read_content(engine.store, entry))
    finally:
        os.close(fd)


def _read_exactly(fd: int, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = os.read(fd, size - len(data))
        if not more:
            break
        data += more
    return data
