"""What goes wrong in a command: it is told at aider's prompt, and aider goes on."""

from __future__ import annotations


class CommandProblem(Exception):
    """Names the thing; `hint` is the next step."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


def reason(error: BaseException) -> str:
    """Why a call of the operating system failed."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
