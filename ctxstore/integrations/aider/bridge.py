"""What aider's side asks ctxstore for: one JSON request on stdin, one JSON answer on stdout.

Run as ``python -P -m ctxstore.integrations.aider.bridge``. Between two versions of ctxstore nothing has to fit: both
sides are from one installation.
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
"""The first part of the names of all chats saved here; what the source `aider` finds on disk is below ``aider``."""

LISTED = 30


def main() -> int:
    """Answer the request on stdin."""
    try:
        answer = _answer(json.loads(sys.stdin.buffer.read()))
    except CtxstoreError as error:
        answer = _failure(error.message, error.hint)
    except OSError as error:
        named = f"{os.fsdecode(error.filename)}: " if error.filename else ""
        answer = _failure(f"{named}{error.strerror or error}", "")
    except Exception as error:
        answer = _failure(
            f"this is a bug in ctx: {type(error).__name__}: {error}", "report it; the repository is unharmed"
        )
    sys.stdout.write(json.dumps(answer))
    return 0


def _failure(message: str, hint: str) -> dict[str, Any]:
    return {"error": {"message": message[:2000], "hint": hint}}


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    does: dict[str, Callable[[Repo, dict[str, Any]], dict[str, Any]]] = {"save": save, "list": list_, "load": load}
    with _open(request["repo"], makes=request["makes"]) as repo:
        return does[request["do"]](repo, request)


def _open(path: str, *, makes: bool) -> Repo:
    """The repository; the user's own is made when it is first needed."""
    import ctxstore

    if makes and not os.path.exists(os.path.join(path, "root")):
        os.makedirs(path, mode=0o700, exist_ok=True)
        try:
            return ctxstore.init(path)
        except AlreadyExists:
            pass  # another process made it at this moment, or it is no repository: opening tells
    return ctxstore.open(path)


def contexts_of(project: str) -> str:
    """What the names of a project's chats begin with."""
    from ctxstore.sources.context_names import path_part

    return f"{PREFIX}/{path_part(project)}/"


def save(repo: Repo, request: dict[str, Any]) -> dict[str, Any]:
    """A chat as a commit, and on request as a file too: a commit that was made stays, even if the file fails."""
    from ctxstore.integrations.aider.save_chat import save_chat

    chat = request["chat"]
    ref = contexts_of(chat["project"]) + request["name"]
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
        from ctxstore.integrations.aider.backup_file import write_new

        try:
            blocks = repo.export(repo.view(saved.commit.hex()), "aider-backup")
            file = write_new(chat["project"], chat["folder"], chat["stem"], blocks)
            answer["file"] = os.path.relpath(file, chat["project"])
        except CtxstoreError as error:
            answer["failed"] = {"message": error.message, "hint": error.hint}
    return answer


def list_(repo: Repo, request: dict[str, Any]) -> dict[str, Any]:
    """The newest commits of a project's chats, newest first."""
    commits = sorted(_iter_commits(repo, contexts_of(request["project"])), key=lambda each: -each["time_ns"])
    return {"commits": commits[:LISTED]}


def _iter_commits(repo: Repo, start: str) -> Iterator[dict[str, Any]]:
    from itertools import islice

    names = [name for name, _ in repo.refs(start) if name.startswith(start)]
    for name in names:
        for age, stored in enumerate(islice(repo.log(name), LISTED)):
            summary = stored.commit.summary
            yield {
                "name": name.removeprefix(start) + (f"~{age}" if age else ""),
                "commit": stored.id.hex(),
                "time_ns": stored.commit.time,
                "messages": summary.messages,
                "files": summary.files,
                "model": summary.model,
            }


def load(repo: Repo, request: dict[str, Any]) -> dict[str, Any]:
    """A saved chat, as ``ctx export --format aider-backup`` has it."""
    view = _find(repo, contexts_of(request["project"]), request["rev"])
    value = json.loads(b"".join(repo.export(view, "aider-backup")))
    assert isinstance(value, dict)
    return value


def _find(repo: Repo, start: str, rev: str) -> View:
    """A revision by the name a chat has in its project, or as `ctx` knows it."""
    for name in (start + rev, rev):
        try:
            return repo.view(name)
        except (NotFound, InvalidInput) as error:
            failed = error
    hint = "`/context_load` lists what there is"
    raise type(failed)(f"no backup is called {rev!r}", hint=hint) from failed


if __name__ == "__main__":
    sys.exit(main())
