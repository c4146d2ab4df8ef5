"""What a snapshot is told to save: sources by name, folders and files by path."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from ctxstore.errors import NotFound
from ctxstore.sources.protocol import Source, SourceHome
from ctxstore.sources.registry import get_source, iter_source_names, iter_sources


class Target(NamedTuple):
    """A place to snapshot."""

    source: Source
    root: SourceHome


def find_targets(names: Sequence[str], environ: Mapping[str, str]) -> list[Target]:
    """Sources by name, a source's data at a path (``SOURCE:PATH``), and folders or files by path; without names, every
    agent found here.

    Raises `NotFound` for a name that is none of these.
    """
    if not names:
        return [Target(source, root) for source in iter_sources(third_party=True) for root in source.discover(environ)]
    return [target for name in names for target in _named_targets(name, environ)]


def add_known(targets: Sequence[Target], known: Iterable[tuple[Source, SourceHome]]) -> list[Target]:
    """The targets, and those of the `known` projects that are not among them."""
    there = {target.root[:2] for target in targets}
    return [*targets, *(Target(source, root) for source, root in known if root[:2] not in there)]


def split_name(name: str) -> tuple[str, str]:
    """(source, path) of ``SOURCE:PATH``, (source, "") of a source's name alone, else ("", path)."""
    source, colon, path = name.partition(":")
    is_meant = bool(path) or (not colon and source != "directory")
    known = iter_source_names(third_party=not os.path.lexists(name)) if is_meant else ()
    return (source, path) if source in known else ("", name)


def _named_targets(name: str, environ: Mapping[str, str]) -> Iterator[Target]:
    from ctxstore.sources.directory import Directory

    known, path = split_name(name)
    if not known and os.path.exists(path):
        directory = Directory()
        yield Target(directory, directory.root_for(path, environ))
        return
    if not known:
        raise NotFound(
            f"{name!r} is neither a source nor a path that exists",
            hint=f"sources: {', '.join(iter_source_names(third_party=True))}",
        )
    source = get_source(known)
    if path:
        from ctxstore.sources.homes import home_at

        yield Target(source, home_at(source, path, environ))
        return
    roots = source.discover(environ)
    if not roots:
        raise NotFound(f"no data of {source.agent} was found", hint=f"name its folder: ctx snapshot {known}:PATH")
    yield from (Target(source, root) for root in roots)
