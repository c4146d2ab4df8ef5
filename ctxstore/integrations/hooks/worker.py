"""What a hook lets a process of its own do: save what was asked for, by this call and by others meanwhile."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from ctxstore.errors import CtxstoreError
from ctxstore.integrations.hooks.failures import clear_failure, note_failure
from ctxstore.integrations.hooks.queue import Queue
from ctxstore.integrations.hooks.request import Request, requests_of
from ctxstore.integrations.state_folders import hooks_folder

if TYPE_CHECKING:
    from ctxstore import Repo
    from ctxstore.integrations.hooks.call import Call, Open


SETTLE = 0.5
"""Seconds an agent that does not wait is given to write the last of a turn: Claude Code calls its hooks before the
answer is in the transcript."""


def work(call: Call, open_repo: Open, *, patience: float, on_saved: Callable[[], None]) -> None:
    """Save what the call asks for, or leave it to who is at it; for `patience` seconds somebody waits for that.

    `on_saved`: the session is safe, or can't be saved.
    """
    folder = hooks_folder(os.environ)
    requests = requests_of(call.agent, call.event, call.repo, call.payload, os.environ)
    os.chdir("/")  # the folder an agent worked in is nobody's to hold
    worker = Worker(folder, open_repo, on_saved)
    try:
        queue = Queue(folder)
        for request in requests:
            queue.put(request)
    except OSError as error:  # nothing can be written there: then without it
        note_failure(folder, call.agent, error)
        for request in requests:
            worker.try_to_fulfil(request)
            worker.tell()
        return
    if not patience:
        time.sleep(SETTLE)
    worker.drain(queue, patience)


class Worker:
    """Works requests off. A repository is opened once for those that follow each other."""

    def __init__(self, folder: str, open_repo: Open, on_saved: Callable[[], None]) -> None:
        self._folder = folder
        self._open = open_repo
        self._to_tell = [on_saved]
        self._failed: set[str] = set()

    def drain(self, queue: Queue, patience: float) -> None:
        """All requests there are and come meanwhile, unless somebody else is at it for longer than `patience`."""
        is_done = False
        while not is_done:
            # Also if nothing waits: who has the lock may be at what this call asked for.
            with queue.lock(patience) as is_ours:
                if not is_ours:
                    return
                self._drain_once(queue)
            is_done = not queue.names() - self._failed
        if not self._failed:
            clear_failure(self._folder)
        self.tell()

    def tell(self) -> None:
        """Say that sessions are saved, once."""
        while self._to_tell:
            self._to_tell.pop()()

    def _drain_once(self, queue: Queue) -> None:
        for name, request in queue.take():
            if not request.session:
                self.tell()  # sessions come first: all of them are saved
            if name not in self._failed and self.try_to_fulfil(request):
                queue.done(name)
            else:
                self._failed.add(name)
                queue.give_back(name)

    def try_to_fulfil(self, request: Request) -> bool:
        """Whether what was asked for is saved; what keeps it from that is noted."""
        try:
            repo = self._open(request.repo)
            try:
                _save(repo, request)
            finally:
                repo.close()
        except Exception as error:  # also a bug: nobody would be told
            note_failure(self._folder, request.agent, error)
            return False
        return True


def _save(repo: Repo, request: Request) -> None:
    from ctxstore import SourceHome, Target
    from ctxstore.sources.registry import get_source

    target = Target(get_source(request.agent), SourceHome(request.agent, request.root, request.label))
    always = bool(request.session and request.note)  # the note is worth a commit, also of what a turn's end has saved
    report = repo.snapshot([target], note=request.note, session=request.session or None, always=always)
    if report.op is not None:
        try:
            repo.apply_retention()
        except CtxstoreError:
            pass  # what was saved is saved; `ctx snapshot` tells
