"""The context of each file. Unrelated files belong to no context."""

from __future__ import annotations

from pathlib import Path

import pytest

from ctxstore.sources.gemini import Gemini
from ctxstore.sources.protocol import SourceHome
from tests.sources.homes import gemini
from tests.sources.homes.gemini import GONE, HASH, NAME, SESSION, STEM, SUBAGENT
from tests.sources.homes.home_files import write

STUB = "6f1c2a34-2026-01-02T10-00"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    gemini.make(tmp_path)
    return tmp_path


def contexts(home: Path, label: str = ".gemini") -> dict[str, dict[str, bool]]:
    found = Gemini().contexts(SourceHome("gemini", str(home / ".gemini"), label), lambda _: None)
    return {context.name: {file.key: file.state for file in context.files} for context in found}


def test_sessions_projects_and_the_home_are_contexts(home: Path) -> None:
    assert sorted(contexts(home)) == [
        f"gemini/{HASH}/1a1c2a34-2025-09-01T10-00",
        f"gemini/engine/{NAME}",
        f"gemini/engine/{STUB}",
        "gemini/engine/7a1c2a34-2025-11-01T10-00",
        f"gemini/engine/{GONE}",
        "gemini/engine/project",
        "gemini/home",
    ]


def test_a_session_has_its_conversation_subagents_plans_and_outputs(home: Path) -> None:
    files = {key: state for key, state in contexts(home)[f"gemini/engine/{NAME}"].items() if "." in key}
    assert files == {
        f"tmp/engine/chats/{STEM}.jsonl": True,
        f"tmp/engine/chats/{SESSION}/{SUBAGENT}.jsonl": False,
        f"tmp/engine/{SESSION}/plans/plan.md": True,
        f"tmp/engine/tool-outputs/session-{SESSION}/shell_1.txt": False,
        f"tmp/engine/logs/session-{SESSION}.jsonl": False,
    }


def test_what_going_on_with_a_session_leaves_takes_nothing_of_it(home: Path) -> None:
    assert list(contexts(home)[f"gemini/engine/{STUB}"]) == ["tmp/engine/chats/session-2026-01-02T10-00-6f1c2a34.jsonl"]


def test_what_sessions_share_is_the_projects(home: Path) -> None:
    files = {
        key: state for key, state in contexts(home)["gemini/engine/project"].items() if "." in key or "history" in key
    }
    assert {key for key, state in files.items() if state} == {
        "tmp/engine/.project_root",
        "tmp/engine/checkpoint-before.json",
        "tmp/engine/logs.json",
        "tmp/engine/memory/MEMORY.md",
        "tmp/engine/shell_history",
    }
    assert {"history/engine/.git/HEAD", "tmp/engine/checkpoints/2026-01-01-write.json"} < set(files)


def test_keys_accounts_programs_and_extensions_code_stay_out(home: Path) -> None:
    write(home / ".gemini", {"tmp/engine/memory/google_accounts.json": "{}", "commands/integrity.key": "k"})
    names = {Path(key).name for files in contexts(home).values() for key in files}
    assert "gemini-extension.json" in names
    assert not names & {"oauth_creds.json", "google_accounts.json", "mcp-oauth-tokens.json", "rg", "index.js"}
    assert not names & {"installation_id", "integrity.key"}


def test_a_session_written_anew_in_the_newer_form_is_the_same_context(home: Path) -> None:
    before = contexts(home)
    chats = home / ".gemini/tmp/engine/chats"
    (chats / "session-2025-11-01T10-00-7a1c2a34.jsonl").write_text("{}\n")
    name = "gemini/engine/7a1c2a34-2025-11-01T10-00"
    after = contexts(home)
    assert after.keys() == before.keys()
    assert Gemini().transcript(name, after[name]) == "tmp/engine/chats/session-2025-11-01T10-00-7a1c2a34.jsonl"
    assert Gemini().transcript(name, before[name]) == "tmp/engine/chats/session-2025-11-01T10-00-7a1c2a34.json"


def test_names_that_contexts_can_not_have_are_told_apart(home: Path) -> None:
    chats = home / ".gemini/tmp/en gine/chats"
    chats.mkdir(parents=True)
    for name in ("session-a b.jsonl", "session-a~b.jsonl"):
        (chats / name).write_text("{}\n")
    odd = [name for name in contexts(home) if "en-gine" in name]
    assert len(odd) == 2 and all(set(name) <= set("gemini/session-ab.-0123456789cdf") for name in odd)


def test_a_second_home_shares_only_sessions_names(home: Path) -> None:
    usual, other = contexts(home), contexts(home, "work/.gemini")
    assert {name for name in usual if name not in other} == {"gemini/home", "gemini/engine/project"}


def test_another_home_is_looked_for_where_gemini_looks(home: Path) -> None:
    found = Gemini().discover({"HOME": "/nowhere", "GEMINI_CLI_HOME": str(home)})
    assert [root.path for root in found] == [str(home / ".gemini")]


def test_memories_are_instructions_and_what_is_remembered() -> None:
    memories = ["GEMINI.md", "AGENTS.md", "memory/x.md", "tmp/engine/memory/MEMORY.md"]
    assert all(map(Gemini().is_memory, memories))
    assert not any(map(Gemini().is_memory, ["settings.json", f"tmp/engine/chats/{STEM}.jsonl", "tmp/memory"]))
