"""GitHub Copilot CLI: there and back."""

from __future__ import annotations

from tests.agents.there_and_back import ThereAndBack
from tests.clients.copilot import PACKAGE, Copilot


class TestCopilot(ThereAndBack):
    kind, package = Copilot, PACKAGE
