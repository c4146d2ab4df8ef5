"""Every way to write a revision, an op or a time."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest

from ctxstore.errors import InvalidInput, NotFound
from ctxstore.history.commits import Author, Commit, Summary, decode_commit, encode_commit
from ctxstore.history.refs import MAX_NAME, check_name, quote_name
from ctxstore.history.revisions import Resolver
from ctxstore.history.transaction import Move, transaction
from ctxstore.ids import parse_id
from ctxstore.times import parse_time

SECOND = 10**9
HOUR = 3600 * SECOND
DAY = 24 * HOUR


def ns(year, month, day, hour=0, minute=0, second=0):
    return int(datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp()) * SECOND


NOW = ns(2026, 10, 10, 12)


@pytest.fixture(params=["UTC", "Asia/Kolkata", "America/New_York"])
def zone(request, monkeypatch):
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield request.param
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def utc(monkeypatch):
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def told(world):
    """The pair (resolver, ids). The commits of chat/alice are a day apart; each other ref has one commit."""
    engine = world.open()
    ids = {}
    for day in range(4):
        world.now = ns(2026, 10, 1 + day, 9)
        ids[day] = world.commit(engine, "chat/alice", f"day {day}")
    for ref in ("chat/bob", "agent/proj/0b9c55", "agent/proj/0b9d66", "other/0b9c55", "agent/alice-2"):
        ids[ref] = world.commit(engine, ref, ref)
    world.now = NOW
    return Resolver(engine), ids


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("chat/alice", 3),
        ("chat/alice~", 2),
        ("chat/alice~0", 3),
        ("chat/alice~1", 2),
        ("chat/alice~3", 0),
        ("chat/alice~1~2", 0),
        ("chat/alice~~", 1),
        ("chat/alice@{2026-10-02}", 1),
        ("chat/alice@{2026-10-02T08:59:59Z}", 0),
        ("chat/alice@{2026-10-02T09:00Z}", 1),
        ("chat/alice@{2026-10-03}~1", 1),
        ("chat/alice~1@{2026-10-02}", 1),
        ("chat/alice@{now}", 3),
        ("chat/alice@{yesterday}", 3),
        ("chat/alice@{8 days ago}", 1),
        (f"chat/alice@{{@{ns(2026, 10, 3, 10)}}}", 2),
    ],
)
def test_a_ref_with_steps_and_times_names_a_commit(told, utc, text, day):
    resolver, ids = told
    revision = resolver.resolve(text)
    assert (revision.ref, revision.id) == ("chat/alice", ids[day])
    assert revision.commit.note == f"day {day}"


@pytest.mark.parametrize(
    ("text", "ref"),
    [
        ("bob", "chat/bob"),
        ("bo", "chat/bob"),
        ("proj/0b9d66", "agent/proj/0b9d66"),
        ("proj/0b9c55", "agent/proj/0b9c55"),
        ("0b9d", "agent/proj/0b9d66"),
        ("alice-2", "agent/alice-2"),
        ("chat/alice", "chat/alice"),
    ],
)
def test_a_unique_end_or_start_of_the_last_part_names_a_ref(told, text, ref):
    resolver, _ = told
    assert resolver.resolve(text).ref == ref


@pytest.mark.parametrize("text", ["0b9c55", "0b9", "alice", "alic~1"])
def test_what_several_refs_match_is_ambiguous(told, text):
    with pytest.raises(InvalidInput, match="ambiguous"):
        told[0].resolve(text)


@pytest.mark.parametrize("digits", [16, 40, 64])
def test_the_start_of_an_id_names_a_commit_of_its_own_ref(told, digits):
    resolver, ids = told
    for id in ids.values():
        assert resolver.resolve(id.hex()[:digits]).id == id
    assert resolver.resolve(ids[2].hex()[:digits]).ref == "chat/alice"
    assert resolver.resolve(ids[2].hex()[:digits] + "~2").id == ids[0]


def test_a_start_of_two_ids_is_ambiguous(told, monkeypatch):
    resolver, _ids = told
    two = bytes.fromhex("abcdef") + bytes(29), bytes.fromhex("abcdee") + bytes(29)
    monkeypatch.setattr(resolver, "iter_commit_ids", lambda: iter(two))
    with pytest.raises(InvalidInput, match="ambiguous"):
        resolver.resolve("abcde")


@pytest.mark.parametrize(
    "text", ["nobody", "chat", "chat/alice~4", "chat/alice@{2026-09-30}", "ffffffffffff", "0" * 64, "abc", "chat/alicE"]
)
def test_what_names_nothing_is_not_found(told, utc, text):
    with pytest.raises(NotFound):
        told[0].resolve(text)


def test_the_id_of_something_else_is_not_found(told):
    resolver, _ids = told
    tree = resolver.resolve("chat/bob").commit.tree
    with pytest.raises(NotFound):
        resolver.resolve(tree.hex())


@pytest.mark.parametrize("text", ["", "~1", "@{now}", "chat/alice@{soon}", "chat/alice@{}"])
def test_what_is_no_revision_is_refused(told, text):
    with pytest.raises(InvalidInput):
        told[0].resolve(text)


def test_a_name_in_any_unicode_is_looked_for_and_not_found(told):
    for name in ("käse", "\udc80", "\ud800"):
        with pytest.raises((NotFound, InvalidInput)):
            told[0].resolve(name)


def test_a_ref_that_looks_like_an_id_comes_before_the_id(world):
    engine = world.open()
    id = world.commit(engine, "chat/alice", "one")
    other = world.commit(engine, f"chat/{id.hex()[:8]}", "two")
    assert Resolver(engine).resolve(id.hex()[:8]).id == other
    assert Resolver(engine).resolve(id.hex()[:12]).id == id


def test_a_commit_of_a_ref_that_was_removed_is_found_by_its_id(world):
    engine = world.open()
    id = world.commit(engine, "chat/alice", "one")
    with transaction(engine) as tx:
        tx.publish([Move("chat/alice", id, None)], "remove")
    resolver = Resolver(engine)
    assert resolver.resolve(id.hex()[:16]).id == id
    with pytest.raises(NotFound):
        resolver.resolve("chat/alice")


def test_ops_are_named_by_the_start_of_their_id(told):
    resolver, ids = told
    newest = resolver._engine.root().op
    for text in (f"op:{newest.hex()}", f"op:{newest.hex()[:16]}", newest.hex()[:16]):
        id, op = resolver.op(text)
        assert id == newest
        assert op.changes[0].new == ids["agent/alice-2"]
    for text in ("op:", "op:zz", "op:abc", "op:" + "0" * 64, ""):
        with pytest.raises(NotFound):
            resolver.op(text)


def test_all_refs_are_found_as_they_were_at_a_time(told):
    resolver, ids = told
    assert dict(resolver.refs_at(None).iter())["chat/alice"] == ids[3]
    assert dict(resolver.refs_at(ns(2026, 10, 2, 10)).iter()) == {"chat/alice": ids[1]}
    assert len(resolver.refs_at(NOW)) == 6
    with pytest.raises(NotFound):
        resolver.refs_at(ns(2026, 9, 1))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("now", NOW),
        (" now ", NOW),
        ("yesterday", NOW - DAY),
        ("@0", 0),
        ("@1721828935242310123", 1721828935242310123),
        ("90s", NOW - 90 * SECOND),
        ("5m", NOW - 5 * 60 * SECOND),
        ("5 min ago", NOW - 5 * 60 * SECOND),
        ("1 hour ago", NOW - HOUR),
        ("2 hours ago", NOW - 2 * HOUR),
        ("3d", NOW - 3 * DAY),
        ("3 days", NOW - 3 * DAY),
        ("2 weeks ago", NOW - 14 * DAY),
        ("2026-10-01T12:30:00Z", ns(2026, 10, 1, 12, 30, 1) - 1),
        ("2026-10-01T12:30:00+02:00", ns(2026, 10, 1, 10, 30, 1) - 1),
        ("2026-10-01T12:30Z", ns(2026, 10, 1, 12, 31) - 1),
        ("2026-10-01T12Z", ns(2026, 10, 1, 13) - 1),
        ("2026-10-01T12:30:00.250Z", ns(2026, 10, 1, 12, 30) + 251 * 10**6 - 1),
        ("2026-10-01T12:30:00.250001Z", ns(2026, 10, 1, 12, 30) + 250_002_000 - 1),
    ],
)
def test_times_that_do_not_depend_on_the_zone(zone, text, expected):
    assert parse_time(text, NOW) == expected


@pytest.mark.parametrize(
    ("text", "start", "span"),
    [
        ("2026-10-01", (2026, 10, 1), DAY),
        ("20261001", (2026, 10, 1), DAY),
        ("2026-10-01T12:30", (2026, 10, 1, 12, 30), 60 * SECOND),
        ("2026-10-01 12:30", (2026, 10, 1, 12, 30), 60 * SECOND),
        ("2026-10-01T12:30:15", (2026, 10, 1, 12, 30, 15), SECOND),
        ("2026-02-01T00:00:00", (2026, 2, 1), SECOND),
    ],
)
def test_a_written_time_is_local_and_stands_for_all_of_its_last_unit(zone, text, start, span):
    assert parse_time(text, NOW) == int(datetime(*start).astimezone().timestamp()) * SECOND + span - 1


@pytest.mark.parametrize(
    "text", ["", "soon", "2026-13-01", "2026-10-32", "12:30", "3 fortnights", "ago", "-1d", "1.5h", "@", "@-5", "@1.5"]
)
def test_what_is_no_time_is_refused(text):
    with pytest.raises(InvalidInput, match="not a time"):
        parse_time(text, NOW)


@pytest.mark.parametrize(
    "name", ["a", "chat/alice", "claude-code/-home-me/0b9c", "käse/日本", "a.b/..c", "n" * MAX_NAME]
)
def test_names_a_context_may_have(world, name):
    assert check_name(name) == name
    engine = world.open()
    world.commit(engine, name, "text")
    assert [found for found, _ in engine.refs(engine.root()).iter()] == [name]
    assert Resolver(engine).resolve(name).commit.ref == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        "/",
        "a/",
        "/a",
        "a//b",
        ".",
        "a/..",
        "a b",
        "a\n",
        "a~1",
        "a@b",
        "op:x",
        "a{",
        "a*",
        "a?",
        "a\x7f",
        "n" * 1025,
        "é" * 513,
        "\ud800",
    ],
    ids=ascii,
)
def test_names_no_context_may_have(name):
    with pytest.raises(InvalidInput):
        check_name(name)


def test_names_from_file_names_that_are_not_unicode_come_back(world):
    engine = world.open()
    world.commit(engine, "a/\udc80x", "text")
    assert [found for found, _ in engine.refs(engine.root()).iter("a/\udc80")] == ["a/\udc80x"]


def test_any_text_can_be_quoted_into_a_name():
    assert quote_name("my chat: no. 1?") == "my-chat--no.-1-"
    assert quote_name("") == "-"
    for text in ("a b", "\x00", "~", "x@{1}"):
        assert check_name(quote_name(text))


def test_every_field_of_a_commit_comes_back():
    commit = Commit(
        tree=bytes(32),
        parents=(b"p" * 32, b"q" * 32),
        generation=7,
        time=-5,
        author=Author("a\ud800", "h\udc80", "t"),
        ref="a/\udc80",
        note="\ud83d note\n",
        kind="incremental",
        source="claude-code",
        root="/home/\udcff",
        label="läbel",
        shrunk=True,
        summary=Summary("\udfff", None, "model", "", 0, 5, 6, 7),
    )
    assert decode_commit(encode_commit(commit)) == commit


def test_an_id_is_read_from_64_digits_only():
    assert parse_id("ab" * 32) == b"\xab" * 32
    for wrong in ("", "ab" * 31, "ab" * 33, "zz" * 32):
        with pytest.raises(InvalidInput):
            parse_id(wrong)
