"""The command ``ctx op``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ctxstore.cli.commands.log import DEFAULT, read_page, show_more
from ctxstore.cli.invocation import Invocation, common_options, pass_invocation
from ctxstore.cli.render.format import format_count, format_time
from ctxstore.cli.render.ops import op_name, run_line, show_changes
from ctxstore.cli.render.output import Output, dim

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ctxstore import Forgotten, ListedOp, Op, OpEffect, Repo
    from ctxstore.ids import ObjectId


@click.group(invoke_without_command=True)
@common_options
@click.pass_context
def command(ctx: click.Context) -> None:
    """List the runs of ctx, and show what each one changed."""
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


@command.command("log")
@click.option(
    "-n",
    "number",
    metavar="N",
    type=click.IntRange(min=0),
    default=DEFAULT,
    show_default=True,
    help="Show at most N; 0 shows all.",
)
@common_options
@pass_invocation
def log_runs(invocation: Invocation, number: int) -> None:
    """List the runs, newest first, with the changes of each. `ctx undo OP` undoes one."""
    output = invocation.output
    with invocation.open() as repo:
        runs, more = read_page(repo.ops(), number)
        if output.json:
            output.value({"ops": [_value(repo, run) for run in runs], "more": more})
            return
        for run in runs:
            _show_run(output, run, repo.op_effect(run.op))
    if not runs:
        output.note("No runs yet.")
    show_more(output, more)


@command.command("show")
@click.argument("op")
@common_options
@pass_invocation
def show_run(invocation: Invocation, op: str) -> None:
    """Show all changes of one run. OP is its id, or the first digits of it."""
    output = invocation.output
    with invocation.open() as repo:
        id, _ = repo.find_op(op)
        run = next(each for each in repo.ops() if each.id == id)
        if output.json:
            output.value(_value(repo, run, in_full=True))
        else:
            _show_in_full(output, run, repo.op_effect(run.op))


def _value(repo: Repo, run: ListedOp, *, in_full: bool = False) -> dict[str, Any]:
    from ctxstore.cli.render.json import op_value

    effect = repo.op_effect(run.op)
    value = {**op_value(run.id, run.op), "undone": run.is_undone}
    for name, marks in effect._asdict().items():
        value[name] = [_mark_value(id, mark) for id, mark in marks.items()] if in_full else len(marks)
    return value


def _mark_value(id: ObjectId, mark: Forgotten) -> dict[str, Any]:
    from ctxstore.cli.render.json import iso_time

    return {"commit": id.hex(), "time": iso_time(mark.time), "time_ns": mark.time, "reason": mark.reason}


def _show_run(output: Output, run: ListedOp, effect: OpEffect) -> None:
    output.line(*run_line(run.id, run.op), *([dim("  (undone)")] if run.is_undone else []))
    show_changes(output, run.op)
    for text in _effects(effect):
        output.line(dim(f"  {text}"))


def _effects(effect: OpEffect) -> list[str]:
    effects = ((effect.forgot, "forgotten"), (effect.came_back, "restored"))
    return [f"{format_count(len(marks), 'commit')} {verb}" for marks, verb in effects if marks]


def _show_in_full(output: Output, run: ListedOp, effect: OpEffect) -> None:
    from ctxstore.cli.render.conversation import header

    id, op = run.id, run.op
    header(output, [*_facts(id, op), ("state", "undone" if run.is_undone else "")])
    output.line()
    show_changes(output, op, limit=None)
    _show_marks(output, "forgot", effect.forgot)
    _show_marks(output, "restored", effect.came_back)
    if op.undoes:
        output.line("undoes ", op_name(op.undoes))


def _facts(id: ObjectId, op: Op) -> list[tuple[str, Any]]:
    by = f"{op.author.user}@{op.author.host} ({op.author.tool})"
    numbers = [(name.replace("_", " "), f"{value:,}") for name, value in op.statistics.items()]
    facts = [("op", id.hex()), ("time", format_time(op.time)), ("command", op.command), ("by", by), ("note", op.note)]
    return [*facts, *numbers]


def _show_marks(output: Output, verb: str, marks: Mapping[ObjectId, Forgotten]) -> None:
    for id, mark in marks.items():
        output.line(dim(f"  {verb}  "), id.hex()[:8], dim(f"  {mark.reason}"))
