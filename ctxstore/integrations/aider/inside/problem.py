"""The error of a command, which is reported at aider's prompt."""

from __future__ import annotations


class CommandProblem(Exception):
    """A failed command. `hint` is the next step for the user."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


def reason(error: BaseException) -> str:
    """Returns the reason of a failed system call."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
