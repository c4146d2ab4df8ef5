"""The kinds of edits that agents need: hooks, members of a JSON object, Codex's notify program."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from ctxstore.integrations.settings.hooks import MARK, Containers, add_hooks, prune, remove_hooks
from ctxstore.integrations.settings.json_edit import EditedText, JsonPath, ObjectMember, add_parts, remove_part
from ctxstore.integrations.settings.json_scan import scan
from ctxstore.integrations.settings.toml_edit import parse_toml, prepend_notify, remove_notify

BLANK = "{\n}\n"


class Hooks(NamedTuple):
    """Hooks by event in a JSON file."""

    path: str
    hooks: Mapping[str, dict[str, Any]]
    blank: str | None = BLANK

    def add_to(self, text: str, containers: Containers) -> EditedText:
        """Returns the text with the hooks."""
        return add_hooks(text, self.hooks, containers)

    def remove_from(self, text: str, containers: Containers) -> str:
        """Returns the text without any hooks of ctxstore."""
        return remove_hooks(text, containers)

    def is_blank(self, text: str) -> bool:
        """Whether the text is an empty object."""
        return not scan(text).parts


class Members(NamedTuple):
    """Members of objects in a JSON file.

    `leftovers` are paths of members that the agent adds for its own use. They are removed together with the others.
    """

    path: str
    members: Sequence[ObjectMember]
    leftovers: Collection[JsonPath] = ()
    blank: str | None = BLANK

    def add_to(self, text: str, containers: Containers) -> EditedText:
        """Returns the text with the members."""
        return add_parts(text, self.members) if self.members else EditedText(text, ())

    def remove_from(self, text: str, containers: Containers) -> str:
        """Returns the text without the members, even if their values were changed."""
        for path in [*(member.path for member in reversed(self.members)), *self.leftovers]:
            text = prune(remove_part(text, path), tuple(map(str, path[:-1])), containers)
        return text

    def is_blank(self, text: str) -> bool:
        """Whether the text is an empty object."""
        return not scan(text).parts


class Notify(NamedTuple):
    """A program in the list ``notify`` of a TOML file, before the user's own program."""

    path: str
    words: Sequence[str]
    blank: str | None = ""

    def add_to(self, text: str, containers: Containers) -> EditedText:
        """Returns the text with the program. Replaces the program of another version of ctxstore."""
        before = _installed_words(text)
        if before == list(self.words):
            return EditedText(text, ())
        return EditedText(prepend_notify(remove_notify(text, before) if before else text, self.words), ())

    def remove_from(self, text: str, containers: Containers) -> str:
        """Returns the text without the program of ctxstore."""
        before = _installed_words(text)
        return remove_notify(text, before) if before else text

    def is_blank(self, text: str) -> bool:
        """Whether the text is empty."""
        return not text.strip()


_WORDS = 4
"""The number of words of the program of ctxstore: a shell, -c, the script, a name for the script."""


def notify_words(command: str) -> list[str]:
    """Returns a program that runs `command` with its last argument, and then the program in its other arguments."""
    script = f'for last; do :; done; {command} "$last" >/dev/null 2>&1; [ $# -lt 2 ] || exec "$@"; exit 0 {MARK}'
    return ["/bin/sh", "-c", script, "ctx"]


def _installed_words(text: str) -> list[str]:
    notify = parse_toml(text).get("notify")
    if isinstance(notify, list) and len(notify) >= _WORDS and str(notify[2]).endswith(MARK):
        return [str(word) for word in notify[:_WORDS]]
    return []


def hook_command(ctx: str, repo: str | None, agent: str, event: str) -> str:
    """Returns the shell command of a hook. It exits with 0 even if ctx was removed."""
    return f"{_call(ctx, repo, agent)} {event} 2>/dev/null; exit 0 {MARK}"


def notify_command(ctx: str, repo: str | None, agent: str) -> str:
    """Returns the start of a shell command, to be completed with the payload as its last word."""
    return f"{_call(ctx, repo, agent)} notify"


def _call(ctx: str, repo: str | None, agent: str) -> str:
    program = shlex.quote(ctx)
    option = f" --repo {shlex.quote(repo)}" if repo else ""
    return f"[ ! -x {program} ] || {program} hook {agent}{option}"
