"""The planning of a checkout that changes the session: a new id, another project folder, or an earlier end."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence

from ctxstore.errors import AlreadyExists, Corrupt, CtxstoreError, InvalidInput, StorageError
from ctxstore.history.engine import Engine
from ctxstore.history.revisions import Revision
from ctxstore.ids import ObjectId, format_id
from ctxstore.ops.checkout.actions import plan_steps
from ctxstore.ops.checkout.execute import CheckoutPlan, CheckoutScope
from ctxstore.ops.checkout.layout import has_rows, keep_from_expiring, restore_layout, resumable_source, stored_context
from ctxstore.ops.checkout.link_policy import LinkPolicy
from ctxstore.ops.checkout.original_place import link_policy
from ctxstore.ops.checkout.own_files import list_present, select_own_files
from ctxstore.ops.checkout.own_home import require_own_home
from ctxstore.ops.checkout.placement import Placement, find_message
from ctxstore.ops.checkout.resume_target import ResumeTarget
from ctxstore.ops.checkout.running_agents import AgentProcess, find_running
from ctxstore.ops.checkout.safety_snapshot import SafetySnapshot, folder_snapshot
from ctxstore.ops.checkout.shared_history import complete_history, require_kept_histories
from ctxstore.ops.checkout.target_folder import split_path
from ctxstore.ops.content.conversation import source_of
from ctxstore.ops.content.view import View
from ctxstore.ops.refs.contexts_and_tags import fork
from ctxstore.ops.snapshot.home_scan import SnapshotOptions
from ctxstore.ops.snapshot.snapshot import create_snapshot
from ctxstore.ops.snapshot.targets import Target
from ctxstore.sources.agent import AgentSource
from ctxstore.sources.homes import ProjectHomes
from ctxstore.sources.protocol import SourceHome
from ctxstore.sources.registry import get_source
from ctxstore.sources.resumable import ContextChange, IndexEntry, session_of


def plan_checkout_elsewhere(
    engine: Engine, revision: Revision, placement: Placement, environ: Mapping[str, str]
) -> CheckoutPlan:
    """Plans to restore a context elsewhere or with changes. Present files are not overwritten unless the user asks for
    it."""
    view = View(engine, *revision)
    home = _choose_home(view, placement)
    change = _change(engine, view, placement, home)
    view = complete_history(view, change, home)
    entries = restore_layout(view, change)
    if home is None:
        target = os.path.abspath(placement.to or "")
        scope = CheckoutScope((revision.ref,), folder_snapshot(engine, target, revision.ref).save)
        return CheckoutPlan(engine, target, plan_steps(engine, target, entries), scope)
    source = get_source(home.source)
    if placement.home is None:
        require_own_home(view, source, SourceHome(home.source, view.commit.root, home.label), environ)
    entries = keep_from_expiring(entries, home, view, change.now)
    names = [_name_after(view, change), view.commit.ref]
    present = list_present(source, home, names)
    entries, left_out = select_own_files(engine, source, home, entries, present, has_rows=has_rows(view, change))
    boundary = os.path.realpath(placement.home) if placement.home is not None else ""
    links = link_policy(source, home, present, entries, boundary=boundary)
    plan = plan_resume_target(view, change, home)
    if boundary:
        _require_inside(boundary, home, plan.index_entries)
    if placement.home is None and resumable_source(view) is not None:
        plan = plan._replace(save=lambda: _save_new_session(engine, view, change, home))
    safety = SafetySnapshot(engine, home, names, f"before checkout of {revision.ref}")
    scope = CheckoutScope((revision.ref,), safety.save, resume_target=plan, links=links, left_out=left_out)
    steps = plan_steps(engine, home.path, entries, links=links)
    require_kept_histories(engine, view, home, steps)
    return CheckoutPlan(engine, home.path, steps, scope)


def _require_inside(boundary: str, home: SourceHome, entries: Sequence[IndexEntry]) -> None:
    """Raises `Conflict` if the agent's folder, or a list there, is outside the user's home folder."""
    inside = LinkPolicy(boundary=boundary)
    for path in (home.path, *(os.path.join(home.path, entry.path) for entry in entries)):
        inside.check(path)


def _name_after(view: View, change: ContextChange) -> str:
    """Returns the name that the source will give the restored context."""
    resumable = resumable_source(view)
    return view.commit.ref if resumable is None else resumable.context_of(stored_context(view), change)


def _choose_home(view: View, placement: Placement) -> SourceHome | None:
    """Returns the home to write to, or None for a folder that is no agent's home."""
    commit = view.commit
    if placement.changes and resumable_source(view) is None and not _only_moves_project(view, placement):
        raise InvalidInput(
            f"{view.ref} can only be restored unchanged",
            hint="its agent can't resume a changed session; restore it in place, or with --to DIR",
        )
    if placement.to is not None:
        return None
    if not commit.source or not commit.root:
        raise InvalidInput(
            f"{view.ref} was not saved from an agent's files, so it can't be restored to a home", hint="use --to DIR"
        )
    if placement.home is None:
        return SourceHome(commit.source, ContextChange(paths=placement.paths).path(commit.root), commit.label)
    return SourceHome(commit.source, os.path.join(os.path.abspath(placement.home), _label(view)), commit.label)


def _label(view: View) -> str:
    """Returns the path of the agent's folder below a user's home folder: the commit's label.

    A folder that was outside the user's home, such as one of another system's, has no place in a home. The agent's
    usual folder takes its place there.
    """
    source = source_of(view)
    if view.commit.root == "/" + view.commit.label and isinstance(source, AgentSource):
        usual = next((folder.usual for folder in source.description.homes if folder.usual), "")
        if usual:
            return usual
    try:
        split_path(view.commit.label)
    except Corrupt as error:
        raise InvalidInput(
            f"{view.ref} can't be restored to a home: its folder there would be {view.commit.label!r}",
            hint=f"restore it elsewhere: ctx checkout {view.ref} --to DIR",
        ) from error
    return view.commit.label


def _only_moves_project(view: View, placement: Placement) -> bool:
    """Whether the only change is the place of a project whose agent keeps its data inside it."""
    is_elsewhere = placement.to is None and placement.home is None and bool(placement.paths)
    return isinstance(source_of(view), ProjectHomes) and is_elsewhere and not (placement.new_session or placement.until)


def _change(engine: Engine, view: View, placement: Placement, home: SourceHome | None) -> ContextChange:
    """Returns the changes to make on the way, with a new session id if one is needed."""
    environment = engine.environment
    now = environment.clock()
    source = resumable_source(view)
    until = find_message(view, placement.until) if placement.until else ""
    session = ""
    if source is not None and (placement.new_session or until):
        session = source.new_session(now, environment.random(16))
    return ContextChange(session, placement.paths, until, now, home.path if home else "")


def plan_resume_target(view: View, change: ContextChange, home: SourceHome) -> ResumeTarget:
    """Returns the missing entries of the agent's session index, the command to resume, and the search for agents."""
    source, resumable = source_of(view), resumable_source(view)
    if source is None or resumable is None:
        return ResumeTarget(home.path)
    stored = stored_context(view)
    session = change.session or session_of(resumable, stored)
    project = change.path(stored.project) if stored.project else None
    program = resumable.program

    def find_processes() -> Sequence[AgentProcess]:
        return find_running(source, program, home, project=project, session=session)

    missing = [each for each in resumable.index_entries(stored, change, home.path) if not each.is_there(home.path)]
    can_resume = program.resume and view.commit.summary.messages
    command = program.resume.format(session=shlex.quote(session)) if can_resume else ""
    command = f"cd {shlex.quote(project)} && {command}" if command and project else command
    return ResumeTarget(home.path, tuple(missing), change.session, command, find_processes)


def _save_new_session(engine: Engine, view: View, change: ContextChange, home: SourceHome) -> ObjectId | None:
    """Snapshots the newly made session, and returns the id of the new entry of the op log.

    A complete copy continues the history of its original, as a fork. A shortened copy starts a new history.
    """
    source, resumable = source_of(view), resumable_source(view)
    assert source is not None and resumable is not None
    name = resumable.context_of(stored_context(view), change)
    if name == view.commit.ref:
        return None
    if not change.until:
        try:
            fork(engine, view.id, name)
        except AlreadyExists:
            pass  # an earlier checkout has made the fork
    note = f"from {view.ref} {format_id(view.id)}" + (f" up to {change.until}" if change.until else "")
    try:
        return create_snapshot(
            engine, [Target(source, home)], SnapshotOptions(note=note, session=name.rpartition("/")[2])
        ).op
    except CtxstoreError as error:
        raise StorageError(
            f"the session was restored, but not saved: {error.message}", hint="`ctx snapshot` saves it"
        ) from error
