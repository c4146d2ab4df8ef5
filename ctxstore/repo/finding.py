"""The part of the façade that finds: messages by words, a message by id, credentials, projects, agents' data."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from ctxstore.history.engine import Engine
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
    """What `Repo` finds. The index of words is a cache, brought up to date by each search."""

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
        """The newest `number` messages (0: all) with these words, of all contexts and their history.

        `rebuild`: make the index anew first. Raises `InvalidInput` for a query without a word, `StorageError`.
        """
        from ctxstore.ops.search.find import SearchFilters
        from ctxstore.ops.search.search import search

        return search(self._engine, query, filters or SearchFilters(), number, rebuild=rebuild, progress=progress)

    def update_index(self, *, rebuild: bool = False, progress: Progress = SILENT) -> SearchResult:
        """Bring the index of words up to date, and ask nothing. Raises `StorageError`."""
        from ctxstore.ops.search.search import update_index

        return update_index(self._engine, rebuild=rebuild, progress=progress)

    def find_messages(self, rev: str, message: str, around: int = 0) -> list[NumberedMessage]:
        """The message of a commit that `message` stands for - its id, the start of it, or its number - and `around` on
        each side. Raises `NotFound`, `InvalidInput`.
        """
        from ctxstore.ops.content.find_message import find_messages
        from ctxstore.ops.content.view import View

        return find_messages(View(self._engine, *Resolver(self._engine).resolve(rev)), message, around)

    def known_projects(self) -> list[Target]:
        """The projects that were saved of agents which keep their data in projects, and are still there."""
        from ctxstore.ops.snapshot.known_projects import known_projects

        return known_projects(self._engine)

    def find_secrets(self, *revs: str, history: bool = False, progress: Progress = SILENT) -> SecretsReport:
        """Credentials in these commits, or in the newest of every context; with `history` in all they descend from.

        Raises `NotFound` without the extra ``ctxstore[secrets]``.
        """
        from ctxstore.ops.content.log import iter_contexts
        from ctxstore.ops.secrets.scan import scan_commits

        resolver = Resolver(self._engine)
        if revs:
            return scan_commits(
                self._engine, [resolver.resolve(rev) for rev in revs], history=history, progress=progress
            )
        newest = (Revision(name, *stored) for name, stored in iter_contexts(self._engine))
        return scan_commits(self._engine, newest, history=history, progress=progress)

    def find_new_secrets(self, commits: Iterable[RefHead]) -> SecretsReport:
        """Credentials in what these commits added, such as a snapshot's."""
        from ctxstore.ops.secrets.scan import scan_added

        return scan_added(self._engine, commits)

    def allow_secrets(self, *fingerprints: str) -> bool:
        """Let credentials be reported and redacted no more; False if none was. Raises `InvalidInput`."""
        from ctxstore.ops.secrets.allowlist import allow

        return allow(self._engine, fingerprints)

    def secrets_warning(self) -> bool:
        """Whether every snapshot is to warn of credentials in what is new."""
        from ctxstore.history.refs import SETTING

        if self._engine.refs(self._engine.root()).find(SETTING + "secrets") is None:
            return False
        from ctxstore.ops.secrets.allowlist import is_warning_on

        return is_warning_on(self._engine)

    def set_secrets_warning(self, is_on: bool) -> bool:
        """Let every snapshot warn of credentials, or none; False if that was so."""
        from ctxstore.ops.secrets.allowlist import set_warning

        return set_warning(self._engine, is_on)

    def redact(self, export: Callable[[], Iterable[bytes]]) -> Iterator[bytes]:
        """What `export` gives, each time the same, with credentials replaced. Raises `NotFound` without the extra."""
        from ctxstore.ops.secrets.redact import redact

        return redact(self._engine, export)

    def survey(self, environ: Mapping[str, str], now: int) -> SourcesReport:
        """The agents' data on this machine at `now` (ns), and what of it is not saved. Raises `Corrupt`."""
        from ctxstore.ops.snapshot.sources_report import survey

        return survey(self._engine, environ, now)
