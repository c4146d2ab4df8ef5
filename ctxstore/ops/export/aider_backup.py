"""The export of a saved aider chat in the JSON format of aider's backup commands: see docs/aider.md.

The first four fields are the format that extn_aider writes and reads. Fields that it does not know follow them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ctxstore.errors import InvalidInput
from ctxstore.ops.content.view import View
from ctxstore.ops.export.values import Array, Object, content_field, encode, iso_time
from ctxstore.sources.aider.saved_chat import DONE, EDIT_FORMAT, FILES, GIT, MODEL, PROJECT, file_key
from ctxstore.trees.entries import FileEntry

FORMAT = "aider-backup"
VERSION = 1


def is_backup(view: View) -> bool:
    """Whether a commit is a saved aider chat."""
    if not view.is_native or not isinstance(view.memories.get(DONE), int):
        return False
    files = view.memories.get(FILES)
    return isinstance(files, list) and all(
        isinstance(file, dict) and isinstance(file.get("path"), str) and "access" in file for file in files
    )


def iter_aider_backup(view: View) -> Iterator[str]:
    """Yields the backup as the text of one JSON object. Raises `InvalidInput` if the commit is not a saved chat."""
    if not is_backup(view):
        raise InvalidInput(
            f"{view.ref} is not a chat saved from aider",
            hint="save one with /context_backup in `ctx aider`; see docs/aider.md",
        )
    yield from encode(Object(_fields(view)))
    yield "\n"


def _fields(view: View) -> Iterator[tuple[str, Any]]:
    memories: dict[str, Any] = dict(view.memories)
    model_memory, files = memories.get(MODEL), memories[FILES]
    model = model_memory if isinstance(model_memory, dict) else {}
    yield "timestamp", iso_time(view.commit.time)
    yield "model", model.get("name")
    yield "files", [file["path"] for file in files if file["access"] == "edit"]
    yield "messages", Array(view.messages)
    yield "done", memories[DONE]
    yield "read_only", [file["path"] for file in files if file["access"] == "read"]
    yield "edit_format", memories.get(EDIT_FORMAT)
    yield "weak_model", model.get("weak")
    yield "editor_model", model.get("editor")
    yield "git", memories.get(GIT)
    yield "project", memories.get(PROJECT)
    yield "contents", Object(_contents(view, [file["path"] for file in files]))
    yield "context", view.ref
    yield "commit", view.id.hex()
    yield "format", FORMAT
    yield "version", VERSION


def _contents(view: View, paths: list[str]) -> Iterator[tuple[str, Any]]:
    for path in paths:
        key = file_key(path)
        entry = view.files.get(key)
        if isinstance(entry, FileEntry):
            yield path, Object(_content(view, key, entry))


def _content(view: View, key: str, entry: FileEntry) -> Iterator[tuple[str, Any]]:
    yield "size", entry.size
    yield "mode", f"{entry.mode:04o}"
    yield content_field(lambda: view.iter_bytes(key))
