"""Continue's CLI: sessions that are restored and continued."""

from __future__ import annotations

from tests.agents.there_and_back import ThereAndBack
from tests.clients.continue_cli import PACKAGE, ContinueCli


class TestContinue(ThereAndBack):
    kind, package = ContinueCli, PACKAGE
