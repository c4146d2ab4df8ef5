"""Asking the index: which messages match, and which commits hold them."""

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
"""Rows that are asked for first; each further time, four times as many."""


_MOST_AT_ONCE = 256
"""Hits of one second that are looked through for copies."""


class SearchFilters(NamedTuple):
    """What a message has to be like besides; ``""``: anything. `since` and `until`: ns, compared by the second."""

    agent: str = ""
    project: str = ""
    context: str = ""
    roles: tuple[str, ...] = ()
    since: int | None = None
    until: int | None = None


class CommitTime(NamedTuple):
    """A commit, and its time (UTC ns)."""

    id: ObjectId
    time: int


class HoldingContext(NamedTuple):
    """A context that has the message: the first and last commit of its history that hold it, how many do.

    `is_current`: its newest commit is one of them. Else the message was rewound or compacted away.
    """

    ref: str
    first: CommitTime
    last: CommitTime
    commits: int
    is_current: bool


class SearchHit(NamedTuple):
    """A message that was found. `time` in ns: when it was written, or saved if it does not say so."""

    message: Message
    time: int
    snippet: Snippet
    holders: tuple[HoldingContext, ...]


class _Context(NamedTuple):
    name: str
    line: int
    position: int


class Finder:
    """Answers queries from an index."""

    def __init__(self, engine: Engine, database: sqlite3.Connection) -> None:
        self._db = database
        self._lines = Lineages(database)
        self._locator = HitReader(engine)
        self.unreadable = 0

    def find(self, query: Query, filters: SearchFilters, number: int) -> tuple[list[SearchHit], bool]:
        """The newest `number` hits (0: all), newest first, and whether there are more."""
        hits: list[SearchHit] = []
        for hit in self._hits(query, filters):
            if number and len(hits) == number:
                return hits, True
            hits.append(hit)
        return hits, False

    def _hits(self, query: Query, filters: SearchFilters) -> Iterator[SearchHit]:
        """A message that was copied with its session is one hit, whatever the copies say of their sessions."""
        copies: dict[tuple[str, str, str], SearchHit] = {}
        time = None
        for hit in self._each(query, filters):
            if hit.time != time or len(copies) >= _MOST_AT_ONCE:
                yield from copies.values()
                copies, time = {}, hit.time
            key = (hit.message.id, hit.message.role, hit.snippet.text)
            copies[key] = _merged(copies[key], hit) if key in copies else hit
        yield from copies.values()

    def _each(self, query: Query, filters: SearchFilters) -> Iterator[SearchHit]:
        for id, time in self._rows(query, filters):
            hit = self._hit(query, filters, (id, time))
            if hit is not None:
                yield hit

    def _contexts(self, filters: SearchFilters, line: int | None = None) -> list[_Context]:
        """The contexts that are asked for, or those of one line."""
        sql = "SELECT name, line, position, agent, project FROM contexts WHERE line IS NOT NULL"
        rows = self._db.execute(sql + " AND line = ?", (line,)) if line is not None else self._db.execute(sql)
        agent = filters.agent.lower()
        found = [
            _Context(decode_name(name), line, position)
            for name, line, position, of_agent, project in rows
            if agent in of_agent.lower() and matches(project, filters.project)
        ]
        return [context for context in found if matches(context.name, filters.context)]

    def _rows(self, query: Query, filters: SearchFilters) -> Iterator[tuple[int, int]]:
        """(message, time in s) of what matches, newest first, a page at a time."""
        conditions, values = _conditions(filters)
        if filters.agent or filters.project or filters.context:
            self._db.execute("CREATE TEMP TABLE IF NOT EXISTS asked (line INTEGER PRIMARY KEY)")
            self._db.execute("DELETE FROM asked")
            lines = {context.line for context in self._contexts(filters)}
            self._db.executemany("INSERT INTO asked VALUES (?)", [(line,) for line in lines])
            conditions.append("EXISTS (SELECT 1 FROM held JOIN asked USING (line) WHERE message = m.id)")
        sql = (
            "SELECT m.id, m.time FROM words JOIN messages m ON m.text = words.rowid WHERE "
            + " AND ".join(["words MATCH ?", *conditions])
            + " ORDER BY m.time DESC, m.id DESC LIMIT ? OFFSET ?"
        )
        size, offset = _FIRST_PAGE, 0
        while True:
            rows = self._page(sql, (match_expression(query), *values, size, offset))
            yield from rows
            if len(rows) < size:
                return
            size, offset = size * 4, offset + size

    def _page(self, sql: str, values: Sequence[Any]) -> list[tuple[int, int]]:
        import sqlite3

        try:
            return self._db.execute(sql, values).fetchall()
        except sqlite3.OperationalError as error:
            if "fts5" in str(error):
                raise InvalidInput("the query can't be looked for", hint="use fewer words, or longer ones") from error
            raise

    def _hit(self, query: Query, filters: SearchFilters, row: tuple[int, int]) -> SearchHit | None:
        id, time = map(int, row)
        rows = self._db.execute("SELECT line, first, last, place, length FROM held WHERE message = ?", (id,)).fetchall()
        holders: dict[str, HoldingContext] = {}
        commits: list[ObjectId] = []
        address: MessageAddress | None = None
        (hash,) = self._db.execute("SELECT hash FROM messages WHERE id = ?", (id,)).fetchone()
        for line, first, last, place, length in rows:
            for context in self._contexts(filters, line):
                stop = context.position if last is None else min(last, context.position)
                holding = self._lines.holding(context.line, first, stop)
                if holding is None:
                    continue
                oldest, newest, number = holding
                address = address or MessageAddress(hash, place, length)
                commits += [newest.id, oldest.id]
                is_current = last is None or last >= context.position
                holder = HoldingContext(context.name, _moment(oldest), _moment(newest), number, is_current)
                holders[context.name] = _joined(holders.get(context.name), holder)
        if address is None:
            return None
        message = self._locator.find(address, dict.fromkeys(commits))
        if message is None:
            self.unreadable += 1
            return None
        snippet = make_snippet(searched_text(message), query.terms)
        return SearchHit(message, time * 1_000_000_000, snippet, tuple(holders[name] for name in sorted(holders)))


def _conditions(filters: SearchFilters) -> tuple[list[str], list[Any]]:
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
    """As the index has times, and SQLite integers."""
    return max(-1 << 62, min(ns // 1_000_000_000, 1 << 62))


def _moment(commit: IndexedCommit) -> CommitTime:
    return CommitTime(commit.id, commit.time)


def _joined(one: HoldingContext | None, other: HoldingContext) -> HoldingContext:
    """A context that lost a message and got it back has it twice in its history."""
    if one is None:
        return other
    first = min(one.first, other.first, key=lambda moment: moment.time)
    newer = other if other.is_current or (other.last.time > one.last.time and not one.is_current) else one
    return newer._replace(first=first, commits=one.commits + other.commits)


def _merged(one: SearchHit, other: SearchHit) -> SearchHit:
    holders = {holder.ref: holder for holder in (*other.holders, *one.holders)}
    return one._replace(holders=tuple(holders[ref] for ref in sorted(holders)))
