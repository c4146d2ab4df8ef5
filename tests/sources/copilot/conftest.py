"""Lines as Copilot CLI writes them, and as crashes leave them."""

from __future__ import annotations

import json

import pytest

from tests.sources.homes.copilot import event, events

USER = event("user.message", 1, content='Oil the {"wheels"}{').encode()
ANSWER = event("assistant.message", 2, content="Oiled.", model="engine-1").encode()
RESULT = event("tool.execution_complete", 3, toolCallId="c1", success=True, result={"content": "ok"}).encode()
START = event("session.start", 0, sessionId="s", context={"cwd": "/home/ada/engine"}).encode()
NESTED = event("hook.start", 4, input={"toolResult": {"type": "text", "text": "x"}}).encode()

DIRT: dict[str, bytes] = {
    "nothing": b"",
    "a session": events().encode(),
    "torn": events().encode()[:-30],
    "no final newline": events().encode()[:-1],
    "nulls after a crash": events().encode() + b"\0" * 1206,
    "two on a line": USER[:-1] + ANSWER,
    "appended to a torn one": ANSWER[:-40] + USER + RESULT,
    "torn within nested": NESTED[:-60] + b"\n" + USER,
    "line ends within a text": RESULT.replace(b"ok", b"o\nk") + USER,
    "line separators": USER.replace(b"Oil", "Oil\u2028it".encode()),
    "pretty": json.dumps(json.loads(USER), indent=2).encode(),
    "empty lines": b"\n\n" + USER + b"\n \n" + ANSWER,
    "crlf": USER[:-1] + b"\r\n" + ANSWER,
    "invalid utf-8": USER.replace(b"Oil", b"\xff\xfe") + ANSWER.replace(b"e2", b"\xff"),
    "lone surrogates": USER.replace(b"Oil", b"\\ud83d") + START.replace(b"ada", b"\\udc00"),
    "data that is no object": b'{"type":"user.message","data":5}\n{"type":"session.start","data":null}\n'
    b'{"type":"assistant.message","data":["a"]}\n{"type":"tool.execution_complete"}\n',
    "fields of other types": b'{"type":"user.message","data":{"content":5,"attachments":{},"source":[]}}\n'
    b'{"type":"assistant.message","data":{"toolRequests":[1,{}],"reasoningText":{}}}\n'
    b'{"type":"tool.execution_complete","data":{"result":"x","error":"y"}}\n'
    b'{"type":"session.start","data":{"context":"x"},"id":5}\n',
    "types that are no texts": b'{}\n{"type":5}\n{"type":["user.message"]}\n',
    "no objects": b'1\n"user"\n[{"type":"user.message"}]\nnull\n',
    "huge numbers": b'{"type":"user.message","data":{"n":' + b"9" * 6000 + b"}}\n",
    "deep": b'{"type":"user.message","data":' + b"[" * 200_000 + b"]" * 200_000 + b"}\n" + USER,
    "binary": bytes(range(256)) * 40 + b"\n" + USER,
    "an unknown version": b'{"version":9,"kind":"utterance"}\n' * 3,
}

PIECES = [USER, ANSWER, RESULT, START, NESTED, USER[:-4], USER[:-1]]
PIECES += [b"{", b"}", b"{\n", b"}\n", b"[", b"]", b"\n", b"\r\n", b" ", b"\0", b",", b'"', b"\\", b"\xff"]
PIECES += [b'{"type":"user.message"', b',"data":{"content":"x"}}', b'{"type":"', b'{"type":"\\ud800"}\n']


@pytest.fixture(params=DIRT.values(), ids=DIRT.keys())
def dirt(request: pytest.FixtureRequest) -> bytes:
    data: bytes = request.param
    return data
