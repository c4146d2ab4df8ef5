"""``ctx op``, ``undo``, ``tag``, ``fork``, ``merge``, ``rename`` and ``drop``."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

import ctxstore
from ctxstore.cli.tour.sample import CONTEXT, SESSION


@pytest.fixture
def chats(home: Any, ctx: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A repository with chat/a, and chat/b forked from it. Both have later commits."""
    path = os.path.join(os.getcwd(), "chats")
    monkeypatch.setenv("CTX_REPO", path)
    with ctxstore.init(path) as repo:
        for text in ("one", "two"):
            add(repo, "chat/a", text)
        repo.fork("chat/a", "chat/b")
        add(repo, "chat/a", "from a", mood="good")
        add(repo, "chat/b", "from b", mood="bad")
    yield path


def add(repo: ctxstore.Repo, ref: str, text: str, **memories: str) -> None:
    draft = repo.edit(ref)
    draft.messages.append({"role": "user", "content": text})
    draft.memories.update(memories)
    draft.commit(text)


def refs(ctx: Any) -> dict[str, str]:
    return {ref["name"]: ref["commit"]["id"] for ref in ctx.json("refs")["refs"]}


def contents(path: str, ref: str) -> list[str]:
    with ctxstore.open(path) as repo:
        return [record["content"] for record in repo.view(ref).messages]


def test_op_log_tells_what_each_op_changed(chats: str, ctx: Any) -> None:
    ctx("tag", "good", "chat/a")
    ctx("undo")
    lines = ctx("op", "log").stdout.splitlines()
    assert "undo" in lines[0] and "1 tag" in lines[0]
    assert lines[1].split() == [refs(ctx)["chat/a"][:8], "→", "none", "tag:good"]
    assert "tag" in lines[2] and lines[2].endswith("(undone)")
    value = ctx.json("op", "log", "-n", "2")
    assert value["more"] is True
    newest, before = value["ops"]
    assert newest["undoes"] == before["id"] and before["undone"] and not newest["undone"]
    assert (newest["forgot"], newest["came_back"]) == (0, 0)


def test_op_show_has_all_of_one(chats: str, ctx: Any) -> None:
    ctx("drop", "chat/*")
    op = ctx.json("op", "log", "-n", "1")["ops"][0]
    for name in (op["id"], op["id"][:8], f"op:{op['id'][:8]}"):
        assert ctx.json("op", "show", name)["changes"] == op["changes"]
    text = ctx("op", "show", op["id"][:8]).stdout
    assert "command  drop" in text and "chat/a" in text and "chat/b" in text


def test_op_alone_explains_itself(ctx: Any) -> None:
    assert "log" in ctx("op").stdout and "show" in ctx("op", "--help").stdout


def test_undo_takes_the_last_thing_back_and_again_the_one_before(chats: str, ctx: Any) -> None:
    ctx("fork", "chat/a", "c")
    ctx("drop", "chat/a")
    assert set(refs(ctx)) == {"c", "chat/b"}
    result = ctx("undo").stdout
    assert "Undone: op:" in result and "chat/a" in result and "To redo:" in result
    ctx("undo")
    assert set(refs(ctx)) == {"chat/a", "chat/b"}


def test_undo_by_id_redoes_an_undo(chats: str, ctx: Any) -> None:
    ctx("drop", "chat/a")
    done = ctx.json("undo")
    assert done["came_back"] == done["forgot"] == [] and not done["dry_run"]
    ctx("undo", f"op:{done['op'][:10]}")
    assert set(refs(ctx)) == {"chat/b"}


def test_undo_says_that_files_stay_as_they_are(saved: Any, ctx: Any) -> None:
    assert "ctx checkout" in ctx("undo").stdout
    assert ctx.json("show", SESSION)["commit"]["messages"] == 8
    ctx("snapshot")
    assert ctx.json("show", SESSION)["commit"]["messages"] == 12


def test_undo_dry_run_changes_nothing(chats: str, ctx: Any) -> None:
    before = refs(ctx)
    value = ctx.json("undo", "--dry-run")
    assert value["dry_run"] and value["op"] is None
    (change,) = value["changes"]
    assert (change["ref"], change["old"]) == ("chat/b", before["chat/b"])
    assert "Would undo" in ctx("undo", "--dry-run").stdout
    assert refs(ctx) == before


def test_undo_of_what_changed_since_is_a_conflict(chats: str, ctx: Any) -> None:
    op = ctx.json("op", "log")["ops"][1]
    with ctxstore.open(chats) as repo:
        add(repo, "chat/a", "later")
    error = ctx.error("undo", op["id"], code=4)
    assert error["type"] == "Conflict" and "chat/a changed since" in error["message"] and "first" in error["hint"]


def test_tags_are_made_listed_moved_and_deleted(chats: str, ctx: Any) -> None:
    heads = refs(ctx)
    assert "No tags yet" in ctx("tag").stderr
    assert "Set tag:good to commit" in ctx("tag", "good", "chat/a").stdout
    assert ctx.json("tag")["tags"][0]["commit"]["id"] == heads["chat/a"]
    ctx("tag", "good", "chat/a")
    ctx("tag", "good", "chat/b", "--force")
    assert ctx.json("show", "good")["commit"]["id"] == heads["chat/b"]
    assert "good" in ctx("tag").stdout
    assert ctx.json("tag", "--delete", "good") == {"tag": "good", "commit": heads["chat/b"], "deleted": True}
    ctx("show", "tag:good", code=3)


def test_tags_are_shown_with_their_commits(chats: str, ctx: Any) -> None:
    ctx("tag", "good", "chat/a~1")
    ctx("tag", "better", "chat/a")
    newest, older, oldest = ctx("log", "chat/a").stdout.splitlines()
    assert "tag:better" in newest and "tag:good" in older and "tag:" not in oldest
    assert [commit["tags"] for commit in ctx.json("log", "chat/a")["commits"]] == [["better"], ["good"], []]
    assert ctx.json("show", "chat/a")["tags"] == ["better"]
    assert "tags      good" in ctx("show", "good").stdout


def test_fork_starts_at_a_revision(chats: str, ctx: Any) -> None:
    assert "Created c at commit" in ctx("fork", "chat/a~1", "c").stdout
    assert contents(chats, "c") == ["one", "two"]


def test_rename_keeps_the_history(chats: str, ctx: Any) -> None:
    head = refs(ctx)["chat/a"]
    assert ctx.json("rename", "chat/a", "old/a") == {"old": "chat/a", "new": "old/a", "commit": head}
    assert set(refs(ctx)) == {"old/a", "chat/b"}
    assert len(ctx("log", "old/a").stdout.splitlines()) == 3


def test_a_renamed_session_is_made_anew_by_the_next_snapshot(saved: Any, ctx: Any) -> None:
    assert "creates" in ctx("rename", CONTEXT, "mine").stdout
    ctx("snapshot")
    assert {CONTEXT, "mine"} <= set(refs(ctx))
    assert len(ctx("log", CONTEXT).stdout.splitlines()) == 1
    assert len(ctx("log", "mine").stdout.splitlines()) == 2


def test_drop_lists_what_it_drops_and_how_to_restore_it(chats: str, ctx: Any) -> None:
    head = refs(ctx)["chat/b"]
    assert "Would drop 2 contexts" in ctx("drop", "chat/*", "--dry-run").stdout
    assert set(refs(ctx)) == {"chat/a", "chat/b"}
    result = ctx("drop", "chat/*").stdout
    assert "Dropped 2 contexts" in result and "ctx undo" in result and head[:8] in result
    assert not refs(ctx)
    ctx("gc")
    ctx("fork", head[:12], "back")
    assert contents(chats, "back") == ["one", "two", "from b"]


def test_a_dropped_session_whose_files_are_there_is_saved_again(saved: Any, ctx: Any) -> None:
    assert "again" in ctx("drop", CONTEXT).stdout
    ctx("snapshot")
    assert ctx.json("show", CONTEXT)["commit"]["parents"] == []
    assert len(ctx.json("show", CONTEXT)["messages"]) >= 12


def test_merge_lists_conflicts_and_ends_with_4_though_it_is_made(chats: str, ctx: Any) -> None:
    value = ctx.json("merge", "chat/a", "chat/b", "--into", "chat/a", "-m", "together", code=4)
    assert [(c["kind"], c["name"], c["at"]) for c in value["conflicts"]] == [
        ("memory", "mood", None),
        ("messages", "", 2),
    ]
    assert refs(ctx)["chat/a"] == value["commit"]["id"] and value["commit"]["note"] == "together"
    assert contents(chats, "chat/a") == ["one", "two", "from a", "from b"]
    ctx("undo")
    result = ctx("merge", "chat/a", "chat/b", "--into", "new", code=4)
    assert result.stdout.count("conflict  ") == 2 and "2 conflicts, both sides kept" in result.stderr


@pytest.mark.parametrize(
    ("option", "expected"),
    [("--ours", ["from a"]), ("--theirs", ["from b"]), ("--both", ["from a", "from b"])],
)
def test_merge_with_a_decision_ends_with_0(chats: str, ctx: Any, option: str, expected: list[str]) -> None:
    assert "conflict" in ctx("merge", "chat/a", "chat/b", "--into", "new", option).stdout
    assert contents(chats, "new") == ["one", "two", *expected]


def test_merge_with_nothing_to_do_says_so(chats: str, ctx: Any) -> None:
    assert "contains both" in ctx("merge", "chat/a~1", "chat/a", "--into", "new").stdout
    assert "Nothing to merge" in ctx("merge", "chat/a", "chat/a~1", "--into", "chat/a").stdout
    value = ctx.json("merge", "chat/a", "chat/a~1", "--into", "chat/a")
    assert value["fast_forward"] and value["op"] is None


WRONG = [
    (("op", "log", "-n", "-1"), 2, "UsageError", "-1"),
    (("op", "log", "x"), 2, "UsageError", "x"),
    (("op", "nope"), 2, "UsageError", "nope"),
    (("op", "show"), 2, "UsageError", "OP"),
    (("op", "show", "ffffffffffff"), 3, "NotFound", "no run's id starts with"),
    (("op", "show", "chat/a"), 3, "NotFound", "no run's id starts with"),
    (("op", "show", ""), 3, "NotFound", "no run's id starts with"),
    (("undo", "ffffffffffff"), 3, "NotFound", "no run's id starts with"),
    (("undo", "a", "b"), 2, "UsageError", "b"),
    (("tag", "x"), 2, "InvalidInput", "a name and a revision"),
    (("tag", "--force"), 2, "InvalidInput", "a name and a revision"),
    (("tag", "--delete", "x", "y"), 2, "InvalidInput", "--delete"),
    (("tag", "--delete", "x"), 3, "NotFound", "no tag 'x'"),
    (("tag", "--delete", "a b"), 2, "InvalidInput", "a b"),
    (("tag", "x", "nope"), 3, "NotFound", "nope"),
    (("tag", "x y", "chat/a"), 2, "InvalidInput", "x y"),
    (("tag", "", "chat/a"), 2, "InvalidInput", "not a valid context name"),
    (("tag", "taken", "chat/b"), 4, "AlreadyExists", "tag:taken"),
    (("fork", "chat/a"), 2, "UsageError", "NAME"),
    (("fork", "nope", "x"), 3, "NotFound", "nope"),
    (("fork", "chat/a~99", "x"), 3, "NotFound", "past the first"),
    (("fork", "chat/a", "chat/b"), 4, "AlreadyExists", "chat/b"),
    (("fork", "chat/a", "a..b/.."), 2, "InvalidInput", "a..b/.."),
    (("fork", "chat/a", "tag:x"), 2, "InvalidInput", "tag:x"),
    (("rename", "chat/a"), 2, "UsageError", "NEW"),
    (("rename", "a", "x"), 3, "NotFound", "'a'"),
    (("rename", "chat/a", "chat/b"), 4, "AlreadyExists", "chat/b"),
    (("rename", "chat/a", "chat/a"), 4, "AlreadyExists", "chat/a"),
    (("rename", "chat/a", "x y"), 2, "InvalidInput", "x y"),
    (("rename", "tag:taken", "x"), 3, "NotFound", "tag:taken"),
    (("drop",), 2, "UsageError", "REF"),
    (("drop", "a"), 3, "NotFound", "'a'"),
    (("drop", ""), 3, "NotFound", "''"),
    (("drop", "chat/a", "nope"), 3, "NotFound", "nope"),
    (("drop", "nope*"), 3, "NotFound", "no context matches"),
    (("drop", "tag:taken"), 3, "NotFound", "tag:taken"),
    (("merge", "chat/a", "--into", "x"), 2, "UsageError", "B"),
    (("merge", "chat/a", "chat/b"), 2, "UsageError", "--into"),
    (("merge", "chat/a", "chat/b", "--into", "x", "--ours", "--both"), 2, "InvalidInput", "exclude"),
    (("merge", "chat/a", "nope", "--into", "x"), 3, "NotFound", "nope"),
    (("merge", "chat/a", "chat/b", "--into", "other"), 4, "AlreadyExists", "other"),
    (("merge", "chat/a~1", "chat/b", "--into", "chat/a"), 4, "Conflict", "chat/a"),
    (("merge", "chat/a", "chat/b", "--into", "x y"), 2, "InvalidInput", "x y"),
    (("merge", "chat/a", "chat/b", "--into", "tag:taken"), 2, "InvalidInput", "tag:taken"),
]


@pytest.mark.parametrize(("args", "code", "type", "part"), WRONG, ids=lambda value: str(value)[:40])
def test_a_wrong_argument_has_its_code_and_message_and_changes_nothing(
    chats: str, ctx: Any, args: tuple[str, ...], code: int, type: str, part: str
) -> None:
    with ctxstore.open(chats) as repo:
        repo.tag("taken", "chat/a")
        add(repo, "other", "x")
        before = [id for id, _, _ in repo.ops()]
    error = ctx.error(*args, code=code)
    assert (error["type"], error["exit_code"]) == (type, code)
    assert part in error["message"]
    with ctxstore.open(chats) as repo:
        assert [id for id, _, _ in repo.ops()] == before


def test_undo_in_a_new_repository_says_that_there_is_nothing(home: Any, ctx: Any) -> None:
    ctx("init")
    error = ctx.error("undo", code=3)
    assert error["message"] == "there is nothing to undo"
    assert "No runs yet" in ctx("op", "log").stderr


def test_the_shell_completes_contexts_and_tags(chats: str, ctx: Any) -> None:
    import click

    from ctxstore.cli.complete import complete_contexts, complete_refs, complete_tags
    from ctxstore.cli.invocation import Invocation

    ctx("tag", "good", "chat/a")
    context = click.Context(click.Command("x"), obj=Invocation())
    parameter = click.Argument(["rev"])
    assert complete_refs(context, parameter, "chat/") == ["chat/a", "chat/b"]
    assert complete_refs(context, parameter, "ta") == ["tag:good"]
    assert complete_contexts(context, parameter, "t") == []
    assert complete_tags(context, parameter, "g") == ["good"]


def test_stored_names_and_notes_do_not_reach_the_terminal_as_they_are(chats: str, ctx: Any) -> None:
    with ctxstore.open(chats) as repo:
        draft = repo.edit("chat/a")
        draft.memories["\x1b[2J"] = "a"
        draft.commit("\x1b[31mnote")
        other = repo.edit("chat/b")
        other.memories["\x1b[2J"] = "b"
        other.commit()
    for args, code in ((("tag", "t", "chat/a"), 0), (("tag",), 0), (("merge", "chat/a", "chat/b", "--into", "m"), 4)):
        result = ctx(*args, code=code)
        assert "\x1b" not in result.stdout
