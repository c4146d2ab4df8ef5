"""Lines as Claude Code writes them, and as crashes leave them."""

from __future__ import annotations

import json
from typing import Any

import pytest


def record(type: str, **fields: Any) -> bytes:
    head = {"parentUuid": None, "sessionId": "s", "cwd": "/home/ada/engine"}
    return json.dumps({**head, "type": type, **fields}, separators=(",", ":"), ensure_ascii=False).encode()


USER = record(
    "user", uuid="u1", message={"role": "user", "content": "Oil the wheels"}, timestamp="2026-01-01T00:00:00Z"
)
ASSISTANT = record(
    "assistant",
    uuid="a1",
    message={"role": "assistant", "model": "engine-1", "content": [{"type": "text", "text": 'Oiled {"a"}{'}]},
)
NESTED = record("progress", data={"message": {"type": "user", "uuid": "n1", "message": {"content": "inner"}}})
TOOL = record("user", uuid="u2", message={"content": [{"type": "tool_result", "tool_use_id": "c1", "content": "ok"}]})
QUEUED = record("attachment", uuid="q1", attachment={"type": "queued_command", "prompt": "And the doors"})
NOTICE = record("attachment", attachment={"type": "queued_command", "prompt": "x", "commandMode": "task-notification"})
SPENT = record("system", uuid="s1", subtype="turn_duration", durationMs=5)
SKILL = record("user", uuid="u3", isMeta=True, message={"content": "how to oil"})

DIRT: dict[str, bytes] = {
    "nothing": b"",
    "plain": USER + b"\n" + ASSISTANT + b"\n" + TOOL + b"\n",
    "nested types": NESTED + b"\n" + USER + b"\n" + NESTED + b"\n",
    "queued prompts": b"\n".join([USER, QUEUED, NOTICE, SPENT, SKILL, b""]),
    "damaged attachments": QUEUED.replace(b"doors", b"\xff") + b"\n" + NOTICE.replace(b"task-", b"\\ud83d") + b"\n"
    b'{"type":"attachment","attachment":7}\n{"type":"attachment","attachment":{"type":"queued_command","prompt":[1]}}\n',
    "damaged bookkeeping": SPENT.replace(b"/home", b"\xff") + b"\n" + SKILL.replace(b"oil", b"\xff") + b"\n",
    "no final newline": USER + b"\n" + ASSISTANT,
    "torn last line": USER + b"\n" + ASSISTANT[:-20],
    "torn within nested": USER + b"\n" + NESTED[:-2],
    "two on a line": USER + ASSISTANT + b"\n" + USER + b"\n",
    "two on a line, spaced": USER + b"  " + ASSISTANT + b"\n",
    "three on a line, one bad inside": USER + ASSISTANT.replace(b"Oiled", b"\xff\xfe") + TOOL + b"\n",
    "appended to a torn one": ASSISTANT[:-20] + USER + b"\n" + TOOL + b"\n",
    "an object over two lines": b'{"type":\n"user"}\n' + USER + b"\n",
    "an object over two lines and two on one": b'{"type":"user","a":{}\n,"b":1}' + USER + b"\n",
    "an object over two lines at braces": b'{"a":[{}\n{}],"type":"user"}\n' + USER + b"\n",
    "pretty": json.dumps({"type": "user", "message": {"content": "x"}}, indent=2).encode(),
    "pretty among lines": USER + b"\n" + json.dumps(json.loads(ASSISTANT), indent=1).encode() + b"\n" + TOOL + b"\n",
    "pretty array": json.dumps([{"type": "user"}], indent=2).encode() + b"\n",
    "pretty, torn": json.dumps({"type": "user", "n": 1}, indent=2).encode()[:-6],
    "a lone brace": b"{\n" + USER + b"\n" + USER + b"\n}\n",
    "an empty line and two on one": b"\n" + USER + ASSISTANT + b"\n" + TOOL + b"\n",
    "empty lines": b"\n\n" + USER + b"\n\n  \n" + ASSISTANT + b"\n\n",
    "only empty lines": b"\n \r\n\n",
    "crlf": USER + b"\r\n" + ASSISTANT + b"\r\n",
    "cr only": USER + b"\r" + ASSISTANT + b"\r",
    "nuls before": b"\0" * 50 + USER + b"\n" + b"\0" * 9,
    "nul within": USER.replace(b"Oil", b"O\0l") + b"\n" + USER + b"\n",
    "byte order mark": b"\xef\xbb\xbf" + USER + b"\n",
    "invalid utf-8": USER.replace(b"Oil", b"\xff\xfe\xc3") + b"\n" + ASSISTANT + b"\n",
    "invalid utf-8 in keys read": USER.replace(b"engine", b"\xff") + b"\n" + USER.replace(b"u1", b"\xff") + b"\n",
    "invalid utf-8 in the type": USER.replace(b'"user"', b'"us\xffer"', 1) + b"\n",
    "lone surrogates": USER.replace(b"Oil", b"\\ud83d") + b"\n" + USER.replace(b"u1", b"\\udc00") + b"\n",
    "bad escape": USER.replace(b"Oil", b"\\x41") + b"\n",
    "bad escapes in other fields": b'{"type":"user","cwd":"\\x41"}\n{"type":"summary","summary":"\\x41"}\n' * 2
    + b'{"type":"system","customTitle":"\\ud83d","uuid":"u"}\n{"type":"system","uuid":"\\x41"}\n',
    "invalid utf-8 in other fields": b'{"type":"user","isMeta":"\xff"}\n{"type":"assistant","leafUuid":"\xc3"}\n',
    "escaped type": b'{"\\u0074ype":"us\\u0065r"}\n',
    "two types": b'{"type":"user","type":"progress"}\n{"type":"x","type":"user"}\n',
    "no objects": b'1\n"user"\n[{"type":"user"}]\nnull\n',
    "other types": b'{}\n{"type":5}\n{"type":["user"]}\n{"type":{"type":"user"}}\n',
    "huge numbers": b'{"type":"user","n":' + b"9" * 6000 + b"}\n" + b'{"type":"user","uuid":' + b"9" * 6000 + b"}\n",
    "odd numbers": b'{"type":"user","content":1e999}\n{"type":"user","a":NaN}\n{"type":"user","a":01}\n',
    "other messages": b'{"type":"user","message":"hello"}\n{"type":"user","message":null}\n',
    "a list for a message": b'{"type":"user","message":[1]}\n',
    "deep": b'{"type":"user","a":' + b"[" * 200_000 + b"]" * 200_000 + b"}\n" + USER + b"\n",
    "binary": bytes(range(256)) * 40 + b"\n" + USER + b"\n",
    "a 2 MB line": USER.replace(b"Oil", b"Oil" * 700_000) + b"\n" + ASSISTANT + b"\n",
    "a torn 2 MB line": USER.replace(b"Oil", b'\\"{Oil' * 400_000)[:-9] + b"\n" + ASSISTANT + b"\n",
    "many restarts": b'{"parentUuid":' * 5000 + b"\n" + USER + b"\n",
    "many on a line": USER * 200 + b"\n",
}


@pytest.fixture(params=DIRT.values(), ids=DIRT.keys())
def dirt(request: pytest.FixtureRequest) -> bytes:
    data: bytes = request.param
    return data


@pytest.fixture
def lines() -> list[bytes]:
    """The lines that hypothesis mixes: good ones, and pieces of bad ones."""
    return PIECES


PIECES = [
    USER,
    ASSISTANT,
    NESTED,
    TOOL,
    QUEUED,
    NOTICE,
    SPENT,
    SKILL,
    USER[:-3],
    b"{",
    b"}",
    b"{\n",
    b"}\n",
    b'{"type":',
    b'"user"',
    b"[",
    b"]",
]
PIECES += [
    b"\n",
    b"\n",
    b"\r\n",
    b" ",
    b"\0",
    b",",
    b'{"type":"user"}',
    b'{"type":"user","a":{}',
    b'"b":1}',
    b"  ",
]
PIECES += [
    b"\xff",
    b'{"uuid":"\\ud800","type":"system"}',
    b'"',
    b"\\",
    b'{"parentUuid":',
    b'{"type":"user"}\n',
    b'{"type":"user","cwd":"\\x41"}\n',
    b'{"cwd":"\xff","type":"system"}\n',
]
