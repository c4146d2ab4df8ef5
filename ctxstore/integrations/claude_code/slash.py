"""Runs the slash commands of the two plugins, and shows their reports to the person.

Claude Code can insert a command's arguments into a shell command line, where a note could run anything. So the texts of
the commands do not use arguments. A hook receives them as JSON, and passes them to a process without a shell. It blocks
the command and gives the report as the reason, which Claude Code shows unchanged: no model sees either.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any

from ctxstore.errors import CtxstoreError, InvalidInput
from ctxstore.integrations.claude_code.slash_arguments import Arguments, split_words
from ctxstore.integrations.hooks.request import SESSION_ID, parse_payload, payload_text, session_context

if TYPE_CHECKING:
    from ctxstore import Repo
    from ctxstore.integrations.hooks.call import OpenRepo

POLICY = "session-backup"
MAX_CHARACTERS = 20_000
"""The limit for arguments and for a report."""

TIMEOUT = 110
"""Seconds for a command. The time limit of the hook is 120 s."""

CtxLine = list[str]
"""The words of a ctx command line."""


def answer_command(payload: bytes, repo: str | None, open_repo: OpenRepo) -> str:
    """Runs the slash command in a payload. Returns the hook's output, or nothing for commands of other plugins."""
    values = parse_payload(payload)
    make_line = COMMANDS.get(payload_text(values, "command_name"))
    if make_line is None:
        return ""
    report = _report(make_line, values, repo, open_repo)
    if len(report) > MAX_CHARACTERS:
        report = f"{report[:MAX_CHARACTERS]}\n… {len(report) - MAX_CHARACTERS:,} more characters"
    return json.dumps({"decision": "block", "reason": report})


def _report(make_line: MakeLine, values: Mapping[str, Any], repo: str | None, open_repo: OpenRepo) -> str:
    store = _Store(repo, open_repo)
    words = split_words(values.get("command_args"), MAX_CHARACTERS)
    try:
        line = make_line(Arguments(words, current_context(values, os.environ), store.find_sessions), store)
    except (CtxstoreError, OSError) as error:
        hint = getattr(error, "hint", None)
        return f"error: {error}" + (f"\nhint: {hint}" if hint else "") + "\nNothing was done."
    return run_ctx(line, repo)


class _Store:
    """The sessions on this machine and in the repository, and the backups of each."""

    def __init__(self, repo: str | None, open_repo: OpenRepo) -> None:
        path = repo or os.environ.get("CTX_REPO")
        self._path = os.path.abspath(path) if path else ""
        self._open_repo = open_repo

    def _open(self) -> closing[Repo]:
        return closing(self._open_repo(self._path))

    def find_sessions(self, start: str) -> Iterator[str]:
        """Yields the contexts whose last part starts with a text: of Claude Code here, and of all in the repository."""
        from ctxstore.sources.claude_code import ClaudeCode

        source = ClaudeCode()
        for home in source.discover(os.environ):
            for context in source.contexts(home, lambda _: None):
                if context.name.rpartition("/")[2].startswith(start):
                    yield context.name
        with self._open() as repo:
            for name, _ in repo.refs():
                if name.rpartition("/")[2].startswith(start):
                    yield name

    def find_backup(self, session: str, start: str) -> str:
        """Returns the id of the session's commit that starts with a text. Raises `InvalidInput` if there is none."""
        with self._open() as repo:
            found = {id.hex() for id, _ in repo.log(session) if id.hex().startswith(start)}
        if len(found) != 1:
            what = "no backup" if not found else "more than one backup"
            raise InvalidInput(f"{start!r} is {what} of {session}", hint="`/session:list-backups` lists them")
        return found.pop()


def current_context(values: Mapping[str, Any], environ: Mapping[str, str]) -> str:
    """Returns the context of the session that sent the payload, or the start of the last part of its name."""
    from ctxstore.sources.claude_code import ClaudeCode

    session = payload_text(values, "session_id")
    if not SESSION_ID.fullmatch(session):
        return ""
    homes = ClaudeCode().discover(environ)
    transcript = payload_text(values, "transcript_path")
    return session_context("claude-code", session, transcript, homes[0].path) if homes else session


def _backup(arguments: Arguments, store: _Store) -> CtxLine:
    session = arguments.take_session(" and no type")
    kind = arguments.take_kind()
    note = arguments.take_note(is_after_kind=kind is not None)
    options = ["--always", "--verify", "--policy", POLICY, "--kind", kind or "incremental"]
    return [
        "snapshot",
        session.partition("/")[0],
        "--session",
        session,
        *options,
        *([f"--note={note}"] if note else []),
    ]


def _recover(arguments: Arguments, store: _Store) -> CtxLine:
    session = arguments.take_session(" and no backup")
    backup = arguments.take_backup()
    arguments.end("/session:recover [session_id] [backup_id]")
    return ["checkout", store.find_backup(session, backup) if backup else session, "--as-new-session", "--yes"]


def _list_backups(arguments: Arguments, store: _Store) -> CtxLine:
    session = arguments.take_session()
    arguments.end("/session:list-backups [session_id]")
    return ["log", session, "-n", "30"]


def _cleanup(arguments: Arguments, store: _Store) -> CtxLine:
    dry = ["--dry-run"] if arguments.take_option("dry-run", "--dry-run") else []
    session = arguments.take_session()
    arguments.end("/session:cleanup [session_id] [dry-run]")
    return ["forget", session, "--policy", POLICY, *dry]


def _log(arguments: Arguments, store: _Store) -> CtxLine:
    revision = arguments.take_revision()
    arguments.end("/ctx:log [REV]")
    return ["log", revision or arguments.take_session(), "-n", "30"]


def _diff(arguments: Arguments, store: _Store) -> CtxLine:
    revisions = [arguments.take_revision(), arguments.take_revision()]
    arguments.end("/ctx:diff [REV] [REV]")
    return ["diff", *(list(filter(None, revisions)) or [arguments.take_session()])]


MakeLine = Callable[[Arguments, _Store], CtxLine]

COMMANDS: dict[str, MakeLine] = {
    "session:backup": _backup,
    "session:recover": _recover,
    "session:list-backups": _list_backups,
    "session:cleanup": _cleanup,
    "ctx:log": _log,
    "ctx:diff": _diff,
}
"""The slash commands by name. Each function makes a ctx command line. Raises `CtxstoreError` for a wrong word."""


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
