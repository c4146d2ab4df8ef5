"""``ctx export`` and the files it writes."""

from __future__ import annotations

import base64
import json
import os
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest

import ctxstore
from ctxstore.cli.commands.export import write_file
from ctxstore.cli.tour.sample import CONTEXT, MEMORY, SESSION
from ctxstore.errors import AlreadyExists
from ctxstore.ops.export.values import content_field, encode, raw_field

ODD = (
    b'{"type":"user","uuid":"u1","message":{"content":"caf\xc3\xa9 \\ud800"},"n":1721828935.24231,"n":2}\n'
    b'{"type":"user","uuid":"u2","message":{"content":"caf\xe9 latin"}}\n'
    b'{"x":NaN}\n'
    b"torn {"
)


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_json_has_the_documented_shape(saved: Any, ctx: Any) -> None:
    value = json.loads(ctx("export", SESSION).stdout)
    assert list(value) == [
        "format", "version", "timestamp", "model", "commit", "files", "messages", "memories", "subagents"
    ]  # fmt: skip
    assert (value["format"], value["version"]) == ("ctxstore-export", 1)
    assert value["model"] == "claude-sonnet-4-5" and value["timestamp"] == value["commit"]["time"]
    assert value["commit"]["ref"] == CONTEXT
    with open(saved.transcript, "rb") as file:
        content = file.read()
    assert value["files"][0]["text"].encode() == content
    assert [message["raw"] for message in value["messages"]] == lines(content.decode())
    assert value["messages"][2]["parts"] == [
        {"kind": "tool_use", "name": "Read", "call": "call_1",
         "data": {"file_path": "/home/ada/linkcheck/linkcheck/urls.py"}}
    ]  # fmt: skip


def test_json_lines_hold_the_same(saved: Any, ctx: Any) -> None:
    value = json.loads(ctx("export", SESSION).stdout)
    header, *rest = lines(ctx("export", SESSION, "--format", "jsonl").stdout)
    assert header.pop("type") == "header" and header == {k: value[k] for k in list(value)[:5]}
    assert [line.pop("type") for line in rest] == ["message"] * 12 + ["file"]
    assert rest == value["messages"] + value["files"]


def test_memories_of_an_agent_are_there_by_path(saved: Any, ctx: Any) -> None:
    memories = json.loads(ctx("export", "claude-code/-home-ada-linkcheck/memory").stdout)["memories"]
    assert memories == {"projects/-home-ada-linkcheck/memory/MEMORY.md": MEMORY}


def test_nothing_is_lost_whatever_the_bytes_are(saved: Any, ctx: Any) -> None:
    with open(saved.transcript, "wb") as file:
        file.write(ODD)
    ctx("snapshot")
    value = json.loads(ctx("export", SESSION).stdout)
    assert base64.b64decode(value["files"][0]["base64"]) == ODD
    whole = b"".join(
        base64.b64decode(message["raw_base64"]) if "raw_base64" in message else json.dumps(message["raw"]).encode()
        for message in value["messages"]
    )
    assert b"caf\xe9 latin" in whole and b"NaN" in whole and b"torn {" in whole
    assert value["messages"][0]["raw"]["message"]["content"] == "café \ud800"
    assert b'"n":1721828935.24231,"n":2' in ctx("export", SESSION).stdout_bytes  # exactly as written


def test_a_programs_context_is_exported(home: Any, ctx: Any) -> None:
    ctx("init")
    record = {"role": "user", "content": "lone \ud800", "n": 2**70, "f": 1721828935.24231}
    with ctxstore.open(".ctx") as repo:
        draft = repo.edit("chat/alice")
        draft.messages.append(record)
        draft.memories["k\ud800"] = {"deep": [1, None, True]}
        draft.files.put("blob", bytes(range(256)) * 1000)
        draft.commit()
    value = json.loads(ctx("export", "alice").stdout)
    assert value["messages"][0]["raw"] == record
    assert value["memories"] == {"k\ud800": {"deep": [1, None, True]}}
    assert base64.b64decode(value["files"][0]["base64"]) == bytes(range(256)) * 1000
    types = [line["type"] for line in lines(ctx("export", "alice", "-f", "jsonl").stdout)]
    assert types == ["header", "message", "memory", "file"]


def test_markdown_is_the_readable_conversation(saved: Any, ctx: Any) -> None:
    shown = ctx("export", SESSION, "-f", "markdown").stdout
    assert shown.startswith("# The checker reports")
    assert "## User (20" in shown and "```json\n{\n" in shown and "1 failed, 13 passed" in shown


def test_a_file_is_private_whole_and_never_overwritten_unasked(saved: Any, ctx: Any) -> None:
    value = ctx.json("export", SESSION, "-o", "out.json")
    assert value["bytes"] == os.path.getsize("out.json")
    assert stat.S_IMODE(os.stat("out.json").st_mode) == 0o600
    with open("out.json", "w") as file:
        file.write("mine")
    assert "--overwrite" in ctx.error("export", SESSION, "-o", "out.json", code=4)["hint"]
    with open("out.json") as file:
        assert file.read() == "mine"
    ctx("export", SESSION, "-o", "out.json", "--overwrite")
    with open("out.json") as file:
        assert json.load(file)["version"] == 1
    assert "Wrote" in ctx("export", SESSION, "-f", "markdown", "-o", "out.md").stdout


def test_a_file_that_can_not_be_written_is_6(saved: Any, ctx: Any) -> None:
    assert "cannot write nowhere/out.json" in ctx("export", SESSION, "-o", "nowhere/out.json", code=6).stderr


def test_a_failed_export_leaves_no_file(tmp_path: Any) -> None:
    def fail() -> Any:
        yield b"half"
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_file(str(tmp_path / "out"), fail(), overwrite=False)
    assert list(tmp_path.iterdir()) == []


def test_a_file_made_in_the_meantime_is_not_overwritten(tmp_path: Any) -> None:
    def race() -> Any:
        (tmp_path / "out").write_text("theirs")
        yield b"ours"

    with pytest.raises(AlreadyExists):
        write_file(str(tmp_path / "out"), race(), overwrite=False)
    assert [path.read_text() for path in tmp_path.iterdir()] == ["theirs"]


@pytest.mark.parametrize("raw", [b"NaN", b'"a\nb"', b"\xff", b"{} {}", b"", b"[" * 100_000, b"\xef\xbb\xbf{}"])
def test_what_is_no_single_json_value_is_kept_as_base64(raw: bytes) -> None:
    name, value = raw_field(raw)
    assert name == "raw_base64" and base64.b64decode(value) == raw


@pytest.mark.parametrize("raw", [b' {"a":1}\n', b'"\\ud800"', b"1e999", b"9" * 5000, b'{"a":\n\t1,\r\n"a":2}'])
def test_what_is_one_json_value_is_written_as_found(raw: bytes) -> None:
    name, value = raw_field(raw)
    assert name == "raw" and "\n" not in "".join(encode(value))
    assert "".join("".join(encode(value)).split()) == "".join(raw.decode().split())


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_content_is_the_same_however_the_blocks_fall(size: int) -> None:
    for content in ("a\0é漢😀\u2028\n".encode() * 3, bytes(range(256))):
        blocks = [content[i : i + size] for i in range(0, len(content), size)]
        name, value = content_field(lambda blocks=blocks: blocks)  # type: ignore[misc]
        found = json.loads("".join(encode(value)))
        assert (found.encode() if name == "text" else base64.b64decode(found)) == content


def test_a_pipe_is_written_to_and_stays_a_pipe(saved: Any, ctx: Any, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = subprocess.Popen(["cat", str(pipe)], stdout=subprocess.PIPE)
    ctx("export", "claude-code/home", "-f", "json", "-o", str(pipe))
    assert json.loads(reader.communicate(timeout=30)[0])["files"]
    assert pipe.is_fifo()


def test_a_device_is_written_to_and_stays_a_device(saved: Any, ctx: Any) -> None:
    for options in ([], ["--overwrite"]):
        assert ctx.json("export", "claude-code/home", "-f", "json", "-o", "/dev/null", *options)["bytes"] > 0
    assert Path("/dev/null").is_char_device()
    assert "No space" in ctx.error("export", "claude-code/home", "-o", "/dev/full", code=6)["message"]


def test_a_link_leads_to_the_file_that_is_written(saved: Any, ctx: Any, tmp_path: Path) -> None:
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    ctx("export", "claude-code/home", "-f", "json", "-o", str(tmp_path / "link"), "--overwrite")
    assert (tmp_path / "link").is_symlink() and json.loads((tmp_path / "real").read_text())
