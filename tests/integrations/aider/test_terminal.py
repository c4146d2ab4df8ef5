"""`ctx aider` on a terminal: the process becomes aider."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
import time

import pytest

from tests.clients.aider import QUIET
from tests.integrations.aider.conftest import Chat

SECONDS = 120
TAKE_TERMINAL = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"
)


class Terminal:
    """A program on a pseudo-terminal of its own."""

    def __init__(self, chat: Chat, *command: str) -> None:
        self._fd, slave = pty.openpty()
        self._program = subprocess.Popen(
            [sys.executable, "-c", TAKE_TERMINAL, *command],
            cwd=chat.project,
            env=chat.client.clean_environ(),
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        os.close(slave)
        self.shown = ""

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *exc: object) -> None:
        self._program.kill()
        self._program.wait()
        os.close(self._fd)

    def wait_for(self, text: str) -> None:
        """Reads until the output since the last wait matches."""
        assert self.shows(text, SECONDS), self.shown[-1000:]

    def shows(self, text: str, seconds: float) -> bool:
        """Whether the output since the last wait matches within `seconds`."""
        end, start = time.monotonic() + seconds, len(self.shown)
        while not re.search(text, self.shown[start:]):
            if time.monotonic() > end:
                return False
            if select.select([self._fd], [], [], 0.2)[0]:
                self.shown += os.read(self._fd, 65536).decode(errors="replace")
        return True

    def send(self, text: str) -> None:
        """Presses keys."""
        os.write(self._fd, text.encode())

    def end(self) -> int:
        """Returns the exit code."""
        return self._program.wait(SECONDS)


@pytest.mark.usefixtures("deliver_interrupts")
def test_keys_and_signals_reach_aider_and_its_exit_code_comes_back(chat: Chat) -> None:
    with Terminal(chat, *chat.start, *QUIET, "a.py") as terminal:
        terminal.wait_for(r"> $")
        for _ in range(3):  # aider occasionally misses a key that is pressed as its prompt appears
            terminal.send("\x03")
            if terminal.shows(r"\^C again to exit[\s\S]*> $", 20):
                break
        terminal.send("/context_backup\r")
        terminal.wait_for(r"Saved 0 messages and 1 file as context[\s\S]*> $")
        assert "^C again to exit" in terminal.shown
        terminal.send("/exit\r")
        assert terminal.end() == 0
