"""Names of commits: tags, and contexts forked, renamed and dropped. Each is one op, and `ctx undo` takes it back."""

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
    """Make a tag, or with `force` move it; None when it is there already. Raises `AlreadyExists`, `InvalidInput`."""
    ref = check_tag(name)

    def attempt() -> Published | None:
        with transaction(engine) as tx:
            old = tx.refs.find(ref)
            if old == id:
                return None
            if old is not None and not force:
                raise AlreadyExists(f"{ref} is at commit {format_id(old)}", hint="--force moves it")
            tx.rely(id)
            return tx.publish([Move(ref, old, id)], "tag")

    return retry(attempt)


def delete_tag(engine: Engine, name: str) -> ObjectId:
    """Take a tag away; the commit it named. Raises `NotFound`, `InvalidInput`."""
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
    """(name without ``tag:``, commit) of every tag, sorted by name."""
    for name, id in engine.refs(engine.root()).tags():
        yield NamedCommit(name, StoredCommit(id, read_commit(engine.store, id)))


def fork(engine: Engine, id: ObjectId, new_ref: str) -> StoredCommit:
    """Make a context that starts at a commit. Raises `AlreadyExists`, `InvalidInput`, `NotFound`."""
    check_name(new_ref)

    def attempt() -> StoredCommit:
        with transaction(engine) as tx:
            _refuse_existing(tx.refs, new_ref)
            tx.rely(id)
            tx.publish([Move(new_ref, None, id)], "fork")
            return StoredCommit(id, read_commit(engine.store, id))

    return retry(attempt)


def rename(engine: Engine, old: str, new: str) -> StoredCommit:
    """Give a context another name. Raises `NotFound`, `AlreadyExists`, `InvalidInput`."""
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
    if refs.find(name) is not None:
        raise AlreadyExists(f"there is a context {name!r} already", hint="choose another name")


class DropPlan:
    """Contexts that are to go: `contexts` has their names and newest commits. Nothing happens before `execute`."""

    def __init__(self, engine: Engine, contexts: Sequence[NamedCommit]) -> None:
        self._engine = engine
        self.contexts = tuple(contexts)

    def execute(self) -> Published:
        """Drop them, all in one op; their commits stay, for `ctx undo`. Raises `RefMoved` if one moved since."""
        with transaction(self._engine) as tx:
            return tx.publish([Move(name, stored.id, None) for name, stored in self.contexts], "drop")


def plan_drop(engine: Engine, patterns: Sequence[str]) -> DropPlan:
    """What dropping contexts, named whole or by globs, would do. Raises `NotFound`, `InvalidInput`."""
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
