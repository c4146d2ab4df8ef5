"""The history of a transcript that continues other files, of the same context or of another one."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from ctxstore.errors import Corrupt, NotFound
from ctxstore.ids import ObjectId
from ctxstore.ops.content.log import iter_history
from ctxstore.ops.content.view import View, engine_of
from ctxstore.sources.lineage import HistoryBase, Inheriting, first_line, id_in_history, limit, trace
from ctxstore.sources.protocol import Message, Source, decoder_of
from ctxstore.trees.entries import FileEntry

_COMMITS = 200
"""The commits of another context in which a file is looked for, the newest first."""


class HistoryFile(NamedTuple):
    """A file of a commit, and the end of the part that a transcript continues; ``None``: all of it."""

    view: View
    key: str
    end: int | None


class TranscriptHistory(NamedTuple):
    """The files that a transcript's messages are in, the oldest first and the transcript last.

    `missing` is the base of the oldest one, if no context has that.
    """

    files: tuple[HistoryFile, ...]
    missing: HistoryBase | None

    @property
    def bases(self) -> list[str]:
        """The files that the transcript continues, for a person: the nearest one first."""
        found = [f"{file.key} in {file.view.ref}" for file in self.files[-2::-1]]
        if self.missing:
            found.append(f"a file that no context here has ({self.missing.file})")
        return found


def find_history(view: View, source: Source, key: str) -> TranscriptHistory:
    """Finds the files that the transcript `key` continues: in its own commit, else in other contexts."""
    missing: HistoryBase | None = None
    views = {view.id: view}

    def base_of(place: tuple[ObjectId, str]) -> tuple[tuple[ObjectId, str], int | None] | None:
        nonlocal missing
        assert isinstance(source, Inheriting)
        own = views[place[0]]
        keys = [path for path, entry in own.files.entries() if isinstance(entry, FileEntry)]
        base = source.base_of(own.commit.ref, place[1], keys, first_line(iter_decoded(source, own, place[1])))
        if base is None:
            return None
        for other in _candidates(view, own, source, base):
            found = source.file_with(base.file, (path for path, _ in other.files.entries()))
            if found is not None and _has(source, other, found, base.end):
                views[other.id] = other
                return (other.id, found), base.end
        missing = base
        return None

    if not isinstance(source, Inheriting):
        return TranscriptHistory((HistoryFile(view, key, None),), None)
    places = trace((view.id, key), base_of)
    return TranscriptHistory(tuple(HistoryFile(views[id], name, end) for (id, name), end in places), missing)


def iter_history_messages(source: Source, history: TranscriptHistory) -> Iterator[Message]:
    """Yields the messages of all files, each marked if it is inherited.

    The first message of a file follows the last one before it. Ids made from positions are made different.
    """
    last: str | None = None
    for number, (view, key, end) in enumerate(history.files, 1):
        before = last
        blocks = limit(iter_decoded(source, view, key), end)
        if number < len(history.files):
            messages = (_inherited(message, number, before) for message in source.messages(blocks))
        else:
            messages = (message._replace(parent=message.parent or before) for message in source.messages(blocks))
        for message in messages:
            last = message.id if message.role != "meta" else last
            yield message


def iter_decoded(source: Source, view: View, key: str) -> Iterator[bytes]:
    """Yields the bytes of a transcript that its messages are cut from."""
    decode = decoder_of(source, key)
    blocks = view.iter_bytes(key)
    return decode(blocks) if decode else blocks


def _inherited(message: Message, number: int, before: str | None) -> Message:
    parent = id_in_history(message.parent, number) if message.parent else before
    return message._replace(id=id_in_history(message.id, number), parent=parent, is_inherited=True)


def _candidates(view: View, own: View, source: Source, base: HistoryBase) -> Iterator[View]:
    """Yields commits that may have the base: the same one, then those of the sessions that it names, then of others."""
    yield own
    named: list[tuple[str, ObjectId]] = []
    others: list[tuple[str, ObjectId]] = []
    engine = engine_of(view)
    for ref, id in engine.refs(engine.root()).iter():
        if ref.startswith(f"{source.name}/") and id != own.id:
            (named if ref.rpartition("/")[2] in base.sessions else others).append((ref, id))
    for ref, id in named:
        yield from _states(view, ref, id)
    for ref, id in others:
        yield from islice(_states(view, ref, id), 1)


def _states(view: View, ref: str, head: ObjectId) -> Iterator[View]:
    """Yields the states of a context that can be read, the newest first."""
    try:
        for id, commit in islice(iter_history(engine_of(view), head), _COMMITS):
            yield View(engine_of(view), ref, id, commit)
    except (Corrupt, NotFound):
        return


def _has(source: Source, view: View, key: str, end: int | None) -> bool:
    """Whether a file has as many bytes."""
    if end is None:
        return True
    if decoder_of(source, key) is None:
        return view.get_file(key).size >= end
    return sum(map(len, limit(iter_decoded(source, view, key), end))) == end
