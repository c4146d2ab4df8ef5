"""A commit together with files of other commits, which the commit's transcript continues."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ctxstore.ops.content.view import View, ViewFiles, engine_of
from ctxstore.trees.entries import Entry, FileEntry


class _CompleteFiles(ViewFiles):
    """The files of a commit, and others."""

    def __init__(self, view: View, others: Mapping[str, FileEntry]) -> None:
        super().__init__(view)
        self._others = others

    def __getitem__(self, path: str) -> Entry:
        return self._others[path] if path in self._others else super().__getitem__(path)

    def entries(self) -> Iterator[tuple[str, Entry]]:
        """Yields (path, entry) of all files, folders and links."""
        yield from sorted({**dict(super().entries()), **self._others}.items())


class CompleteView(View):
    """A commit, and `others`: the files of other commits that its transcript continues.

    - `unchanged`: the keys of other files that the target already has with the stored content.
    - `written`: the paths of other files that the target already has with the content that a checkout would write.

    A checkout writes neither. Only the part of a file that the transcript continues is compared.
    """

    def __init__(
        self,
        view: View,
        others: Mapping[str, FileEntry] | None = None,
        unchanged: frozenset[str] = frozenset(),
        written: frozenset[str] = frozenset(),
    ) -> None:
        super().__init__(engine_of(view), view.ref, view.id, view.commit)
        self._others = others or {}
        self.unchanged = unchanged
        self.written = written

    @property
    def files(self) -> ViewFiles:
        """The files, folders and links by path."""
        return _CompleteFiles(self, self._others) if self._others else super().files
