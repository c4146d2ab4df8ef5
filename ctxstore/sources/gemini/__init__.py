"""The source ``gemini``: Gemini CLI's sessions, checkpoints, memories and settings."""

from ctxstore.sources.agent import ResumableAgent
from ctxstore.sources.agents import AGENTS
from ctxstore.sources.protocol import SourceHome
from ctxstore.sources.resumable import StoredContext

__all__ = ["Gemini"]


class Gemini(ResumableAgent):
    """Contexts are ``gemini/<project>/<session>``, ``gemini/<project>/project`` and ``gemini/home``."""

    description = AGENTS["gemini"]

    def kept_days(self, home: SourceHome) -> int | None:
        """Returns the days after which Gemini CLI deletes a session, by the user's settings.

        A project may have other settings.
        """
        from ctxstore.sources.gemini.expiry import kept_days

        return kept_days(home.path)

    def session_of(self, stored: StoredContext) -> str:
        """Returns the id in the session's records."""
        from ctxstore.sources.gemini.resume import session_of

        return session_of(stored)
