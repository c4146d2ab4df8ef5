"""The background process of a hook: saves what its call requests, and requests that arrive meanwhile."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from ctxstore.errors import Corrupt, CtxstoreError
from ctxstore.integrations.hooks.failures import clear_failure, record_failure
from ctxstore.integrations.hooks.queue import Queue
from ctxstore.integrations.hooks.request import Request, parse_requests
from ctxstore.integrations.state_folders import hooks_folder

if TYPE_CHECKING:
    from ctxstore import DamagedContext, Repo, SnapshotReport
    from ctxstore.integrations.hooks.call import Call, OpenRepo


SETTLE = 0.5
"""Seconds to wait before saving, if the agent does not wait: Claude Code calls its hooks before it has written the
answer to the transcript."""


def process_call(call: Call, open_repo: OpenRepo, *, wait: float, on_saved: Callable[[], None]) -> None:
    """Saves what the call requests, or leaves that to a running worker. The agent waits for up to `wait` seconds.

    `on_saved` is called once when the session is saved, or when saving it has failed.
    """
    folder = hooks_folder(os.environ)
    requests = parse_requests(call.agent, call.event, call.repo, call.payload, os.environ)
    os.chdir("/")  # do not block the removal or unmounting of the agent's working folder
    worker = Worker(folder, open_repo, on_saved)
    try:
        queue = Queue(folder)
        for request in requests:
            queue.put(request)
    except OSError as error:  # the state folder is not writable: save without the queue
        record_failure(folder, call.agent, error)
        for request in requests:
            worker.try_save(request)
            worker.notify_saved()
        return
    if not wait:
        time.sleep(SETTLE)
    worker.drain(queue, wait)


class Worker:
    """Executes requests. Calls `on_saved` once, after all requests for single sessions."""

    def __init__(self, folder: str, open_repo: OpenRepo, on_saved: Callable[[], None]) -> None:
        self._folder = folder
        self._open = open_repo
        self._on_saved: Callable[[], None] | None = on_saved
        self._failed: set[str] = set()
        self._found_damage = False

    def drain(self, queue: Queue, timeout: float) -> None:
        """Executes all requests, including new ones. Returns if another process keeps the lock for `timeout`."""
        is_done = False
        while not is_done:
            # Lock even an empty queue: the owner of the lock may be saving the session of this call.
            with queue.lock(timeout) as is_locked:
                if not is_locked:
                    return
                self._drain_once(queue)
            is_done = not queue.names() - self._failed
        if not self._failed and not self._found_damage:
            clear_failure(self._folder)
        self.notify_saved()

    def notify_saved(self) -> None:
        """Calls `on_saved`, unless it was called before."""
        on_saved, self._on_saved = self._on_saved, None
        if on_saved is not None:
            on_saved()

    def _drain_once(self, queue: Queue) -> None:
        for name, request in queue.claim():
            if not request.session:
                self.notify_saved()  # requests for sessions come first, so all of them are saved
            if name not in self._failed and self.try_save(request):
                queue.remove(name)
            else:
                self._failed.add(name)
                queue.release(name)

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
