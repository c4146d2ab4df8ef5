"""A made-up agent's home, and a way to run ``ctx`` in it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from ctxstore.cli.main import cli
from ctxstore.cli.tour.sample import SampleHome


class Ctx:
    """A runner of command lines in this process. `json` returns the parsed result."""

    def __init__(self) -> None:
        self._runner = CliRunner()

    def run(self, *args: str, input: str | None = None) -> Result:
        """Runs a command line, whatever its exit code is."""
        return self._runner.invoke(cli, args, input=input)

    def __call__(self, *args: str, code: int = 0, input: str | None = None) -> Result:
        result = self.run(*args, input=input)
        assert result.exit_code == code, (result.exit_code, result.output, result.exception)
        return result

    def json(self, *args: str, code: int = 0) -> Any:
        return json.loads(self(*args, "--json", code=code).stdout)

    def error(self, *args: str, code: int) -> dict[str, Any]:
        stderr = self(*args, "--json", code=code).stderr
        error: dict[str, Any] = json.loads(stderr)["error"]
        return error


@pytest.fixture
def ctx() -> Ctx:
    return Ctx()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SampleHome:
    """A home with one unsaved session. It is the process's current folder."""
    path = tmp_path / "home"
    path.mkdir()
    for name in ("CTX_REPO", "CTX_DEBUG", "CLAUDE_CONFIG_DIR", "XDG_DATA_HOME", "XDG_CACHE_HOME", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(path))
    monkeypatch.setenv("PWD", str(path))
    monkeypatch.chdir(path)
    made = SampleHome(str(path))
    made.write_first_turn()
    return made


@pytest.fixture
def saved(home: SampleHome, ctx: Ctx) -> SampleHome:
    """A home with both turns saved."""
    ctx("snapshot")
    home.write_second_turn()
    ctx("snapshot", "-m", "the second turn")
    return home


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """A function that makes commands believe that they write to a terminal."""

    def watch() -> None:
        for module in ("render.output", "render.printable", "render.progress", "commands.checkout"):
            monkeypatch.setattr(f"ctxstore.cli.{module}.is_terminal", lambda stream: True)

    return watch
