"""The command ``ctx diff``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ctxstore.cli.complete import complete_refs
from ctxstore.cli.invocation import Invocation, common_options, pass_invocation
from ctxstore.cli.render.format import format_count, format_size
from ctxstore.cli.render.output import Output, Styled, bold, dim
from ctxstore.cli.render.printable import truncate
from ctxstore.errors import NotFound

if TYPE_CHECKING:
    from ctxstore import ContextDiff, FileChange, MemoryChange, Message, Repo, SubagentDiff

_MARKS = {"added": "+", "removed": "-", "changed": "~", "metadata": "m"}
_COLORS = {"+": "green", "-": "red", "~": "yellow", "^": "cyan", "m": "dim", "@": "cyan"}


@click.command()
@click.argument("old", metavar="REV", shell_complete=complete_refs)
@click.argument("new", metavar="[REV]", required=False, shell_complete=complete_refs)
@click.option("--stat", is_flag=True, help="Show only counts and file names.")
@click.option("--patch", "-p", is_flag=True, help="Show files line by line, and messages in full.")
@common_options
@pass_invocation
def command(invocation: Invocation, old: str, new: str | None, stat: bool, patch: bool) -> None:
    """Compare two revisions: messages, memories and files. With one REV, compare it with its parent."""
    if stat and patch:
        raise click.UsageError("--stat and --patch exclude each other.")
    output = invocation.output
    with invocation.open() as repo:
        if new is None:
            old, new = _parent(repo, old), old
        diff = repo.diff(old, new)
        if output.json:
            output.value(_value(repo, diff, patch=patch))
        else:
            _show(output, repo, diff, stat=stat, patch=patch)


def _parent(repo: Repo, rev: str) -> str:
    revision = repo.resolve(rev)
    if not revision.commit.parents:
        raise NotFound(
            f"{revision.id.hex()[:8]} is the first commit of {revision.ref} and has no parent",
            hint=f"`ctx show {rev}` shows its content",
        )
    return f"{rev}~1"  # cheaper than the parent's id, which is searched for in all runs


def _value(repo: Repo, diff: ContextDiff, *, patch: bool) -> dict[str, Any]:
    from ctxstore.cli.render.json import change_value, commit_value, memory_value, message_value

    def pairs(changes: tuple[tuple[Message, Message], ...]) -> list[dict[str, Any]]:
        return [{"old": message_value(old), "new": message_value(new)} for old, new in changes]

    def file(change: FileChange) -> dict[str, Any]:
        lines = {"patch": list(repo.patch(change))} if patch and change.status != "metadata" else {}
        return change_value(change) | lines

    def messages(found: ContextDiff | SubagentDiff) -> dict[str, Any]:
        return {
            "added": [message_value(message) for message in found.added],
            "removed": [message_value(message) for message in found.removed],
            "edited": pairs(found.edited),
            "rerooted": pairs(found.rerooted),
        }

    return {
        "old": commit_value(diff.old.id, diff.old.commit),
        "new": commit_value(diff.new.id, diff.new.commit),
        **messages(diff),
        "memories": [memory_value(change) for change in diff.memories],
        "files": [file(change) for change in diff.files],
        "records": diff.records,
        "subagents": [{"file": each.path, **messages(each)} for each in diff.subagents],
    }


def _show(output: Output, repo: Repo, diff: ContextDiff, *, stat: bool, patch: bool) -> None:
    old, new = diff.old, diff.new
    names = old.ref if old.ref == new.ref else f"{old.ref} → {new.ref}"
    output.line(bold(names), dim(f"  {old.id.hex()[:8]} → {new.id.hex()[:8]}"))
    if diff.is_empty:
        output.line("No difference.")
        return
    _show_messages(output, "messages", diff, stat=stat, full=patch)
    for each in diff.subagents:
        _show_messages(output, f"subagent {each.path}", each, stat=stat, full=patch)
    _show_memories(output, diff.memories, stat=stat)
    _show_files(output, repo, diff.files, patch=patch and not stat)


def _show_messages(output: Output, title: str, diff: ContextDiff | SubagentDiff, *, stat: bool, full: bool) -> None:
    groups = {
        "added": [("+", message) for message in diff.added],
        "removed": [("-", message) for message in diff.removed],
        "edited": [("~", message) for _, message in diff.edited],
        "re-rooted": [("^", message) for _, message in diff.rerooted],
    }
    counts = [f"{len(found):,} {name}" for name, found in groups.items() if found]
    if not counts:
        return
    output.line()
    output.line(f"{title}: {', '.join(counts)}")
    if stat:
        return
    for mark, message in (each for found in groups.values() for each in found):
        _show_message(output, mark, message, full=full)


def _show_message(output: Output, mark: str, message: Message, *, full: bool) -> None:
    from ctxstore.cli.render.conversation import part_preview, preview

    color = _COLORS[mark]
    if not full:
        room = max(40, output.width - 16) if output.is_terminal else 120
        output.line(Styled(f"  {mark} {message.role:<10} ", color), truncate(preview(message), room))
        return
    output.line(Styled(f"  {mark} {message.role}", color))
    for part in message.parts:
        text = part.text or part_preview(part)
        if text:
            output.text(text, color, indent=f"  {mark}   ")


def _show_memories(output: Output, changes: tuple[MemoryChange, ...], *, stat: bool) -> None:
    if not changes:
        return
    output.line()
    output.line(f"memories: {format_count(len(changes), 'change')}")
    for change in changes:
        mark = "+" if change.old is None else "-" if change.new is None else "~"
        output.line(Styled(f"  {mark} {change.key}", _COLORS[mark]))
        if not stat:
            _show_memory(output, change)


def _show_memory(output: Output, change: MemoryChange) -> None:
    from difflib import ndiff

    versions = (change.old, change.new)
    old, new = ((data or b"").decode("utf-8", "backslashreplace").splitlines() for data in versions)
    for line in ndiff(old, new) if len(old) + len(new) < 1000 else ():
        if line[0] in "+-":
            output.text(f"    {line}", _COLORS[line[0]])


def _show_files(output: Output, repo: Repo, changes: tuple[FileChange, ...], *, patch: bool) -> None:
    if not changes:
        return
    output.line()
    output.line(f"files: {format_count(len(changes), 'change')}")
    for change in changes:
        mark = _MARKS[change.status]
        output.line(Styled(f"  {mark} {change.path}", _COLORS[mark]), dim(f"  {_sizes(change)}"))
        if patch and change.status != "metadata":
            for line in repo.patch(change):
                output.line(Styled(line, _COLORS.get(line[:1], "")))


def _sizes(change: FileChange) -> str:
    if change.status == "metadata":
        return "mode or time"
    sizes = [format_size(getattr(entry, "size", 0)) for entry in (change.old, change.new) if entry is not None]
    return " → ".join(sizes)
