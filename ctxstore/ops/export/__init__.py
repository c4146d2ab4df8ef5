"""The export of a commit as one document that other programs and people can read."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ctxstore.errors import InvalidInput
from ctxstore.ops.content.view import View
from ctxstore.ops.export.aider_backup import iter_aider_backup
from ctxstore.ops.export.document import iter_json, iter_json_lines
from ctxstore.ops.export.markdown import iter_markdown

_WRITERS: dict[str, Callable[[View], Iterator[str]]] = {
    "json": iter_json,
    "jsonl": iter_json_lines,
    "markdown": iter_markdown,
    "aider-backup": iter_aider_backup,
}

FORMATS = tuple(_WRITERS)


def iter_export(view: View, format: str) -> Iterator[bytes]:
    """Yields the export of a commit as blocks of UTF-8.

    Raises `InvalidInput` if the format is unknown or does not fit the commit. Raises `Corrupt` while reading.
    """
    if format not in _WRITERS:
        raise InvalidInput(f"{format!r} is not an export format", hint=f"choose one of {', '.join(FORMATS)}")
    for piece in _WRITERS[format](view):
        # Only Markdown can contain lone surrogates, which UTF-8 cannot encode. People read it, so escapes will do.
        yield piece.encode("utf-8", "backslashreplace")
