"""Calls with wrong values. They raise a typed error, and leave the repository undamaged."""

from __future__ import annotations

import inspect
import os
from collections.abc import Iterator
from itertools import islice

import pytest

import ctxstore
from ctxstore.errors import CtxstoreError, InvalidInput
from ctxstore.objects.encoding import TOO_LARGE
from ctxstore.repo.repair import repair
from ctxstore.repo.repository import Repo

WRONG = (None, 5, -1, 10**30, 1.5, True, b"x", [], {}, ("a",), ..., "", "\0", "\ud800", "~", f"a~{'9' * 5000}")
LONG = "x" * 100_000

GOOD = {
    **dict.fromkeys(("rev", "old", "new", "ref", "ours", "theirs", "patterns", "parent"), "chat/alice"),
    **dict.fromkeys(("new_ref", "into", "name"), "fresh"),
    "policy": ctxstore.Policy(last=1),
    "text": "0000",
    "query": "one",
    "message": "0",
    "to": "out",
    "expected": None,
    "targets": [],
    "environ": {},
    "now": 0,
}
"""A valid value for every parameter without a default."""

GIVEN = {
    "op of op_effect",
    "change of patch",
    "targets of snapshot",
    "commits of find_new_secrets",
    "export of redact",
    "view of export",
}
"""The parameters whose values come from another call."""

HARMLESS = {"progress"}


def parameters() -> Iterator[tuple[str, str]]:
    """Yields the (method, parameter) of every public call on a repository."""
    for name, method in inspect.getmembers(Repo, inspect.isfunction):
        for parameter in list(inspect.signature(method).parameters)[1:]:
            if not name.startswith("_") and f"{parameter} of {name}" not in GIVEN and parameter not in HARMLESS:
                yield name, parameter


def arguments(method, wrong_name: str, wrong: object) -> tuple[list[object], dict[str, object]]:
    """Builds arguments that are valid except for one."""
    positional: list[object] = []
    named: dict[str, object] = {}
    for name, parameter in inspect.signature(method).parameters.items():
        value = wrong if name == wrong_name else GOOD.get(name, parameter.default)
        if parameter.kind is parameter.KEYWORD_ONLY:
            named[name] = value
        else:
            positional.append(value)
    return positional, named


@pytest.fixture
def full(place) -> Iterator[Repo]:
    with ctxstore.init(place) as repo:
        draft = repo.edit("chat/alice")
        for text in ("one", "two"):
            draft.messages.append({"role": "user", "content": text})
            draft.memories["mood"] = text
            draft.files.put("notes.txt", text.encode())
            draft.commit(text)
        repo.tag("kept", "chat/alice")
        yield repo


def tried(call, *allowed: type[Exception]) -> None:
    """Makes a call, and reads its result if it is lazy. A failure must be a documented one."""
    try:
        result = call()
        if isinstance(result, Iterator):
            list(islice(result, 3))
    except (CtxstoreError, TypeError, *allowed):
        pass


def is_whole(repo: Repo) -> bool:
    """Whether everything can still be read."""
    for name, _ in repo.refs():
        view = repo.view(name)
        assert all(view.read(path) is not None for path in view.files)
        assert list(view.messages) and dict(view.memories) and list(repo.log(name))
    assert list(repo.ops()) and list(repo.policies()) and repo.retention() is not None
    return not repo.check(read_data=True).problems


@pytest.mark.parametrize(("name", "parameter"), [*parameters()])
def test_wrong_values_are_refused_with_a_typed_error(full, name, parameter, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    method = getattr(full, name)
    for wrong in (*WRONG, LONG):
        positional, named = arguments(method, parameter, wrong)
        tried(lambda method=method, given=positional, named=named: method(*given, **named))
    assert is_whole(full)


@pytest.mark.parametrize("wrong", WRONG, ids=ascii)
def test_what_a_draft_is_given_is_kept_or_refused(full, wrong):
    calls = {
        "path": lambda draft: draft.files.put(wrong, b"x"),
        "content": lambda draft: draft.files.put("x", wrong),
        "mode": lambda draft: draft.files.put("x", b"x", mode=wrong),
        "time": lambda draft: draft.files.put("x", b"x", mtime_ns=wrong),
        "removed": lambda draft: draft.files.remove(wrong),
        "message": lambda draft: draft.messages.append(wrong),
        "messages": lambda draft: draft.messages.extend(wrong),
        "place": lambda draft: draft.messages.insert(wrong, 1),
        "index": lambda draft: draft.messages[wrong],
        "set": lambda draft: draft.messages.__setitem__(wrong, 1),
        "deleted": lambda draft: draft.messages.__delitem__(wrong),
        "key": lambda draft: draft.memories.__setitem__(wrong, 1),
        "value": lambda draft: draft.memories.__setitem__("k", wrong),
        "read": lambda draft: draft.memories[wrong],
        "forgotten": lambda draft: draft.memories.__delitem__(wrong),
    }
    for call in calls.values():
        draft = full.edit("chat/alice")
        tried(lambda call=call, draft=draft: call(draft), KeyError, IndexError, OverflowError)
        tried(lambda draft=draft: draft.commit())
    assert is_whole(full)


@pytest.mark.parametrize("wrong", [*WRONG, ("a", "b"), ("a", "b", 5), ["a", "b", "c"]], ids=ascii)
@pytest.mark.parametrize("field", ["note", "title", "agent", "model", "author"])
def test_a_commit_that_could_not_be_read_again_is_not_stored(full, field, wrong):
    draft = full.edit("chat/alice")
    draft.messages.append("three")
    tried(lambda: draft.commit(**{field: wrong}))
    assert is_whole(full)
    draft.commit("the draft goes on")
    assert full.view("chat/alice").messages[-1] == "three"


@pytest.mark.parametrize("wrong", WRONG, ids=ascii)
def test_a_view_is_asked_for_anything(full, wrong):
    view = full.view("chat/alice")
    for kept in (view.messages, view.memories, view.files):
        tried(lambda kept=kept: kept[wrong], KeyError, IndexError)
        assert wrong not in kept or wrong == "mood"
    for method in (view.read, view.get_file, view.iter_bytes):
        tried(lambda method=method: method(wrong))


@pytest.mark.parametrize("wrong", [*WRONG, "a-file", "s3://bucket"], ids=ascii)
def test_a_place_that_is_none_is_refused(wrong, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a-file").write_text("x")
    for call in (ctxstore.open, ctxstore.init, repair, lambda place: repair("memory:", others=[place])):
        tried(lambda call=call: call(wrong))
    assert (tmp_path / "a-file").read_text() == "x" and not os.path.exists("s3:")


@pytest.mark.parametrize("sign", [1, -1])
def test_integers_are_kept_up_to_what_json_can_write(full, sign):
    draft = full.edit("chat/alice")
    largest = sign * (TOO_LARGE - 1)
    draft.messages.append({"n": largest})
    draft.commit()
    assert full.view("chat/alice").messages[-1] == {"n": largest}
    with pytest.raises(InvalidInput, match="4,300 digits"):
        draft.messages.append({"n": sign * TOO_LARGE})
    with pytest.raises(InvalidInput, match="4,300 digits"):
        draft.memories["n"] = [sign * TOO_LARGE]
