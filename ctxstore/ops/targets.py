"""What a snapshot is told to save: sources by name, folders and files by path."""

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from ctxstore.errors import NotFound
from ctxstore.sources.protocol import Root, Source
from ctxstore.sources.registry import get_source, iter_source_names, iter_sources


class Target(NamedTuple):
    """A place to snapshot."""

    source: Source
    root: Root


def find_targets(names: Sequence[str], environ: Mapping[str, str]) -> list[Target]:
    """Sources by name and folders or files by path; without names, every agent found here.

    Raises `NotFound` for a name that is neither.
    """
    if not names:
        return [Target(s, root) for s in iter_sources(third_party=True) for root in s.discover(environ)]
    return [target for name in names for target in _named_targets(name, environ)]


def _named_targets(name: str, environ: Mapping[str, str]) -> Iterator[Target]:
    from ctxstore.sources.directory import Directory

    if name != "directory" and name in iter_source_names(third_party=not os.path.lexists(name)):
        source = get_source(name)
        roots = source.discover(environ)
        if not roots:
            raise NotFound(f"no data of {source.agent} was found", hint="name its folder: ctx snapshot PATH")
        yield from (Target(source, root) for root in roots)
    elif os.path.exists(name):
        directory = Directory()
        yield Target(directory, directory.root_for(name, environ))
    else:
        raise NotFound(
            f"{name!r} is neither a source nor a path that exists",
            hint=f"sources: {', '.join(iter_source_names(third_party=True))}",
        )
