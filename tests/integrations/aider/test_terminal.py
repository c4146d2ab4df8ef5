"""`ctx aider` on a terminal: it becomes aider."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
import time

from tests.clients.aider import QUIET
from tests.integrations.aider.conftest import Chat

SECONDS = 50
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

    def wait_for(self, text: str) -> None:
        """Read until something is shown that matches, after what was waited for before."""
        end, start = time.monotonic() + SECONDS, len(self.shown)
        while not re.search(text, self.shown[start:]):
            assert time.monotonic() < end, self.shown[-1000:]
            if select.select([self._fd], [], [], 0.2)[0]:
                self.shown += os.read(self._fd, 65536).decode(errors="replace")

    def send(self, text: str) -> None:
        """Press keys."""
        os.write(self._fd, text.encode())

    def end(self) -> int:
        """The exit code."""
        code = self._program.wait(SECONDS)
        os.close(self._fd)
        return code


def test_keys_and_signals_reach_aider_and_its_exit_code_comes_back(chat: Chat) -> None:
    terminal = Terminal(chat, *chat.start, *QUIET, "a.py")
    terminal.wait_for(r"> $")
    terminal.send("\x03")
    terminal.wait_for(r"\^C again to exit[\s\S]*> $")
    terminal.send("/context_backup\r")
    terminal.wait_for(r"Saved 0 messages and 1 file as context[\s\S]*> $")
    terminal.send("/exit\r")
    assert terminal.end() == 0
