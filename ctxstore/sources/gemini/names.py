"""The names of sessions: of their files, and of their contexts.

A file is ``session-<time>-<first 8 characters of the id>.jsonl``, or ``.json`` in older versions. Its context is
``<first 8 characters of the id>-<time>``. So the id finds it, and it stays the same when Gemini CLI rewrites the file
as ``.jsonl``. A resumed session leaves a second file with the same id and another time.
"""

from __future__ import annotations

import re

from ctxstore.sources.context_names import hash_of, plain

PREFIX = "session-"
ENDINGS = (".jsonl", ".json")
_STEM = re.compile(r"session-(.+)-([0-9a-f]{8})")
_NAME = re.compile(r"([0-9a-f]{8})-(.+)")
_PLAIN = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*")


def name_of(stem: str) -> str:
    """Returns the last part of a context's name for the session's file `stem`, without its ending."""
    match = _STEM.fullmatch(stem)
    return part_of(f"{match[2]}-{match[1]}" if match else stem)


def stem_of(name: str) -> str:
    """Returns the name of a session's file, without its ending: the reverse of `name_of`."""
    match = _NAME.fullmatch(name)
    return f"session-{match[2]}-{match[1]}" if match else name


def name_in_chats(stem: str, session: str) -> str:
    """Returns the name of a session's file for another id, without its ending. Other names stay."""
    match = _STEM.fullmatch(stem)
    return f"session-{match[1]}-{short_id(session)}" if match else stem


def short_id(session: str) -> str:
    """Returns the part of a session's id that its file's name contains."""
    return re.sub(r"[^a-zA-Z0-9_-]", "_", session)[:8]


def part_of(text: str) -> str:
    """Returns a file's name as a part of a context's name, different for each name.

    A name with other characters than the allowed ones ends in a hash.
    """
    if _PLAIN.fullmatch(text):
        return text
    return f"{plain(text, '_-')}.{hash_of(text.encode('utf-8', 'surrogateescape'))}"
