"""The part of a hook that the agent waits for: take what it says, let a process of its own do the work, go.

Nothing is imported here that Python has not loaded by itself: an agent calls after every turn.
"""

import os
import select
import time

from ctxstore.integrations.hooks.call import Call, Open

MAX_PAYLOAD = 16 << 20
"""Bytes of what an agent says that are listened to: it may repeat its whole answer."""

PATIENCE = 2.0
"""Seconds for the agent to say it."""

MOST_FILES = 256
"""File descriptors that may have been inherited."""

WAITS = {"PreCompact": 10.0, "PreCompress": 10.0, "SessionEnd": 0.8}
"""Seconds an event is held up at most until its session is saved: what is about to be compacted has to be saved before,
and what ends may take along the machine it ran on. Claude Code itself ends a SessionEnd hook after 1.5 s."""


def run(agent: str, event: str, repo: str, payload: bytes | None, open_repo: Open) -> None:
    """Answer a hook. Whatever goes wrong, the agent goes on: nothing is raised, nothing printed."""
    try:
        call = Call(agent, event, repo, read_payload(0) if payload is None else payload)
        _detach(call, open_repo, WAITS.get(event or _event_of(call.payload), 0.0))
    except (Exception, KeyboardInterrupt):
        pass


def read_payload(fd: int) -> bytes:
    """All that comes from there, as far as it comes in time; nothing from a terminal."""
    blocks, size, until = [], 0, time.monotonic() + PATIENCE
    while size < MAX_PAYLOAD and not os.isatty(fd):
        ready, _, _ = select.select([fd], [], [], max(0.0, until - time.monotonic()))
        block = os.read(fd, 1 << 16) if ready else b""
        if not block:
            break
        blocks.append(block)
        size += len(block)
    return b"".join(blocks)


def _event_of(payload: bytes) -> str:
    from ctxstore.integrations.hooks.request import parse_payload

    return str(parse_payload(payload).get("hook_event_name", ""))


def _detach(call: Call, open_repo: Open, patience: float) -> None:
    """Fork before anything is loaded that could mind, and wait until the child has let go of the pipe."""
    reading, writing = os.pipe()
    if os.fork() == 0:
        os.close(reading)
        _child(call, open_repo, writing, patience)
    os.close(writing)
    if patience:
        select.select([reading], [], [], patience)


def _child(call: Call, open_repo: Open, writing: int, patience: float) -> None:
    """Out of the agent's reach: it may end, or end all it started, before this is done. It holds nothing of the
    agent's open, which may wait for the end of a pipe."""
    try:
        os.setsid()
        nothing = os.open(os.devnull, os.O_RDWR)
        for fd in (0, 1, 2):
            os.dup2(nothing, fd)
        os.closerange(3, writing)
        os.closerange(writing + 1, MOST_FILES)
        from ctxstore.integrations.hooks.worker import work

        work(call, open_repo, patience=patience, on_saved=lambda: os.close(writing))
    except BaseException:
        # Nobody is there to be told; `work` has noted what it could.
        pass
    finally:
        os._exit(0)
