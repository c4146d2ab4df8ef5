"""Looking for credentials: in commits as they are, in all of history, in what a snapshot added."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import NamedTuple

from ctxstore.errors import Corrupt, NotFound
from ctxstore.history.commits import StoredCommit, read_commit
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
"""Of one credential."""


class SecretsReport(NamedTuple):
    """What was found, the kinds in order; how many are allowed and left out; what could not be read: (what, why)."""

    secrets: tuple[Secret, ...]
    allowed: int
    problems: tuple[tuple[str, str], ...]


class SecretScan:
    """One look through some commits."""

    def __init__(self, engine: Engine, progress: Progress = SILENT) -> None:
        self._engine = engine
        self._progress = progress
        self._scan = load_scanner()
        self._seen: set[ObjectId] = set()
        self._found: dict[str, tuple[str, str, dict[SecretPlace, None]]] = {}
        self._problems: dict[tuple[str, str], None] = {}

    def commit(self, revision: Revision) -> None:
        """All of a commit. Content that was looked through already is left out."""
        ref, id, commit = revision
        try:
            view = View(self._engine, ref, id, commit)
            for document in iter_documents(self._engine, view):
                if document.id is None or document.id not in self._seen:
                    self._document(view, document)
                    self._seen.update(filter(None, (document.id,)))
        except (Corrupt, NotFound) as error:
            self._problems[(ref, error.message)] = None

    def history(self, revision: Revision) -> None:
        """A commit and all it descends from. Of forgotten ones what is still there."""
        try:
            commits = [each for each in iter_history(self._engine, revision.id) if each.id not in self._seen]
        except (Corrupt, NotFound) as error:
            self._problems[(revision.ref, error.message)] = None
            return
        for stored in reversed(commits):
            self._seen.add(stored.id)
            self.step(revision.ref, stored)

    def step(self, ref: str, stored: StoredCommit) -> None:
        """What a commit added to its first parent; all of one without."""
        id, commit = stored
        before = self._before(commit.parents[:1])
        if before is None:
            self._unless_forgotten(Revision(ref, id, commit))
            return
        try:
            view = View(self._engine, ref, id, commit)
            for document in iter_new(self._engine, before, view):
                self._document(view, document)
        except (Corrupt, NotFound) as error:
            self._note(ref, id, error)

    def _unless_forgotten(self, revision: Revision) -> None:
        mark = self._engine.forgotten(self._engine.root()).find(revision.id)
        if mark is None or self._engine.store.has(revision.commit.tree):
            self.commit(revision)

    def _note(self, ref: str, id: ObjectId, error: Corrupt | NotFound) -> None:
        if self._engine.forgotten(self._engine.root()).find(id) is None:
            self._problems[(ref, error.message)] = None

    def _before(self, parents: Iterable[ObjectId]) -> View | None:
        for id in parents:
            with suppress(Corrupt, NotFound):
                commit = read_commit(self._engine.store, id)
                return View(self._engine, commit.ref, id, commit)
        return None

    def _document(self, view: View, document: Document) -> None:
        spans: list[tuple[int, int, SecretSpan]] = []
        lines = 1
        self._progress.start("look for credentials", None)
        for offset, data, found in iter_windows(document.blocks(), self._scan):
            self._progress.advance(len(data))
            for span in found:
                spans.append((offset + span.start, lines + data.count(b"\n", 0, span.start), span))
            lines += data.count(b"\n")
        self._progress.done()
        if spans and document.before is not None:
            known = {span.secret for window in iter_windows(document.before(), self._scan) for span in window.spans}
            spans = [each for each in spans if each[2].secret not in known]
        ids = _messages_at(document, [start for start, _, _ in spans])
        for (_, line, span), id in zip(spans, ids, strict=True):
            number = line if document.is_whole and not document.memory else None
            self._add(span, SecretPlace(view.ref, view.id, document.path, number, id, document.memory))

    def _add(self, span: SecretSpan, place: SecretPlace) -> None:
        fingerprint = fingerprint_of(self._engine, span.secret)
        places = self._found.setdefault(fingerprint, (span.kind, mask(span.secret), {}))[2]
        if len(places) < MAX_PLACES:
            places[place] = None

    def report(self) -> SecretsReport:
        """What was found so far."""
        allowed = read_allowed(self._engine)
        secrets = [
            Secret(kind, masked, fingerprint, tuple(places))
            for fingerprint, (kind, masked, places) in self._found.items()
            if fingerprint not in allowed
        ]
        secrets.sort(key=lambda secret: (secret.kind, secret.fingerprint))
        return SecretsReport(tuple(secrets), len(self._found) - len(secrets), tuple(self._problems))


def _messages_at(document: Document, offsets: list[int]) -> Iterator[str]:
    """The ids of the messages that have bytes at these offsets, which are in order."""
    if document.messages is None:
        yield from ("" for _ in offsets)
        return
    waiting = iter(offsets)
    offset = next(waiting, None)
    end = 0
    for message in document.messages() if offset is not None else ():
        end += len(message.raw)
        while offset is not None and offset < end:
            yield message.id
            offset = next(waiting, None)
        if offset is None:
            return


def look(
    engine: Engine, revisions: Iterable[Revision], *, history: bool = False, progress: Progress = SILENT
) -> SecretsReport:
    """The credentials in some commits, or in all they descend from. Raises `NotFound` without the library."""
    looking = SecretScan(engine, progress)
    for revision in revisions:
        (looking.history if history else looking.commit)(revision)
    return looking.report()


def look_at_new(engine: Engine, commits: Iterable[RefHead]) -> SecretsReport:
    """The credentials that these (context, commit) added to what was there. Raises `NotFound` without the library."""
    looking = SecretScan(engine)
    for ref, id in commits:
        looking.step(ref, StoredCommit(id, read_commit(engine.store, id)))
    return looking.report()
