"""The planning of a checkout: which files to write, replace and remove to restore a commit."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping, Sequence

from ctxstore.errors import Corrupt, InvalidInput, NotFound
from ctxstore.history.commits import Commit, read_commit
from ctxstore.history.engine import Engine
from ctxstore.history.refs import Refs
from ctxstore.history.revisions import Resolver, Revision
from ctxstore.ids import ObjectId
from ctxstore.ops.checkout.actions import plan_steps
from ctxstore.ops.checkout.batch_read import storage_order
from ctxstore.ops.checkout.execute import CheckoutPlan, CheckoutScope
from ctxstore.ops.checkout.layout import WantedFiles, check_paths, has_rows, keep_from_expiring, restore_layout
from ctxstore.ops.checkout.original_place import find_place
from ctxstore.ops.checkout.own_files import select_own_files
from ctxstore.ops.checkout.own_home import require_own_home
from ctxstore.ops.checkout.plan_resume import plan_resume_target
from ctxstore.ops.checkout.rewritten_file import RewrittenFile
from ctxstore.ops.checkout.safety_snapshot import SafetySnapshot, folder_snapshot
from ctxstore.ops.checkout.shared_history import complete_history, require_kept_histories
from ctxstore.ops.checkout.steps import CheckoutAction, CheckoutStep, UnreadablePart
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
    target = os.path.abspath(to)
    scope = CheckoutScope((revision.ref,), folder_snapshot(engine, target, revision.ref).save)
    return CheckoutPlan(engine, target, plan_steps(engine, target, entries), scope)


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
    save_first = folder_snapshot(engine, target, "all contexts").save
    scope = CheckoutScope(tuple(refs), save_first, unreadable=tuple(sorted(unreadable)))
    return CheckoutPlan(engine, target, plan_steps(engine, target, every), scope)


def _read_heads(
    engine: Engine, heads: Sequence[tuple[str, ObjectId]]
) -> tuple[dict[str, tuple[Commit, WantedFiles]], list[UnreadablePart]]:
    """Reads the commit and the entries of each context, and returns the unreadable contexts as well.

    Reads in storage order, because in the order of names almost every context would need another frame.
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


def plan_checkout_in_place(engine: Engine, revision: Revision, environ: Mapping[str, str]) -> CheckoutPlan:
    """Plans to restore a context's original files exactly, in their original place."""
    view = View(engine, *revision)
    source = source_of(view)
    if source is None or not revision.commit.root:
        raise InvalidInput(
            f"{revision.ref} was not saved from an agent's files, so it can't be restored in place",
            hint="use --to DIR, or `ctx export`",
        )
    home = SourceHome(source.name, revision.commit.root, revision.commit.label)
    require_own_home(view, source, home, environ)
    change = ContextChange(now=engine.environment.clock())
    view = complete_history(view, change, home)
    entries = keep_from_expiring(restore_layout(view, change), home, view, change.now)
    name = revision.commit.ref  # the source's name of the context: a fork has another ref
    place = find_place(source, home, name, entries, environ)
    entries, left_out = select_own_files(engine, source, home, entries, place.present, has_rows=has_rows(view, change))
    wanted = {path: isinstance(entry, DirEntry) for path, entry in entries}
    present = [file for file in place.present.files if file.content is None or file.key in wanted]
    # A folder in the place of a wanted file, or the reverse, is removed first.
    stale = [file for file in present if wanted.get(file.key) != stat.S_ISDIR(file.stat.st_mode)]
    steps = [
        *(CheckoutStep(CheckoutAction("remove", file.key, file.stat.st_size), None) for file in stale),
        *plan_steps(engine, place.folder, entries, removed={file.key for file in stale}, links=place.links),
    ]
    steps.sort(key=lambda step: step.action.path)
    require_kept_histories(engine, view, home, steps)
    scope = CheckoutScope(
        (revision.ref,),
        SafetySnapshot(engine, home, [name], f"before checkout of {revision.ref}").save,
        in_place=True,
        resume_target=plan_resume_target(view, change, home),
        links=place.links,
        left_out=left_out,
    )
    return CheckoutPlan(engine, place.folder, steps, scope)


def _tree_entries(view: View) -> WantedFiles:
    """Returns the stored entries of a commit, after checking their paths."""
    entries: WantedFiles = list(view.files.entries())
    check_paths(view.ref, entries)
    return entries
