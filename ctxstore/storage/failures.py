"""The translation of the operating system's errors to those of ctxstore."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager

from ctxstore.errors import AlreadyExists, NoSpace, NotFound, StorageError

_HINTS = {
    errno.ENOSPC: "free some space, then run the command again; nothing that was saved before is affected",
    errno.EDQUOT: "free some of your quota, then run the command again",
    errno.EACCES: "check the permissions of the repository's folder",
    errno.EPERM: "check the permissions of the repository's folder, or run ctx as its owner",
    errno.EISDIR: "a folder is in the place of a file: move it away",
    errno.EROFS: "the file system is read-only; name another repository with --repo",
}

_KINDS = {
    stat.S_IFLNK: "a link",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFDIR: "a folder",
    stat.S_IFREG: "a file",
}


class ForeignEntry(OSError):
    """A link or a special file where a repository has a regular file or a folder. It was not followed or read."""

    def __init__(self, path: str, mode: int) -> None:
        super().__init__(errno.ELOOP, os.strerror(errno.ELOOP), path)
        self.path = path
        self.kind = _KINDS.get(stat.S_IFMT(mode), "a device")


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Raises an `OSError` of the block as an error of ctxstore. `what` is the path in its message."""
    try:
        yield
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NotFound(f"{what} is not in the repository", hint="run `ctx check` to see what is missing") from error
    except FileExistsError as error:
        raise AlreadyExists(f"{what} is already in the repository") from error
    except ForeignEntry as error:
        raise StorageError(
            f"{error.path} is {error.kind}, and a repository has only regular files and folders",
            hint="remove it, or replace a link by the file or folder that it leads to",
        ) from error
    except OSError as error:
        raise _storage_error(what, error) from error


def _storage_error(what: str, error: OSError) -> StorageError:
    """Returns the error for a failed call, with a hint for the usual causes."""
    reason = error.strerror or str(error)
    kind = NoSpace if error.errno in (errno.ENOSPC, errno.EDQUOT) else StorageError
    return kind(f"{what}: {reason}", hint=_HINTS.get(error.errno or 0, ""))
