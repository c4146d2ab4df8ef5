"""The methods of `Repo` that find things: messages by words or id, credentials, projects, agents' data."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from ctxstore import ops
from ctxstore.history.engine import Engine
from ctxstore.history.refs import SETTING
from ctxstore.history.revisions import Resolver, Revision
from ctxstore.progress import SILENT, Progress

if TYPE_CHECKING:
    from ctxstore.history.refs import RefHead
    from ctxstore.ops.content.find_message import NumberedMessage
    from ctxstore.ops.search.find import SearchFilters
    from ctxstore.ops.search.search import SearchResult
    from ctxstore.ops.secrets.scan import SecretsReport
    from ctxstore.ops.snapshot.sources_report import SourcesReport
    from ctxstore.ops.snapshot.targets import Target


class FindingMethods:
    """The methods of `Repo` that find things. The search index is a cache, which each search updates."""

    _engine: Engine

    def search(
        self,
        query: str,
        filters: SearchFilters | None = None,
        *,
        number: int = 20,
        rebuild: bool = False,
        progress: Progress = SILENT,
    ) -> SearchResult:
        """Returns the newest `number` messages (0: all) with these words, from all contexts and their history.

        With `rebuild`, creates the index again first. Raises `InvalidInput` for a query without a word, and
        `StorageError`.
        """
        return ops.search_messages(
            self._engine, query, filters or ops.SearchFilters(), number, rebuild=rebuild, progress=progress
        )

    def update_index(self, *, rebuild: bool = False, progress: Progress = SILENT) -> SearchResult:
        """Updates the search index without a query. Raises `StorageError`."""
        return ops.update_index(self._engine, rebuild=rebuild, progress=progress)

    def find_messages(self, rev: str, message: str, around: int = 0) -> list[NumberedMessage]:
        """Returns one message of a commit, with `around` messages before and after it.

        `message` is its id, the start of its id, or its number. Raises `NotFound`, `InvalidInput`.
        """
        revision = Resolver(self._engine).resolve(rev)
        view = ops.View(self._engine, revision.ref, revision.id, revision.commit)
        return ops.find_messages(view, message, around)

    def known_projects(self) -> list[Target]:
        """Returns the existing projects from which sessions were saved, for agents that keep their data in projects."""
        return ops.known_projects(self._engine)

    def find_secrets(self, *revs: str, history: bool = False, progress: Progress = SILENT) -> SecretsReport:
        """Finds credentials in these commits, or in the newest commit of every context.

        With `history`, searches their ancestors, too. Raises `NotFound` if ``ctxstore[secrets]`` is not installed.
        """
        resolver = Resolver(self._engine)
        if revs:
            return ops.scan_commits(
                self._engine, [resolver.resolve(rev) for rev in revs], history=history, progress=progress
            )
        heads = ops.iter_contexts(self._engine)
        newest = (Revision(head.name, head.stored.id, head.stored.commit) for head in heads)
        return ops.scan_commits(self._engine, newest, history=history, progress=progress)

    def find_new_secrets(self, commits: Iterable[RefHead]) -> SecretsReport:
        """Finds credentials in the content that these commits added, such as those of a snapshot."""
        return ops.scan_added(self._engine, commits)

    def allow_secrets(self, *fingerprints: str) -> bool:
        """Adds credentials to the allowlist, so that they are neither reported nor redacted. Raises `InvalidInput`.

        Returns False if all of them were in it already.
        """
        return ops.allow(self._engine, fingerprints)

    def secrets_warning(self) -> bool:
        """Whether snapshots warn of credentials in new content."""
        if self._engine.refs(self._engine.root()).find(SETTING + "secrets") is None:
            return False

        return ops.is_warning_on(self._engine)

    def set_secrets_warning(self, is_on: bool) -> bool:
        """Sets whether snapshots warn of credentials. Returns False if the setting did not change."""
        return ops.set_warning(self._engine, is_on)

    def redact(self, export: Callable[[], Iterable[bytes]]) -> Iterator[bytes]:
        """Yields the bytes of `export` with credentials replaced. `export` must return the same bytes at each call.

        Raises `NotFound` if ``ctxstore[secrets]`` is not installed.
        """
        return ops.redact(self._engine, export)

    def survey(self, environ: Mapping[str, str], now: int) -> SourcesReport:
        """Returns the agents' data on this machine, and which of it is not saved. `now` is in ns. Raises `Corrupt`."""
        return ops.survey(self._engine, environ, now)
