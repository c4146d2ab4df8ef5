"""The files in Codex's home, and the context of each."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ctxstore.sources.codex import Codex
from ctxstore.sources.protocol import FoundContext, Skipped, SourceHome
from tests.sources.homes import codex
from tests.sources.homes.codex import ARCHIVED, ARCHIVED_KEY, CONTEXT, DAY, KEY, PACKED, PACKED_KEY, THREAD


@pytest.fixture
def root(tmp_path: Path) -> SourceHome:
    codex.make(tmp_path)
    return Codex().discover({"HOME": str(tmp_path)})[0]


def listed(root: SourceHome, reports: list[Skipped] | None = None) -> dict[str, FoundContext]:
    report = reports.append if reports is not None else lambda _: None
    return {context.name: context for context in Codex().contexts(root, report)}


def keys(context: FoundContext | None) -> list[str]:
    assert context is not None
    return [file.key for file in context.files]


def test_a_session_is_called_by_its_day_and_id(root: SourceHome) -> None:
    assert list(listed(root)) == [CONTEXT, f"codex/{DAY}/{PACKED}", f"codex/{DAY}/{ARCHIVED}", "codex/home"]


def test_a_session_has_its_rollout_and_the_images_made_in_it(root: SourceHome) -> None:
    found = listed(root)[CONTEXT]
    images = f"generated_images/{THREAD}"
    assert [(file.key, file.state) for file in found.files] == [
        (images, False),
        (f"{images}/ig_1.png", False),
        (KEY, True),
    ]


def test_the_home_has_what_the_user_made_and_what_no_session_has_but_no_database_log_or_key(root: SourceHome) -> None:
    assert [key for key in keys(listed(root)["codex/home"]) if os.path.isfile(os.path.join(root.path, key))] == [
        "AGENTS.md",
        "config.toml",
        "generated_images/unknown/ig_2.png",
        "history.jsonl",
        "hooks.json",
        "memories/MEMORY.md",
        "prompts/review.md",
        "rules/default.rules",
        "session_index.jsonl",
        "sessions/2026/01/31/notes.txt",
        "skills/oil/SKILL.md",
        "work.config.toml",
    ]


def test_a_session_that_is_archived_or_packed_keeps_its_name(root: SourceHome) -> None:
    name = os.path.basename(KEY)
    os.rename(os.path.join(root.path, KEY), os.path.join(root.path, "archived_sessions", name + ".zst"))
    context = listed(root)[CONTEXT]
    assert Codex().transcript(CONTEXT, keys(context)) == f"archived_sessions/{name}.zst"


def test_a_plain_rollout_comes_before_the_packed_one_beside_it(root: SourceHome) -> None:
    plain = PACKED_KEY.removesuffix(".zst")
    Path(root.path, plain).write_text("{}\n")
    context = listed(root)[f"codex/{DAY}/{PACKED}"]
    assert keys(context) == [plain, PACKED_KEY]
    assert Codex().transcript(context.name, keys(context)) == plain


def test_all_rollouts_of_a_thread_are_one_session_and_the_newest_is_its_transcript(root: SourceHome) -> None:
    name = f"{KEY.removesuffix('.jsonl')}_{ARCHIVED}.jsonl"
    same_day = name.replace("T09-30-00", "T09-45-00")
    later = f"sessions/2026/02/01/rollout-2026-02-01T08-00-00-{THREAD}_{PACKED}.jsonl"
    for key in (same_day, later):
        path = Path(root.path, key)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}\n")
    context = listed(root)[CONTEXT]
    rollouts = [key for key in keys(context) if key.startswith("sessions/")]
    assert rollouts == [KEY, same_day, later]
    assert Codex().transcript(CONTEXT, keys(context)) == later
    assert keys(Codex().find_context(root, CONTEXT, lambda _: None)) == keys(context)


def test_a_later_rollout_whose_first_one_is_gone_is_a_session_of_its_own_day(root: SourceHome) -> None:
    os.rename(os.path.join(root.path, KEY), os.path.join(root.path, KEY.replace(".jsonl", f"_{PACKED}.jsonl")))
    context = listed(root)[CONTEXT]
    assert keys(Codex().find_context(root, CONTEXT, lambda _: None)) == keys(context)


def test_a_session_in_use_comes_before_its_archived_copy(root: SourceHome) -> None:
    used = f"sessions/2026/01/31/{os.path.basename(ARCHIVED_KEY)}"
    Path(root.path, used).write_text("{}\n")
    context = listed(root)[f"codex/{DAY}/{ARCHIVED}"]
    assert keys(context) == [ARCHIVED_KEY, used]
    assert Codex().transcript(context.name, keys(context)) == used


def test_other_files_among_rollouts_are_the_homes(root: SourceHome) -> None:
    day = "sessions/2026/01/31"
    others = ["rollout-2026-01-31.jsonl", "rollout-2026-01-31T09-30-00-.jsonl", "x.jsonl", "rollout-x.json"]
    paths = [f"{day}/{name}" for name in (*others, f"rollout-2026-01-30T09-30-00-{THREAD}.jsonl")]
    paths += [f"sessions/rollout-2025-05-07-{THREAD}.json", f"archived_sessions/deep/{others[0]}"]
    for path in paths:
        Path(root.path, path).parent.mkdir(exist_ok=True)
        Path(root.path, path).write_text("{}\n")
    found = listed(root)
    assert len(found) == 4
    assert set(paths) < set(keys(found["codex/home"]))
    assert keys(Codex().find_context(root, "codex/home", lambda _: None)) == keys(found["codex/home"])


def test_a_folder_that_is_called_as_a_rollout_is_no_session(root: SourceHome) -> None:
    folder = "sessions/" + os.path.basename(KEY).replace(THREAD, "other")
    Path(root.path, folder).mkdir()
    Path(root.path, folder, "notes.txt").write_text("no rollout")
    found = listed(root)
    assert len(found) == 4
    assert f"{folder}/notes.txt" in keys(found["codex/home"])


def test_locks_among_sessions_are_left_out_and_named(root: SourceHome) -> None:
    path = Path(root.path, "sessions/2026/01/31/.writer.lock")
    path.write_text("7")
    reports: list[Skipped] = []
    assert all(path.name not in key for context in listed(root, reports).values() for key in keys(context))
    assert reports == [Skipped(str(path), "a lock", failed=False)]


def test_days_that_lie_on_another_disk_are_listed(root: SourceHome, tmp_path: Path) -> None:
    before = list(listed(root))
    os.rename(os.path.join(root.path, "sessions/2026"), tmp_path / "2026")
    os.symlink(tmp_path / "2026", os.path.join(root.path, "sessions/2026"))
    os.symlink("loop", os.path.join(root.path, "sessions/2027"))
    assert list(listed(root)) == before
    assert keys(Codex().find_context(root, CONTEXT, lambda _: None)) == keys(listed(root)[CONTEXT])


def test_codex_home_is_found_where_the_variable_says(tmp_path: Path) -> None:
    other = tmp_path / "elsewhere"
    assert Codex().discover({"HOME": str(tmp_path), "CODEX_HOME": str(other)}) == []
    other.mkdir()
    (root,) = Codex().discover({"HOME": str(tmp_path), "CODEX_HOME": str(other)})
    assert (root.path, root.label) == (str(other), "elsewhere")


def test_a_second_homes_settings_are_not_the_firsts(tmp_path: Path) -> None:
    codex.make(tmp_path)
    os.rename(tmp_path / ".codex", tmp_path / "second")
    (root,) = Codex().discover({"HOME": str(tmp_path), "CODEX_HOME": str(tmp_path / "second")})
    found = listed(root)
    (home,) = (name for name in found if name.startswith("codex/home"))
    assert home != "codex/home" and CONTEXT in found
    assert Codex().find_context(root, home, lambda _: None) is not None
    assert Codex().find_context(root, "codex/home", lambda _: None) is None


def test_memories_and_instructions_are_memories() -> None:
    source = Codex()
    assert all(map(source.is_memory, ["AGENTS.md", "AGENTS.override.md", "memories/MEMORY.md"]))
    assert not any(map(source.is_memory, ["config.toml", KEY, "memories"]))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_cannot_be_read_is_reported_and_the_rest_goes_on(root: SourceHome) -> None:
    day = Path(root.path, "sessions/2026/01/31")
    day.chmod(0)
    reports: list[Skipped] = []
    try:
        found = listed(root, reports)
    finally:
        day.chmod(0o700)
    assert list(found) == [f"codex/{DAY}/{ARCHIVED}", "codex/home"]
    assert [skipped.path for skipped in reports] == [str(day)]
