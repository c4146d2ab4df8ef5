"""The kinds of edits agents need: hooks, members of an object, Codex's program to notify."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from ctxstore.integrations.settings.hooks import MARK, Made, add_hooks, prune, take_hooks_out
from ctxstore.integrations.settings.json_edit import EditedText, JsonPath, ObjectMember, add, remove
from ctxstore.integrations.settings.json_scan import scan
from ctxstore.integrations.settings.toml_edit import parse, put_first, take_out

BLANK = "{\n}\n"


class Hooks(NamedTuple):
    """Hooks by event in a JSON file."""

    path: str
    hooks: Mapping[str, dict[str, Any]]
    blank: str | None = BLANK

    def put_in(self, text: str, made: Made) -> EditedText:
        """With the hooks."""
        return add_hooks(text, self.hooks, made)

    def take_out(self, text: str, made: Made) -> str:
        """Without any hooks of ours."""
        return take_hooks_out(text, made)

    def is_blank(self, text: str) -> bool:
        """Whether it is an empty object."""
        return not scan(text).parts


class Members(NamedTuple):
    """Members of objects in a JSON file. What `leftovers` name is not put there, but taken out with the rest: the agent
    itself writes it."""

    path: str
    members: Sequence[ObjectMember]
    leftovers: Collection[JsonPath] = ()
    blank: str | None = BLANK

    def put_in(self, text: str, made: Made) -> EditedText:
        """With the members."""
        return add(text, self.members) if self.members else EditedText(text, ())

    def take_out(self, text: str, made: Made) -> str:
        """Without the members, whatever their value is by now."""
        for path in [*(member.path for member in reversed(self.members)), *self.leftovers]:
            text = prune(remove(text, path), tuple(map(str, path[:-1])), made)
        return text

    def is_blank(self, text: str) -> bool:
        """Whether it is an empty object."""
        return not scan(text).parts


class Notify(NamedTuple):
    """A program in a TOML file's list ``notify``, before the one that is there."""

    path: str
    words: Sequence[str]
    blank: str | None = ""

    def put_in(self, text: str, made: Made) -> EditedText:
        """With the program, in the place of one of another version."""
        before = _ours(text)
        if before == list(self.words):
            return EditedText(text, ())
        return EditedText(put_first(take_out(text, before) if before else text, self.words), ())

    def take_out(self, text: str, made: Made) -> str:
        """Without any program of ours."""
        before = _ours(text)
        return take_out(text, before) if before else text

    def is_blank(self, text: str) -> bool:
        """Whether nothing is in it."""
        return not text.strip()


_SHELL = 4
"""Words of a program of ours: a shell, -c, the script, a name for it."""


def notify_words(command: str) -> list[str]:
    """A program that runs `command` with the last argument, and then what follows as it would have been run."""
    script = f'for last; do :; done; {command} "$last" >/dev/null 2>&1; [ $# -lt 2 ] || exec "$@"; exit 0 {MARK}'
    return ["/bin/sh", "-c", script, "ctx"]


def _ours(text: str) -> list[str]:
    notify = parse(text).get("notify")
    if isinstance(notify, list) and len(notify) >= _SHELL and str(notify[2]).endswith(MARK):
        return [str(word) for word in notify[:_SHELL]]
    return []


def hook_command(ctx: str, repo: str | None, agent: str, event: str) -> str:
    """A shell's command line for a hook: it ends well, also when ctx is gone."""
    return f"{_call(ctx, repo, agent)} {event} 2>/dev/null; exit 0 {MARK}"


def notify_command(ctx: str, repo: str | None, agent: str) -> str:
    """The start of a command line that is given what happened as its last word."""
    return f"{_call(ctx, repo, agent)} notify"


def _call(ctx: str, repo: str | None, agent: str) -> str:
    program = shlex.quote(ctx)
    place = f" --repo {shlex.quote(repo)}" if repo else ""
    return f"[ ! -x {program} ] || {program} hook {agent}{place}"
