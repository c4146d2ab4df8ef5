"""The contexts whose files are gone from their agent's home on this machine."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping

from ctxstore.errors import CtxstoreError
from ctxstore.history.engine import Engine
from ctxstore.history.predecessors import DAMAGE
from ctxstore.ops.content.log import iter_contexts
from ctxstore.ops.snapshot.last_saved import LastSaved
from ctxstore.ops.snapshot.targets import Target
from ctxstore.sources.homes import home_at
from ctxstore.sources.protocol import Source
from ctxstore.sources.registry import get_source


def iter_vanished(engine: Engine, environ: Mapping[str, str]) -> Iterator[str]:
    """Yields the names of contexts that were saved from a home that still exists, and have no files there any more.

    Contexts of other machines and forks are not among them.
    """
    homes: dict[tuple[str, str], LastSaved | None] = {}
    sources: dict[str, Source] = {}
    for name, stored in iter_contexts(engine):
        commit = stored.commit
        if not commit.source or commit.ref != name:
            continue
        key = (commit.source, commit.root)
        if key not in homes:
            homes[key] = _find_home(engine, commit.source, commit.root, sources, environ)
        saved = homes[key]
        if saved is None or saved.is_from_elsewhere(commit):
            continue
        try:
            found = saved.target.source.find_context(saved.target.home, name.removesuffix(saved.suffix), lambda _: None)
        except (CtxstoreError, OSError, *DAMAGE):
            continue  # a home that can't be read does not prove that anything is gone
        if found is None or not found.files:
            yield name


def _find_home(
    engine: Engine, source: str, path: str, sources: dict[str, Source], environ: Mapping[str, str]
) -> LastSaved | None:
    """Returns the last saved state of the home at `path` if it exists."""
    if not os.path.isdir(path):
        return None
    try:
        found = sources.setdefault(source, get_source(source))
        home = next((each for each in found.discover(environ) if each.path == path), None)
        return LastSaved(engine, Target(found, home or home_at(found, path, environ)))
    except (CtxstoreError, OSError):
        return None
