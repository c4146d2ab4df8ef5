"""Searches. The hits are the messages of the history, whatever happened to it."""

from __future__ import annotations

import json

import pytest

from ctxstore.ops.retention.policy import Policy
from ctxstore.times import parse_start
from tests.ops.search.conftest import said


def held(hit):
    """Lists (context, first, last, commits, current) of each holder."""
    return [(h.ref, h.first.id, h.last.id, h.commits, h.is_current) for h in hit.holders]


def test_a_message_that_stays_is_found_once_with_the_commits_that_hold_it(tell, find):
    first = tell("chat/alice", "the harbour")
    for number in range(10):
        last = tell("chat/alice", f"turn {number}")
    (hit,) = find("harbour")
    assert held(hit) == [("chat/alice", first, last, 11, True)]


def test_each_search_finds_what_was_added_since(tell, find):
    tell("chat/alice", "one")
    assert not find("two")
    tell("chat/alice", "two")
    tell("chat/bob", "two, too")
    assert len(find("two")) == 2


def test_the_newest_come_first_and_the_rest_is_told(repo, agent):
    agent.save("s", *(said(number, f"word {number}") for number in range(8)))
    found = repo.search("word", number=3)
    assert [hit.message.id for hit in found.hits] == ["m7", "m6", "m5"]
    assert found.more
    assert not repo.search("word", number=8).more


def test_what_was_rewound_away_is_found_and_told_as_gone(repo, agent, find):
    lines = [said(number, f"message {number}") for number in range(5)]
    ref = agent.save("s", *lines)
    first = repo.resolve(ref).id
    agent.save("s", *lines[:3], said(7, "another way"))
    second = repo.resolve(ref).id
    assert held(find('"message 1"')[0]) == [(ref, first, second, 2, True)]
    assert held(find('"message 4"')[0]) == [(ref, first, first, 1, False)]
    assert held(find('"another way"')[0]) == [(ref, second, second, 1, True)]


def test_what_came_back_is_current_again(repo, agent, find):
    lines = [said(number, f"message {number}") for number in range(5)]
    ref = agent.save("s", *lines)
    first = repo.resolve(ref).id
    agent.save("s", *lines[:2])
    find("message")
    agent.save("s", *lines)
    ((_, since, last, commits, current),) = held(find('"message 4"')[0])
    assert (since, last, commits, current) == (first, repo.resolve(ref).id, 2, True)


def test_a_fork_holds_what_it_shares_and_each_its_own(repo, tell, find):
    first = tell("chat/alice", "shared")
    repo.fork("chat/alice", "chat/fork")
    mine = tell("chat/alice", "only alice")
    theirs = tell("chat/fork", "only fork")
    assert held(find("shared")[0]) == [
        ("chat/alice", first, mine, 2, True),
        ("chat/fork", first, theirs, 2, True),
    ]
    assert held(find('"only alice"')[0]) == [("chat/alice", mine, mine, 1, True)]
    assert held(find('"only fork"')[0]) == [("chat/fork", theirs, theirs, 1, True)]


def test_a_fork_of_an_older_commit_has_only_what_was_there(repo, tell, find):
    tell("chat/alice", "one")
    tell("chat/alice", "two")
    find("one")
    repo.fork("chat/alice~1", "chat/fork")
    assert [h.ref for h in find("two")[0].holders] == ["chat/alice"]
    assert [h.ref for h in find("one")[0].holders] == ["chat/alice", "chat/fork"]
    tell("chat/fork", "three")
    assert [h.ref for h in find("two")[0].holders] == ["chat/alice"]
    assert [h.ref for h in find("three")[0].holders] == ["chat/fork"]


def test_a_dropped_context_is_not_found_and_found_again_after_undo(repo, tell, find):
    tell("chat/alice", "the harbour")
    assert find("harbour")
    repo.plan_drop("chat/alice").execute()
    assert not find("harbour")
    repo.plan_undo().execute()
    assert find("harbour")


def test_what_is_undone_is_not_found_and_found_again_when_that_is_undone(repo, tell, find):
    tell("chat/alice", "one")
    tell("chat/alice", "two")
    assert find("two")
    undone = repo.plan_undo().execute()
    assert not find("two")
    assert find("one")
    repo.plan_undo(undone.id.hex()).execute()
    assert find("two")


def test_forgotten_commits_do_not_count_and_messages_only_they_held_are_gone(repo, agent, find):
    lines = [said(number, f"message {number}") for number in range(5)]
    ref = agent.save("s", *lines)
    agent.save("s", *lines[:4])
    agent.save("s", *lines[:4], said(8, "end"))
    newest = repo.resolve(ref).id
    assert find('"message 4"')
    repo.forget(Policy(last=1))
    assert not find('"message 4"')
    assert held(find('"message 1"')[0]) == [(ref, newest, newest, 1, True)]
    repo.plan_undo().execute()
    assert find('"message 4"')


def test_words_that_were_collected_leave_the_cache(repo, place, tell, find):
    tell("chat/alice", "keep this")
    tell("chat/secret", "xyzzyplugh")
    assert find("xyzzyplugh")
    repo.plan_drop("chat/secret").execute()
    repo.forget(Policy(within_ns=1), dropped=True)
    repo.gc()
    assert find("keep")
    assert b"xyzzyplugh" not in (place / "cache" / "search.sqlite").read_bytes()


def test_messages_that_are_alike_in_two_contexts_are_one_result(agent, find):
    for session in ("one", "two"):
        agent.save(session, said(0, "the same words"))
    (hit,) = find("same")
    assert len(hit.holders) == 2


def test_a_message_said_twice_stays_found_when_it_is_taken_out_once(repo, tell, find):
    tell("chat/alice", "yes", "no", "yes")
    find("yes")
    draft = repo.edit("chat/alice")
    del draft.messages[2]
    draft.commit()
    (hit,) = find("yes")
    assert hit.holders[0].is_current
    draft = repo.edit("chat/alice")
    del draft.messages[0]
    draft.commit()
    (hit,) = find("yes")
    assert not hit.holders[0].is_current


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"context": "chat/*"}, 2),
        ({"context": "alice"}, 1),
        ({"agent": "claude"}, 1),
        ({"agent": "CLAUDE code"}, 1),
        ({"agent": "codex"}, 0),
        ({"project": "/home/ada"}, 1),
        ({"project": "*/engine"}, 1),
        ({"project": "/nowhere"}, 0),
        ({"roles": ("assistant",)}, 1),
        ({"roles": ("assistant", "user")}, 3),
        ({"roles": ("assistant",), "context": "bob"}, 1),
        ({"roles": ("assistant",), "context": "alice"}, 0),
    ],
)
def test_filters(agent, tell, find, filters, expected):
    agent.save("s", said(0, "hello"))
    tell("chat/alice", "hello")
    tell("chat/bob", "hello", role="assistant")
    assert len(find("hello", **filters)) == expected


def test_times_filter_by_when_a_message_was_written(agent, find):
    agent.save("s", *(said(number, "tick", minute=number) for number in range(5)))

    def ask(since=None, until=None):
        given = {"since": since and parse_start(since, 0), "until": until and parse_start(until, 0)}
        return len(find("tick", **given))

    assert ask(since="2026-01-01T00:03:00Z") == 2
    assert ask(until="2026-01-01T00:01:30Z") == 2
    assert ask(since="2026-01-01T00:01:00Z", until="2026-01-01T00:02:59Z") == 2


def test_a_written_day_begins_with_its_first_moment():
    assert parse_start("2026-01-01T00:00:00Z", 0) == parse_start("2026-01-01T00:00Z", 0)
    assert parse_start("@5", 0) == 5


def test_a_damaged_transcript_keeps_nothing_else_from_being_found(agent, find):
    agent.save("broken", said(0, "before"), b'{"type": "user", "mess\xff\n', b"\0\0\0\n", said(2, "behind"))
    agent.save("whole", said(0, "beside"))
    assert [len(find(word)) for word in ("before", "behind", "beside")] == [1, 1, 1]


def test_a_transcript_of_any_bytes_is_indexed(agent, find):
    agent.save("odd", said(0, "lone \ud800 surrogate"), said(1, "nul \0 character"), said(2, "caf\u00e9"))
    assert [len(find(word)) for word in ("surrogate", "character", "cafe")] == [1, 1, 1]


def test_a_context_whose_name_is_not_utf_8_is_found_by_it(repo, tell, find):
    tell("chat/caf\udce9", "hello")
    assert find("hello")[0].holders[0].ref == "chat/caf\udce9"
    assert find("hello", context="caf\udce9")
    assert repo.view(find("hello")[0].holders[0].ref)


def test_a_message_that_was_copied_with_its_session_is_one_hit(agent, repo):
    def session(id):
        lines = (json.loads(said(n, f"turn the gear {n}")) | {"sessionId": id} for n in range(2))
        return [json.dumps(line).encode() + b"\n" for line in lines]

    refs = [agent.save(id, *session(id)) for id in ("one", "two")]
    hits = repo.search("gear").hits
    assert [hit.message.id for hit in hits] == ["m1", "m0"]
    assert [[holder.ref for holder in hit.holders] for hit in hits] == [refs, refs]
