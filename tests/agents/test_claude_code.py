"""Claude Code: there and back."""

from __future__ import annotations

from tests.agents.there_and_back import ThereAndBack
from tests.clients.claude import PACKAGE, Claude


class TestClaudeCode(ThereAndBack):
    kind, package = Claude, PACKAGE
