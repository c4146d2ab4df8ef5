"""What was acknowledged, and the proof that it is there: read by the independent verifier, byte for byte.

A commit's note says what it holds, so that a process that was killed needs to tell no more than the commit's id.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any, NamedTuple

import ctxstore
from ctxstore.history.commits import StoredCommit
from tests.verifier import Verified, verify_folder

SIZES = (0, 1, 300, 300, 3000, 3000, 20_000)
"""Bytes of a file: few in most."""

TURNS = 40
"""Messages after which a context begins anew."""


class Content(NamedTuple):
    """What a commit holds."""

    messages: list[Any]
    memories: dict[str, Any]
    files: dict[str, bytes]


class Note(NamedTuple):
    """The `number`-th commit of a line of commits, made by `who`: what it holds follows from this."""

    line: str
    number: int
    who: str

    def __str__(self) -> str:
        return f"{self.line} {self.number} {self.who}"


def parse_note(text: str) -> Note:
    line, number, who = text.split(" ")
    return Note(line, int(number), who)


def message(line: str, number: int) -> dict[str, Any]:
    return {"role": "user", "content": f"{line} {number} {random.Random(f'{line} {number}').randbytes(60).hex()}"}


def data_of(note: Note) -> bytes:
    source = random.Random(str(note))
    return source.randbytes(source.choice(SIZES))


def content_of(note: Note) -> Content:
    """What the commit with this note must hold."""
    first = note.number - note.number % TURNS
    messages = [message(note.line, number) for number in range(first, note.number + 1)]
    return Content(messages, {"last": note.number}, {"data": data_of(note)})


def work_file(name: str, version: int) -> bytes:
    """A file of the folder that is saved: its first line tells all of it."""
    source = random.Random(f"{name} {version}")
    return f"{name} {version}\n".encode() + source.randbytes(source.choice(SIZES))


def is_work_file(data: bytes) -> bool:
    """Whether these are all the bytes of one version of one file."""
    name, version = data.split(b"\n", 1)[0].decode().split(" ")
    return data == work_file(name, int(version))


def commit_next(repo: ctxstore.Repo, ref: str, who: str) -> StoredCommit:
    """Make the next commit of a ref, whatever it is by now. Raises what `Draft.commit` raises."""
    draft = repo.edit(ref)
    before = parse_note(draft.parent.commit.note) if draft.parent else Note(ref, -1, "")
    note = Note(before.line, before.number + 1, who)
    if note.number % TURNS == 0:
        draft.messages.clear()
    draft.messages.append(message(note.line, note.number))
    draft.memories["last"] = note.number
    draft.files.put("data", data_of(note))
    return draft.commit(str(note))


class Ledger:
    """What was acknowledged: `commits` and what each holds; `heads`, those of each (ref, writer) in their order;
    `forgettable`, those that may have been forgotten on purpose.

    A commit whose content is None holds files of a folder that changed meanwhile: each must be some version, whole.
    """

    def __init__(self) -> None:
        self.commits: dict[bytes, Content | None] = {}
        self.heads: dict[tuple[str, str], list[bytes]] = {}
        self.forgettable: set[bytes] = set()
        self._cache: dict[Any, Any] = {}
        self._read: set[bytes] = set()

    def copy(self) -> Ledger:
        """A ledger of its own that knows the same commits, and what of them was verified."""
        made = Ledger()
        made.commits = dict(self.commits)
        made.heads = {ref: list(ids) for ref, ids in self.heads.items()}
        made.forgettable = set(self.forgettable)
        made._cache, made._read = dict(self._cache), set(self._read)
        return made

    def add(self, ref: str, id: bytes, content: Content | None, writer: str = "") -> None:
        """A commit was acknowledged as the ref's newest one."""
        self.heads.setdefault((ref, writer), []).append(id)
        self.commits[id] = content

    def commit(self, repo: ctxstore.Repo, ref: str, who: str = "-") -> StoredCommit:
        """`commit_next`, remembered."""
        made = commit_next(repo, ref, who)
        self.add(ref, made.id, content_of(parse_note(made.commit.note)))
        return made

    def drop(self, ref: str) -> None:
        """The ref is being removed, so that it may be there or not; its commits stay."""
        for key in [key for key in self.heads if key[0] == ref]:
            del self.heads[key]

    def allow_forgetting(self, ref: str) -> None:
        """Commits of a ref are being forgotten, so that all but its newest one may be gone."""
        for (found, _), ids in self.heads.items():
            if found == ref:
                self.forgettable.update(ids[:-1])

    def verify(self, place: str) -> Verified:
        """All that was acknowledged is there, byte for byte, in its order; what was not is complete or not there."""
        found = verify_folder(place, self._cache)
        for id, content in self.commits.items():
            if id in self.forgettable and id in found.forgotten:
                continue
            assert id in found.complete, f"commit {id.hex()} is lost"
            if id not in self._read:
                self._verify_content(found, id, content)
                self._read.add(id)  # ids are hashes of all there is, and the verifier computes them every time
        chains = {ref: {id: at for at, id in enumerate(_first_parents(found, ref))} for ref in found.refs}
        for (ref, _), ids in self.heads.items():
            assert ref in chains, f"{ref} is lost"
            assert all(id in chains[ref] for id in ids), f"{ref} has lost commits"
            places = [chains[ref][id] for id in ids]
            assert places == sorted(places, reverse=True), f"{ref}: acknowledged commits are out of order"
        for ref, head in found.refs.items():
            assert head in found.complete, f"{ref} is incomplete"
        return found

    @staticmethod
    def _verify_content(found: Verified, id: bytes, content: Content | None) -> None:
        if content is None:
            assert all(is_work_file(data) for data in found.files(id).values())
            return
        assert found.messages(id) == content.messages
        assert found.memories(id) == content.memories
        assert found.files(id) == content.files


def _first_parents(found: Verified, ref: str) -> Iterator[bytes]:
    """A ref's commits, newest first."""
    id: bytes | None = found.refs[ref]
    while id is not None:
        yield id
        parents = found.commits[id][2]
        id = parents[0] if parents else None
