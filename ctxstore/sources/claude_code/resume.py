"""What changes for Claude Code to go on from a session: under another id, in another folder, from an earlier message.

It finds a session by its transcript's name, in the folder named after the project's path, and goes by what each
record says of its session and folder. Nothing else is changed: what was said stays as it was said.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ctxstore.errors import InvalidInput, NotFound
from ctxstore.sources.claude_code.layout import MEMORY, transcript_key
from ctxstore.sources.claude_code.project import encode_project
from ctxstore.sources.claude_code.transcript import iter_messages
from ctxstore.sources.jsonl.edit import Fields, edit_line
from ctxstore.sources.resumable import ContextChange, FileEdit, RestoreFile, StoredContext

_RESTART = '{"parentUuid":'


def restore_layout(stored: StoredContext, change: ContextChange) -> Sequence[RestoreFile]:
    """The files of a session, or of a project's memories, as Claude Code looks for them after `change`."""
    transcript = transcript_key(stored.context)
    if change.is_empty:
        return [RestoreFile(key, key) for key in stored.keys]
    if change.session or change.until:
        _require_session(stored, transcript)
    if change.until:
        _require_message(stored, transcript or "", change.until)
    keys = [key for key in stored.keys if not (change.session and _is_loose(key))]
    laid = [_lay(stored, key, change, is_transcript=key == transcript) for key in keys]
    return sorted(laid, key=lambda each: each.key)


def _require_session(stored: StoredContext, transcript: str | None) -> None:
    if transcript is None or transcript not in stored.keys:
        raise InvalidInput(f"{stored.context} has no transcript, so it can't be made a session of its own")
    if _is_loose(transcript):
        raise InvalidInput(f"{stored.context} is what a subagent did, so it can't be made a session of its own")


def context_of(stored: StoredContext, change: ContextChange) -> str:
    """The session's name, or that of the memories, after `change`."""
    parts = stored.context.split("/")
    if len(parts) != 3:
        return stored.context
    old, session = _session_of(stored), parts[2]
    if change.session and session == old:
        session = change.session
    return "/".join((parts[0], _project(parts[1], stored.project, change), session))


def _session_of(stored: StoredContext) -> str:
    """The session's id; of what is no session none."""
    session = stored.context.split("/")[-1]
    return "" if session.partition(".")[0] in (MEMORY, "home") else session


def _is_loose(key: str) -> bool:
    """Whether it is a subagent's transcript as old versions kept it, beside the sessions: its name is an id of its own,
    which only the original can have."""
    parts = key.split("/")
    return len(parts) == 3 and parts[0] == "projects" and parts[2].startswith("agent-")


def _lay(stored: StoredContext, key: str, change: ContextChange, *, is_transcript: bool) -> RestoreFile:
    edit: FileEdit | None = None
    if is_transcript:
        edit = _edit(_fields(stored, change), change.until)
    elif key.endswith(".jsonl") and key.startswith("projects/"):
        edit = _edit(_fields(stored, change), "")
    return RestoreFile(_place(stored, key, change), key, edit, is_new=bool(change.session))


def _place(stored: StoredContext, key: str, change: ContextChange) -> str:
    """Where a file goes: ``projects/<project>/<session>…``, ``todos/<session>-agent-<session>.json`` and the like."""
    parts = key.split("/")
    if parts[0] == "projects" and len(parts) > 1:
        parts[1] = _project(parts[1], stored.project, change)
    old = _session_of(stored)
    at = 2 if parts[0] == "projects" else 1
    if change.session and old and len(parts) > at:
        name = parts[at]
        if name.partition(".")[0] == old or name.startswith(f"{old}-agent-"):
            parts[at] = name.replace(old, change.session)
    return "/".join(parts)


def _project(folder: str, project: str | None, change: ContextChange) -> str:
    if project and encode_project(project) == folder:
        return encode_project(change.path(project))
    # The folder it worked in first is not known, or not the project's: the name itself is what there is.
    for old, new in sorted(change.paths, key=lambda pair: -len(pair[0])):
        prefix = encode_project(old)
        if folder == prefix or folder.startswith(prefix + "-"):
            return encode_project(new) + folder[len(prefix) :]
    return folder


def _fields(stored: StoredContext, change: ContextChange) -> Fields:
    old = _session_of(stored)
    return {"sessionId": lambda id: change.session if change.session and id == old else id, "cwd": change.path}


def _edit(fields: Fields, until: str) -> FileEdit:
    def edit(blocks: Iterator[bytes]) -> Iterator[bytes]:
        for message in iter_messages(blocks):
            yield edit_line(message.raw, fields, _RESTART)
            if until and message.id == until:
                return

    return edit


def _require_message(stored: StoredContext, transcript: str, id: str) -> None:
    if not any(message.id == id for message in iter_messages(stored.read(transcript))):
        raise NotFound(f"{stored.context} has no message {id!r}", hint=f"`ctx show {stored.context} --json` lists them")
