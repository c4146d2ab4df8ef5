"""Answers requests from inside aider: one JSON request on stdin, one JSON answer on stdout.

Run as ``python -P -m ctxstore.integrations.aider.bridge``. Both sides come from the same installation, so the protocol
needs no version.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from ctxstore.errors import AlreadyExists, CtxstoreError, InvalidInput, NotFound

if TYPE_CHECKING:
    from ctxstore import Repo, View

PREFIX = "aider-chat"
"""The first part of the names of chats saved by these commands. Names from the source `aider` start with ``aider``."""

LISTED = 30
"""The number of commits in a list."""


def main() -> int:
    """Answers the request on stdin."""
    try:
        answer = _answer(json.loads(sys.stdin.buffer.read()))
    except CtxstoreError as error:
        answer = _failure(error.message, error.hint)
    except OSError as error:
        named = f"{os.fsdecode(error.filename)}: " if error.filename else ""
        answer = _failure(f"{named}{error.strerror or error}", "")
    except Exception as error:
        answer = _failure(f"a bug in ctx: {type(error).__name__}: {error}", "report it; the repository is undamaged")
    sys.stdout.write(json.dumps(answer))
    return 0


def _failure(message: str, hint: str) -> dict[str, Any]:
    return {"error": {"message": message[:2000], "hint": hint}}


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    actions: dict[str, Callable[[Repo, dict[str, Any]], dict[str, Any]]] = {
        "save": commit_chat,
        "list": list_commits,
        "load": export_chat,
    }
    with _open(request["repo"], creates=request["makes"]) as repo:
        return actions[request["do"]](repo, request)


def _open(path: str, *, creates: bool) -> Repo:
    """Opens the repository. With `creates`, a missing one is created."""
    import ctxstore

    if creates and not ctxstore.exists(path):
        os.makedirs(path, mode=0o700, exist_ok=True)
        try:
            return ctxstore.init(path)
        except AlreadyExists:
            pass  # created by another process meanwhile, or not a repository: opening it reports which
    return ctxstore.open(path)


def context_prefix(project: str) -> str:
    """Returns the start of the names of a project's contexts."""
    from ctxstore.sources.context_names import path_part

    return f"{PREFIX}/{path_part(project)}/"


def commit_chat(repo: Repo, request: dict[str, Any]) -> dict[str, Any]:
    """Commits a chat, and also writes a file if requested. The commit is kept even if the file fails."""
    from ctxstore.integrations.aider.save_chat import save_chat

    chat = request["chat"]
    ref = context_prefix(chat["project"]) + request["name"]
    saved = save_chat(repo, ref, chat, is_new=request.get("new", False))
    answer = {
        "name": request["name"],
        "commit": saved.commit.hex(),
        "messages": len(chat["messages"]),
        "files": saved.files,
        "unreadable": saved.unreadable,
        "file": None,
        "failed": None,
    }
    if chat.get("folder"):
        from ctxstore.integrations.aider.backup_file import write_backup_file

        try:
            blocks = repo.export(repo.view(saved.commit.hex()), "aider-backup")
            file = write_backup_file(chat["project"], chat["folder"], chat["stem"], blocks)
            answer["file"] = os.path.relpath(file, chat["project"])
        except CtxstoreError as error:
            answer["failed"] = {"message": error.message, "hint": error.hint}
    return answer


def list_commits(repo: Repo, request: dict[str, Any]) -> dict[str, Any]:
    """Lists the newest commits of a project's chats, newest first."""
    commits = sorted(_iter_commits(repo, context_prefix(request["project"])), key=lambda each: -each["time_ns"])
    return {"commits": commits[:LISTED]}


def _iter_commits(repo: Repo, prefix: str) -> Iterator[dict[str, Any]]:
    from itertools import islice

    names = [name for name, _ in repo.refs(prefix) if name.startswith(prefix)]
    for name in names:
        for age, stored in enumerate(islice(repo.log(name), LISTED)):
            summary = stored.commit.summary
            yield {
                "name": name.removeprefix(prefix) + (f"~{age}" if age else ""),
                "commit": stored.id.hex(),
                "time_ns": stored.commit.time,
                "messages": summary.messages,
                "files": summary.files,
                "model": summary.model,
            }


def export_chat(repo: Repo, request: dict[str, Any]) -> dict[str, Any]:
    """Returns a saved chat in the format of ``ctx export --format aider-backup``."""
    view = _find(repo, context_prefix(request["project"]), request["rev"])
    value = json.loads(b"".join(repo.export(view, "aider-backup")))
    assert isinstance(value, dict)
    return value


def _find(repo: Repo, prefix: str, rev: str) -> View:
    """Finds a revision by a name within the project, or by any revision that `ctx` accepts."""
    for name in (prefix + rev, rev):
        try:
            return repo.view(name)
        except (NotFound, InvalidInput) as error:
            failed = error
    raise type(failed)(f"no backup is called {rev!r}", hint="`/context_load` lists the backups") from failed


if __name__ == "__main__":
    sys.exit(main())
