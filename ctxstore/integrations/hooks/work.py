"""What a hook lets a process of its own do: save what was asked for, by this call and by others meanwhile."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from ctxstore.errors import CtxstoreError
from ctxstore.integrations.hooks.failures import clear_failure, note_failure
from ctxstore.integrations.hooks.queue import Queue
from ctxstore.integrations.hooks.request import Request, requests_of
from ctxstore.integrations.places import hooks_folder

if TYPE_CHECKING:
    from ctxstore.integrations.hooks.start import Call, Open
    from ctxstore.repo import Repo


def work(call: Call, open_repo: Open, *, is_awaited: bool, on_saved: Callable[[], None]) -> None:
    """Save what the call asks for, or leave it to who is at it. `on_saved`: the session is safe, or can't be saved."""
    folder = hooks_folder(os.environ)
    requests = requests_of(call.agent, call.event, call.repo, call.payload, os.environ)
    worker = Worker(folder, open_repo)
    try:
        queue = Queue(folder)
        for request in requests:
            queue.put(request)
    except OSError as error:  # nothing can be written there: then without it
        note_failure(folder, call.agent, error)
        for request in requests:
            worker.try_to_fulfil(request)
            on_saved()
        return
    worker.drain(queue, is_awaited, on_saved)


class Worker:
    """Works requests off. A repository is opened once for those that follow each other."""

    def __init__(self, folder: str, open_repo: Open) -> None:
        self._folder = folder
        self._open = open_repo
        self._failed: set[str] = set()

    def drain(self, queue: Queue, is_awaited: bool, on_saved: Callable[[], None]) -> None:
        """All requests there are and come meanwhile, unless somebody else is at it. Awaited ones are worth waiting."""
        told = [on_saved]
        while queue.names() - self._failed:
            with queue.lock(wait=is_awaited) as is_ours:
                if not is_ours:
                    return
                self._drain_once(queue, told)
        _tell(told)

    def _drain_once(self, queue: Queue, told: list[Callable[[], None]]) -> None:
        for name, request in queue.take():
            if not request.session:
                _tell(told)  # sessions come first: all of them are saved
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
        clear_failure(self._folder)
        return True


def _tell(told: list[Callable[[], None]]) -> None:
    while told:
        told.pop()()


def _save(repo: Repo, request: Request) -> None:
    from ctxstore.ops.targets import Target
    from ctxstore.sources.protocol import Root
    from ctxstore.sources.registry import get_source

    target = Target(get_source(request.agent), Root(request.agent, request.root, request.label))
    report = repo.snapshot([target], note=request.note, session=request.session or None)
    if report.op is not None:
        try:
            repo.apply_retention()
        except CtxstoreError:
            pass  # what was saved is saved; `ctx snapshot` tells
