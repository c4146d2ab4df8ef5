"""The driver of Continue's CLI."""

from __future__ import annotations

import os
from pathlib import Path

from tests.clients.client import Talker
from tests.clients.package import Package, npm

PACKAGE = Package("@continuedev/cli", "1.5.47", npm, "node_modules/.bin/cn")

CONFIG = """\
name: made up
version: 1.0.0
schema: v1
models:
  - name: made-up
    provider: openai
    model: gpt-4o
    apiBase: {url}/v1
    apiKey: made-up-key
    roles: [chat]
"""


class ContinueCli(Talker):
    """``cn -p`` in a project. Its sessions are below ``~/.continue/sessions``."""

    def settings(self) -> dict[str, str]:
        return {"CONTINUE_TELEMETRY_ENABLED": "0"}

    def command(self, text: str, *options: str, resume: str = "") -> list[str]:
        folder = self.home / ".continue"
        folder.mkdir(exist_ok=True)
        (folder / "config.yaml").write_text(CONFIG.format(url=self.model.url))
        run = [str(self.place / PACKAGE.program), "-p", text, "--auto", "--config", str(folder / "config.yaml")]
        if resume:
            os.utime(folder / "sessions" / f"{resume}.json")  # it continues the session that changed last
        return [*run, *options, *(["--resume"] if resume else [])]

    def session_of(self, stdout: str) -> str:
        return max(self._files(), key=lambda path: path.stat().st_mtime_ns).stem

    def next_writes(self, path: Path, text: str) -> None:
        self.model.call("Write", filepath=str(path), content=text)

    def sessions(self) -> list[str]:
        return sorted(path.stem for path in self._files())

    def _files(self) -> list[Path]:
        return [path for path in self.home.glob(".continue/sessions/*.json") if path.stem != "sessions"]
