"""The promises of a store, and whether it kept them. The independent verifier reads the store."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from tests.faults.simulated import SimulatedFiles
from tests.verifier import NoRepository, Verified, verify


class Content(NamedTuple):
    """The content from which a commit was made."""

    messages: Sequence[Any] = ()
    memories: Mapping[str, Any] = {}
    files: Mapping[str, bytes] = {}

    def plus(self, added: Content) -> Content:
        """Returns this content with more messages, and with memories and files that replace others of the same name."""
        return Content(
            (*self.messages, *added.messages), {**self.memories, **added.memories}, {**self.files, **added.files}
        )


class Promise(NamedTuple):
    """The acknowledged state as a plain model. `exists`: the repository exists."""

    exists: bool = False
    refs: Mapping[str, bytes] = {}
    commits: Mapping[bytes, Content] = {}
    tags: Mapping[str, bytes] = {}
    forgotten: frozenset[bytes] = frozenset()

    def fingerprint(self) -> int:
        """Computes a number that is equal for equal promises. A commit's id represents its content."""
        names = frozenset(self.refs.items()), frozenset(self.tags.items())
        return hash((self.exists, *names, frozenset(self.commits), self.forgotten))


NOTHING = Promise()


class BrokenPromise(AssertionError):
    """A difference between the store and its promises."""


class Oracle:
    """A comparison of repositories with promises. It keeps verified objects, because their ids prove them forever."""

    def __init__(self) -> None:
        self._cache: dict[Any, Any] = {}
        self._contents: dict[bytes, Content] = {}

    def read(self, files: SimulatedFiles, place: str) -> Verified | None:
        """Reads and verifies the whole repository, or returns None if there is none. Raises `VerifyError`."""
        contents = files.contents()

        def names(folder: str) -> list[str]:
            inside = os.path.join(place, folder) + "/"
            return [path.removeprefix(inside) for path in contents if path.startswith(inside)]

        try:
            return verify(lambda key: contents.get(os.path.join(place, key)), names, self._cache)
        except NoRepository:
            return None

    def kept(self, found: Verified | None, promises: Sequence[Promise]) -> Promise:
        """Finds the promise that was kept completely. Raises `BrokenPromise`."""
        for promise in promises:
            if _is_state(found, promise):
                if found is not None:
                    self._compare_commits(found, promise)
                return promise
        there = "no repository" if found is None else f"refs {_short(found.refs)}, {len(found.forgotten)} forgotten"
        raise BrokenPromise(f"{there}; promised was one of {[_short(promise.refs) for promise in promises]}")

    def _compare_commits(self, found: Verified, promise: Promise) -> None:
        held = {*promise.refs.values(), *promise.tags.values()}
        for id, content in promise.commits.items():
            if id in promise.forgotten and id not in held:
                continue
            if id not in found.complete:
                raise BrokenPromise(f"commit {id.hex()[:8]} was acknowledged and is not complete")
            if self._content(found, id) != content:
                raise BrokenPromise(f"commit {id.hex()[:8]} is not what was acknowledged: {self._contents[id]}")

    def _content(self, found: Verified, id: bytes) -> Content:
        if id not in self._contents:
            self._contents[id] = Content(tuple(found.messages(id)), found.memories(id), found.files(id))
        return self._contents[id]


def _is_state(found: Verified | None, promise: Promise) -> bool:
    if found is None:
        return not promise.exists
    said = (found.refs, found.tags, found.forgotten.keys())
    return promise.exists and said == (promise.refs, promise.tags, promise.forgotten)


def _short(refs: Mapping[str, bytes]) -> dict[str, str]:
    return {name: id.hex()[:8] for name, id in refs.items()}
