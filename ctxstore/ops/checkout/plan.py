"""The planning of a checkout: which files to write, replace and remove to restore a commit."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence

from ctxstore.errors import Corrupt, InvalidInput, NotFound
from ctxstore.history.commits import Commit, read_commit
from ctxstore.history.engine import Engine
from ctxstore.history.refs import Refs
from ctxstore.history.revisions import Resolver, Revision
from ctxstore.ids import ObjectId
from ctxstore.ops.checkout.actions import plan_steps
from ctxstore.ops.checkout.batch_read import storage_order
from ctxstore.ops.checkout.execute import CheckoutAction, CheckoutPlan, CheckoutStep, UnreadablePart
from ctxstore.ops.checkout.layout import WantedFiles, check_paths, keep_from_expiring, restore_layout
from ctxstore.ops.checkout.plan_resume import SaveBefore, plan_resume_target
from ctxstore.ops.checkout.rewritten_file import RewrittenFile
from ctxstore.ops.content.conversation import source_of
from ctxstore.ops.content.view import View
from ctxstore.sources.protocol import SourceHome
from ctxstore.sources.resumable import ContextChange
from ctxstore.times import parse_time
from ctxstore.trees.entries import DirEntry, Entry


def plan_checkout_to(engine: Engine, revision: Revision, to: str) -> CheckoutPlan:
    """Plans to write the files of a commit into the folder `to`."""
    entries = _tree_entries(View(engine, *revision))
    if not entries:
        raise InvalidInput(
            f"{revision.ref} contains no files",
            hint=f"ctx export {revision.ref} --format json writes its messages",
        )
    return CheckoutPlan(engine, os.path.abspath(to), plan_steps(engine, to, entries), refs=(revision.ref,))


def plan_checkout_all(engine: Engine, to: str, at: str | None) -> CheckoutPlan:
    """Plans to write all contexts into `to`, each home in its own folder, as of now or of the time `at`."""
    heads = list(_refs_at(engine, at).iter())
    found, unreadable = _read_heads(engine, heads)
    entries: dict[str, Entry | RewrittenFile] = {}
    refs = [ref for ref, _ in heads if ref in found and found[ref][1]]
    for ref in refs:
        commit, files = found[ref]
        # The files of a fork would collide with those of the original. They go into a folder with the fork's name.
        prefix = commit.label if commit.label and commit.ref == ref else ref
        entries.update((f"{prefix}/{path}", entry) for path, entry in files)
    if not refs and unreadable:
        raise Corrupt(f"no context can be read: {unreadable[0].message}")
    if not refs:
        raise NotFound("no context with files had been saved by then", hint="`ctx log` lists the commits")
    every = sorted(entries.items())
    check_paths("all contexts", every)
    target = os.path.abspath(to)
    steps = plan_steps(engine, target, every)
    return CheckoutPlan(engine, target, steps, refs=tuple(refs), unreadable=tuple(sorted(unreadable)))


def _read_heads(
    engine: Engine, heads: Sequence[tuple[str, ObjectId]]
) -> tuple[dict[str, tuple[Commit, WantedFiles]], list[UnreadablePart]]:
    """Reads the commit and the entries of each context, and returns the unreadable contexts as well.

    Reading is in storage order: in the order of names, each context would need another frame decompressed.
    """
    commits: dict[str, tuple[ObjectId, Commit]] = {}
    found: dict[str, tuple[Commit, WantedFiles]] = {}
    unreadable = []
    for ref, id in sorted(heads, key=lambda head: storage_order(engine, head[1])):
        try:
            commits[ref] = id, read_commit(engine.store, id)
        except (Corrupt, NotFound) as error:
            unreadable.append(UnreadablePart(ref, error.message))
    for ref, (id, commit) in sorted(commits.items(), key=lambda each: storage_order(engine, each[1][1].tree)):
        try:
            found[ref] = commit, list(_tree_entries(View(engine, ref, id, commit)))
        except (Corrupt, NotFound) as error:
            unreadable.append(UnreadablePart(ref, error.message))
    return found, unreadable


def _refs_at(engine: Engine, at: str | None) -> Refs:
    """Returns the refs, as of now or of the time `at`."""
    if at is None:
        return engine.refs(engine.root())
    try:
        return Resolver(engine).refs_at(parse_time(at, engine.environment.clock()))
    except NotFound as error:
        raise NotFound(f"nothing had been saved by {at!r}", hint="`ctx log` lists the runs") from error


def plan_checkout_in_place(engine: Engine, revision: Revision, save: SaveBefore) -> CheckoutPlan:
    """Plans to restore a context's original files exactly, in their original place. `save` snapshots them first."""
    view = View(engine, *revision)
    source = source_of(view)
    if source is None or not revision.commit.root:
        raise InvalidInput(
            f"{revision.ref} was not saved from an agent's files, so it can't be restored in place",
            hint="use --to DIR, or `ctx export`",
        )
    home = SourceHome(source.name, revision.commit.root, revision.commit.label)
    change = ContextChange(now=engine.environment.clock())
    entries = keep_from_expiring(restore_layout(view, change), home, view, change.now)
    target = _base_folder(home, entries)
    wanted = {path: isinstance(entry, DirEntry) for path, entry in entries}
    name = revision.commit.ref  # the source's name of the context: a fork has another ref
    present = source.find_context(home, name, lambda skipped: None)
    files = [file for file in (present.files if present else ()) if file.content is None or file.key in wanted]
    # A folder in the place of a wanted file, or the reverse, is removed first.
    stale = [file for file in files if wanted.get(file.key) != stat.S_ISDIR(file.stat.st_mode)]
    steps = [
        *(CheckoutStep(CheckoutAction("remove", file.key, file.stat.st_size), None) for file in stale),
        *plan_steps(engine, target, entries, removed={file.key for file in stale}),
    ]
    steps.sort(key=lambda step: step.action.path)
    return CheckoutPlan(
        engine,
        target,
        steps,
        refs=(revision.ref,),
        resume_target=plan_resume_target(view, change, home)._replace(
            save_first=lambda at_risk: save(home, name, at_risk)
        ),
    )


def _base_folder(home: SourceHome, entries: WantedFiles) -> str:
    """Returns the folder that a context's keys are relative to.

    If the home is a single file, this is the file's folder. The label then does not end with the file's name.
    """
    folder, name = os.path.split(home.path)
    is_file = [key for key, _ in entries] == [name] and os.path.basename(home.label) != name
    return folder if is_file else home.path


def _tree_entries(view: View) -> WantedFiles:
    """Returns the stored entries of a commit, after checking their paths."""
    entries: WantedFiles = list(view.files.entries())
    check_paths(view.ref, entries)
    return entries
