"""How Gemini CLI names a session's files, and what the session is called here.

A file is ``session-<time>-<first 8 of the id>.jsonl``, or ``.json`` as older versions wrote it. The context is
``<first 8 of the id>-<time>``: it can be asked for by its id, and stays the same when the file is rewritten as
``.jsonl``. A session that is resumed leaves a second file with the same id and another time.
"""

from __future__ import annotations

import re

PREFIX = "session-"
ENDINGS = (".jsonl", ".json")
_STEM = re.compile(r"session-(.+)-([0-9a-f]{8})")
_NAME = re.compile(r"([0-9a-f]{8})-(.+)")
_PLAIN = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*")


def name_of(stem: str) -> str:
    """What the session is called whose file is named `stem`, without its ending."""
    match = _STEM.fullmatch(stem)
    return part_of(f"{match[2]}-{match[1]}" if match else stem)


def stem_of(name: str) -> str:
    """The name of the session's file without its ending: the reverse of `name_of`."""
    match = _NAME.fullmatch(name)
    return f"session-{match[2]}-{match[1]}" if match else name


def name_in_chats(stem: str, session: str) -> str:
    """The name of a session's file without its ending, for another id; what is named otherwise stays."""
    match = _STEM.fullmatch(stem)
    return f"session-{match[1]}-{short_id(session)}" if match else stem


def short_id(session: str) -> str:
    """What of a session's id is in its file's name."""
    return re.sub(r"[^a-zA-Z0-9_-]", "_", session)[:8]


def part_of(text: str) -> str:
    """A file's name as a part of a context's. What can't be one is set apart by a hash, so none is met twice."""
    if _PLAIN.fullmatch(text):
        return text
    from blake3 import blake3

    plain = re.sub(r"[^A-Za-z0-9_-]", "-", text)
    return f"{plain}.{blake3(text.encode('utf-8', 'surrogateescape')).hexdigest(4)}"
