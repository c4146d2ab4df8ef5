"""A closed repository, and everything read from it on demand, refuses to be used."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

import ctxstore
from ctxstore.errors import RepositoryClosed
from ctxstore.repo.repository import Repo
from tests.repo.test_wrong_calls import arguments

BY_OTHERS = {"op_effect", "patch", "find_new_secrets", "redact", "export", "close"}
"""Methods whose arguments come from another call, and `close`."""


@pytest.fixture
def repo(place: Path) -> Iterator[Repo]:
    with ctxstore.init(place) as made:
        with made.edit("chat/alice") as draft:
            for text in ("one", "two"):
                draft.messages.append({"role": "user", "content": text})
                draft.memories[text] = text
                draft.files.put(f"{text}.txt", text.encode())
                draft.commit(text)
        made.fork("chat/alice", "chat/bob")
        made.tag("kept", "chat/alice")
        yield made


OTHER_ARGUMENTS: dict[str, tuple[list[Any], dict[str, Any]]] = {
    "allow_secrets": (["0" * 16], {}),
    "set_ref": (["chat/alice", None], {"expected": None}),
    "set_retention": (["session-backup"], {}),
}


def methods() -> list[str]:
    found = inspect.getmembers(Repo, inspect.isfunction)
    return [name for name, _ in found if not name.startswith("_") and name not in BY_OTHERS]


@pytest.mark.parametrize("name", methods())
def test_every_method_raises(repo: Repo, name: str) -> None:
    method = getattr(repo, name)
    positional, named = OTHER_ARGUMENTS.get(name) or arguments(method, "", None)
    repo.close()
    with pytest.raises(RepositoryClosed):
        result = method(*positional, **named)
        if isinstance(result, Iterator):
            next(result)


ITERATORS: dict[str, Callable[[Repo], Iterator[Any]]] = {
    "refs": lambda repo: repo.refs(),
    "tags": lambda repo: repo.tags(),
    "log": lambda repo: repo.log("chat/alice"),
    "ops": lambda repo: repo.ops(),
    "messages": lambda repo: repo.messages("chat/alice"),
    "records": lambda repo: iter(repo.view("chat/alice").messages),
    "memories": lambda repo: iter(repo.view("chat/alice").memories),
    "files": lambda repo: iter(repo.view("chat/alice").files),
    "bytes": lambda repo: repo.view("chat/alice").iter_bytes("one.txt"),
    "export": lambda repo: repo.export(repo.view("chat/alice"), "jsonl"),
}


@pytest.mark.parametrize("name", ITERATORS)
@pytest.mark.parametrize("begun", [0, 1])
def test_an_iterator_raises_in_its_middle(repo: Repo, name: str, begun: int) -> None:
    if (name, begun) in (("bytes", 1), ("tags", 1)):
        pytest.skip("it has only one item")
    iterator = ITERATORS[name](repo)
    assert len(list(islice(iterator, begun))) == begun
    repo.close()
    with pytest.raises(RepositoryClosed):
        list(iterator)


def test_views_and_drafts_raise(repo: Repo) -> None:
    view, draft = repo.view("chat/alice"), repo.edit("chat/alice")
    draft.messages.append({"role": "user", "content": "three"})
    repo.close()
    uses: list[Callable[[], object]] = [
        lambda: view.files,
        lambda: view.messages,
        lambda: view.memories,
        lambda: view.read("one.txt"),
        draft.commit,
        lambda: draft.messages.append("x"),
        lambda: draft.messages[0],
        lambda: draft.memories["one"],
        lambda: draft.memories.update(three="x"),
        lambda: draft.files.put("three.txt", b""),
        repo.__enter__,
    ]
    for use in uses:
        with pytest.raises(RepositoryClosed):
            use()
    repo.close()  # again
    assert view.ref == "chat/alice" and "alice" in repr(view) and "repository" in repr(repo)
