"""The targets of a snapshot: sources by name, folders and files by path."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from ctxstore.errors import NotFound
from ctxstore.sources.protocol import Source, SourceHome
from ctxstore.sources.registry import get_source, iter_source_names, iter_sources


class Target(NamedTuple):
    """A source, and a home to snapshot with it."""

    source: Source
    home: SourceHome


def find_targets(names: Sequence[str], environ: Mapping[str, str]) -> list[Target]:
    """Resolves the names that a user gave into targets. Without names, every agent found on this machine is a target.

    A name is a source, a source with a path (``SOURCE:PATH``), or the path of a folder or file. Raises `NotFound` for
    any other name.
    """
    if not names:
        return [Target(source, home) for source in iter_sources(third_party=True) for home in source.discover(environ)]
    return [target for name in names for target in _named_targets(name, environ)]


def add_known_projects(targets: Sequence[Target], known: Iterable[Target]) -> list[Target]:
    """Returns the targets, followed by those of the `known` projects that are not among them yet."""
    present = {_home_key(target.home) for target in targets}
    return [*targets, *(target for target in known if _home_key(target.home) not in present)]


def split_name(name: str) -> tuple[str, str]:
    """Splits a name into (source, path): ``SOURCE:PATH``, a source alone with an empty path, or ("", path)."""
    source, colon, path = name.partition(":")
    may_be_source = bool(path) or (not colon and source != "directory")
    known = iter_source_names(third_party=not os.path.lexists(name)) if may_be_source else ()
    return (source, path) if source in known else ("", name)


def _named_targets(name: str, environ: Mapping[str, str]) -> Iterator[Target]:
    """Yields the targets of one name."""
    from ctxstore.sources.directory import Directory

    known, path = split_name(name)
    if not known and os.path.exists(path):
        directory = Directory()
        yield Target(directory, directory.home_at(path, environ))
        return
    if not known:
        raise NotFound(
            f"{name!r} is neither a source nor an existing path",
            hint=f"use an existing path, or a source: {', '.join(iter_source_names(third_party=True))}",
        )
    source = get_source(known)
    if path:
        from ctxstore.sources.homes import home_at

        yield Target(source, home_at(source, path, environ))
        return
    homes = source.discover(environ)
    if not homes:
        raise NotFound(f"no data of {source.agent} was found", hint=f"pass its folder: ctx snapshot {known}:PATH")
    yield from (Target(source, home) for home in homes)


def _home_key(home: SourceHome) -> tuple[str, str]:
    """Returns (source, path), which identify a home. The label does not."""
    return home.source, home.path
