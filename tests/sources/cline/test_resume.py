"""Restored tasks of Cline and Roo Code: with another id, for another folder, or up to a message."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctxstore.errors import InvalidInput, NotFound
from ctxstore.sources.cline import Cline
from ctxstore.sources.resumable import ContextChange, Resumable, StoredContext
from ctxstore.sources.roo import RooCode
from ctxstore.sources.tasks import TaskAgent
from tests.sources.homes import cline as cline_home
from tests.sources.homes import roo as roo_home

NOW = 1_800_000_000 * 10**9
TASK = cline_home.TASK
CONTEXT = f"cline/code/{TASK}"
CLINE_FILES = {
    f"tasks/{TASK}/api_conversation_history.json": json.dumps(cline_home.HISTORY).encode(),
    f"tasks/{TASK}/context_history.json": b"[[0,[0,[]]],[1,[0,[]]]]",
    f"tasks/{TASK}/task_metadata.json": b'{"files_in_context":[]}',
    f"tasks/{TASK}/ui_messages.json": json.dumps(cline_home.SHOWN).encode(),
}
ROO_FILES = {
    f"tasks/{roo_home.TASK}/api_conversation_history.json": json.dumps(roo_home.HISTORY).encode(),
    f"tasks/{roo_home.TASK}/history_item.json": json.dumps(
        roo_home.ITEM | {"rootTaskId": roo_home.TASK, "task": f"I speak of {roo_home.TASK}"}, indent=2
    ).encode(),
}


def stored(files: Mapping[str, bytes] = CLINE_FILES, context: str = CONTEXT) -> StoredContext:
    return StoredContext(context, "/home/ada/engine", sorted(files), lambda key: iter([files[key][:9], files[key][9:]]))


ROO = stored(ROO_FILES, f"roo/vscodium/{roo_home.TASK}")


def laid(source: TaskAgent, task: StoredContext, change: ContextChange) -> dict[str, bytes]:
    found = source.restore_layout(task, change)
    assert [each.key for each in found] == sorted(each.key for each in found)
    return {
        each.key: b"".join(each.edit(task.read(each.origin or "")) if each.edit else task.read(each.origin or ""))
        for each in found
    }


def test_both_are_resumable() -> None:
    assert isinstance(Cline(), Resumable) and isinstance(RooCode(), Resumable)
    assert Cline().new_session(NOW, b"x" * 16) == "1800000000000"


def test_without_a_change_every_file_is_as_it_was() -> None:
    assert laid(Cline(), stored(), ContextChange(now=NOW)) == CLINE_FILES
    assert laid(RooCode(), ROO, ContextChange(now=NOW)) == ROO_FILES
    assert Cline().context_of(stored(), ContextChange()) == CONTEXT


def test_a_new_task_of_clines_is_a_folder_of_another_name() -> None:
    change = ContextChange(session="1800", now=NOW)
    files = laid(Cline(), stored(), change)
    assert files == {key.replace(TASK, "1800"): data for key, data in CLINE_FILES.items()}
    assert Cline().context_of(stored(), change) == "cline/code/1800"
    assert all(each.is_new for each in Cline().restore_layout(stored(), change))


def test_a_new_task_of_roo_codes_has_the_id_in_its_entry_and_not_in_what_was_said() -> None:
    files = laid(RooCode(), ROO, ContextChange(session="new-1", paths=(("/home/ada", "/home/bob"),), now=NOW))
    item = json.loads(files["tasks/new-1/history_item.json"])
    assert (item["id"], item["rootTaskId"], item["parentTaskId"]) == ("new-1", "new-1", roo_home.PARENT)
    assert (item["workspace"], item["ts"]) == ("/home/bob/engine", NOW // 10**6)
    assert roo_home.TASK in item["task"]
    history = f"tasks/{roo_home.TASK}/api_conversation_history.json"
    assert files["tasks/new-1/api_conversation_history.json"] == ROO_FILES[history]


def test_up_to_a_message_the_window_and_the_edits_end_there_too() -> None:
    files = laid(Cline(), stored(), ContextChange(session="1800", until="1741000000100", now=NOW))
    assert json.loads(files["tasks/1800/api_conversation_history.json"]) == cline_home.HISTORY[:1]
    assert json.loads(files["tasks/1800/ui_messages.json"]) == cline_home.SHOWN[:2]
    assert json.loads(files["tasks/1800/context_history.json"]) == [[0, [0, []]]]
    assert files["tasks/1800/task_metadata.json"] == CLINE_FILES[f"tasks/{TASK}/task_metadata.json"]


def test_without_times_the_window_ends_by_the_number_of_messages() -> None:
    history = [{key: value for key, value in each.items() if key != "ts"} for each in cline_home.HISTORY]
    files = {**CLINE_FILES, f"tasks/{TASK}/api_conversation_history.json": json.dumps(history).encode()}
    found = laid(Cline(), stored(files), ContextChange(session="1800", until="@0", now=NOW))
    assert json.loads(found["tasks/1800/ui_messages.json"]) == cline_home.SHOWN[:2]


def test_up_to_the_last_message_is_all_of_it() -> None:
    found = laid(Cline(), stored(), ContextChange(session="1800", until="1741000000200", now=NOW))
    assert found == laid(Cline(), stored(), ContextChange(session="1800", now=NOW))


def test_what_cant_be_changed_is_said() -> None:
    with pytest.raises(NotFound, match="no message"):
        Cline().restore_layout(stored(), ContextChange(until="nope"))
    home = stored({"settings/x.json": b"{}"}, "cline/code/home")
    with pytest.raises(InvalidInput, match="no messages"):
        Cline().restore_layout(home, ContextChange(session="1"))
    assert laid(Cline(), home, ContextChange(paths=(("/a", "/b"),))) == {"settings/x.json": b"{}"}


def test_a_session_of_the_newer_cline_has_its_id_and_folders_in_its_own_fields() -> None:
    old = cline_home.SESSION
    prefix = f"sessions/{old}/{old}"
    files = {
        f"{prefix}.json": json.dumps(cline_home.facts("/home/ada/.cline/data"), indent=2).encode(),
        f"{prefix}.log": b"log",
        f"{prefix}.messages.json": json.dumps(cline_home.NEWER, indent=2).encode(),
    }
    task = stored(files, f"cline/cli/{old}")
    assert laid(Cline(), task, ContextChange()) == files
    assert Cline().index_entries(task, ContextChange(session="99"), "/nowhere") == []
    moved = laid(Cline(), task, ContextChange(home="/home/bob/data"))
    assert json.loads(moved[f"{prefix}.json"])["messages_path"] == f"/home/bob/data/{prefix}.messages.json"
    assert {**moved, f"{prefix}.json": files[f"{prefix}.json"]} == files
    change = ContextChange(
        session="99", paths=(("/home/ada", "/home/bob"),), until="msg_1", now=NOW, home="/home/bob/data"
    )
    found = laid(Cline(), task, change)
    assert list(found) == ["sessions/99/99.json", "sessions/99/99.log", "sessions/99/99.messages.json"]
    assert json.loads(found["sessions/99/99.json"]) == {
        "session_id": "99",
        "cwd": "/home/bob/engine",
        "workspace_root": "/home/bob/engine",
        "prompt": f"Oil {old}",
        "messages_path": "/home/bob/data/sessions/99/99.messages.json",
    }
    expected = cline_home.NEWER | {"sessionId": "99", "origin": {"source": "cli", "sessionId": "99"}}
    assert json.loads(found["sessions/99/99.messages.json"]) == expected
    first = cline_home.NEWER["messages"][0]["id"]
    shorter = laid(Cline(), task, change._replace(until=first))["sessions/99/99.messages.json"]
    assert json.loads(shorter) == expected | {"messages": cline_home.NEWER["messages"][:1]}


@settings(deadline=None)
@given(number=st.integers(0, 9), damage=st.booleans(), indent=st.sampled_from([None, 1]))
def test_a_task_up_to_any_message_parses_to_exactly_these(number: int, damage: bool, indent: Any) -> None:
    history = [{"role": "user" if i % 2 else "assistant", "content": f"say {i}", "ts": i + 1} for i in range(10)]
    data = json.dumps(history, indent=indent).encode()
    data = data[:-3] if damage else data
    task = stored({f"tasks/{TASK}/api_conversation_history.json": data})
    before = [m for m in Cline().messages([data]) if m.role in ("user", "assistant")]
    if number >= len(before):
        return
    (after,) = laid(Cline(), task, ContextChange(session="9", until=before[number].id, now=NOW)).values()
    kept = [m for m in Cline().messages([after]) if m.id != "@tail"]
    assert [(m.id, m.raw) for m in kept] == [(m.id, m.raw) for m in before[: number + 1]]
    assert json.loads(after) == history[: number + 1]


def test_cline_is_told_of_the_task_and_keeps_what_it_had(tmp_path: Path) -> None:
    cline_home.make(tmp_path)
    root = tmp_path / cline_home.STORAGE
    before = (root / "state" / "taskHistory.json").read_text()
    assert all(each.is_there(str(root)) for each in Cline().index_entries(stored(), ContextChange(now=NOW), str(root)))
    change = ContextChange(session="1800", paths=(("/home/ada", "/home/bob"),), now=NOW)
    (entry,) = Cline().index_entries(stored(), change, str(root))
    assert entry.path == "state/taskHistory.json" and "1800" in entry.what
    assert not entry.is_there(str(root))
    entry.apply(str(root))
    assert entry.is_there(str(root))
    after = (root / "state" / "taskHistory.json").read_text()
    assert after.startswith(before[:-1])
    item = json.loads(after)[-1]
    assert (item["id"], item["task"], item["ts"]) == ("1800", "Oil the wheels", NOW // 10**6)
    assert item["cwdOnTaskInitialization"] == "/home/bob/engine"


def test_what_cline_no_longer_sends_is_in_the_entry_as_far_as_it_is_kept(tmp_path: Path) -> None:
    shown = [dict(each) for each in cline_home.SHOWN]
    shown[1]["conversationHistoryDeletedRange"] = [2, 3]
    shown[2]["conversationHistoryDeletedRange"] = [2, 7]
    task = stored({**CLINE_FILES, f"tasks/{TASK}/ui_messages.json": json.dumps(shown).encode()})
    for until, expected in (("", [2, 7]), ("1741000000100", [2, 3])):
        (entry,) = Cline().index_entries(task, ContextChange(session="1800", until=until, now=NOW), str(tmp_path))
        entry.apply(str(tmp_path / (until or "all")))
        path = tmp_path / (until or "all") / "state" / "taskHistory.json"
        assert json.loads(path.read_text())[0]["conversationHistoryDeletedRange"] == expected


def test_roo_code_is_told_where_it_has_an_index(tmp_path: Path) -> None:
    change = ContextChange(session="new-1", now=NOW)
    assert RooCode().index_entries(ROO, change, str(tmp_path)) == []
    roo_home.make(tmp_path)
    root = tmp_path / roo_home.STORAGE
    (entry,) = RooCode().index_entries(ROO, change, str(root))
    entry.apply(str(root))
    index = json.loads((root / "tasks" / "_index.json").read_text())
    assert [each["id"] for each in index["entries"]] == [roo_home.TASK, "new-1"]
    assert index["entries"][0] == roo_home.ITEM and index["version"] == 1
