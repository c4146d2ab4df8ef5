"""The command ``ctx show``."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from ctxstore.cli.complete import complete_refs
from ctxstore.cli.invocation import Invocation, common_options, pass_invocation
from ctxstore.cli.render.format import format_count, format_size, format_time
from ctxstore.cli.render.ops import tag_names
from ctxstore.cli.render.output import Output, Styled, TextPiece, dim
from ctxstore.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    from ctxstore import Entry, Repo, View

SHOWN_FILES = 5


class ShowOptions(NamedTuple):
    """The command's display options."""

    raw: bool
    full: bool
    files: bool
    around: int | None


@click.command()
@click.argument("rev", shell_complete=complete_refs)
@click.argument("path", required=False)
@click.option("--raw", is_flag=True, help="Write the exact bytes of the transcript, or of PATH.")
@click.option("--full", is_flag=True, help="Show everything: fold no output and skip no record.")
@click.option("--files", is_flag=True, help="List the files instead of the conversation.")
@click.option(
    "--context",
    "-C",
    "around",
    metavar="N",
    type=click.IntRange(min=0),
    help="With #MESSAGE: also show N messages before and after.",
)
@common_options
@pass_invocation
def command(invocation: Invocation, /, rev: str, path: str | None, **values: Any) -> None:
    """Show the conversation at REV, or the file PATH in it.

    REV#MESSAGE shows a single message, and op:ID a run.
    """
    options = ShowOptions(**values)
    rev, message = _split(rev)
    _validate(rev, message, path, options)
    with invocation.open() as repo:
        if rev.startswith("op:"):
            _show_run(invocation.output, repo, rev)
        elif message is not None:
            _show_message(invocation.output, repo, rev, message, options)
        elif path is not None:
            _show_file(invocation.output, repo.view(rev), path, raw=options.raw)
        else:
            _show_commit(invocation.output, repo, repo.view(rev), options)


def _split(rev: str) -> tuple[str, str | None]:
    """Splits REV#MESSAGE. Names of contexts, tags and times never contain a ``#``."""
    base, mark, message = rev.partition("#")
    return (base, message) if mark and not rev.startswith("op:") else (rev, None)


def _validate(rev: str, message: str | None, path: str | None, options: ShowOptions) -> None:
    if rev.startswith("op:") and (path is not None or any(options)):
        raise click.UsageError("op:ID excludes PATH and all options: a run has no files and no transcript.")
    if message is not None and (path is not None or options.files):
        raise click.UsageError("REV#MESSAGE excludes PATH and --files.")
    if message is None and options.around is not None:
        raise click.UsageError("--context needs a message: REV#MESSAGE.")
    if options.files and (path is not None or options.raw):
        raise click.UsageError("--files excludes PATH and --raw.")


def _show_run(output: Output, repo: Repo, text: str) -> None:
    from ctxstore.cli.render.conversation import header

    id, op = repo.find_op(text)
    if output.json:
        from ctxstore.cli.render.json import op_value

        output.value(op_value(id, op))
        return
    by = f"{op.author.user}@{op.author.host} ({op.author.tool})"
    numbers = [(name.replace("_", " "), f"{value:,}") for name, value in op.statistics.items()]
    facts = [("op", id.hex()), ("time", format_time(op.time)), ("command", op.command), ("by", by)]
    header(output, [*facts, ("note", op.note), *numbers])
    output.line()
    for ref, old, new in op.changes:
        before, after = (each.hex()[:8] if each else "none" for each in (old, new))
        output.line(dim(f"{before:>8} → {after:<8}  "), ref)


def _show_message(output: Output, repo: Repo, rev: str, name: str, options: ShowOptions) -> None:
    from ctxstore.ops.content.find_message import find_messages

    view = repo.view(rev)
    found = find_messages(view, name, options.around or 0)
    if output.json:
        from ctxstore.cli.render.json import message_value

        values = [
            {"number": at, "asked": is_match, **message_value(message), "file": path}
            for at, message, is_match, path in found
        ]
        output.value({"ref": view.ref, "commit": view.id.hex(), "messages": values})
    elif options.raw:
        end = b"\n" if view.is_native else b""
        output.raw(message.raw + end for _, message, *_ in found)
    else:
        from ctxstore.cli.render.conversation import ConversationPrinter

        for at, message, is_match, path in found:
            name = f"{view.id.hex()[:8]}#{message.id}"
            output.line(
                Styled(name, "yellow") if is_match else dim(name), dim(f"  {at:,}{f'  {path}' if path else ''}")
            )
            ConversationPrinter(output, full=is_match or options.full).show([message])


def _show_file(output: Output, view: View, path: str, *, raw: bool) -> None:
    entry = view.files.get(path)
    if entry is None:
        raise NotFound(f"{view.ref} has no file {path!r}", hint=f"`ctx show {view.ref} --files` lists its files")
    if output.json:
        from ctxstore.ops.export.document import file_fields
        from ctxstore.ops.export.values import Object, encode

        output.stream(chain(encode(Object(file_fields(view, path, entry))), "\n"))
    elif raw:
        output.raw(view.iter_bytes(path))
    elif _is_file(entry):
        output.content(view.iter_bytes(path))
    else:
        output.line(*_file_line(path, entry))


def _show_commit(output: Output, repo: Repo, view: View, options: ShowOptions) -> None:
    from ctxstore.ops.content.conversation import iter_messages, iter_subagents, subagent_paths

    tags = tag_names(repo).get(view.id, [])
    if output.json:
        _stream_commit(output, view, tags)
    elif options.raw:
        output.raw(_raw_transcript(view))
    else:
        messages = iter_messages(view)
        first = list(islice(messages, 1))
        subagents = [] if options.files else subagent_paths(view)
        _show_header(output, view, tags)
        if options.files or not (first or subagents):
            _show_files(output, view, limit=None)
        else:
            from ctxstore.cli.render.conversation import ConversationPrinter

            _show_files(output, view, limit=SHOWN_FILES)
            ConversationPrinter(output, full=options.full).show(chain(first, messages))
            for path, said in iter_subagents(view):
                output.line()
                output.line(Styled("subagent", "bold"), f"  {path}")
                ConversationPrinter(output, full=options.full).show(said)


def _stream_commit(output: Output, view: View, tags: list[str]) -> None:
    from ctxstore.ops.content.conversation import SubagentTranscript, iter_messages, iter_subagents
    from ctxstore.ops.export.values import Array, Object, commit_value, encode, entry_value, message_value

    def subagent(transcript: SubagentTranscript) -> Object:
        path, said = transcript
        return Object([("file", path), ("messages", Array(map(message_value, said)))])

    fields = [
        ("ref", view.ref),
        ("commit", commit_value(view.id, view.commit)),
        ("tags", tags),
        ("files", Array(entry_value(path, entry) for path, entry in view.files.entries())),
        ("memories", list(view.memories)),
        ("messages", Array(message_value(message) for message in iter_messages(view))),
        ("subagents", Array(map(subagent, iter_subagents(view)))),
    ]
    output.stream(chain(encode(Object(fields)), "\n"))


def _raw_transcript(view: View) -> Iterator[bytes]:
    from ctxstore.ops.content.conversation import iter_messages, transcript_key

    if view.is_native and len(view.messages):
        return (message.raw + b"\n" for message in iter_messages(view))
    key = transcript_key(view)
    if key is None:
        files = [path for path, entry in view.files.entries() if _is_file(entry)]
        if len(files) != 1:
            raise InvalidInput(
                f"{view.ref} has no transcript, but {len(files)} files",
                hint=f"choose one: ctx show {view.ref} PATH --raw; `ctx show {view.ref} --files` lists them",
            )
        key = files[0]
    return view.iter_bytes(key)


def _show_header(output: Output, view: View, tags: list[str]) -> None:
    from ctxstore.cli.render.conversation import header
    from ctxstore.ops.content.conversation import history_of

    history = history_of(view)
    commit, summary = view.commit, view.commit.summary
    header(
        output,
        [
            ("commit", view.id.hex()),
            ("context", view.ref),
            ("tags", " ".join(tags)),
            ("title", summary.title),
            ("agent", summary.agent),
            ("model", summary.model),
            ("project", summary.project),
            ("time", format_time(commit.time)),
            ("kind", commit.kind if commit.kind != "auto" else ""),
            ("note", commit.note),
            ("messages", summary.messages),
            ("continues", ", ".join(history.bases) if history else ""),
            ("memories", summary.memories or None),
            ("size", f"{format_size(summary.bytes)} in {format_count(summary.files, 'file')}"),
            ("parents", " ".join(parent.hex()[:8] for parent in commit.parents)),
        ],
    )
    if commit.shrunk:
        output.line("Shrunk: this commit lost most of its parent's content.")


def _show_files(output: Output, view: View, *, limit: int | None) -> None:
    output.line()
    entries = list(islice(view.files.entries(), None if limit is None else limit + 1))
    for path, entry in entries[:limit]:
        output.line(*_file_line(path, entry))
    if limit is not None and len(entries) > limit:
        output.line(dim("            … (--files lists all)"))
    for key in view.memories if limit is None else ():
        output.line(dim(f"{'memory':>10}  "), key)


def _file_line(path: str, entry: Entry) -> list[TextPiece]:
    from ctxstore import FileEntry, SymlinkEntry

    if isinstance(entry, FileEntry):
        return [dim(f"{format_size(entry.size):>10}  "), path]
    if isinstance(entry, SymlinkEntry):
        return [dim(f"{'link':>10}  "), path, dim(f" → {entry.target.decode('utf-8', 'surrogateescape')}")]
    return [dim(f"{'folder':>10}  "), path]


def _is_file(entry: Entry) -> bool:
    from ctxstore import FileEntry

    return isinstance(entry, FileEntry)
