"""The scan for credentials: in single commits, in their whole history, or in the content that commits added."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import NamedTuple

from ctxstore.errors import Corrupt, NotFound
from ctxstore.history.commits import Commit, StoredCommit, read_commit
from ctxstore.history.engine import Engine
from ctxstore.history.refs import RefHead
from ctxstore.history.revisions import Revision
from ctxstore.ids import ObjectId
from ctxstore.ops.content.log import iter_history
from ctxstore.ops.content.view import View
from ctxstore.ops.secrets.allowlist import read_allowed
from ctxstore.ops.secrets.detector import SecretSpan, iter_windows, load_scanner
from ctxstore.ops.secrets.documents import Document, iter_documents, iter_new
from ctxstore.ops.secrets.masking import Secret, SecretPlace, fingerprint_of, mask
from ctxstore.progress import SILENT, Progress

MAX_PLACES = 1_000
"""The most places that are reported for one credential."""


class SecretsReport(NamedTuple):
    """The credentials that a scan found, sorted by kind.

    `allowed` counts the credentials that are not reported because they are allowed. `problems` lists (context, error
    message) of content that could not be read.
    """

    secrets: tuple[Secret, ...]
    allowed: int
    problems: tuple[tuple[str, str], ...]


class _FoundSecret(NamedTuple):
    """A credential and the places found so far."""

    kind: str
    masked: str
    places: dict[SecretPlace, None]


class _LocatedSpan(NamedTuple):
    """A credential in a document: its offset in bytes, its line counted from 1, and its span."""

    offset: int
    line: int
    span: SecretSpan


class SecretScan:
    """A scan of some commits. It continues when content cannot be read, and reports that as a problem."""

    def __init__(self, engine: Engine, progress: Progress = SILENT) -> None:
        self._engine = engine
        self._progress = progress
        self._scan = load_scanner()
        self._seen: set[ObjectId] = set()
        self._found: dict[str, _FoundSecret] = {}
        self._problems: dict[tuple[str, str], None] = {}

    def scan_commit(self, revision: Revision) -> None:
        """Scans all content of a commit. Skips content that this scan has scanned before."""
        ref, id, commit = revision
        try:
            view = View(self._engine, ref, id, commit)
            for document in iter_documents(self._engine, view):
                if document.id is None or document.id not in self._seen:
                    self._scan_document(view, document)
                    self._seen.update(filter(None, (document.id,)))
        except (Corrupt, NotFound) as error:
            self._problems[(ref, error.message)] = None

    def scan_history(self, revision: Revision) -> None:
        """Scans a commit and all its ancestors. Of forgotten commits, scans the content that still exists."""
        try:
            commits = [each for each in iter_history(self._engine, revision.id) if each.id not in self._seen]
        except (Corrupt, NotFound) as error:
            self._problems[(revision.ref, error.message)] = None
            return
        for stored in reversed(commits):
            self._seen.add(stored.id)
            self.scan_added(revision.ref, stored)

    def scan_added(self, ref: str, stored: StoredCommit) -> None:
        """Scans the content that a commit adds to its first parent, or all its content if it has no readable parent."""
        id, commit = stored
        before = self._view_first_parent(commit)
        if before is None:
            self._scan_existing(Revision(ref, id, commit))
            return
        try:
            view = View(self._engine, ref, id, commit)
            for document in iter_new(self._engine, before, view):
                self._scan_document(view, document)
        except (Corrupt, NotFound) as error:
            self._record_problem(ref, id, error)

    def _scan_existing(self, revision: Revision) -> None:
        """Scans a commit unless it is forgotten and its content collected."""
        mark = self._engine.forgotten(self._engine.root()).find(revision.id)
        if mark is None or self._engine.store.has(revision.commit.tree):
            self.scan_commit(revision)

    def _record_problem(self, ref: str, id: ObjectId, error: Corrupt | NotFound) -> None:
        """Records an unreadable commit. Content of a forgotten commit may be missing, which is not a problem."""
        if self._engine.forgotten(self._engine.root()).find(id) is None:
            self._problems[(ref, error.message)] = None

    def _view_first_parent(self, commit: Commit) -> View | None:
        """Returns the content of a commit's first parent, or None if there is none or it cannot be read."""
        if commit.parents:
            id = commit.parents[0]
            with suppress(Corrupt, NotFound):
                parent = read_commit(self._engine.store, id)
                return View(self._engine, parent.ref, id, parent)
        return None

    def _scan_document(self, view: View, document: Document) -> None:
        """Scans a document and records each credential with its place.

        With `document.before`, only those that the previous commit does not have.
        """
        located: list[_LocatedSpan] = []
        lines = 1
        self._progress.start("scan for credentials", None)
        for offset, data, spans in iter_windows(document.blocks(), self._scan):
            self._progress.advance(len(data))
            for span in spans:
                line = lines + data.count(b"\n", 0, span.start)
                located.append(_LocatedSpan(offset + span.start, line, span))
            lines += data.count(b"\n")
        self._progress.done()
        if located and document.before is not None:
            known = {span.secret for window in iter_windows(document.before(), self._scan) for span in window.spans}
            located = [each for each in located if each.span.secret not in known]
        ids = _messages_at(document, [each.offset for each in located])
        for each, id in zip(located, ids, strict=True):
            line_number = each.line if document.is_whole and not document.memory else None
            self._add(each.span, SecretPlace(view.ref, view.id, document.path, line_number, id, document.memory))

    def _add(self, span: SecretSpan, place: SecretPlace) -> None:
        """Records a place of a credential, up to `MAX_PLACES`."""
        fingerprint = fingerprint_of(self._engine, span.secret)
        found = self._found.setdefault(fingerprint, _FoundSecret(span.kind, mask(span.secret), {}))
        if len(found.places) < MAX_PLACES:
            found.places[place] = None

    def report(self) -> SecretsReport:
        """Returns the credentials found so far that are not allowed."""
        allowed = read_allowed(self._engine)
        secrets = [
            Secret(found.kind, found.masked, fingerprint, tuple(found.places))
            for fingerprint, found in self._found.items()
            if fingerprint not in allowed
        ]
        secrets.sort(key=lambda secret: (secret.kind, secret.fingerprint))
        return SecretsReport(tuple(secrets), len(self._found) - len(secrets), tuple(self._problems))


def _messages_at(document: Document, offsets: list[int]) -> Iterator[str]:
    """Yields the ids of the messages that contain the bytes at these offsets, which must be sorted.

    Yields empty ids if the document does not consist of messages.
    """
    if document.messages is None:
        yield from ("" for _ in offsets)
        return
    remaining = iter(offsets)
    offset = next(remaining, None)
    end = 0
    for message in document.messages() if offset is not None else ():
        end += len(message.raw)
        while offset is not None and offset < end:
            yield message.id
            offset = next(remaining, None)
        if offset is None:
            return


def scan_commits(
    engine: Engine, revisions: Iterable[Revision], *, history: bool = False, progress: Progress = SILENT
) -> SecretsReport:
    """Scans commits for credentials, with `history` their ancestors too. Raises `NotFound` without the library."""
    scan = SecretScan(engine, progress)
    for revision in revisions:
        (scan.scan_history if history else scan.scan_commit)(revision)
    return scan.report()


def scan_added(engine: Engine, commits: Iterable[RefHead]) -> SecretsReport:
    """Scans the content that commits added to their parents. Raises `NotFound` without the library."""
    scan = SecretScan(engine)
    for ref, id in commits:
        scan.scan_added(ref, StoredCommit(id, read_commit(engine.store, id)))
    return scan.report()
