"""Tags, and the forking, renaming and dropping of contexts.

Each change is one entry of the op log, which `ctx undo` reverts.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator, Sequence

from ctxstore.errors import AlreadyExists, NotFound
from ctxstore.history.commits import NamedCommit, StoredCommit, read_commit
from ctxstore.history.engine import Engine
from ctxstore.history.refs import TAG, Refs, check_name, check_tag
from ctxstore.history.revisions import Resolver
from ctxstore.history.transaction import Move, Published, transaction
from ctxstore.ids import ObjectId, format_id
from ctxstore.ops.refs.retry import retry


def create_tag(engine: Engine, name: str, id: ObjectId, *, force: bool) -> Published | None:
    """Creates a tag, or moves it with `force`. Returns None if the tag names this commit already.

    Raises `AlreadyExists` or `InvalidInput`.
    """
    ref = check_tag(name)

    def attempt() -> Published | None:
        with transaction(engine) as tx:
            old = tx.refs.find(ref)
            if old == id:
                return None
            if old is not None and not force:
                raise AlreadyExists(f"{ref} already exists, at commit {format_id(old)}", hint="use --force to move it")
            tx.rely(id)
            return tx.publish([Move(ref, old, id)], "tag")

    return retry(attempt)


def delete_tag(engine: Engine, name: str) -> ObjectId:
    """Deletes a tag, and returns the commit it named. Raises `NotFound` or `InvalidInput`."""
    ref = check_tag(name)

    def attempt() -> ObjectId:
        with transaction(engine) as tx:
            old = tx.refs.find(ref)
            if old is None:
                raise NotFound(f"there is no tag {ref.removeprefix(TAG)!r}", hint="`ctx tag` lists them")
            tx.publish([Move(ref, old, None)], "tag")
            return old

    return retry(attempt)


def iter_tags(engine: Engine) -> Iterator[NamedCommit]:
    """Yields (name without ``tag:``, commit) for every tag, sorted by name."""
    for name, id in engine.refs(engine.root()).tags():
        yield NamedCommit(name, StoredCommit(id, read_commit(engine.store, id)))


def fork(engine: Engine, id: ObjectId, new_ref: str) -> StoredCommit:
    """Creates a context that starts at a commit. Raises `AlreadyExists`, `InvalidInput` or `NotFound`."""
    check_name(new_ref)

    def attempt() -> StoredCommit:
        with transaction(engine) as tx:
            _refuse_existing(tx.refs, new_ref)
            tx.rely(id)
            tx.publish([Move(new_ref, None, id)], "fork")
            return StoredCommit(id, read_commit(engine.store, id))

    return retry(attempt)


def rename(engine: Engine, old: str, new: str) -> StoredCommit:
    """Renames a context. Raises `NotFound`, `AlreadyExists` or `InvalidInput`."""
    check_name(new)

    def attempt() -> StoredCommit:
        id = Resolver(engine).context(old)
        with transaction(engine) as tx:
            _refuse_existing(tx.refs, new)
            tx.rely(id)
            tx.publish([Move(old, id, None), Move(new, None, id)], "rename")
            return StoredCommit(id, read_commit(engine.store, id))

    return retry(attempt)


def _refuse_existing(refs: Refs, name: str) -> None:
    """Raises `AlreadyExists` if a context has this name."""
    if refs.find(name) is not None:
        raise AlreadyExists(f"there is a context {name!r} already", hint="choose another name")


class DropPlan:
    """A plan to drop contexts. `contexts` lists their names and newest commits. Nothing is written before `execute`."""

    def __init__(self, engine: Engine, contexts: Sequence[NamedCommit]) -> None:
        self._engine = engine
        self.contexts = tuple(contexts)

    def execute(self) -> Published:
        """Drops the contexts as one entry of the op log. Their commits stay, so that `ctx undo` can restore them.

        Raises `RefMoved` if a context has moved since the plan was made.
        """
        with transaction(self._engine) as tx:
            return tx.publish([Move(name, stored.id, None) for name, stored in self.contexts], "drop")


def plan_drop(engine: Engine, patterns: Sequence[str]) -> DropPlan:
    """Plans to drop contexts, given by name or by glob pattern. Raises `NotFound` or `InvalidInput`."""
    resolver = Resolver(engine)
    names: dict[str, ObjectId] = {}
    for pattern in patterns:
        if any(c in pattern for c in "*?["):
            found = {name: id for name, id in resolver.refs_at(None).iter() if fnmatch.fnmatchcase(name, pattern)}
            if not found:
                raise NotFound(f"no context matches {pattern!r}", hint="`ctx refs` lists the contexts")
            names |= found
        else:
            names[pattern] = resolver.context(pattern)
    return DropPlan(
        engine,
        [NamedCommit(name, StoredCommit(id, read_commit(engine.store, id))) for name, id in sorted(names.items())],
    )
