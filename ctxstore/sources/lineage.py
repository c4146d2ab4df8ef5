"""The optional protocol of a source whose transcripts continue other files.

Such a transcript has only its own records. What precedes them are the first bytes of another file: an older one of the
same session, or one of the session that it was forked from.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import NamedTuple, Protocol, TypeVar, runtime_checkable

from ctxstore.sources.protocol import Scanner

P = TypeVar("P", bound=Hashable)

MAX_FILES = 128
"""The most files that one history consists of."""

HEAD_LIMIT = 4 << 20
"""The most bytes of a first record."""


class HistoryBase(NamedTuple):
    """The part of another file that a transcript inherits.

    - `file`: the id of the other file.
    - `end`: the end of the inherited part in its decoded bytes, or None if the transcript inherits all of it.
    - `sessions`: the ids of sessions that may have the file, the likeliest first.
    """

    file: str
    end: int | None
    sessions: tuple[str, ...] = ()


class ContinuedFile(NamedTuple):
    """A file of a home that continues another one, and the context that it is in."""

    context: str
    key: str
    base: HistoryBase


@runtime_checkable
class Inheriting(Protocol):
    """Protocol of a source whose transcripts may continue other files."""

    def base_of(self, context: str, key: str, keys: Iterable[str], head: bytes) -> HistoryBase | None:
        """Returns the base of the file `key`, one of `keys`, by its first bytes. Returns None if the file continues no
        other."""

    def file_with(self, id: str, keys: Iterable[str]) -> str | None:
        """Returns the one of `keys` whose file has this id, or None if there is none."""

    def is_history(self, key: str) -> bool:
        """Whether the file may be part of a history."""

    def list_files(self, home: str) -> list[str]:
        """Returns the keys of the files of a home that may be part of a history."""

    def iter_bases(self, home: str) -> Iterator[ContinuedFile]:
        """Yields the base of each file of a home that continues another one."""

    def history_scanner(self, home: str, context: str, key: str) -> Scanner:
        """Returns a scanner of the whole transcript `key` of a home, whose result covers what it inherits too."""


def trace(start: P, base_of: Callable[[P], tuple[P, int | None] | None]) -> list[tuple[P, int | None]]:
    """Returns the files of a transcript's history, the oldest one first, each with the end of the part that belongs to
    the history.

    The last file is the transcript itself. A circle, or more than `MAX_FILES`, ends the history there.
    """
    found: list[tuple[P, int | None]] = [(start, None)]
    seen = {start}
    while len(found) < MAX_FILES:
        base = base_of(found[-1][0])
        if base is None or base[0] in seen:
            break
        seen.add(base[0])
        found.append(base)
    return found[::-1]


def first_line(blocks: Iterable[bytes]) -> bytes:
    """Returns the first line of a file, cut at `HEAD_LIMIT`."""
    head = bytearray()
    for block in blocks:
        head += block
        if b"\n" in block or len(head) >= HEAD_LIMIT:
            break
    return bytes(head[:HEAD_LIMIT].partition(b"\n")[0])


def limit(blocks: Iterable[bytes], end: int | None) -> Iterator[bytes]:
    """Yields the bytes before `end`."""
    for block in blocks:
        if end is None:
            yield block
            continue
        if end <= 0:
            return
        yield block[:end]
        end -= len(block)


def id_in_history(id: str, number: int) -> str:
    """Returns the id of a message of the file `number` in a history. An id made from a position gets the number of the
    file."""
    return f"{number}{id}" if id.startswith("@") else id


def id_in_file(id: str, number: int) -> str:
    """Inverts `id_in_history`: returns the id of a message in its own file."""
    return id.removeprefix(str(number)) if id.startswith(f"{number}@") else id
