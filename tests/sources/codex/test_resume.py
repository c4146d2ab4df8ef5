"""A restored session of Codex: with another id, for another folder, or up to a message."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from ctxstore.errors import InvalidInput, NotFound
from ctxstore.sources.codex import Codex
from ctxstore.sources.protocol import Message
from ctxstore.sources.resumable import ContextChange, RestoreFile, Resumable, StoredContext
from tests.sources.codex.conftest import PIECES
from tests.sources.homes.codex import (
    ARCHIVED_KEY,
    CONTEXT,
    DAY,
    KEY,
    PACKED_KEY,
    PROJECT,
    THREAD,
    line,
    rollout,
    spoken,
)

NEW = "01a20000-0000-7000-8000-00000000000b"
NOW = 1_795_272_418 * 10**9
source = Codex()


def shown() -> str:
    """Builds the lines that newer versions write beside the conversation, and messages that mention the id and the
    folder."""
    settings = {"cwd": PROJECT, "runtime_workspace_roots": [PROJECT, f"{PROJECT}/sub", "/else"], "model": "engine-1"}
    item = {"type": "UserMessage", "id": "i1", "content": [{"type": "text", "text": THREAD}]}
    return "".join(
        line(type, payload)
        for type, payload in [
            ("session_meta", {"id": "forked-from", "session_id": THREAD, "cwd": PROJECT}),
            ("world_state", {"state": {"environments": {"cwd": PROJECT}}}),
            ("event_msg", {"type": "thread_settings_applied", "thread_id": THREAD, "thread_settings": settings}),
            ("response_item", spoken("user", THREAD, id=THREAD)),
            ("response_item", spoken("user", PROJECT, id="msg_5")),
            ("event_msg", {"type": "item_completed", "thread_id": THREAD, "turn_id": "t3", "item": item}),
            ("token_usage_record", {"thread_id": THREAD, "session_id": THREAD}),
        ]
    )


TEXT = (rollout() + shown()).encode()
FILES = {f"generated_images/{THREAD}/ig_1.png": b"png", KEY: TEXT}


def stored(files: dict[str, bytes] = FILES, context: str = CONTEXT) -> StoredContext:
    def read(key: str) -> Iterator[bytes]:
        yield files[key]

    return StoredContext(context, PROJECT, sorted(files), read)


def written(change: ContextChange, what: StoredContext | None = None) -> dict[str, bytes]:
    what = what or stored()

    def content(laid: RestoreFile) -> bytes:
        assert laid.origin is not None
        return b"".join(laid.edit(what.read(laid.origin)) if laid.edit else what.read(laid.origin))

    return {laid.key: content(laid) for laid in source.restore_layout(what, change)}


def only_rollout(files: dict[str, bytes]) -> tuple[str, bytes]:
    (found,) = ((key, data) for key, data in files.items() if "rollout-" in key)
    return found


def records(data: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in data.splitlines()]


def parse(data: bytes) -> list[Message]:
    return list(source.messages([data]))


def test_codex_is_resumable() -> None:
    assert isinstance(source, Resumable)


def test_without_a_change_every_file_is_as_it_was() -> None:
    assert written(ContextChange(now=1)) == FILES


def test_a_new_id_is_wherever_codex_looks_for_it_and_nowhere_else() -> None:
    files = written(ContextChange(session=NEW, now=NOW))
    key, data = only_rollout(files)
    assert f"generated_images/{NEW}/ig_1.png" in files
    assert key.endswith(f"-{NEW}.jsonl")
    for old, new in zip(records(TEXT), records(data), strict=True):
        if old["type"] == "response_item":
            assert new == old
            continue
        ids = {name: NEW for name in ("id", "session_id", "thread_id") if old["payload"].get(name) == THREAD}
        assert new == {**old, "payload": {**old["payload"], **ids}}
    assert THREAD in records(data)[-2]["payload"]["item"]["content"][0]["text"]


def test_a_new_sessions_rollout_lies_in_the_folder_of_its_day_and_names_its_context() -> None:
    change = ContextChange(session=NEW, now=NOW)
    key, _ = only_rollout(written(change))
    context = source.context_of(stored(), change)
    _, day, thread = context.split("/")
    assert thread == NEW and key.startswith(f"sessions/{day.replace('-', '/')}/rollout-{day}T")
    assert source.transcript(context, [key]) == key
    assert source.context_of(stored(), ContextChange(paths=(("/a", "/b"),))) == CONTEXT


def test_another_folder_is_where_codex_goes_by_it_and_not_what_it_told_the_model() -> None:
    key, data = only_rollout(written(ContextChange(paths=((PROJECT, "/work/engine"),))))
    found = records(data)
    assert key == KEY
    assert found[0]["payload"]["cwd"] == "/work/engine"
    assert {r["payload"]["cwd"] for r in found if r["type"] == "turn_context"} == {"/work/engine"}
    (settings,) = (r["payload"]["thread_settings"] for r in found if "thread_settings" in r["payload"])
    assert settings["runtime_workspace_roots"] == ["/work/engine", "/work/engine/sub", "/else"]
    (world,) = (r for r in found if r["type"] == "world_state")
    assert world["payload"]["state"]["environments"]["cwd"] == PROJECT
    assert [m.parts for m in parse(data)] == [m.parts for m in parse(TEXT)]


@pytest.mark.parametrize("id", [m.id for m in parse(TEXT) if m.role != "meta"])
def test_it_ends_with_the_message_asked_for(id: str) -> None:
    _, data = only_rollout(written(ContextChange(until=id)))
    assert TEXT.startswith(data)
    said = [m for m in parse(TEXT) if m.role != "meta"]
    kept = said[: [m.id for m in said].index(id) + 1]
    assert [m.id for m in parse(data) if m.role != "meta"] == [m.id for m in kept]


def test_what_shows_the_last_message_and_the_end_of_its_turn_stay() -> None:
    def last(id: str) -> dict[str, Any]:
        return dict(records(only_rollout(written(ContextChange(until=id)))[1])[-1]["payload"])

    assert last("msg_1")["type"] == "user_message"
    assert last("msg_2")["type"] == "task_complete"
    assert last("msg_3")["message"] == "And the gears"
    assert "session_id" in last("msg_5")


def test_an_unknown_message_is_not_found() -> None:
    with pytest.raises(NotFound, match="msg_9"):
        written(ContextChange(until="msg_9"))


def test_what_has_no_transcript_can_be_no_session() -> None:
    home = stored({"config.toml": b""}, "codex/home")
    assert written(ContextChange(paths=(("/a", "/b"),)), home) == {"config.toml": b""}
    with pytest.raises(InvalidInput):
        source.restore_layout(home, ContextChange(session=NEW))


def test_a_packed_rollout_is_plain_once_it_is_changed() -> None:
    packed = stored({PACKED_KEY: zstandard.ZstdCompressor().compress(TEXT)}, f"codex/{DAY}/{PACKED_KEY[-46:-10]}")
    assert written(ContextChange(), packed) == {PACKED_KEY: b"".join(packed.read(PACKED_KEY))}
    assert list(written(ContextChange(until="msg_1"), packed)) == [PACKED_KEY.removesuffix(".zst")]
    key, data = only_rollout(written(ContextChange(session=NEW, now=NOW), packed))
    assert key.endswith(".jsonl")
    assert len(records(data)) == len(records(TEXT))


def test_a_new_session_of_an_archived_one_is_in_use() -> None:
    context = f"codex/{DAY}/{ARCHIVED_KEY[-42:-6]}"
    used = f"sessions/2026/01/31/{ARCHIVED_KEY.rpartition('/')[2]}"
    what = stored({ARCHIVED_KEY: TEXT, used: TEXT}, context)
    assert list(written(ContextChange(), what)) == [ARCHIVED_KEY, used]
    key, _ = only_rollout(written(ContextChange(session=NEW, now=NOW), what))
    assert key.startswith("sessions/")


@given(st.lists(st.sampled_from(PIECES), max_size=12).map(b"".join))
def test_damage_stays_as_it_was(data: bytes) -> None:
    what = stored({KEY: data})
    _, same = only_rollout(written(ContextChange(session="no-such-id-anywhere"[:0] or NEW, now=NOW), what))
    assert same == data
    _, mapped = only_rollout(written(ContextChange(paths=(("/nowhere", "/b"),)), what))
    assert mapped == data


@given(now=st.integers(0, 2**62), random=st.binary(min_size=16, max_size=16))
def test_a_new_id_is_a_uuid_of_the_time(now: int, random: bytes) -> None:
    id = uuid.UUID(source.new_session(now, random))
    assert (id.version, id.variant) == (7, uuid.RFC_4122)
    assert id.int >> 80 == (now // 10**6) & ((1 << 48) - 1)
