"""The page docs/cli.md, which describes every command, every option and every exit code."""

from __future__ import annotations

import importlib
from pathlib import Path

import click
import pytest

from ctxstore.cli.errors import INTERRUPTED, UNEXPECTED
from ctxstore.cli.main import COMMANDS, cli
from ctxstore.errors import CtxstoreError

PAGE = (Path(__file__).parents[2] / "docs" / "cli.md").read_text()
SHARED = PAGE.split("## Values in JSON")[0]


def families(base: type[CtxstoreError]) -> set[int]:
    return {base.exit_code}.union(*map(families, base.__subclasses__()))


def options(command: click.Command) -> set[str]:
    return {name for parameter in command.params if isinstance(parameter, click.Option) for name in parameter.opts}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_described(name: str) -> None:
    section = PAGE.split(f"\n## ctx {name}\n")[1].split("\n## ")[0]
    command = importlib.import_module(f"ctxstore.cli.commands.{name}").command
    assert "JSON: " in section or name == "export"
    for option in options(command) | options(cli):
        assert option in section or option in SHARED, option


def test_every_exit_code_is_described() -> None:
    for code in families(CtxstoreError) | {0, UNEXPECTED, INTERRUPTED}:
        assert f"\n| {code} |" in SHARED
