"""The part of a hook that the agent waits for: reads the payload, starts a background process, and returns.

Imports only modules that Python has already loaded, because agents call hooks after every turn.
"""

import os
import select
import time

from ctxstore.integrations.hooks.call import Call, OpenRepo

MAX_PAYLOAD = 16 << 20
"""The limit for a payload in bytes. It is large because the payload may repeat the agent's whole answer."""

READ_TIMEOUT = 2.0
"""Seconds to wait for the payload."""

MAX_DESCRIPTORS = 256
"""The number of file descriptors that may be inherited from the agent."""

MAX_WAIT = {"PreCompact": 10.0, "SessionEnd": 0.8}
"""Seconds that an event waits for its session to be saved, at most.

Compaction discards messages, and the end of a session may be the end of its machine, so both wait. Claude Code ends a
SessionEnd hook after 1.5 s. Gemini CLI's PreCompress does not wait: it precedes every call of the model, and its chat
file keeps what a compression takes out of the model's history.
"""


def handle_hook(agent: str, event: str, repo: str, payload: bytes | None, open_repo: OpenRepo) -> None:
    """Handles a hook. Never raises or prints, so that a failure cannot disturb the agent."""
    try:
        call = Call(agent, event, repo, read_payload(0) if payload is None else payload)
        _start_worker(call, open_repo, MAX_WAIT.get(event or _event_name(call.payload), 0.0))
    except (Exception, KeyboardInterrupt):
        pass


def read_payload(fd: int) -> bytes:
    """Reads a payload until its end or the timeout. Returns nothing from a terminal."""
    blocks, size, until = [], 0, time.monotonic() + READ_TIMEOUT
    while size < MAX_PAYLOAD and not os.isatty(fd):
        ready, _, _ = select.select([fd], [], [], max(0.0, until - time.monotonic()))
        block = os.read(fd, 1 << 16) if ready else b""
        if not block:
            break
        blocks.append(block)
        size += len(block)
    return b"".join(blocks)


def _event_name(payload: bytes) -> str:
    from ctxstore.integrations.hooks.request import parse_payload

    return str(parse_payload(payload).get("hook_event_name", ""))


def _start_worker(call: Call, open_repo: OpenRepo, wait: float) -> None:
    """Forks the worker, and waits up to `wait` seconds for it to close the pipe.

    The fork comes before any import that might start threads.
    """
    read_end, write_end = os.pipe()
    if os.fork() == 0:
        os.close(read_end)
        _run_worker(call, open_repo, write_end, wait)
    os.close(write_end)
    if wait:
        select.select([read_end], [], [], wait)


def _run_worker(call: Call, open_repo: OpenRepo, write_end: int, wait: float) -> None:
    """Runs the worker in a new session, so that it survives the end of the agent.

    Closes all inherited descriptors: the agent may wait for the end of a pipe.
    """
    try:
        os.setsid()
        nothing = os.open(os.devnull, os.O_RDWR)
        for fd in (0, 1, 2):
            os.dup2(nothing, fd)
        os.closerange(3, write_end)
        os.closerange(write_end + 1, MAX_DESCRIPTORS)
        from ctxstore.integrations.hooks.worker import process_call

        process_call(call, open_repo, wait=wait, on_saved=lambda: os.close(write_end))
    except BaseException:
        # Nobody can see an error here, and `process_call` has recorded the failure if possible.
        pass
    finally:
        os._exit(0)
