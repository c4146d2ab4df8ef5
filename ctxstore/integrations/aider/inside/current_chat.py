"""Reads the current chat of aider into JSON values."""

from __future__ import annotations

import json
import os
from typing import Any, NamedTuple

from .problem import CommandProblem


class ChatFile(NamedTuple):
    """A file to save with the chat. `path` is relative inside the project, and absolute outside.

    `access` is ``edit`` or ``read`` for files in the chat. ``kept`` marks a file that is about to be overwritten.
    """

    path: str
    absolute: str
    access: str


def project_folder(coder: Any) -> str:
    """Returns the folder of the git repository, or else the folder in which aider was started."""
    # Without git, aider's own root is the common folder of its files, which changes as files are added.
    return os.path.realpath(coder.repo.root if coder.repo else os.getcwd())


def chat_files(coder: Any) -> list[ChatFile]:
    """Returns the files in the chat, editable ones first."""
    project = project_folder(coder)
    found = [
        ChatFile(relative_to(project, path), path, access)
        for paths, access in ((coder.abs_fnames, "edit"), (coder.abs_read_only_fnames, "read"))
        for path in map(str, paths)
    ]
    return sorted(found, key=lambda file: (file.access, file.path))


def relative_to(project: str, path: str) -> str:
    """Returns a path in the form of a backup: relative inside the project, absolute outside."""
    real = os.path.realpath(path)
    return os.path.relpath(real, project) if real.startswith(os.path.join(project, "")) else real


def chat_messages(coder: Any) -> list[Any]:
    """Returns the messages, those of finished turns first."""
    return [*coder.done_messages, *coder.cur_messages]


def git_of(coder: Any) -> dict[str, str] | None:
    """Returns the branch and commit of the project, or None without git or a commit."""
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


def chat_settings(coder: Any) -> dict[str, Any]:
    """Returns the project, models, edit format and git state of the chat."""
    model = coder.main_model
    names = {"name": model.name, "weak": _name(model.weak_model), "editor": _name(model.editor_model)}
    git = git_of(coder)
    return {"project": project_folder(coder), "model": names, "edit_format": coder.edit_format, "git": git}


def _name(model: Any) -> str | None:
    return getattr(model, "name", None)


def build_request(coder: Any, messages: list[Any], done: int, files: list[ChatFile]) -> dict[str, Any]:
    """Returns the request that saves `messages` and `files`, with the settings of the chat.

    The first `done` of the messages belong to finished turns, the others to the current turn. Raises `CommandProblem`
    for a message that JSON cannot represent.
    """
    for number, message in enumerate(messages, 1):
        try:
            json.dumps(message, allow_nan=False)
        except (TypeError, ValueError, RecursionError) as error:
            raise CommandProblem(
                f"message {number} of {len(messages)} cannot be written as JSON: {error}",
                "`/context_create` saves selected messages",
            ) from None
    return {**chat_settings(coder), "messages": messages, "done": done, "files": [file._asdict() for file in files]}
