"""Repositories with messages to search: a program's, and an agent's transcripts."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import ctxstore
from ctxstore.ops.search.find import SearchHit
from ctxstore.ops.snapshot.targets import Target
from ctxstore.sources.claude_code import ClaudeCode
from ctxstore.sources.protocol import SourceHome

PROJECT = "-home-ada-engine"


def said(number: int, text: str, role: str = "user", minute: int = 0) -> bytes:
    """Builds a line of a transcript."""
    value = {
        "parentUuid": f"m{number - 1}" if number else None,
        "uuid": f"m{number}",
        "cwd": "/home/ada/engine",
        "timestamp": f"2026-01-01T00:{minute:02}:{number % 60:02}Z",
        "type": role,
        "message": {"role": role, "content": text},
    }
    return json.dumps(value).encode() + b"\n"


class Agent:
    """An agent's home and its snapshots."""

    def __init__(self, path: Path, repo: ctxstore.Repo) -> None:
        self.folder = path / ".claude" / "projects" / PROJECT
        self.folder.mkdir(parents=True)
        self._root = SourceHome("claude-code", str(path / ".claude"), ".claude")
        self._repo = repo

    def save(self, session: str, *lines: bytes) -> str:
        """Writes the transcript, takes a snapshot, and returns the context's name."""
        (self.folder / f"{session}.jsonl").write_bytes(b"".join(lines))
        self._repo.snapshot([Target(ClaudeCode(), self._root)])
        return f"claude-code/{PROJECT}/{session}"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "repository"


@pytest.fixture
def repo(place: Path) -> Iterator[ctxstore.Repo]:
    with ctxstore.init(place) as made:
        yield made


@pytest.fixture
def agent(tmp_path: Path, repo: ctxstore.Repo) -> Agent:
    return Agent(tmp_path / "ada", repo)


@pytest.fixture
def tell(repo: ctxstore.Repo) -> Callable[..., ctxstore.ObjectId]:
    """A function that appends messages to a program's context and commits."""

    def append(ref: str, *texts: str, role: str = "user") -> ctxstore.ObjectId:
        draft = repo.edit(ref)
        for text in texts:
            draft.messages.append({"role": role, "content": text})
        return draft.commit().id

    return append


@pytest.fixture
def find(repo: ctxstore.Repo) -> Callable[..., list[SearchHit]]:
    """A function that returns the hits of a query."""
    from ctxstore.ops.search.find import SearchFilters

    def ask(query: str, number: int = 0, **filters: object) -> list[SearchHit]:
        found = repo.search(query, SearchFilters(**filters), number=number)
        assert not found.problems
        return list(found.hits)

    return ask


@pytest.fixture
def texts(find: Callable[..., list[SearchHit]]) -> Callable[..., list[str]]:
    """A function that returns the texts of the hits, sorted."""
    return lambda query, **filters: sorted(hit.message.parts[0].text for hit in find(query, **filters))
