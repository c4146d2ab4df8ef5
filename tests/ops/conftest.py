"""Agents' homes and folders that these tests write, snapshot and restore."""

from __future__ import annotations

import json
import os
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import ctxstore
from ctxstore.ops.checkout.execute import CheckoutResult
from ctxstore.ops.snapshot.snapshot import SnapshotReport
from ctxstore.ops.snapshot.targets import Target
from ctxstore.sources.claude_code import ClaudeCode
from ctxstore.sources.directory import Directory
from ctxstore.sources.protocol import SourceHome

PROJECT = "-home-ada-engine"


def line(number: int, text: str = "", session: str = "s", **fields: Any) -> bytes:
    """Builds a message of a transcript. Users and assistants alternate, and each message follows the one before."""
    role = "assistant" if number % 2 else "user"
    words = text or f"Message {number}: the engine weaves algebraic patterns. "
    content: Any = [{"type": "text", "text": words}] if role == "assistant" else words
    message = {"role": role, "content": content, **({"model": "engine-1"} if role == "assistant" else {})}
    value = {
        "parentUuid": f"m{number - 1}" if number else None,
        "uuid": f"m{number}",
        "sessionId": session,
        "cwd": "/home/ada/engine",
        "timestamp": f"2026-01-01T00:{number // 60 % 60:02}:{number % 60:02}Z",
        "type": role,
        "message": message,
        **fields,
    }
    return json.dumps(value, separators=(",", ":")).encode() + b"\n"


class Home:
    """A user's home with ``.claude`` in it."""

    project = PROJECT

    def __init__(self, path: Path) -> None:
        self.path = path
        self.claude = path / ".claude"
        (self.claude / "projects" / PROJECT).mkdir(parents=True)

    @property
    def target(self) -> Target:
        return Target(ClaudeCode(), SourceHome("claude-code", str(self.claude), ".claude"))

    @staticmethod
    def ref(session: str) -> str:
        return f"claude-code/{PROJECT}/{session}"

    def transcript(self, session: str) -> Path:
        return self.claude / "projects" / PROJECT / f"{session}.jsonl"

    def write(self, session: str, messages: int = 6, **fields: Any) -> Path:
        path = self.transcript(session)
        path.write_bytes(b"".join(line(i, session=session, **fields) for i in range(messages)))
        return path

    def add(self, key: str, data: bytes) -> Path:
        path = self.claude / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return path

    def append(self, session: str, *lines: bytes) -> None:
        with self.transcript(session).open("ab") as file:
            file.write(b"".join(lines))


@pytest.fixture(name="line")
def line_() -> Callable[..., bytes]:
    return line


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "ada")


@pytest.fixture
def make_home(tmp_path: Path) -> Callable[[str], Home]:
    return lambda name: Home(tmp_path / name)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """The path of the repository."""
    return tmp_path / "repository"


@pytest.fixture
def repo(place: Path) -> Iterator[ctxstore.Repo]:
    with ctxstore.init(place) as made:
        yield made


@pytest.fixture
def snap(repo: ctxstore.Repo) -> Callable[..., SnapshotReport]:
    """A function that takes a snapshot of homes or targets."""

    def run(*places: Any, **options: Any) -> SnapshotReport:
        return repo.snapshot([getattr(place, "target", place) for place in places], **options)

    return run


@pytest.fixture
def folder_target() -> Callable[[Path], Target]:
    return lambda path: Target(Directory(), Directory().home_at(str(path), {}))


@pytest.fixture
def settle() -> Callable[[], None]:
    """A function that waits until the files' stamps are old enough to be trusted."""
    return lambda: time.sleep(0.06)


def state_of(folder: str | Path) -> dict[bytes, tuple[Any, ...]]:
    """Reads everything below a folder: kind, permissions, time, and bytes or link's target."""
    base = os.fsencode(folder)
    found: dict[bytes, tuple[Any, ...]] = {}
    for path, folders, files in os.walk(base):
        for name in (*folders, *files):
            full = os.path.join(path, name)
            status = os.lstat(full)
            key = os.path.relpath(full, base)
            if stat.S_ISLNK(status.st_mode):
                found[key] = ("link", status.st_mtime_ns, os.readlink(full))
            elif stat.S_ISDIR(status.st_mode):
                found[key] = ("folder", stat.S_IMODE(status.st_mode), status.st_mtime_ns)
            else:
                with open(full, "rb") as file:
                    found[key] = ("file", stat.S_IMODE(status.st_mode), status.st_mtime_ns, file.read())
    return found


@pytest.fixture(name="state_of")
def state_of_() -> Callable[[str | Path], dict[bytes, tuple[Any, ...]]]:
    return state_of


@pytest.fixture
def checkout(repo: ctxstore.Repo) -> Callable[..., CheckoutResult]:
    def run(rev: str, to: str | Path, **options: Any) -> CheckoutResult:
        return repo.plan_checkout(rev, to=str(to)).execute(**options)

    return run


def stored_files(place: Path) -> dict[str, bytes]:
    """Reads the repository's files, except its caches and locks."""
    kept = {}
    for path in sorted(place.rglob("*")):
        key = path.relative_to(place).as_posix()
        if path.is_file() and not key.startswith("cache/") and not key.endswith(".lock"):
            kept[key] = path.read_bytes()
    return kept


@pytest.fixture(name="stored_files")
def stored_files_() -> Callable[[Path], dict[str, bytes]]:
    return stored_files


@pytest.fixture
def is_sound() -> Callable[[ctxstore.Repo], bool]:
    def look(repo: ctxstore.Repo) -> bool:
        report = repo.check(read_data=True)
        assert report.problems == ()
        return True

    return look
