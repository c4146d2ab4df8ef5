"""The command ``ctx checkout``."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import click

from ctxstore.cli.checkout_options import CheckoutOptions
from ctxstore.cli.complete import complete_refs
from ctxstore.cli.invocation import Invocation, NonEmptyPath, common_options, pass_invocation
from ctxstore.cli.render.format import format_count, format_size
from ctxstore.cli.render.output import Output, Styled
from ctxstore.cli.render.printable import clean_line, is_terminal
from ctxstore.errors import Corrupt, InvalidInput
from ctxstore.sources.moved_path import is_absolute_folder

if TYPE_CHECKING:
    from ctxstore import CheckoutPlan, CheckoutResult, Repo

SHOWN = 15
_COLORS = {"create": "green", "replace": "yellow", "remove": "red"}


@click.command()
@click.argument("rev", required=False, shell_complete=complete_refs)
@click.option("--to", metavar="DIR", type=NonEmptyPath(), help="Write below DIR instead of the original location.")
@click.option("--home", metavar="DIR", type=NonEmptyPath(), help="Write to the agent's folder in the home folder DIR.")
@click.option("--as-new-session", is_flag=True, help="Restore under a new session id; the original is unchanged.")
@click.option("--at-message", metavar="ID", help="Restore as a new session that ends with message ID (id or number).")
@click.option(
    "--map-path", metavar="OLD=NEW", multiple=True, help="Use if the project moved from OLD to NEW. Can be repeated."
)
@click.option("--all", "everything", is_flag=True, help="Restore all contexts, with --to DIR or --home DIR.")
@click.option("--vanished", is_flag=True, help="Restore all sessions that are gone from disk, in place.")
@click.option("--project", metavar="DIR", help="With --vanished, or --all and --home: sessions of this project.")
@click.option("--at", metavar="TIME", help="With --all: the state at TIME.")
@click.option("--dry-run", is_flag=True, help="Show the plan and change nothing.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask for confirmation.")
@click.option("--overwrite", is_flag=True, help="With --to, --home or --map-path: replace files that differ.")
@click.option("--force", is_flag=True, help="Continue even if the agent is running.")
@common_options
@pass_invocation
def command(invocation: Invocation, /, **options: Any) -> int:
    """Restore the session at REV, byte for byte, so that its agent can continue it.

    Without --to or --home, the files are restored to their original location. The plan is shown, current files are
    saved by a snapshot first, and files of the session that REV does not have are removed. Nothing else is touched.

    With --as-new-session or --at-message, the result is a new session beside the original. REV#MESSAGE is short for
    REV --at-message MESSAGE.
    """
    request = _with_message(CheckoutOptions(**options))
    _validate(request)
    with invocation.open() as repo:
        if request.selects_several:
            from ctxstore.cli.several_checkouts import CheckoutSteps, restore_several

            return restore_several(invocation, repo, request, CheckoutSteps(plan_one, is_allowed, plan_value))
        plan = plan_one(repo, request)
        if not invocation.output.json:
            show_plan(invocation.output, plan)
        if request.dry_run or plan.is_empty:
            return finish(invocation.output, plan, None)
        if not is_allowed(invocation.output, plan, request):
            invocation.output.report("Nothing was changed.")
            return 1
        with invocation.progress() as progress:
            result = plan.execute(overwrite=request.overwrite, force=request.force, progress=progress)
    return finish(invocation.output, plan, result)


def _with_message(request: CheckoutOptions) -> CheckoutOptions:
    """Splits REV#MESSAGE, as printed by `ctx search` and `ctx show`, into a revision and its last message."""
    base, mark, message = (request.rev or "").partition("#")
    if not mark:
        return request
    if request.at_message is not None:
        raise click.UsageError("REV#MESSAGE and --at-message exclude each other.")
    return request._replace(rev=base, at_message=message)


def _validate(request: CheckoutOptions) -> None:
    if (request.rev is not None) + request.everything + request.vanished != 1:
        raise click.UsageError("Give either a revision, --all or --vanished.")
    if request.everything and request.to is None and request.home is None:
        raise click.UsageError("--all needs --to DIR or --home DIR.")
    if request.vanished and (request.to or request.home or request.changes_session):
        raise click.UsageError("--vanished restores in place, unchanged. It excludes the options that change this.")
    if request.project is not None and not request.selects_several:
        raise click.UsageError("--project needs --vanished, or --all with --home.")
    if request.at is not None and not (request.everything and request.to):
        raise click.UsageError("--at needs --all with --to. For one session use 'REF@{TIME}'.")
    if request.everything and (request.as_new_session or request.at_message is not None):
        raise click.UsageError("--all excludes --as-new-session and --at-message.")
    if request.everything and request.to is not None and request.map_path:
        raise click.UsageError("--map-path excludes --all with --to.")
    if request.to is not None and request.home is not None:
        raise click.UsageError("--to and --home exclude each other.")
    if request.overwrite and request.to is None and request.home is None and not request.map_path:
        raise click.UsageError("--overwrite needs --to, --home or --map-path.")
    if request.at_message == "":
        raise click.UsageError("--at-message needs a message's id or number; `ctx show REV --json` lists them.")


def plan_one(repo: Repo, request: CheckoutOptions) -> CheckoutPlan:
    """Plans the checkout of one revision, or of all contexts to one folder."""
    if request.rev is None:
        return repo.plan_checkout_all(request.to or "", at=request.at)
    from ctxstore import Placement

    paths = tuple(map(_parse_mapping, request.map_path))
    placement = Placement(request.to, request.home, request.as_new_session, paths, request.at_message or "")
    return repo.plan_checkout(request.rev, placement=placement)


def _parse_mapping(text: str) -> tuple[str, str]:
    old, _, new = text.partition("=")
    paths = tuple(os.path.expanduser(path.rstrip("/") or path[:1]) for path in (old, new))
    if not all(map(is_absolute_folder, paths)):
        raise InvalidInput(
            f"--map-path {text!r} is not OLD=NEW with two absolute paths",
            hint="--map-path /home/me/work=/home/you/work",
        )
    return paths[0], paths[1]


def is_allowed(output: Output, plan: CheckoutPlan, request: CheckoutOptions) -> bool:
    """Whether the checkout may run. Asks only if it writes in place or destroys something."""
    if request.yes or not (plan.in_place or plan.destroys):
        return True
    if not plan.in_place and not request.overwrite:
        return True  # `execute` raises, and names the files that differ
    if not output.json and is_terminal(sys.stdin) and is_terminal(sys.stderr):
        return click.confirm(clean_line(f"Write to {plan.target}?"), err=True)
    if plan.in_place:
        raise InvalidInput(
            "a checkout in place needs confirmation, and stdin or stderr is not a terminal",
            hint="add --yes, or restore elsewhere with --to DIR; --dry-run shows the plan",
        )
    return True


def show_plan(output: Output, plan: CheckoutPlan) -> None:
    """Shows what the checkout would change."""
    subject = plan.refs[0] if len(plan.refs) == 1 else format_count(len(plan.refs), "context")
    output.report(f"{subject} → {plan.target}")
    changes = [action for action in plan.actions if action.verb != "keep"]
    for verb, path, size in changes[:SHOWN]:
        output.report(Styled(f"  {verb:<8}", _COLORS.get(verb, "")), path, f"  {format_size(size)}")
    if len(changes) > SHOWN:
        output.report(f"  … and {len(changes) - SHOWN:,} more")
    for entry in plan.resume_target.index_entries:
        output.report(Styled("  register ", "green"), f"{entry.path}  {entry.what}")
    counts = {verb: sum(a.verb == verb for a in plan.actions) for verb in ("create", "replace", "remove", "keep")}
    counts["register"] = len(plan.resume_target.index_entries)
    texts = {verb: f"{number:,} to {verb}" for verb, number in counts.items() if number}
    if "keep" in texts:
        texts["keep"] = f"{counts['keep']:,} unchanged"
    output.report(", ".join(texts.values()) or "Nothing to restore.")


def finish(output: Output, plan: CheckoutPlan, result: CheckoutResult | None) -> int:
    """Reports the result, and returns the exit code."""
    unreadable = result.unreadable if result else plan.unreadable
    if output.json:
        output.value(plan_value(plan, result))
    elif result is None:
        output.report("Nothing to change: the files match." if plan.is_empty else "Dry run: nothing was changed.")
    else:
        removed = f", {result.removed:,} removed" if result.removed else ""
        output.report(f"{format_count(result.files, 'file')} written, {format_size(result.bytes)}{removed}.")
        if result.registered:
            output.report(f"{format_count(result.registered, 'entry', 'entries')} added to the agent's session index.")
        if result.safety_commit:
            saved = result.safety_commit.hex()[:8]
            back = f"ctx checkout {saved}" if plan.in_place else f"ctx checkout {saved} --to DIR"
            output.report(f"The previous files are saved: `{back}` restores them.")
        if plan.resume_target.session:
            output.report(f"New session: {plan.resume_target.session}")
        if plan.resume_target.command:
            output.report(f"Continue with: {plan.resume_target.command}")
    for warning in result.warnings if result else ():
        output.warn(warning)
    for path, reason in plan.left_out:
        output.warn(f"not restored: {path}: {reason}; --to DIR restores it")
    for what, message in unreadable:
        output.warn(f"not restored: {what}: {message}")
    return Corrupt.exit_code if unreadable else 0


def plan_value(plan: CheckoutPlan, result: CheckoutResult | None) -> dict[str, Any]:
    """Returns a plan and its result as a JSON value."""
    done = result and result._asdict()
    if done:
        done |= {key: done[key].hex() if done[key] else None for key in ("safety", "saved", "safety_commit")}
        done.pop("unreadable")
    return {
        "target": os.path.abspath(plan.target),
        "in_place": plan.in_place,
        "refs": list(plan.refs),
        "actions": [action._asdict() for action in plan.actions],
        "registrations": [{"path": each.path, "what": each.what} for each in plan.resume_target.index_entries],
        "session": plan.resume_target.session or None,
        "resume": plan.resume_target.command or None,
        "executed": result is not None,
        "unreadable": [each._asdict() for each in (result or plan).unreadable],
        "left_out": [each._asdict() for each in plan.left_out],
        "result": done,
    }
