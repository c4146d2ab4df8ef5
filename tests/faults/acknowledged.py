"""The commits that a store acknowledged, and the proof that all of them exist.

The independent verifier reads them byte for byte. The note of a commit determines its content, so that a process that
was killed needs to report no more than the commit's id.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any, NamedTuple

import ctxstore
from ctxstore.history.commits import StoredCommit
from tests.verifier import Verified, verify_folder

SIZES = (0, 1, 300, 300, 3000, 3000, 20_000)
"""The sizes of files, in bytes. Few files are large."""

TURNS = 40
"""The number of messages after which a context starts anew."""


class Content(NamedTuple):
    """The content of a commit."""

    messages: list[Any]
    memories: dict[str, Any]
    files: dict[str, bytes]


class Note(NamedTuple):
    """The `number`-th commit that `who` makes in a sequence. The commit's content follows from these two."""

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
    """Computes the content of the commit with this note."""
    first = note.number - note.number % TURNS
    messages = [message(note.line, number) for number in range(first, note.number + 1)]
    return Content(messages, {"last": note.number}, {"data": data_of(note)})


def work_file(name: str, version: int) -> bytes:
    """Builds a file of the saved folder. The first line determines the rest."""
    source = random.Random(f"{name} {version}")
    return f"{name} {version}\n".encode() + source.randbytes(source.choice(SIZES))


def is_work_file(data: bytes) -> bool:
    """Whether the bytes are one version of one file, complete."""
    name, version = data.split(b"\n", 1)[0].decode().split(" ")
    return data == work_file(name, int(version))


def commit_next(repo: ctxstore.Repo, ref: str, who: str) -> StoredCommit:
    """Makes the next commit of a ref, from the ref's present head.

    Raises what `Draft.commit` raises.
    """
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
    """A record of acknowledged commits.

    `commits` maps each commit to its content. `heads` lists the commits of each (ref, writer) in order. `forgettable`
    are commits that may have been forgotten on purpose.

    A commit whose content is None holds files of a folder that changed meanwhile: each file must be one version,
    complete.
    """

    def __init__(self) -> None:
        self.commits: dict[bytes, Content | None] = {}
        self.heads: dict[tuple[str, str], list[bytes]] = {}
        self.forgettable: set[bytes] = set()
        self._cache: dict[Any, Any] = {}
        self._read: set[bytes] = set()

    def copy(self) -> Ledger:
        """Returns an independent ledger with the same commits and the same verified objects."""
        made = Ledger()
        made.commits = dict(self.commits)
        made.heads = {ref: list(ids) for ref, ids in self.heads.items()}
        made.forgettable = set(self.forgettable)
        made._cache, made._read = dict(self._cache), set(self._read)
        return made

    def add(self, ref: str, id: bytes, content: Content | None, writer: str = "") -> None:
        """Records a commit that was acknowledged as the ref's newest."""
        self.heads.setdefault((ref, writer), []).append(id)
        self.commits[id] = content

    def commit(self, repo: ctxstore.Repo, ref: str, who: str = "-") -> StoredCommit:
        """Calls `commit_next` and records the commit."""
        made = commit_next(repo, ref, who)
        self.add(ref, made.id, content_of(parse_note(made.commit.note)))
        return made

    def drop(self, ref: str) -> None:
        """Records that the ref is being removed: it may exist or not. Its commits stay."""
        for key in [key for key in self.heads if key[0] == ref]:
            del self.heads[key]

    def allow_forgetting(self, ref: str) -> None:
        """Records that the ref's commits are being forgotten: all but the newest may be missing."""
        for (found, _), ids in self.heads.items():
            if found == ref:
                self.forgettable.update(ids[:-1])

    def verify(self, place: str) -> Verified:
        """Asserts that every acknowledged commit exists, byte for byte and in order.

        Other commits are complete or do not exist.
        """
        found = verify_folder(place, self._cache)
        for id, content in self.commits.items():
            if id in self.forgettable and id in found.forgotten:
                continue
            assert id in found.complete, f"commit {id.hex()} is lost"
            if id not in self._read:
                self._verify_content(found, id, content)
                self._read.add(id)  # an id is the hash of the whole content, and the verifier computes it every time
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
    """Yields the commits of a ref, newest first."""
    id: bytes | None = found.refs[ref]
    while id is not None:
        yield id
        parents = found.commits[id][2]
        id = parents[0] if parents else None
