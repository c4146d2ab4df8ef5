"""Revisions: expressions that name a commit: ``REF``, ``tag:NAME``, ``REF~2``, ``REF@{2026-10-01}``, id prefixes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from ctxstore.errors import InvalidInput, NotFound, require_text
from ctxstore.history.commits import Commit, read_commit
from ctxstore.history.engine import Engine
from ctxstore.history.oplog import StoredOp, iter_ops
from ctxstore.history.refs import SETTING, TAG, Refs, is_context
from ctxstore.ids import Kind, ObjectId, format_id, parse_id
from ctxstore.times import parse_time

_SUFFIX = re.compile(r"(?P<base>.*?)(?:~(?P<back>[0-9]{0,20})|@\{(?P<time>[^{}]*)\})\Z", re.DOTALL)
_HEX = re.compile(r"[0-9a-f]{4,64}\Z")


class Revision(NamedTuple):
    """A resolved revision: the commit, its id, and the ref through which it was found.

    If the commit was found by a tag or an id, `ref` is the context that the commit was made for.
    """

    ref: str
    id: ObjectId
    commit: Commit


class Resolver:
    """Resolves revisions in one state of a repository."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._root = engine.root()

    def resolve(self, text: str) -> Revision:
        """Returns the commit that a revision names.

        Raises `NotFound`, or `InvalidInput` if the revision is ambiguous or malformed.
        """
        require_text(text, "a revision")
        suffixes: list[tuple[str, str]] = []
        base = text
        while match := _SUFFIX.match(base):
            base = match["base"]
            suffixes.append(("back", match["back"] or "1") if match["time"] is None else ("time", match["time"]))
        revision = self._base(base, text)
        for kind, value in reversed(suffixes):
            revision = self._back(revision, int(value)) if kind == "back" else self._at(revision, value)
        return revision

    def _base(self, base: str, text: str) -> Revision:
        if not base:
            raise InvalidInput(f"{text!r} names no context", hint="run `ctx refs` to list the contexts")
        refs = self._engine.refs(self._root)
        if base.startswith(TAG):
            return self._tagged(refs, base)
        head = refs.find(base) if is_context(base) else None
        if head is not None:
            return self._revision(base, head)
        found = self.matching_refs(refs, base)
        tag = refs.find(TAG + base)
        if len(found) + (tag is not None) > 1:
            names = [*([TAG + base] if tag else []), *(name for name, _ in found)]
            raise InvalidInput(
                f"{base!r} is ambiguous: {', '.join(names[:3])}{' …' if len(names) > 3 else ''}",
                hint="give more of the name",
            )
        if tag is not None:
            return self._tagged(refs, TAG + base)
        if found:
            return self._revision(*found[0])
        if _HEX.match(base):
            return self._by_id(base)
        raise NotFound(f"no context or commit is called {base!r}", hint="run `ctx refs` to list the contexts")

    def _tagged(self, refs: Refs, ref: str) -> Revision:
        id = refs.find(ref)
        if id is None:
            raise NotFound(f"there is no tag {ref.removeprefix(TAG)!r}", hint="run `ctx tag` to list the tags")
        commit = read_commit(self._engine.store, id)
        return Revision(commit.ref, id, commit)

    def context(self, name: str) -> ObjectId:
        """Returns the newest commit of a context. Raises `NotFound`.

        Accepts only the full name, because the caller is about to change the context.
        """
        refs = self._engine.refs(self._root)
        require_text(name, "a context's name")
        head = refs.find(name) if is_context(name) else None
        if head is not None:
            return head
        similar = [other for other, _ in self.matching_refs(refs, name)] if name else []
        hint = f"give the full name, such as {similar[0]}" if similar else "run `ctx refs` to list the contexts"
        raise NotFound(f"no context is called {name!r}", hint=hint)

    @staticmethod
    def matching_refs(refs: Refs, text: str) -> list[tuple[str, ObjectId]]:
        """Returns the contexts whose names end with the parts in `text`, or whose last part starts with `text`."""
        found = []
        for name, id in refs.iter():
            if name.endswith("/" + text) or name.rpartition("/")[2].startswith(text):
                found.append((name, id))
        return found

    def _revision(self, ref: str, id: ObjectId) -> Revision:
        return Revision(ref, id, read_commit(self._engine.store, id))

    def _by_id(self, prefix: str) -> Revision:
        if len(prefix) == 64 and self._is_commit(parse_id(prefix)):
            found = {parse_id(prefix)}
        else:
            found = {id for id in self.iter_commit_ids() if id.hex().startswith(prefix)}
        # A commit that no op names may still be in a pack. `ctx recover` lists such commits.
        found = found or {id for id in self._engine.iter_packed(Kind.COMMIT) if id.hex().startswith(prefix)}
        if not found:
            raise NotFound(f"no commit starts with {prefix!r}", hint="run `ctx log REF` to list a context's commits")
        if len(found) > 1:
            shown = ", ".join(sorted(format_id(id, len(prefix) + 4) for id in found)[:3])
            raise InvalidInput(f"{prefix!r} is ambiguous: {shown}", hint="give more digits")
        id = found.pop()
        commit = read_commit(self._engine.store, id)
        return Revision(commit.ref, id, commit)

    def _is_commit(self, id: ObjectId) -> bool:
        location = self._engine.store.index.find(id)
        return location is not None and location.kind == Kind.COMMIT

    def iter_commit_ids(self) -> Iterator[ObjectId]:
        """Yields the ids of all commits that ops name as the new value of a ref, newest op first."""
        for _, op in iter_ops(self._engine.store, self._root.op):
            for change in op.changes:
                if change.new is not None and not change.ref.startswith(SETTING):
                    yield change.new

    def _back(self, revision: Revision, steps: int) -> Revision:
        at = revision
        for done in range(steps):
            if not at.commit.parents:
                raise NotFound(
                    f"{revision.ref}~{steps} goes back past the first commit", hint=f"use ~{done} for the first commit"
                )
            at = self._revision(revision.ref, at.commit.parents[0])
        return at

    def _at(self, revision: Revision, text: str) -> Revision:
        time = parse_time(text, self._engine.environment.clock())
        at = revision
        while at.commit.time > time:
            if not at.commit.parents:
                raise NotFound(f"{revision.ref} has no commit from {text} or before")
            at = self._revision(revision.ref, at.commit.parents[0])
        return at

    def op(self, text: str) -> StoredOp:
        """Returns the op whose id starts with `text`, with or without ``op:``. Raises `NotFound`, `InvalidInput`."""
        require_text(text, "a run's id")
        prefix = text.removeprefix("op:")
        found = [each for each in iter_ops(self._engine.store, self._root.op) if each.id.hex().startswith(prefix)]
        if not found or not _HEX.match(prefix):
            raise NotFound(f"no run's id starts with {prefix!r}", hint="run `ctx op log` to list the runs")
        if len(found) > 1:
            raise InvalidInput(f"several runs' ids start with {prefix!r}", hint="give more digits")
        return found[0]

    def refs_at(self, time: int | None) -> Refs:
        """Returns the refs at `time`, in UTC nanoseconds, or the current ones for None.

        Raises `NotFound` if `time` is before the first op.
        """
        if time is None:
            return self._engine.refs(self._root)
        for _, op in iter_ops(self._engine.store, self._root.op):
            if op.time <= time:
                return self._engine.refs_at(op.refs)
        raise NotFound("nothing had been saved at that time", hint="run `ctx op log` to see when the first run was")
