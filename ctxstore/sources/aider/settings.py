"""The histories that aider's settings name: its configuration, a project's ``.env``, and environment variables.

Other settings in these files are ignored, because they may contain keys.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from ctxstore.sources.walk import read_head

CHAT, INPUT, LLM = "chat", "input", "llm"
VARIABLES = {"AIDER_CHAT_HISTORY_FILE": CHAT, "AIDER_INPUT_HISTORY_FILE": INPUT, "AIDER_LLM_HISTORY_FILE": LLM}

_CONFIGURATION = re.compile(rb"^(chat|input|llm)[-_]history[-_]file[ \t]*[:=][ \t]*(.*?)[ \t\r]*$", re.MULTILINE)
_ENVIRONMENT = re.compile(
    rb"^[ \t]*(?:export[ \t]+)?AIDER_(CHAT|INPUT|LLM)_HISTORY_FILE[ \t]*=[ \t]*(.*?)[ \t\r]*$", re.MULTILINE
)
_FILES = {".aider.conf.yml": _CONFIGURATION, ".env": _ENVIRONMENT}
_LIMIT = 256 << 10
"""Bytes of settings that are read."""


class NamedHistory(NamedTuple):
    """A history whose path a setting or a variable defines: its kind, and its absolute path."""

    kind: str
    path: str


def by_variables(environ: Mapping[str, str]) -> Iterator[NamedHistory]:
    """Yields the histories that environment variables name. Relative paths are below PWD."""
    for variable, kind in VARIABLES.items():
        path = os.path.join(environ.get("PWD", ""), environ.get(variable, ""))
        if environ.get(variable) and os.path.isabs(path):
            yield NamedHistory(kind, _resolved(path))


def by_settings(project: str) -> Iterator[NamedHistory]:
    """Yields the histories that the settings of a project name, or those of a folder above it.

    aider reads the settings in the home folder, in the repository's and in the current one, and the last ones win.
    Relative paths are below the folder in which aider runs.
    """
    found: dict[str, str] = {}
    folder = project
    while True:
        for name, pattern in _FILES.items():
            for kind, path in _values(os.path.join(folder, name), pattern):
                found.setdefault(kind, _resolved(os.path.join(project, path)))
        parent = os.path.dirname(folder)
        if parent == folder:
            break
        folder = parent
    yield from (NamedHistory(kind, path) for kind, path in sorted(found.items()))


def _resolved(path: str) -> str:
    """Returns the path to which aider writes. If the history is a link, this is the target of the link."""
    return os.path.realpath(path) if os.path.islink(path) else os.path.normpath(path)


def _values(path: str, pattern: re.Pattern[bytes]) -> Iterator[tuple[str, str]]:
    try:
        data = read_head(path, _LIMIT)
    except OSError as error:
        if error.errno != errno.ELOOP:
            return
        data = _read_behind_link(path)
    for match in pattern.finditer(data):
        if value := _plain(os.fsdecode(match[2])):
            yield match[1].decode().lower(), value


def _read_behind_link(path: str) -> bytes:
    """Reads settings that are a link, as to a folder of all of a user's settings."""
    try:
        return read_head(os.path.realpath(path), _LIMIT)
    except OSError:
        return b""


def _plain(value: str) -> str:
    """Returns a value of YAML or of a shell without quotes and comments."""
    if value[:1] in ("'", '"'):
        return value[1:].partition(value[0])[0]
    value = re.split(r"(?:^|[ \t])#", value, maxsplit=1)[0].strip()
    return "" if value in ("null", "~") else value
