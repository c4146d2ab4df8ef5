"""The interface through which long work reports its progress. The library itself prints nothing."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """A receiver of progress reports. Its methods are called often, so they must be cheap."""

    def start(self, what: str, total: int | None) -> None:
        """Reports that a phase begins. `total` is its number of bytes, or None if unknown.

        A phase that counts other things names them in `what`: ``mark (commits)``.
        """

    def advance(self, amount: int) -> None:
        """Reports that `amount` more of the phase's units is done."""

    def done(self) -> None:
        """Reports that the phase ended."""


class Silent:
    """A receiver that ignores all reports. The default."""

    def start(self, what: str, total: int | None) -> None:
        pass

    def advance(self, amount: int) -> None:
        pass

    def done(self) -> None:
        pass


SILENT = Silent()
