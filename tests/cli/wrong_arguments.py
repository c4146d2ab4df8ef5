"""Every parameter of every command with every wrong value for it, found by a walk through the commands."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import Any, NamedTuple

import click

from ctxstore.cli.commands.aider import PassThrough
from ctxstore.cli.main import cli
from tests.cli import wrong_values as values
from tests.cli.wrong_values import CONFLICT, CONTEXT, INVALID, Wrong

SHARED = {"--repo", "--json", "--quiet", "--version", "--help"}

LINES = {
    "ctx": "",
    "init": "init new",
    "sources": "sources",
    "snapshot": "snapshot notes",
    "watch": "watch --systemd notes",
    "log": "log",
    "show": f"show {CONTEXT}",
    "search": "search hello",
    "secrets": "secrets",
    "diff": f"diff {CONTEXT}",
    "checkout": f"checkout {CONTEXT} --to out",
    "export": f"export {CONTEXT}",
    "install": "install codex --dry-run",
    "uninstall": "uninstall codex --dry-run",
    "hook": "hook codex Stop",
    "aider": "aider",
    "refs": "refs",
    "tag": "tag",
    "fork": f"fork {CONTEXT} new",
    "merge": f"merge {CONTEXT} chat/bob --into new",
    "rename": f"rename {CONTEXT} new",
    "drop": f"drop {CONTEXT}",
    "op": "op",
    "op log": "op log",
    "op show": "op show 0000",
    "undo": "undo",
    "forget": "forget --keep-last 1",
    "policy": "policy",
    "policy set": "policy set new --keep-last 1",
    "policy remove": "policy remove nightly",
    "policy auto": "policy auto nightly",
    "stats": "stats",
    "gc": "gc",
    "check": "check",
    "repair": "repair",
    "recover": "recover",
    "demo": "demo",
    "completion": "completion bash",
}
"""A command line for each command. Options are appended to it."""

PARAMETERS: dict[str, tuple[str, tuple[Wrong, ...]]] = {
    "init folder": ("init {}", values.NEW_FOLDER),
    "snapshot names": ("snapshot {}", values.SOURCES),
    "snapshot --note": ("snapshot notes --note {}", values.NOTE),
    "snapshot --session": ("snapshot notes --session {}", values.SESSION),
    "snapshot --policy": ("snapshot notes --session notes --policy {}", values.POLICY),
    "watch names": ("watch --systemd {}", values.SOURCES),
    "watch --debounce": ("watch --systemd notes --debounce {}", values.SECONDS),
    "watch --max-delay": ("watch --systemd notes --max-delay {}", values.SECONDS),
    "hook event": ("hook codex {}", values.ANYTHING),
    "hook payload": ("hook codex Stop {}", values.ANYTHING),
    "log rev": ("log {}", values.REVISION),
    "show rev": ("show {}", values.REVISION),
    "show --context": (f"show {CONTEXT}#0 --context {{}}", values.NUMBER),
    "show path": (f"show {CONTEXT} {{}}", values.PATH_WITHIN),
    "search query": ("search -- {}", values.QUERY),
    "search --context": ("search hello --context {}", values.SEARCH),
    "search --agent": ("search hello --agent {}", values.SEARCH),
    "search --project": ("search hello --project {}", values.SEARCH),
    "search --since": ("search hello --since {}", values.MOMENT),
    "search --until": ("search hello --until {}", values.MOMENT),
    "secrets revs": ("secrets {}", values.REVISION),
    "secrets --allow": ("secrets --allow {}", values.FINGERPRINT),
    "diff old": (f"diff {{}} {CONTEXT}", values.REVISION),
    "diff new": (f"diff {CONTEXT} {{}}", values.REVISION),
    "checkout rev": ("checkout --to out {}", values.REVISION),
    "checkout --to": (f"checkout {CONTEXT} --to {{}}", values.NEW_FOLDER),
    "checkout --home": (f"checkout {CONTEXT} --home {{}}", values.NO_HOME),
    "checkout --at-message": (f"checkout {CONTEXT} --at-message {{}}", values.NO_SESSION),
    "checkout --map-path": (f"checkout {CONTEXT} --map-path {{}}", values.NO_MAPPING),
    "checkout --project": ("checkout --vanished --yes --project {}", values.SEARCH),
    "checkout --at": ("checkout --all --to out --at {}", values.TIME),
    "export rev": ("export {}", values.REVISION),
    "export --output": (f"export {CONTEXT} --output {{}}", values.NEW_FILE),
    "aider arguments": ("aider {}", ()),  # aider parses them; it would replace this process
    "refs pattern": ("refs {}", values.SEARCH),
    "tag name": ("tag {} chat/bob", values.NEW_TAG),
    "tag rev": ("tag new {}", values.REVISION),
    "tag --delete": ("tag --delete {}", values.OLD_TAG),
    "fork rev": ("fork {} new", values.REVISION),
    "fork name": (f"fork {CONTEXT} {{}}", values.NEW_NAME),
    "merge ours": ("merge {} chat/bob --into new", values.REVISION),
    "merge theirs": (f"merge {CONTEXT} {{}} --into new", values.REVISION),
    "merge --into": (
        f"merge {CONTEXT} chat/bob --into {{}}",
        (*values.NO_NAME, *values.ODD_NAME, Wrong("one/twin", (CONFLICT,))),
    ),
    "merge --note": (f"merge {CONTEXT} chat/bob --both --into new --note {{}}", values.NOTE),
    "rename old": ("rename {} new", values.WHOLE_NAME),
    "rename new": (f"rename {CONTEXT} {{}}", values.NEW_NAME),
    "drop refs": ("drop {}", values.NAMES),
    "op show op": ("op show {}", values.OP),
    "undo op": ("undo {}", values.OP),
    "forget patterns": ("forget --keep-last 1 {}", values.SELECTION),
    "forget --policy": ("forget --policy {}", values.POLICY),
    "policy set name": ("policy set --keep-last 1 -- {}", values.NO_POLICY),
    "policy remove name": ("policy remove -- {}", values.POLICY),
    "policy auto name": ("policy auto -- {}", values.POLICY),
    "policy auto pattern": ("policy auto nightly {}", values.STANDING_PATTERN),
    "check --subset": ("check --read-data --subset {}", values.PART),
    "repair --from": ("repair --from {}", values.PLACE),
    **{
        f"{command} --{name}": (f"{line} --keep-last 1 --{name} {{}}", values.DURATION)
        for command, line in (("forget", "forget"), ("policy set", "policy set new"))
        for name in ("keep-within", "max-age")
    },
    "forget --time-zone": ("forget --keep-daily 1 --time-zone {}", values.ZONE),
    "policy set --time-zone": ("policy set new --keep-daily 1 --time-zone {}", values.ZONE),
}
"""For each parameter that takes a text: a line with a place for the value, and the values."""

TOGETHER = (
    (f"checkout {CONTEXT} --all --to out", INVALID),
    ("snapshot notes --always", INVALID),
    ("snapshot notes --verify", INVALID),
    ("snapshot notes --policy session-backup", INVALID),
    ("checkout", INVALID),
    ("checkout --all", INVALID),
    ("checkout --all --at now", INVALID),
    (f"checkout {CONTEXT} --to out --at now", INVALID),
    (f"checkout {CONTEXT} --overwrite", INVALID),
    (f"checkout {CONTEXT} --to out --home out", INVALID),
    (f"checkout {CONTEXT} --as-new-session", INVALID),
    ("checkout --all --to out --as-new-session", INVALID),
    ("checkout --all --to out --home out", INVALID),
    ("checkout --all --to out --map-path /a=/b", INVALID),
    ("checkout --all --to out --at-message x", INVALID),
    (f"merge {CONTEXT} chat/bob --into new --ours --theirs", INVALID),
    (f"merge {CONTEXT} chat/bob --into new --both --ours", INVALID),
    (f"merge {CONTEXT} chat/bob", INVALID),
    ("tag new", INVALID),
    ("tag --force", INVALID),
    ("tag --delete kept new", INVALID),
    ("tag --delete kept --force", INVALID),
    ("check --subset 5%", INVALID),
    ("forget", INVALID),
    ("forget --max-age 1y", INVALID),
    ("forget --policy nightly --keep-last 3", INVALID),
    ("forget --dropped --max-age 1y", INVALID),
    ("policy set new", INVALID),
    ("policy set new --max-age 1y", INVALID),
    ("policy auto", INVALID),
    ("policy auto nightly --off", INVALID),
    ("policy remove session-backup", values.NOT_FOUND),
    ("policy nonsense", INVALID),
    ("op nonsense", INVALID),
    ("nonsense", INVALID),
    (f"show {CONTEXT} --raw --files", INVALID),
    ("show op:0000 a-path", INVALID),
    ("show op:0000 --raw", INVALID),
    (f"show {CONTEXT}#0 --files", INVALID),
    (f"show {CONTEXT}#0 notes.txt", INVALID),
    (f"show {CONTEXT} --context 1", INVALID),
    (f"secrets {CONTEXT} --warn", INVALID),
    ("secrets --history --allow 0123456789abcdef", INVALID),
    ("search", INVALID),
    ("search hello --index", INVALID),
    (f"show {CONTEXT} notes.txt --files", INVALID),
    (f"diff {CONTEXT} --stat --patch", INVALID),
    (f"export {CONTEXT} --overwrite", INVALID),
)
"""Options that exclude or need each other, and the part of the line that is missing or too much."""


class Case(NamedTuple):
    """A command line, its possible ends, and the words of which its message contains one."""

    words: list[str]
    ends: tuple[str, ...]
    named: str = ""

    @property
    def id(self) -> str:
        shown = " ".join(word if word.isalnum() or word[:2] == "--" else ascii(word) for word in self.words)
        return shown if len(shown) < 80 else f"{shown[:60]}…{len(shown)}"


class Parameter(NamedTuple):
    """A parameter of a command."""

    command: str
    parameter: click.Parameter

    @property
    def name(self) -> str:
        """The parameter's key in `PARAMETERS`."""
        option = max(self.parameter.opts, key=len)
        return f"{self.command} {option}"

    @property
    def flag(self) -> str:
        return max(self.parameter.opts, key=len)

    @property
    def is_shared(self) -> bool:
        return isinstance(self.parameter, click.Option) and not SHARED.isdisjoint(self.parameter.opts)


def iter_commands(command: click.Command = cli, path: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    """Yields the (name, command) of every command and subcommand."""
    yield " ".join(path) or "ctx", command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from iter_commands(found, (*path, name))


def iter_parameters() -> Iterator[Parameter]:
    """Yields every parameter of every command."""
    for name, command in iter_commands():
        yield from (Parameter(name, parameter) for parameter in command.params)


def iter_cases() -> Iterator[Case]:
    """Yields all cases, usage errors first."""
    for name, command in iter_commands():
        yield from _usage_cases(shlex.split(LINES[name]), command)
    for parameter in iter_parameters():
        yield from _value_cases(parameter)
    for line, end in TOGETHER:
        yield Case(shlex.split(line), (end,))


def _usage_cases(line: list[str], command: click.Command) -> Iterator[Case]:
    if isinstance(command, PassThrough):
        return
    yield Case([*line, "--nonsense"], (INVALID,), "--nonsense")
    yield Case([*line, "-X"], (INVALID,), "-X")
    arguments = [each for each in command.params if isinstance(each, click.Argument)]
    if not any(each.nargs == -1 for each in arguments):
        yield Case([*line, *["many"] * 4], (INVALID,), "many")
    if any(each.required for each in arguments):
        yield Case(line[: 2 if line[0] in ("op", "policy") else 1], (INVALID,), "missing argument")
    for option in (each for each in command.params if isinstance(each, click.Option)):
        for name in option.opts:
            if not option.is_flag:
                yield Case([*line, name], (INVALID,), name)
            elif name.startswith("--"):
                yield Case([*line, f"{name}=x"], (INVALID,), name)


def wrong_for(found: Parameter) -> tuple[str, tuple[Wrong, ...]] | None:
    """Finds the line with a place for the parameter's value, and the wrong values. Returns None for an unknown
    parameter."""
    kind: Any = found.parameter.type
    line = f"{LINES[found.command]} {found.flag} {{}}"
    if found.flag == "--repo":
        others = ("demo", "completion", "aider", "ctx", "op", "uninstall", "hook", "watch")
        return line, {"init": values.NEW_PLACE, **dict.fromkeys(others, ())}.get(found.command, values.PLACE)
    if getattr(found.parameter, "is_flag", False):
        return line, ()
    if found.name in PARAMETERS:
        return PARAMETERS[found.name]
    if isinstance(kind, click.IntRange):
        return line, values.POSITIVE if kind.min == 1 else values.NUMBER
    if isinstance(kind, click.Choice):
        return (line if isinstance(found.parameter, click.Option) else f"{found.command} {{}}"), values.CHOICE
    return None


def _value_cases(parameter: Parameter) -> Iterator[Case]:
    line, wrongs = wrong_for(parameter) or ("", ())
    for value, ends, named in wrongs:
        words = [value if word == "{}" else word for word in shlex.split(line)]
        yield Case(words, ends, named or value)
