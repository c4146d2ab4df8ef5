"""The background process of a hook: saves what its call requests, and requests that arrive meanwhile."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from ctxstore.errors import Corrupt, CtxstoreError
from ctxstore.integrations.hooks.failures import clear_failure, record_failure
from ctxstore.integrations.hooks.queue import TICK, Queue
from ctxstore.integrations.hooks.request import Request, parse_requests
from ctxstore.integrations.state_folders import hooks_folder

if TYPE_CHECKING:
    from ctxstore import DamagedContext, Repo, SnapshotReport
    from ctxstore.integrations.hooks.call import Call, OpenRepo


SETTLE = 0.5
"""Seconds to wait before saving, if the agent does not wait: Claude Code calls its hooks before it has written the
answer to the transcript."""


PATIENCE = 2.0
"""Seconds without progress of another saver after which a process saves its own request beside it."""


def process_call(call: Call, open_repo: OpenRepo, *, wait: float, on_saved: Callable[[], None]) -> None:
    """Saves what the call requests, or leaves that to a running worker. The agent waits for up to `wait` seconds.

    `on_saved` is called once when the session is saved, or when saving it has failed.
    """
    folder = hooks_folder(os.environ)
    requests = parse_requests(call.agent, call.event, call.repo, call.payload, os.environ)
    os.chdir("/")  # do not block the removal or unmounting of the agent's working folder
    worker = Worker(folder, open_repo, on_saved)
    queue = Queue(folder)
    try:
        own = {queue.put(request): request for request in requests}
    except OSError as error:  # the state folder is not writable: save without the queue
        record_failure(folder, call.agent, error)
        for request in requests:
            worker.try_save(request)
            worker.notify_saved()
        return
    if wait:
        worker.save_now(queue, {name: request for name, request in own.items() if request.session}, wait)
    else:
        time.sleep(SETTLE)
    worker.drain(queue, list(own))


class Worker:
    """Executes requests. Calls `on_saved` once."""

    def __init__(self, folder: str, open_repo: OpenRepo, on_saved: Callable[[], None]) -> None:
        self._folder = folder
        self._open = open_repo
        self._on_saved: Callable[[], None] | None = on_saved
        self._failed: set[str] = set()
        self._found_damage = False

    def save_now(self, queue: Queue, requests: Mapping[str, Request], wait: float) -> None:
        """Saves requests that the agent waits for, whatever other processes are at.

        Another process may be saving one of them. After half the time it is taken to be stopped, and is not waited for:
        two savers of one session do no harm.
        """
        until = time.monotonic() + wait / 2
        for name, request in requests.items():
            while not (is_done := self._save_request(queue, name)) and time.monotonic() < until:
                time.sleep(TICK)
            if not is_done:
                self.try_save(request)
        self.notify_saved()

    def drain(self, queue: Queue, own: Sequence[str]) -> None:
        """Executes all requests, including new ones, or leaves them to the process that has the queue's lock.

        If that makes no progress for `PATIENCE` seconds and has not begun the `own` requests, saves these beside it.
        """
        waiting = _Patience(queue, own)
        is_done = False
        while not is_done:
            with queue.lock(waiting) as is_locked:
                if not is_locked:
                    break
                queue.note_progress()
                busy = set()  # the process that has a request's lock looks for a newer one when it releases it
                for name in queue.names():
                    if not self._save_request(queue, name):
                        busy.add(name)
                    queue.note_progress()
            is_done = not set(queue.pending()) - self._failed - busy
        for name in [] if is_done else own:
            # A newer request replaced this one while it was saved, if it is pending afterwards.
            while name in queue.pending() and name not in self._failed and self._save_request(queue, name):
                pass
        if is_done and not self._failed and not self._found_damage:
            clear_failure(self._folder)
        self.notify_saved()

    def notify_saved(self) -> None:
        """Calls `on_saved`, unless it was called before."""
        on_saved, self._on_saved = self._on_saved, None
        if on_saved is not None:
            on_saved()

    def _save_request(self, queue: Queue, name: str) -> bool:
        """Executes a request, unless it is done. Returns False if another process is at it."""
        if name in self._failed:
            return True
        if not queue.lock_request(name):
            return False
        try:
            request = queue.claim(name)
            if request is None:
                return True
            if self.try_save(request):
                queue.remove(name)
            else:
                self._failed.add(name)
                queue.release(name)
        finally:
            queue.unlock_request(name)
        return True

    def try_save(self, request: Request) -> bool:
        """Executes a request, and returns whether it succeeded. A failure is recorded."""
        try:
            repo = self._open(request.repo)
            try:
                report = _save(repo, request)
            finally:
                repo.close()
        except Exception as error:  # bugs included: nobody would see them otherwise
            record_failure(self._folder, request.agent, error)
            return False
        for damaged in (each for source in report.sources for each in source.damaged):
            self._found_damage = True
            record_failure(self._folder, request.agent, _damage_error(damaged))
        return True


def _damage_error(damaged: DamagedContext) -> Corrupt:
    done = "; the session was saved anew" if damaged.is_saved else ""
    return Corrupt(f"{damaged.ref}: its commit {damaged.commit.hex()[:8]} is damaged{done}", hint="run `ctx repair`")


def _save(repo: Repo, request: Request) -> SnapshotReport:
    from ctxstore import SourceHome, Target
    from ctxstore.sources.registry import get_source

    target = Target(get_source(request.agent), SourceHome(request.agent, request.root, request.label))
    always = bool(request.session and request.note)  # commit the note even if the session is saved already
    report = repo.snapshot([target], note=request.note, session=request.session or None, always=always)
    if report.op is not None:
        try:
            repo.apply_retention()
        except CtxstoreError:
            pass  # the session is saved, and the next `ctx snapshot` reports the error
    return report


class _Patience:
    """Decides whether to wait for the owner of the queue's lock: while it makes progress but has not begun `own`."""

    def __init__(self, queue: Queue, own: Sequence[str]) -> None:
        self._queue, self._own = queue, own
        self._seen, self._since = queue.progress(), time.monotonic()

    def __call__(self) -> bool:
        seen, now = self._queue.progress(), time.monotonic()
        if seen != self._seen:
            self._seen, self._since = seen, now
        return now < self._since + PATIENCE and not set(self._own).isdisjoint(self._queue.pending())
