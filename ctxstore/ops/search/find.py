"""Queries of the index: the messages that match, and the commits that contain them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from ctxstore.errors import InvalidInput
from ctxstore.history.engine import Engine
from ctxstore.history.refs import decode_name, matches
from ctxstore.ids import ObjectId
from ctxstore.ops.search.index_writer import ROLES
from ctxstore.ops.search.lineages import IndexedCommit, Lineages
from ctxstore.ops.search.query import Query, match_expression
from ctxstore.ops.search.read_hits import HitReader, MessageAddress
from ctxstore.ops.search.snippet import Snippet, make_snippet
from ctxstore.ops.search.tokens import searched_text
from ctxstore.sources.protocol import Message

if TYPE_CHECKING:
    import sqlite3

_FIRST_PAGE = 64
"""The rows of the first page. Each further page has four times as many."""


_HELD = (
    "SELECT line, first, last, place, length, files.path FROM held LEFT JOIN files ON files.id = held.file "
    "WHERE message = ?"
)

_MAX_COPIES = 256
"""The hits of one second that are compared with each other to find copies."""


class SearchFilters(NamedTuple):
    """The conditions on a message in addition to the query. An empty str or tuple, or None, accepts any message.

    `since` and `until` are in UTC nanoseconds and compared by the second.
    """

    agent: str = ""
    project: str = ""
    context: str = ""
    roles: tuple[str, ...] = ()
    since: int | None = None
    until: int | None = None


class CommitTime(NamedTuple):
    """The id of a commit and its time in UTC nanoseconds."""

    id: ObjectId
    time: int


class HoldingContext(NamedTuple):
    """A context whose history contains a message: the first and the last commit with it, and the number of commits.

    `is_current` is True if the head contains the message. Otherwise it was rewound or compacted away.
    """

    ref: str
    first: CommitTime
    last: CommitTime
    commits: int
    is_current: bool


class SearchHit(NamedTuple):
    """A message that was found, and the contexts that contain it.

    `time` is when the message was written, or when it was saved if the message has no time. UTC nanoseconds. `file` is
    the path of the subagent's transcript that contains it; empty: the context's own transcript.
    """

    message: Message
    time: int
    snippet: Snippet
    holders: tuple[HoldingContext, ...]
    file: str = ""


class _Context(NamedTuple):
    """A context and the position of its head."""

    name: str
    lineage: int
    position: int


class _Row(NamedTuple):
    """A message that matches in the index, and its time in seconds."""

    message: int
    time: int


class Finder:
    """Answers queries from an index. `unreadable` counts the matches that could not be read from the repository."""

    def __init__(self, engine: Engine, database: sqlite3.Connection) -> None:
        self._db = database
        self._lineages = Lineages(database)
        self._reader = HitReader(engine)
        self.unreadable = 0

    def find(self, query: Query, filters: SearchFilters, number: int) -> tuple[list[SearchHit], bool]:
        """Returns the newest `number` hits (0: all), newest first, and whether there are more."""
        hits: list[SearchHit] = []
        for hit in self._iter_distinct_hits(query, filters):
            if number and len(hits) == number:
                return hits, True
            hits.append(hit)
        return hits, False

    def _iter_distinct_hits(self, query: Query, filters: SearchFilters) -> Iterator[SearchHit]:
        """Yields the hits, newest first, with copies of a message merged into one hit.

        A message that was copied with its session has the same id, role, time and snippet in each copy.
        """
        copies: dict[tuple[str, str, str], SearchHit] = {}
        time = None
        for hit in self._iter_hits(query, filters):
            if hit.time != time or len(copies) >= _MAX_COPIES:
                yield from copies.values()
                copies, time = {}, hit.time
            key = (hit.message.id, hit.message.role, hit.snippet.text)
            copies[key] = _merge_copies(copies[key], hit) if key in copies else hit
        yield from copies.values()

    def _iter_hits(self, query: Query, filters: SearchFilters) -> Iterator[SearchHit]:
        for row in self._iter_rows(query, filters):
            hit = self._read_hit(query, filters, row)
            if hit is not None:
                yield hit

    def _contexts(self, filters: SearchFilters, lineage: int | None = None) -> list[_Context]:
        """Returns the contexts that match the filters, of all lineages or of one."""
        sql = "SELECT name, line, position, agent, project FROM contexts WHERE line IS NOT NULL"
        rows = self._db.execute(sql + " AND line = ?", (lineage,)) if lineage is not None else self._db.execute(sql)
        agent = filters.agent.lower()
        contexts = [
            _Context(decode_name(name), line, position)
            for name, line, position, of_agent, project in rows
            if agent in of_agent.lower() and matches(project, filters.project)
        ]
        return [context for context in contexts if matches(context.name, filters.context)]

    def _iter_rows(self, query: Query, filters: SearchFilters) -> Iterator[_Row]:
        """Yields the messages that match, newest first, reading a page at a time."""
        conditions, values = _conditions(filters)
        if filters.agent or filters.project or filters.context:
            self._db.execute("CREATE TEMP TABLE IF NOT EXISTS selected (line INTEGER PRIMARY KEY)")
            self._db.execute("DELETE FROM selected")
            lineages = {context.lineage for context in self._contexts(filters)}
            self._db.executemany("INSERT INTO selected VALUES (?)", [(lineage,) for lineage in lineages])
            conditions.append("EXISTS (SELECT 1 FROM held JOIN selected USING (line) WHERE message = m.id)")
        sql = (
            "SELECT m.id, m.time FROM words JOIN messages m ON m.text = words.rowid WHERE "
            + " AND ".join(["words MATCH ?", *conditions])
            + " ORDER BY m.time DESC, m.id DESC LIMIT ? OFFSET ?"
        )
        size, offset = _FIRST_PAGE, 0
        while True:
            rows = self._read_page(sql, (match_expression(query), *values, size, offset))
            yield from (_Row(int(message), int(time)) for message, time in rows)
            if len(rows) < size:
                return
            size, offset = size * 4, offset + size

    def _read_page(self, sql: str, values: Sequence[Any]) -> list[tuple[int, int]]:
        """Runs a query. Raises `InvalidInput` if FTS5 cannot evaluate the expression."""
        import sqlite3

        try:
            return self._db.execute(sql, values).fetchall()
        except sqlite3.OperationalError as error:
            if "fts5" in str(error):
                raise InvalidInput("SQLite cannot search for this query", hint="use fewer or longer words") from error
            raise

    def _read_hit(self, query: Query, filters: SearchFilters, row: _Row) -> SearchHit | None:
        """Reads a matching message from the repository, and finds the contexts that contain it.

        Returns None if no context that matches the filters contains the message in a commit that is not forgotten.
        Returns None also if the message cannot be read, and counts it.
        """
        id, time = row
        rows = self._db.execute(_HELD, (id,)).fetchall()
        holders: dict[str, HoldingContext] = {}
        commits: list[ObjectId] = []
        address: MessageAddress | None = None
        (hash,) = self._db.execute("SELECT hash FROM messages WHERE id = ?", (id,)).fetchone()
        for lineage, first, last, offset, length, path in rows:
            for context in self._contexts(filters, lineage):
                stop = context.position if last is None else min(last, context.position)
                commit_range = self._lineages.find_range(context.lineage, first, stop)
                if commit_range is None:
                    continue
                oldest, newest, number = commit_range
                address = address or MessageAddress(hash, offset, length, decode_name(path or b""))
                commits += [newest.id, oldest.id]
                is_current = last is None or last >= context.position
                holder = HoldingContext(context.name, _commit_time(oldest), _commit_time(newest), number, is_current)
                holders[context.name] = _merge_ranges(holders.get(context.name), holder)
        if address is None:
            return None
        message = self._reader.find(address, dict.fromkeys(commits))
        if message is None:
            self.unreadable += 1
            return None
        snippet = make_snippet(searched_text(message), query.terms)
        contexts = tuple(holders[name] for name in sorted(holders))
        return SearchHit(message, time * 1_000_000_000, snippet, contexts, address.path)


def _conditions(filters: SearchFilters) -> tuple[list[str], list[Any]]:
    """Translates the filters on roles and times to SQL conditions and their values."""
    conditions: list[str] = []
    values: list[Any] = []
    if filters.roles:
        conditions.append(f"m.role IN ({', '.join('?' * len(filters.roles))})")
        values += map(ROLES.index, filters.roles)
    if filters.since is not None:
        conditions.append("m.time >= ?")
        values.append(_seconds(filters.since))
    if filters.until is not None:
        conditions.append("m.time <= ?")
        values.append(_seconds(filters.until))
    return conditions, values


def _seconds(ns: int) -> int:
    """Converts nanoseconds to seconds, limited to the range of SQLite's integers."""
    return max(-1 << 62, min(ns // 1_000_000_000, 1 << 62))


def _commit_time(commit: IndexedCommit) -> CommitTime:
    return CommitTime(commit.id, commit.time)


def _merge_ranges(one: HoldingContext | None, other: HoldingContext) -> HoldingContext:
    """Merges two ranges of commits of one context. A context that lost a message and got it back has two ranges."""
    if one is None:
        return other
    first = min(one.first, other.first, key=lambda commit: commit.time)
    newer = other if other.is_current or (other.last.time > one.last.time and not one.is_current) else one
    return newer._replace(first=first, commits=one.commits + other.commits)


def _merge_copies(one: SearchHit, other: SearchHit) -> SearchHit:
    """Merges two copies of a message into one hit with the contexts of both."""
    holders = {holder.ref: holder for holder in (*other.holders, *one.holders)}
    return one._replace(holders=tuple(holders[ref] for ref in sorted(holders)))
