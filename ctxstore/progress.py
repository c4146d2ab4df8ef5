"""What long work tells whoever watches. The library itself prints nothing."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Receives the state of long work; called often, so it must be cheap."""

    def start(self, what: str, total: int | None) -> None:
        """A phase begins; `total` in bytes, None when unknown. One that counts things says so: ``mark (commits)``."""

    def advance(self, amount: int) -> None:
        """`amount` more is done."""

    def done(self) -> None:
        """The phase ended."""


class Silent:
    """The default: nobody watches."""

    def start(self, what: str, total: int | None) -> None:
        pass

    def advance(self, amount: int) -> None:
        pass

    def done(self) -> None:
        pass


SILENT = Silent()
