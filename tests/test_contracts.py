"""The linter of imports refuses each kind of violation, planted in a copy of the package."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import NamedTuple

import pytest

from ctxstore.sources.agents import AGENTS as DESCRIPTIONS
from tests.marks import slow_except

ROOT = Path(__file__).parent.parent
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]


class Violation(NamedTuple):
    """An import, the module that it is planted in, and the contract that refuses it."""

    module: str
    line: str
    contract: str


LAYERS = "imports only go down through the layers"
FLOORS = "operations have four floors"
SOURCES = "a source knows no repository"
AGENTS = "an agent's source knows no other agent's"
TERMINAL = "only the command line knows a terminal"
CLI = "the command line reaches the store through repo"
INTEGRATIONS = "integrations reach the store through repo"
CYCLES = "no rooms and no modules of a room import each other"

VIOLATIONS = {
    "a source imports storage": Violation("sources/walk", "from ctxstore.storage.local import LocalStorage", SOURCES),
    "a source imports ids": Violation("sources/summary", "from ctxstore.ids import ObjectId", SOURCES),
    "codex imports gemini": Violation("sources/codex/items", "from ctxstore.sources.gemini import names", AGENTS),
    "ops imports click": Violation("ops/gc/sweep", "import click", TERMINAL),
    "history imports rich": Violation("history/oplog", "def show():\n    from rich.text import Text", TERMINAL),
    "the command line imports storage": Violation("cli/complete", "import ctxstore.storage.files", CLI),
    "the command line imports a type of history": Violation(
        "cli/render/ops", "if TYPE_CHECKING:\n    from ctxstore.history.oplog import Op", CLI
    ),
    "integrations import history": Violation("integrations/watch", "import ctxstore.history.refs", INTEGRATIONS),
    "integrations import an operation": Violation("integrations/watch", "import ctxstore.ops.gc.mark", INTEGRATIONS),
    "an operation imports the command line": Violation("ops/merge/lines", "import ctxstore.cli.main", LAYERS),
    "trees imports history": Violation("trees/walk", "from ctxstore.history import commits", LAYERS),
    "a new top-level module": Violation("attic", "", LAYERS),
    "a new room of ops": Violation("ops/attic/attic", "", FLOORS),
    "a lower operation imports a higher one": Violation("ops/refs/retry", "import ctxstore.ops.gc.mark", FLOORS),
    "two modules import each other": Violation(
        "ops/merge/files", "def merge_all():\n    import ctxstore.ops.merge.merge", CYCLES
    ),
    "a type alone": Violation("packs/names", "if TYPE_CHECKING:\n    from ctxstore.objects.store import Put", LAYERS),
}


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """The package and its settings in a folder of their own."""
    folder = tmp_path_factory.mktemp("copy")
    shutil.copytree(ROOT / "ctxstore", folder / "ctxstore", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def lint(folder: Path) -> tuple[int, str]:
    program = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    command = [sys.executable, "-c", program, "--no-logo", "--cache-dir", str(folder / "cache")]
    # Wide, so that no line of the report is broken.
    environ = {**os.environ, "COLUMNS": "300", "PYTHONPATH": str(folder)}
    ended = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False)
    return ended.returncode, ended.stdout + ended.stderr


def plant(path: Path, line: str) -> None:
    path.parent.mkdir(exist_ok=True)
    if path.stem != "__init__" and not (path.parent / "__init__.py").exists():
        plant(path.parent / "__init__.py", "")
    with path.open("a") as file:
        file.write(f"\n{line}\n")


def test_the_package_keeps_all_contracts(copy):
    code, report = lint(copy)
    assert code == 0, report
    assert f"Contracts: {len(CONTRACTS)} kept, 0 broken." in report


@pytest.mark.parametrize("name", slow_except("codex imports gemini", "a type alone", of=VIOLATIONS))
def test_a_violation_is_refused(copy, tmp_path, name):
    violation = VIOLATIONS[name]
    shutil.copytree(copy, tmp_path / "planted")
    plant(tmp_path / "planted/ctxstore" / f"{violation.module}.py", violation.line)
    code, report = lint(tmp_path / "planted")
    assert code == 1, report
    assert f"{violation.contract} BROKEN" in report
    assert violation.module.rpartition("/")[2] in report.partition("Broken contracts")[2]


def test_every_agent_is_in_the_contract_of_independence():
    (agents,) = [contract["modules"] for contract in CONTRACTS if contract["name"] == AGENTS]
    assert sorted(agents) == sorted(
        {agent.source.partition(":")[0] for agent in DESCRIPTIONS.values()} - {"ctxstore.sources.directory"}
    )
