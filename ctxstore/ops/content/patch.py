"""The unified diff of one changed file."""

from __future__ import annotations

from collections.abc import Iterator

from ctxstore.history.engine import Engine
from ctxstore.ops.content.diff import FileChange, read_entry
from ctxstore.trees.entries import FileEntry

MAX_PATCH = 16 << 20
"""The largest file that is compared line by line, in bytes."""


def patch(engine: Engine, change: FileChange) -> Iterator[str]:
    """Yields the lines of a unified diff of a changed file, or one line with the reason if there is no diff."""
    import difflib

    sizes = [entry.size for entry in (change.old, change.new) if isinstance(entry, FileEntry)]
    if max(sizes, default=0) > MAX_PATCH:
        yield f"File of {max(sizes):,} bytes is too large to be compared line by line"
        return
    old, new = read_entry(engine, change.old) or b"", read_entry(engine, change.new) or b""
    if b"\0" in old or b"\0" in new:
        yield "Binary files differ"
        return
    before, after = _split_lines(old), _split_lines(new)
    old_name, new_name = (
        f"{side}/{change.path}" if entry is not None else "/dev/null"
        for side, entry in (("a", change.old), ("b", change.new))
    )
    for number, line in enumerate(difflib.unified_diff(before, after, old_name, new_name, lineterm="")):
        yield line.removesuffix("\n")
        if number > 1 and not line.startswith("@@") and not line.endswith("\n"):
            yield "\\ No newline at end of file"


def _split_lines(data: bytes) -> list[str]:
    """Splits data into lines, line ends included. Only ``\\n`` ends a line, so that no difference is lost."""
    *lines, rest = data.decode("utf-8", "surrogateescape").split("\n")
    return [line + "\n" for line in lines] + ([rest] if rest else [])
