"""A project with aider's files, one of everything."""

from __future__ import annotations

from pathlib import Path

from tests.sources.homes.home_files import write

HISTORY = """
# aider chat started at 2026-01-01 10:00:00

> Aider v0.86.2·
> Main model: engine/one with diff edit format·
> Weak model: engine/small·

#### Oil the wheels·
#### and wind the clock·

Both are done.

> Tokens: 1k sent, 5 received.·

# aider chat started at 2026-01-02 10:00:00

> Model: engine/two with whole edit format·

#### /ask why·

Because.
""".replace("·", "  ")
"""A history. aider ends its own lines with two spaces."""


def make(home: Path) -> None:
    """Writes the project at `home`."""
    write(
        home,
        {
            ".aider.chat.history.md": HISTORY,
            ".aider.input.history": "\n# 2026-01-01 10:00:01\n+Oil the wheels\n",
            ".aider.llm.history": "TO LLM 2026-01-01T10:00:01\n",
            ".aider.conf.yml": "openai-api-key: k\n",
            ".aider.tags.cache.v4/cache.db": "x",
            ".aider/sessions/one.json": "{}",
            ".extn_aider/temp/context_backup/a_2026-01-01_10_00_00.json": "{}",
            ".extn_aider/temp/context_create/b.json": "{}",
            ".extn_aider/other.txt": "x",
            "engine.py": "pass\n",
        },
    )
