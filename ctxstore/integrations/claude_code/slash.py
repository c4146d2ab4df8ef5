"""Runs the slash commands of the two plugins, and returns their reports to Claude Code.

Claude Code can insert a command's arguments into a shell command line, where a note could run anything. So the texts of
the commands do not use arguments. A hook receives them as JSON, and passes them to a process without a shell.
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

from ctxstore.integrations.hooks.request import SESSION_ID, parse_payload, payload_text, session_context

POLICY = "session-backup"
KINDS = ("full", "incremental")
MAX_CHARACTERS = 20_000
"""The limit for a report, which becomes part of the conversation."""

TIMEOUT = 110
"""Seconds for a command. The time limit of the hook is 120 s."""

_ID = re.compile(r"[0-9a-f]{8}[0-9a-f-]{0,28}")
_COMMIT = re.compile(r"[0-9a-f]{6,64}")

SlashWords = list[str]


def answer_command(payload: bytes, repo: str | None) -> str:
    """Runs the slash command in a payload. Returns the hook's output, or nothing for commands of other plugins."""
    values = parse_payload(payload)
    make_line = COMMANDS.get(payload_text(values, "command_name"))
    if make_line is None:
        return ""
    words = split_words(values.get("command_args"))
    report = run_ctx(make_line(words, current_context(values, os.environ)), repo)
    if len(report) > MAX_CHARACTERS:
        report = f"{report[:MAX_CHARACTERS]}\n… {len(report) - MAX_CHARACTERS:,} more characters"
    # A saved text could contain the end mark of a report.
    context = "<ctx-report>\n" + report.replace("</ctx-report", "<\\/ctx-report") + "\n</ctx-report>"
    output = {"hookEventName": "UserPromptExpansion", "additionalContext": context}
    return json.dumps({"hookSpecificOutput": output})


def split_words(args: object) -> SlashWords:
    """Splits the arguments of a command as a shell does, or at spaces if a quote is not closed."""
    text = args[:MAX_CHARACTERS] if isinstance(args, str) else ""
    text = text.replace("\0", " ").encode("utf-8", "replace").decode()  # valid as a process argument
    try:
        return shlex.split(text)
    except ValueError:
        return text.split()


def current_context(values: Mapping[str, Any], environ: Mapping[str, str]) -> str:
    """Returns the context of the session that sent the payload, or the start of the last part of its name."""
    from ctxstore.sources.claude_code import ClaudeCode

    session = payload_text(values, "session_id")
    if not SESSION_ID.fullmatch(session):
        return ""
    homes = ClaudeCode().discover(environ)
    transcript = payload_text(values, "transcript_path")
    return session_context("claude-code", session, transcript, homes[0].path) if homes else session


def _pop_session(words: SlashWords, current: str) -> str:
    """Removes a session id from the start of `words` and returns it, or returns the current session."""
    return words.pop(0) if words and _ID.fullmatch(words[0]) else current


def _backup(words: SlashWords, current: str) -> SlashWords:
    session = _pop_session(words, current)
    kind = words.pop(0) if words and words[0] in KINDS else KINDS[0]
    note = " ".join(words)
    return ["snapshot", "claude-code", "--session", session, "--always", "--kind", kind, *_option("--note", note)]


def _option(name: str, value: str) -> SlashWords:
    return [f"{name}={value}"] if value else []


def _recover(words: SlashWords, current: str) -> SlashWords:
    session = _pop_session(words, current)
    rev = words[0] if words and _COMMIT.fullmatch(words[0]) else session
    return ["checkout", rev, "--as-new-session", "--yes"]


def _list_backups(words: SlashWords, current: str) -> SlashWords:
    return ["log", _pop_session(words, current), "-n", "30"]


def _cleanup(words: SlashWords, current: str) -> SlashWords:
    dry = ["--dry-run"] if {"dry-run", "--dry-run"} & set(words) else []
    pattern = words[0] if words and _ID.fullmatch(words[0]) else "claude-code/*"
    return ["forget", pattern, "--policy", POLICY, *dry]


def _log(words: SlashWords, current: str) -> SlashWords:
    return ["log", *(_revisions(words, 1) or [current]), "-n", "30"]


def _diff(words: SlashWords, current: str) -> SlashWords:
    return ["diff", *(_revisions(words, 2) or [current])]


def _revisions(words: SlashWords, limit: int) -> SlashWords:
    return [word for word in words if not word.startswith("-")][:limit]


COMMANDS: dict[str, Callable[[SlashWords, str], SlashWords]] = {
    "session:backup": _backup,
    "session:recover": _recover,
    "session:list-backups": _list_backups,
    "session:cleanup": _cleanup,
    "ctx:log": _log,
    "ctx:diff": _diff,
}
"""The slash commands by name. Each function makes a ctx command line from the arguments and the current session."""


def run_ctx(line: Sequence[str], repo: str | None) -> str:
    """Runs a ctx command line, and returns its output, errors included."""
    command = [sys.executable, "-m", "ctxstore.cli.main", *(["--repo", repo] if repo else []), *line]
    try:
        # Run outside the agent's working folder: hooks ignore a repository there.
        done = subprocess.run(
            command, cwd="/", stdin=subprocess.DEVNULL, capture_output=True, timeout=TIMEOUT, check=False
        )
    except OSError as error:
        return f"ctx {line[0]} could not be run: {error.strerror}"
    except subprocess.TimeoutExpired:
        return f"ctx {line[0]} did not finish within {TIMEOUT} seconds; run it in a terminal"
    text = (done.stdout + done.stderr).decode("utf-8", "replace").rstrip()
    return text or "No output."
