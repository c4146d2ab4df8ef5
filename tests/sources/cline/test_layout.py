"""The files of each task."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import ctxstore
from ctxstore.ops.snapshot.targets import Target
from ctxstore.sources.cline import Cline
from ctxstore.sources.editors import group_of
from ctxstore.sources.protocol import FoundContext, Skipped
from ctxstore.sources.registry import get_source
from ctxstore.sources.roo import RooCode
from tests.sources.homes import cline as cline_home
from tests.sources.homes import roo as roo_home
from tests.sources.homes.cline import STORAGE, TASK
from tests.sources.homes.home_files import write


@pytest.fixture
def home(tmp_path: Path) -> Path:
    cline_home.make(tmp_path)
    roo_home.make(tmp_path)
    return tmp_path


def contexts(home: Path, name: str, reports: list[Skipped] | None = None) -> dict[str, FoundContext]:
    source = get_source(name)
    report = (reports if reports is not None else []).append
    return {
        context.name: context
        for root in source.discover({"HOME": str(home)})
        for context in source.contexts(root, report)
    }


def keys(context: FoundContext) -> list[str]:
    return [file.key for file in context.files]


def test_each_task_of_each_installation_is_a_context(home: Path) -> None:
    assert sorted(contexts(home, "cline")) == [
        f"cline/cli/{cline_home.SESSION}",
        "cline/cli/home",
        "cline/code/1741000000001",
        "cline/code/1741000000002",
        "cline/code/home",
        "cline/documents/home",
        "cline/user/home",
    ]
    assert sorted(contexts(home, "roo")) == ["roo/user/home", f"roo/vscodium/{roo_home.TASK}", "roo/vscodium/home"]


def test_a_tasks_files_are_taken_but_for_checkpoints_and_what_is_being_written(home: Path) -> None:
    task = f"tasks/{TASK}"
    assert keys(contexts(home, "cline")[f"cline/code/{TASK}"]) == [
        f"{task}/api_conversation_history.json",
        f"{task}/task_metadata.json",
        f"{task}/ui_messages.json",
    ]
    task = f"tasks/{roo_home.TASK}"
    assert keys(contexts(home, "roo")[f"roo/vscodium/{roo_home.TASK}"]) == [
        f"{task}/api_conversation_history.json",
        f"{task}/history_item.json",
        f"{task}/ui_messages.json",
    ]


def test_the_home_has_settings_and_the_list_of_tasks_and_no_keys(home: Path) -> None:
    assert keys(contexts(home, "cline")["cline/code/home"]) == [
        "settings",
        "settings/cline_mcp_settings.json",
        "state/taskHistory.json",
        "tasks/not a task!",
        "tasks/not a task!/x.json",
    ]
    assert "settings/providers.json" not in keys(contexts(home, "cline")["cline/code/home"])
    assert keys(contexts(home, "roo")["roo/vscodium/home"])[-1] == "tasks/_index.json"


def test_what_is_left_out_is_reported(home: Path) -> None:
    reports: list[Skipped] = []
    contexts(home, "cline", reports)
    assert {(os.path.basename(s.path), s.failed) for s in reports} == {("providers.json", False), ("tasks", False)}


@pytest.mark.parametrize(
    ("label", "group"),
    [
        (STORAGE, "code"),
        ("Library/Application Support/Code - Insiders/User/globalStorage/saoudrizwan.claude-dev", "code-insiders"),
        (".vscode-server/data/User/globalStorage/saoudrizwan.claude-dev", "vscode-server"),
        (".config/Cursor/User/globalStorage/x.y", "cursor"),
        (".cline/data", "cli"),
    ],
)
def test_installations_are_named_after_their_editor(label: str, group: str) -> None:
    assert group_of(label) == group


def test_unusual_places_have_names_of_their_own(home: Path) -> None:
    groups = {group_of(label) for label in ("opt/a/Code/User/globalStorage/x.y", "opt/b/Code/User/globalStorage/x.y")}
    assert len(groups) == 2 and all(group.startswith("code.") for group in groups)
    write(home / "elsewhere", {"tasks/1/api_conversation_history.json": "[]"})
    roots = Cline().discover({"HOME": str(home), "CLINE_DATA_DIR": str(home / "elsewhere")})
    assert str(home / "elsewhere") in [root.path for root in roots]
    assert str(home / ".cline/data") not in [root.path for root in roots]


def test_a_tasks_folder_that_cant_be_listed_is_reported_and_the_rest_goes_on(home: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may list any folder")
    closed = home / STORAGE / "tasks" / TASK
    closed.chmod(0)
    reports: list[Skipped] = []
    try:
        found = contexts(home, "cline", reports)
    finally:
        closed.chmod(0o700)
    assert f"cline/code/{TASK}" not in found and "cline/code/1741000000002" in found
    assert [s.path for s in reports if s.failed] == [str(closed)]


def test_a_snapshot_knows_title_and_messages_from_the_transcript_alone(home: Path, tmp_path: Path) -> None:
    repo = ctxstore.init(tmp_path / "repo")
    with repo:
        targets = [Target(Cline(), root) for root in Cline().discover({"HOME": str(home)})]
        repo.snapshot(targets)
        summary = repo.resolve(f"cline/code/{TASK}").commit.summary
        assert (summary.title, summary.messages, summary.project) == ("Oil the wheels", 2, "/home/ada/engine")
        fallback = repo.resolve("cline/code/1741000000002").commit.summary
        assert (fallback.title, fallback.messages) == ("Oil the wheels", 2)


def test_a_task_of_gigabytes_is_listed_and_read_in_bounded_memory(home: Path) -> None:
    import tracemalloc

    big = home / STORAGE / "tasks" / TASK / "api_conversation_history.json"
    with open(big, "r+b") as file:
        file.truncate(600 << 20)

    def blocks():  # type: ignore[no-untyped-def]
        with open(big, "rb") as file:
            while block := file.read(8 << 20):
                yield block

    tracemalloc.start()
    read = sum(len(message.raw) for message in RooCode().messages(blocks()))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert read == 600 << 20
    assert peak < 300 << 20
