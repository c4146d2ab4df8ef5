"""The source ``claude-code``: Claude Code's sessions, memories and settings."""

from ctxstore.sources.agent import ResumableAgent
from ctxstore.sources.agents import AGENTS
from ctxstore.sources.protocol import SourceHome

__all__ = ["ClaudeCode"]


class ClaudeCode(ResumableAgent):
    """Contexts are ``claude-code/<project>/<session>``, ``claude-code/<project>/memory`` and ``claude-code/home``."""

    description = AGENTS["claude-code"]

    def kept_days(self, home: SourceHome) -> int:
        """Returns the days after which Claude Code deletes a session."""
        from ctxstore.sources.claude_code.expiry import kept_days

        return kept_days(home.path)
