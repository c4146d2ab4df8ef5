"""A checkout of several sessions, each to a place of its own: all that vanished, or all to another home."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from ctxstore.cli.invocation import Invocation
from ctxstore.cli.render.format import format_count, format_size
from ctxstore.cli.render.output import Output, dim
from ctxstore.errors import CtxstoreError, InvalidInput

if TYPE_CHECKING:
    from ctxstore import CheckoutPlan, CheckoutResult, Repo
    from ctxstore.cli.checkout_options import CheckoutOptions

SHOWN = 15


class CheckoutSteps(NamedTuple):
    """The steps of ``ctx checkout`` for one session: plan it, ask for permission, and describe it as a JSON value."""

    plan: Callable[[Repo, CheckoutOptions], CheckoutPlan]
    is_allowed: Callable[[Output, CheckoutPlan, CheckoutOptions], bool]
    value: Callable[[CheckoutPlan, CheckoutResult | None], dict[str, Any]]


class Restored(NamedTuple):
    """A session's plan, and the result of executing it."""

    ref: str
    plan: CheckoutPlan
    result: CheckoutResult | None = None


class Failed(NamedTuple):
    """A session that was not restored."""

    ref: str
    error: CtxstoreError


def restore_several(invocation: Invocation, repo: Repo, request: CheckoutOptions, steps: CheckoutSteps) -> int:
    """Plans all sessions, shows the plan, asks once, and restores one after the other. Returns the exit code.

    A session that can't be restored is reported, and the others are restored. If it is interrupted, the same command
    continues: sessions that are back are unchanged.
    """
    output = invocation.output
    planned, failed = _plan_each(repo, request, list(_select(invocation, repo, request)), steps)
    to_do = [each for each in planned if not each.plan.is_empty]
    _show(output, to_do, failed, len(planned) - len(to_do))
    if not request.dry_run and to_do:
        risky = next((each for each in to_do if each.plan.in_place or each.plan.destroys), None)
        if risky is not None and not steps.is_allowed(output, risky.plan, request):
            output.report("Nothing was changed.")
            return 1
        to_do, more_failed = _execute_each(invocation, to_do, request)
        failed += more_failed
    return _finish(output, to_do, failed, steps)


def _select(invocation: Invocation, repo: Repo, request: CheckoutOptions) -> Iterator[str]:
    """Yields the names of the contexts to restore."""
    names = repo.iter_vanished(invocation.environ) if request.vanished else (name for name, _ in repo.refs())
    project = os.path.abspath(request.project) if request.project is not None else None
    heads = dict(repo.refs()) if project is not None else {}
    for name in names:
        if project is None or heads[name].commit.summary.project == project:
            yield name


def _plan_each(
    repo: Repo, request: CheckoutOptions, names: list[str], steps: CheckoutSteps
) -> tuple[list[Restored], list[Failed]]:
    """Plans each session. One that can't be changed is planned unchanged, if only its project was to be mapped."""
    planned: list[Restored] = []
    failed: list[Failed] = []
    for name in names:
        one = request._replace(rev=name, everything=False, vanished=False)
        try:
            try:
                plan = steps.plan(repo, one)
            except InvalidInput:
                if not request.map_path:
                    raise
                plan = steps.plan(repo, one._replace(map_path=()))  # settings, for example, belong to no project
            planned.append(Restored(name, plan))
        except CtxstoreError as error:
            failed.append(Failed(name, error))
    return planned, failed


def _show(output: Output, to_do: list[Restored], failed: list[Failed], unchanged: int) -> None:
    if output.json:
        return
    for each in to_do[:SHOWN]:
        size = sum(action.size for action in each.plan.actions if action.verb in ("create", "replace"))
        output.report(f"{each.ref} → {each.plan.target}", dim(f"  {format_size(size)}"))
    if len(to_do) > SHOWN:
        output.report(dim(f"… and {len(to_do) - SHOWN:,} more"))
    parts = [f"{format_count(len(to_do), 'session')} to restore"]
    parts += [f"{unchanged:,} unchanged"] if unchanged else []
    parts += [f"{len(failed):,} impossible"] if failed else []
    output.report(", ".join(parts))


def _execute_each(
    invocation: Invocation, to_do: list[Restored], request: CheckoutOptions
) -> tuple[list[Restored], list[Failed]]:
    """Executes the plans one after the other."""
    done: list[Restored] = []
    failed: list[Failed] = []
    with invocation.progress() as progress:
        for each in to_do:
            try:
                result = each.plan.execute(overwrite=request.overwrite, force=request.force, progress=progress)
                done.append(each._replace(result=result))
            except CtxstoreError as error:
                failed.append(Failed(each.ref, error))
    return done, failed


def _finish(output: Output, done: list[Restored], failed: list[Failed], steps: CheckoutSteps) -> int:
    """Reports the results. Returns 0, or the exit code of the first failure."""
    results = [each.result for each in done if each.result is not None]
    if output.json:
        output.value(_value(done, failed, steps))
    elif done and not results:
        output.report("Dry run: nothing was changed.")
    else:
        size = sum(result.bytes for result in results)
        output.report(f"{format_count(len(results), 'session')} restored, {format_size(size)}.")
    for each in done:
        for warning in each.result.warnings if each.result else ():
            output.warn(f"{each.ref}: {warning}")
    for ref, error in failed:
        output.warn(f"not restored: {ref}: {error.message}")
    return failed[0].error.exit_code if failed else 0


def _value(done: list[Restored], failed: list[Failed], steps: CheckoutSteps) -> dict[str, Any]:
    return {
        "contexts": [steps.value(each.plan, each.result) for each in done],
        "failed": [{"ref": ref, "type": type(error).__name__, "message": error.message} for ref, error in failed],
    }
