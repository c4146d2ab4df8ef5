"""The chat as it is now, as values that JSON can hold."""

from __future__ import annotations

import json
import os
from typing import Any, NamedTuple

from .problem import CommandProblem


class InChat(NamedTuple):
    """A file in the chat: below the project by its relative path, elsewhere by its absolute one.

    `access` is ``edit`` or ``read``; ``kept``: not in the chat, but saved with it, because it is to be overwritten.
    """

    path: str
    absolute: str
    access: str


def project_of(coder: Any) -> str:
    """The folder the chat is about: the git repository's, else where aider was started."""
    # Without git, aider's own root is what its files have in common, and moves as files are added.
    return os.path.realpath(coder.repo.root if coder.repo else os.getcwd())


def files_of(coder: Any) -> list[InChat]:
    """The files in the chat, editable ones first."""
    project = project_of(coder)
    found = [
        InChat(relative_to(project, path), path, access)
        for paths, access in ((coder.abs_fnames, "edit"), (coder.abs_read_only_fnames, "read"))
        for path in map(str, paths)
    ]
    return sorted(found, key=lambda file: (file.access, file.path))


def relative_to(project: str, path: str) -> str:
    """A path as a backup has it."""
    real = os.path.realpath(path)
    return os.path.relpath(real, project) if real.startswith(os.path.join(project, "")) else real


def messages_of(coder: Any) -> list[Any]:
    """The messages, those of finished turns first."""
    return [*coder.done_messages, *coder.cur_messages]


def git_of(coder: Any) -> dict[str, str] | None:
    """Branch and commit, if there are any."""
    commit = coder.repo.get_head_commit() if coder.repo else None
    if commit is None:
        return None
    try:
        branch = str(coder.repo.repo.active_branch.name)
    except (TypeError, ValueError):  # a detached HEAD
        branch = ""
    return {
        "branch": branch,
        "commit": str(commit.hexsha),
        "author": str(commit.author),
        "date": commit.committed_datetime.isoformat(),
    }


def describe(coder: Any) -> dict[str, Any]:
    """All but files and messages."""
    model = coder.main_model
    names = {"name": model.name, "weak": _name(model.weak_model), "editor": _name(model.editor_model)}
    git = git_of(coder)
    return {"project": project_of(coder), "model": names, "edit_format": coder.edit_format, "git": git}


def _name(model: Any) -> str | None:
    return getattr(model, "name", None)


def as_request(coder: Any, messages: list[Any], done: int, files: list[InChat]) -> dict[str, Any]:
    """What the store is given to save. Raises `CommandProblem` for a message that JSON can't hold."""
    for number, message in enumerate(messages, 1):
        try:
            json.dumps(message, allow_nan=False)
        except (TypeError, ValueError, RecursionError) as error:
            raise CommandProblem(
                f"message {number} of {len(messages)} can't be written as JSON: {error}",
                "`/context_create` saves those you choose",
            ) from None
    return {**describe(coder), "messages": messages, "done": done, "files": [file._asdict() for file in files]}
