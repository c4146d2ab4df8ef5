"""Sessions that are documents, restored by ``ctx checkout``. Their agents list and continue them."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from ctxstore.cli.main import cli
from tests.sources.homes import cline, roo

continue_home = import_module("tests.sources.homes.continue")  # the module's name is a keyword

SESSIONS = [
    (cline, f"cline/code/{cline.TASK}", f"{cline.STORAGE}/state/taskHistory.json", "id"),
    (cline, f"cline/cli/{cline.SESSION}", "", ""),
    (roo, f"roo/vscodium/{roo.TASK}", f"{roo.STORAGE}/tasks/_index.json", "id"),
    (continue_home, f"continue/sessions/{continue_home.SESSION}", ".continue/sessions/sessions.json", "sessionId"),
]


def ctx(*args: str) -> Any:
    result = CliRunner().invoke(cli, [*args, "--json"])
    assert result.exit_code == 0, (result.output, result.exception)
    return json.loads(result.stdout)


@pytest.fixture(params=SESSIONS, ids=lambda each: "-".join(each[1].split("/")[:2]))
def case(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[Path, str, Path, str]:
    home, context, listing, name = request.param
    for variable in (
        "CTX_REPO",
        "XDG_DATA_HOME",
        "XDG_CONFIG_HOME",
        "CONTINUE_GLOBAL_DIR",
        "CLINE_DIR",
        "CLINE_DATA_DIR",
    ):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    home.make(tmp_path)
    ctx("snapshot")
    return tmp_path, context, tmp_path / listing, name


def listed(path: Path, name: str) -> list[str]:
    value = json.loads(path.read_text())
    return [entry[name] for entry in (value["entries"] if isinstance(value, dict) else value)]


def messages(context: str) -> list[Any]:
    return [(m["id"], m["role"], m["parts"]) for m in ctx("show", context)["messages"] if m["role"] != "meta"]


def test_as_a_new_session_beside_the_original(case: tuple[Path, str, Path, str]) -> None:
    home, context, listing, name = case
    before = {path: path.read_bytes() for path in home.rglob("*") if path.is_file() and "ctxstore" not in path.parts}
    new = ctx("checkout", context, "--as-new-session", "--yes")["session"]
    assert not name or (listed(listing, name)[-1] == new and len(set(listed(listing, name))) == 2)
    assert all(path.read_bytes() == data for path, data in before.items() if path != listing)
    assert messages(f"{context.rpartition('/')[0]}/{new}") == messages(context)
    assert not name or ctx("snapshot")["op"] is not None  # the list of sessions changed


def test_up_to_the_first_message(case: tuple[Path, str, Path, str]) -> None:
    _, context, _, _ = case
    first = messages(context)[0]
    new = ctx("checkout", context, "--at-message", first[0], "--yes")["session"]
    assert messages(f"{context.rpartition('/')[0]}/{new}") == [first]


def test_into_a_fresh_home(case: tuple[Path, str, Path, str], monkeypatch: pytest.MonkeyPatch) -> None:
    home, context, listing, name = case
    before = messages(context)
    ctx("checkout", context, "--home", str(home / "fresh"), "--yes")
    there = home / "fresh" / listing.relative_to(home)
    # Roo Code and newer versions of Cline list the sessions they find.
    assert not name or "roo" in context or listed(there, name) == [context.rpartition("/")[2]]
    monkeypatch.setenv("HOME", str(home / "fresh"))
    ctx("snapshot")
    assert messages(context) == before
