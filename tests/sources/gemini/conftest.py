"""Sessions as Gemini CLI writes them, and as crashes leave them."""

from __future__ import annotations

import json

import pytest

from tests.sources.homes.gemini import CONTEXT, OLD_DOCUMENT, SESSION_TEXT, head, jsonl, said

CALL = {"id": "call1", "name": "write_file", "args": {"file_path": "a"}, "status": "success"}
RESPONSE = {"functionResponse": {"id": "call1", "name": "write_file", "response": {"output": "written"}}}

USER = jsonl(said("u2", "user", [{"text": "Wind it"}])).encode()
ANSWER = jsonl(said("g2", "gemini", "", thoughts=[{"subject": "How", "description": "to wind"}])).encode()
CALLED = jsonl(said("g2", "gemini", "", toolCalls=[CALL | {"result": [RESPONSE]}])).encode()
RESULT = jsonl(said("r2", "user", [RESPONSE])).encode()
ALONE = jsonl(said("r3", "user", [{"functionResponse": {"id": "other", "response": {"output": "x"}}}])).encode()
TOUCHED = jsonl({"$set": {"lastUpdated": "2026-01-01T10:00:09.000Z"}}).encode()
LISTED = jsonl(
    {"$set": {"messages": [said("u1", "user", "Oil"), said("s1", "user", "A summary"), said("g1", "gemini", "x")]}}
).encode()
REWOUND = jsonl({"$rewindTo": "u2"}).encode()
HEAD = jsonl(head()).encode()
INFO = jsonl(said("i1", "info", "Update available")).encode()
DOCUMENT = json.dumps(OLD_DOCUMENT, indent=2).encode()

DIRT: dict[str, bytes] = {
    "nothing": b"",
    "plain": SESSION_TEXT.encode(),
    "calls": HEAD + USER + ANSWER + TOUCHED + CALLED + RESULT + TOUCHED + INFO,
    "a list": HEAD + USER + LISTED + LISTED + ANSWER,
    "a rewind": HEAD + USER + ANSWER + REWOUND + USER.replace(b"u2", b"u3") + REWOUND,
    "updates far apart": USER + ANSWER + ALONE + CALLED + USER,
    "many touches between": ANSWER + TOUCHED * 200 + CALLED + TOUCHED,
    "a document": DOCUMENT,
    "a document on a line": json.dumps(OLD_DOCUMENT).encode(),
    "a document with nothing said": json.dumps(head() | {"messages": []}, indent=2).encode(),
    "a document, torn": DOCUMENT[:-40],
    "no final newline": HEAD + USER[:-1],
    "torn": HEAD + CALLED[:-30],
    "appended to a torn one": HEAD + CALLED[:-30] + LISTED + USER,
    "two on a line": USER[:-1] + CALLED,
    "empty lines": b"\n\n" + USER + b"\n \n" + CALLED + b"\n",
    "crlf": USER[:-1] + b"\r\n" + CALLED,
    "nuls": b"\0" * 30 + USER + b"\0" * 9,
    "invalid utf-8": USER.replace(b"Wind", b"W\xff\xfend") + LISTED.replace(b"summary", b"\xc3"),
    "half a surrogate pair": USER.replace(b"Wind", b"\\ud83d") + LISTED.replace(b"summary", b"\\udc00"),
    "odd lists": b'{"$set":{"messages":[1,null,"x",[],{"id":5},{"id":"","type":"user"},{"id":"k","type":"user"}]}}\n'
    b'{"$set":{"messages":{"id":"u"}}}\n{"$set":[]}\n{"$set":null}\n{"$set":{"messages":null}}\n',
    "odd ids": b'{"id":5}\n{"id":""}\n{"id":null,"type":"user"}\n{"id":"x"}\n{"id":"y","type":7}\n',
    "odd contents": b'{"id":"a","type":"user","content":5}\n{"id":"b","type":"user"}\n'
    b'{"id":"c","type":"user","content":{}}\n{"id":"d","type":"user","content":[[]]}\n{"id":"e","type":"gemini","toolCalls":5,"thoughts":{}}\n',
    "odd calls": b'{"id":"a","type":"user","content":[{"functionResponse":{"id":{}}}]}\n'
    b'{"id":"b","type":"user","content":[{"functionResponse":{"id":[]}}]}\n',
    "no objects": b'1\n"user"\n[{"id":"u"}]\nnull\n',
    "the same list elsewhere": b'{"a":[{"id":"z","type":"user"}],"sessionId":"s",'
    b'"messages":[{"id":"z","type":"user"}]}\n',
    "deep": b'{"id":"u","content":' + b"[" * 100_000 + b"]" * 100_000 + b"}\n" + USER,
    "binary": bytes(range(256)) * 20 + b"\n" + USER,
    "a 2 MB line": USER.replace(b"Wind", b"Wind" * 500_000) + CALLED,
}

UNNAMED = b'{"type":"model","parts":[{"text":"Oiled."}]}\n'
UNNAMED_DOCUMENT = (
    b'{"sessionId":"s","messages":[{"type":"user","content":"Oil the wheels"},{"type":"gemini","content":"Which?"},'
    b'{"id":3,"type":"model","parts":[{"text":"Oiled."}]},{"type":"info","content":"told"},{"type":"user"}]}\n'
)
SUMMARY = b'{"id":"c1","type":"user","content":[{"text":"<state_snapshot>oiled</state_snapshot>"}]}\n'
ACCEPTED = b'{"id":"c2","type":"gemini","content":[{"text":"Got it."}]}\n'
COMPRESSED = b'{"$set":{"messages":[%s,%s]}}\n' % (SUMMARY[:-1], ACCEPTED[:-1])

PIECES = [HEAD, USER, ANSWER, CALLED, RESULT, ALONE, TOUCHED, LISTED, REWOUND, INFO, DOCUMENT, USER[:-1], CALLED[:-30]]
PIECES += [b"\n", b" ", b"{\n", b"}\n", b"{", b"}", b"\0", b"\xff", b'"', b'{"$set":', b'{"id":"u9","type":"user"}']
PIECES += [SUMMARY, ACCEPTED, COMPRESSED, UNNAMED, UNNAMED_DOCUMENT, UNNAMED_DOCUMENT.replace(b'"sessionId":"s",', b"")]
PIECES += [USER.replace(b"u2", b"u%d" % i) for i in range(4, 7)]


@pytest.fixture(params=DIRT.values(), ids=DIRT.keys())
def dirt(request: pytest.FixtureRequest) -> bytes:
    data: bytes = request.param
    return data


__all__ = ["CONTEXT", "DIRT", "PIECES"]
