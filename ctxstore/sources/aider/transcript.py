"""aider's chat history → messages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ctxstore.sources.aider.history import ASSISTANT, OUTPUT, START, UNKNOWN, USER, Said, iter_said
from ctxstore.sources.protocol import Message, Part

ROLES = {USER: "user", ASSISTANT: "assistant", OUTPUT: "meta", START: "meta", UNKNOWN: "unknown"}


def iter_messages(blocks: Iterable[bytes], offset: int = 0) -> Iterator[Message]:
    """The messages in `blocks`, the first of which starts at `offset`. Their `raw`, joined, is the input.

    An id is the time its session started and its number in that session, so it stays when sessions before are removed.
    """
    parent: str | None = None
    time: str | None = None
    name = ""
    is_part = offset > 0
    for said in iter_said(blocks):
        if said.time != time:
            parent, time = None, said.time
            name = "".join(filter(str.isdigit, time or ""))
        id = f"@{offset}" if is_part and not name else f"{name}.{said.number}"
        model = said.model if said.kind == ASSISTANT else None
        yield Message(id, ROLES[said.kind], _parts(said), said.time, parent, said.raw, offset, model)
        offset += len(said.raw)
        parent = id


def text_of(said: Said) -> str:
    """What a person reads of a piece: without the marks of aider's."""
    raw = said.raw.replace(b"\r\n", b"\n") if b"\r" in said.raw else said.raw
    if said.kind != ASSISTANT:
        mark = b"#### " if said.kind == USER else b"> "
        raw = (b"\n" + raw).replace(b"\n" + mark, b"\n").replace(b"  \n", b"\n")
    return raw.decode("utf-8", "replace").strip()


def _parts(said: Said) -> tuple[Part, ...]:
    text = text_of(said) if said.kind != UNKNOWN else ""
    return (Part("text", text),) if text else ()
