"""Lists a folder as the files of a context, in the same way for every source."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from typing import BinaryIO

from ctxstore.durable.new_file import LEFTOVER
from ctxstore.sources.protocol import FoundFile, ReportSkipped, Skipped

SECRETS = frozenset({".credentials.json", "auth.json", "oauth_creds.json", "secrets.json"})
"""Names of files that hold an agent's keys: left out wherever they are."""

_SETTINGS_LIMIT = 64 << 10
"""Bytes: a larger file is no list or settings, and is not searched."""

_SUSPICIOUS = (b"token", b"secret", b"password", b"api_key", b"apikey", b"authorization", b"private_key")

_REPOSITORY = frozenset({"root", "packs", "config"})


def walk(folder: str, prefix: str, report: ReportSkipped, *, state: bool = True) -> list[FoundFile]:
    """Returns all files, folders and symlinks below `folder`, in the order of their keys, which begin with `prefix`.

    Left out, and reported: what is neither of these, `SECRETS`, ctxstore repositories, what can't be listed.
    Symlinks are never followed. Those that lead somewhere are reported, too: see `report_outside`.
    """
    found: list[FoundFile] = []
    pending: list[tuple[str, str, FoundFile | None]] = [(folder, prefix, None)]
    while pending:  # not recursive: folders may nest deeper than Python's stack
        path, below, itself = pending.pop()
        entries = list_folder(path, report)
        if is_repository(path, {entry.name for entry in entries}):
            report(Skipped(path, "a ctxstore repository", failed=False))
            continue
        if itself:
            found.append(itself)
        for entry in entries:
            file = look_at(entry, below + entry.name, report, state=state)
            if file is None:
                continue
            if stat.S_ISDIR(file.stat.st_mode):
                pending.append((file.path, file.key + "/", file))
            else:
                found.append(file)
    found.sort(key=by_key)
    return found


def list_folder(path: str, report: ReportSkipped) -> list[os.DirEntry[str]]:
    """Returns the entries of a folder. A missing folder is empty, and an unreadable one is reported."""
    try:
        with os.scandir(path) as entries:
            return list(entries)
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        report(Skipped(path, error.strerror or str(error)))
        return []


def look_at(entry: os.DirEntry[str], key: str, report: ReportSkipped, *, state: bool = True) -> FoundFile | None:
    """Returns the entry as a file of a context, or None if it is skipped."""
    try:
        status = entry.stat(follow_symlinks=False)
    except FileNotFoundError:  # deleted since it was listed
        return None
    except OSError as error:
        report(Skipped(entry.path, error.strerror or str(error)))
        return None
    # Spares the many a call.
    plain = stat.S_ISREG(status.st_mode) and entry.name not in SECRETS and not entry.name.startswith(".ctx-")
    reason = "" if plain else why_not(entry.name, status.st_mode)
    if reason:
        report(Skipped(entry.path, reason, failed=False))
        return None
    if not plain and stat.S_ISLNK(status.st_mode) and os.path.exists(entry.path):
        target = os.path.realpath(entry.path)
        report(LinkTarget(entry.path, f"only the link is saved; to save its content: ctx snapshot {target}", False))
    return FoundFile(key, entry.path, status, state)


class LinkTarget(Skipped):
    """The content behind a symlink, which is not saved with the link. `path` is the link."""


def report_outside(home: str, report: ReportSkipped) -> ReportSkipped:
    """Returns `report` without the targets of symlinks that lie in `home` too: these are listed for themselves."""
    inside = os.path.join(os.path.realpath(home), "")

    def report_rest(skipped: Skipped) -> None:
        if not isinstance(skipped, LinkTarget) or not (os.path.realpath(skipped.path) + os.sep).startswith(inside):
            report(skipped)

    return report_rest


def find_file(home: str, key: str, report: ReportSkipped) -> FoundFile | None:
    """Returns one file without listing its folder, or None if it is missing or skipped."""
    path = os.path.join(home, key)
    try:
        status = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        report(Skipped(path, error.strerror or str(error)))
        return None
    reason = why_not(os.path.basename(key), status.st_mode)
    if reason:
        report(Skipped(path, reason, failed=False))
        return None
    return FoundFile(key, path, status)


def take(entry: os.DirEntry[str], key: str, report: ReportSkipped, *, state: bool = True) -> list[FoundFile]:
    """Returns the entry as a file of a context, with all files below it if it is a folder. Returns an empty list if it
    is skipped."""
    file = look_at(entry, key, report, state=state)
    if file is None:
        return []
    return [file, *walk(file.path, key + "/", report, state=state)] if stat.S_ISDIR(file.stat.st_mode) else [file]


def take_named(folder: str, is_named: Callable[[str], bool], report: ReportSkipped) -> list[FoundFile]:
    """Returns only the named entries of a folder, in the order of their keys. Folders include all files below them.

    Sources list an agent's settings in this way, because an unknown file may be a cache or contain credentials.
    """
    entries = (entry for entry in list_folder(folder, report) if is_named(entry.name))
    return sorted((file for entry in entries for file in take(entry, entry.name, report)), key=by_key)


def is_folder(entry: os.DirEntry[str], *, follow: bool = False) -> bool:
    """Whether the entry is a folder; with `follow`, a symlink to one too."""
    try:
        return entry.is_dir(follow_symlinks=follow)
    except OSError:  # a loop of symlinks
        return False


def open_file(path: str) -> BinaryIO:
    """Opens a file for reading. Symlinks are not followed, and nothing is waited for. Raises `OSError`."""
    return open(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK), "rb")


def read_head(path: str, size: int) -> bytes:
    """Returns the first bytes of a file, opened by `open_file`. Raises `OSError`."""
    with open_file(path) as file:
        return file.read(size)


def why_not(name: str, mode: int) -> str:
    """Returns the reason why a file of this name and mode is skipped, or an empty string if it is saved."""
    if stat.S_ISDIR(mode):
        return ""
    if name in SECRETS:
        return "holds secrets"
    if LEFTOVER.fullmatch(name):
        return "a part of a file, left over by a command that was killed"
    if stat.S_ISREG(mode) or stat.S_ISLNK(mode):
        return ""
    if stat.S_ISFIFO(mode):
        return "a FIFO"
    return "a socket" if stat.S_ISSOCK(mode) else "a device"


def is_repository(path: str, names: set[str]) -> bool:
    """Whether the folder `path`, which contains `names`, is a ctxstore repository."""
    if os.path.basename(path) == ".ctx":
        return True
    join = os.path.join
    return names >= _REPOSITORY and os.path.isfile(join(path, "root")) and os.path.isdir(join(path, "packs"))


def by_key(file: FoundFile) -> str:
    """Returns the sort key that orders a context's files by their keys."""
    return file.key


def may_hold_credentials(file: FoundFile) -> bool:
    """Whether the file has a word for credentials or an address with a user name, is too large, or can't be read."""
    try:
        text = read_head(file.path, _SETTINGS_LIMIT + 1).lower()
    except OSError:
        return True
    hosts = (url.partition(b"/")[0] for url in text.split(b"://")[1:])
    is_suspicious = any(word in text for word in _SUSPICIOUS) or any(b"@" in host for host in hosts)
    return len(text) > _SETTINGS_LIMIT or is_suspicious
