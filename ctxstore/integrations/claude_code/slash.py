"""The slash commands of the two plugins: what each runs, and what Claude Code is told.

Claude Code puts the words after a command wherever its text says, also into a shell's command line, where a note could
be anything. So the text of the commands has no place for them: a hook gets them as JSON, and they become arguments of a
process without a shell.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ctxstore.integrations.hooks.request import SESSIONS, context_of, parse_payload, text_of

POLICY = "session-backup"
KINDS = ("full", "incremental")
LONGEST = 20_000
"""Characters of a report that the conversation is burdened with."""

PATIENCE = 110
"""Seconds; the hook itself is given 120."""

_ID = re.compile(r"[0-9a-f]{8}[0-9a-f-]{0,28}")
_COMMIT = re.compile(r"[0-9a-f]{6,64}")

SlashWords = list[str]


def answer(payload: bytes, place: str | None) -> str:
    """What the hook prints: the report of the command the user typed, or nothing if it is none of ours."""
    said = parse_payload(payload)
    make = COMMANDS.get(text_of(said, "command_name"))
    if make is None:
        return ""
    words = split(said.get("command_args"))
    report = run(make(words, current_context(said, os.environ)), place)
    if len(report) > LONGEST:
        report = f"{report[:LONGEST]}\n… {len(report) - LONGEST:,} characters more"
    # What was saved may itself say where a report ends.
    told = "<ctx-report>\n" + report.replace("</ctx-report", "<\\/ctx-report") + "\n</ctx-report>"
    output = {"hookEventName": "UserPromptExpansion", "additionalContext": told}
    return json.dumps({"hookSpecificOutput": output})


def split(args: object) -> SlashWords:
    """The words after a command; what no shell would split is split at spaces."""
    text = args[:LONGEST] if isinstance(args, str) else ""
    text = text.replace("\0", " ").encode("utf-8", "replace").decode()  # what a process can be given
    try:
        return shlex.split(text)
    except ValueError:
        return text.split()


def current_context(said: Mapping[str, Any], environ: Mapping[str, str]) -> str:
    """The context of the session the command was typed in, or the start of the last part of its name."""
    from ctxstore.sources.claude_code import ClaudeCode

    session = text_of(said, "session_id")
    if not SESSIONS.fullmatch(session):
        return ""
    roots = ClaudeCode().discover(environ)
    return context_of("claude-code", session, text_of(said, "transcript_path"), roots[0].path) if roots else session


def _session(words: SlashWords, current: str) -> str:
    """The session named first in `words`, which it is taken from, or the current one."""
    return words.pop(0) if words and _ID.fullmatch(words[0]) else current


def _backup(words: SlashWords, current: str) -> SlashWords:
    session = _session(words, current)
    kind = words.pop(0) if words and words[0] in KINDS else KINDS[0]
    note = " ".join(words)
    return ["snapshot", "claude-code", "--session", session, "--always", "--kind", kind, *_option("--note", note)]


def _option(name: str, value: str) -> SlashWords:
    return [f"{name}={value}"] if value else []


def _recover(words: SlashWords, current: str) -> SlashWords:
    session = _session(words, current)
    rev = words[0] if words and _COMMIT.fullmatch(words[0]) else session
    return ["checkout", rev, "--as-new-session", "--yes"]


def _list_backups(words: SlashWords, current: str) -> SlashWords:
    return ["log", _session(words, current), "-n", "30"]


def _cleanup(words: SlashWords, current: str) -> SlashWords:
    dry = ["--dry-run"] if {"dry-run", "--dry-run"} & set(words) else []
    pattern = words[0] if words and _ID.fullmatch(words[0]) else "claude-code/*"
    return ["forget", pattern, "--policy", POLICY, *dry]


def _log(words: SlashWords, current: str) -> SlashWords:
    return ["log", *(_revisions(words, 1) or [current]), "-n", "30"]


def _diff(words: SlashWords, current: str) -> SlashWords:
    return ["diff", *(_revisions(words, 2) or [current])]


def _revisions(words: SlashWords, most: int) -> SlashWords:
    return [word for word in words if not word.startswith("-")][:most]


COMMANDS: dict[str, Callable[[SlashWords, str], SlashWords]] = {
    "session:backup": _backup,
    "session:recover": _recover,
    "session:list-backups": _list_backups,
    "session:cleanup": _cleanup,
    "ctx:log": _log,
    "ctx:diff": _diff,
}
"""By the name Claude Code gives them: what they run, from the words after the command and the current session."""


def run(line: Sequence[str], place: str | None) -> str:
    """The report of a ctx command line, errors included."""
    command = [sys.executable, "-m", "ctxstore.cli.main", *(["--repo", place] if place else []), *line]
    try:
        # In no folder: a repository in the one the agent works in is not where its hooks save.
        done = subprocess.run(
            command, cwd="/", stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE, check=False
        )
    except OSError as error:
        return f"ctx {line[0]} could not be run: {error.strerror}"
    except subprocess.TimeoutExpired:
        return f"ctx {line[0]} was not done in {PATIENCE} seconds; run it in a terminal"
    text = (done.stdout + done.stderr).decode("utf-8", "replace").rstrip()
    return text or "Nothing to tell."
