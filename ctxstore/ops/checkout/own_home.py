"""The check of a stored home: a checkout writes only where the source itself keeps files.

A commit names the folder of its files. A commit of another person may name any folder, such as the user's home.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from ctxstore.errors import InvalidInput
from ctxstore.ops.content.view import View
from ctxstore.sources.agent import AgentDescription
from ctxstore.sources.agents import AGENTS
from ctxstore.sources.directory import Directory, context_name
from ctxstore.sources.homes import ProjectHomes
from ctxstore.sources.protocol import Source, SourceHome


def require_own_home(view: View, source: Source, home: SourceHome, environ: Mapping[str, str]) -> None:
    """Raises `InvalidInput` if `source` would not write the commit's context at `home`."""
    why = ""
    if not os.path.isabs(home.path) or os.path.normpath(home.path) != home.path or "\0" in home.path:
        why = "is not the path of a folder"
    elif not view.commit.ref.startswith(source.name + "/"):
        why = f"is not where {source.name} saves {view.commit.ref}"
    elif isinstance(source, Directory):
        why = _reason_against_folder(view, home, environ)
    elif not _is_home(view, source, home, environ):
        why = f"is not a home of {source.agent}"
    if why:
        raise InvalidInput(
            f"{view.ref} can't be restored in place: {home.path!r} {why}",
            hint=f"restore it elsewhere: ctx checkout {view.ref} --to DIR",
        )


def _reason_against_folder(view: View, home: SourceHome, environ: Mapping[str, str]) -> str:
    """Returns the reason why a folder that a user named can't be the commit's folder. Returns "" if it can."""
    if context_name(home.path) != view.commit.ref:
        return f"is not the folder of {view.commit.ref}"
    user = os.path.realpath(environ.get("HOME") or os.path.expanduser("~"))
    if os.path.join(user, "").startswith(os.path.join(os.path.realpath(home.path), "")):
        return "contains all of your files"
    return ""


def _is_home(view: View, source: Source, home: SourceHome, environ: Mapping[str, str]) -> bool:
    """Whether an agent keeps its files at `home`, or has kept them there."""
    description = AGENTS.get(source.name)
    if description is not None and _is_usual(description, home.path, environ):
        return True
    if any(os.path.realpath(each.path) == os.path.realpath(home.path) for each in source.discover(environ)):
        return True
    if isinstance(source, ProjectHomes) and os.path.isdir(home.path):
        return True
    if os.path.lexists(home.path):
        contexts = source.contexts(home, lambda skipped: None)
        return any(source.transcript(each.name, [file.key for file in each.files]) is not None for each in contexts)
    # The folder was deleted. A session is restored there; settings of an agent could be another program's.
    return source.transcript(view.commit.ref, [key for key, _ in view.files.entries()]) is not None


def _is_usual(description: AgentDescription, path: str, environ: Mapping[str, str]) -> bool:
    """Whether an environment variable names this folder, or it is the usual one of any user. It may be missing."""
    folders = (*description.homes, *description.instead)
    ends = [folder.usual for folder in folders if folder.usual]
    ends += [f"globalStorage/{description.extension}"] if description.extension else []
    named = [place.partition("/") for folder in folders for place in folder.moved]
    moved = [os.path.join(environ[name], below) for name, _, below in named if environ.get(name)]
    is_moved = any(os.path.abspath(each) == path for each in moved)
    return is_moved or any(path.endswith("/" + end) for end in ends)
