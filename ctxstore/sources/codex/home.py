"""The files that belong to the user, not to a session: settings, instructions, prompts, memories.

This is a list of what is taken. Everything else in the folder stays out: credentials, caches, logs, and the databases,
which Codex makes anew from the rollouts.
"""

from __future__ import annotations

from ctxstore.sources.protocol import FoundFile, ReportSkipped
from ctxstore.sources.walk import take_named

MEMORIES = "memories"
INSTRUCTIONS = frozenset({"AGENTS.md", "AGENTS.override.md"})
FILES = INSTRUCTIONS | {"config.toml", "history.jsonl", "hooks.json", "instructions.md", "session_index.jsonl"}
PROFILE = ".config.toml"
FOLDERS = frozenset({"agents", MEMORIES, "prompts", "rules", "skills"})
_BUNDLED = "skills/.system"
"""Skills that Codex brings with it, and writes again at each start."""


def home_files(path: str, report: ReportSkipped) -> list[FoundFile]:
    """The files of the context ``codex/home``, in the order of their keys."""
    files = take_named(path, _is_named, report)
    return [file for file in files if not _is_bundled(file.key)]


def _is_named(name: str) -> bool:
    return name in FILES or name in FOLDERS or name.endswith(PROFILE)


def is_memory(key: str) -> bool:
    """Whether the file is one of the agent's memories, or the user's instructions."""
    return key in INSTRUCTIONS or key.startswith(MEMORIES + "/")


def _is_bundled(key: str) -> bool:
    return key == _BUNDLED or key.startswith(_BUNDLED + "/")
