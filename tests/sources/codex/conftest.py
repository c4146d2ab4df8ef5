"""Lines as Codex writes them, and as crashes leave them."""

from __future__ import annotations

import json

import pytest

from tests.sources.homes.codex import line, rollout, spoken

USER = line("response_item", spoken("user", 'Oil the {"wheels"}{')).encode()
ANSWER = line("response_item", spoken("assistant", "Oiled.", id="msg_2")).encode()
ECHO = line("event_msg", {"type": "agent_message", "message": "Oiled."}).encode()
META = line("session_meta", {"id": "t", "timestamp": "2026-01-31", "cwd": "/home/ada/engine"}).encode()
CONTEXT = line("turn_context", {"cwd": "/elsewhere", "model": "engine-1"}).encode()
OUTPUT = line("response_item", {"type": "function_call_output", "call_id": "c1", "output": "ok"}).encode()
BARE = b'{"type":"message","role":"user","content":[{"type":"input_text","text":"Old times"}]}\n'

DIRT: dict[str, bytes] = {
    "nothing": b"",
    "a session": rollout().encode(),
    "torn": rollout().encode()[:-30],
    "no final newline": rollout().encode()[:-1],
    "two on a line": USER[:-1] + ANSWER,
    "appended to a torn one": ANSWER[:-30] + USER + OUTPUT,
    "pretty": json.dumps(json.loads(USER), indent=2).encode(),
    "pretty among lines": META + json.dumps(json.loads(USER), indent=2).encode() + b"\n" + ANSWER,
    "empty lines": b"\n\n" + USER + b"\n \n" + ANSWER,
    "crlf": USER[:-1] + b"\r\n" + ANSWER[:-1] + b"\r\n",
    "nuls": b"\0" * 50 + USER + b"\0" * 9,
    "invalid utf-8": USER.replace(b"Oil", b"\xff\xfe") + ANSWER,
    "invalid utf-8 in the role": USER.replace(b'"user"', b'"us\xffer"'),
    "lone surrogates": USER.replace(b"Oil", b"\\ud83d") + META.replace(b"ada", b"\\udc00"),
    "bad escapes": USER.replace(b"Oil", b"\\x41") + CONTEXT.replace(b"engine", b"\\x41"),
    "payloads that are no objects": b'{"type":"response_item","payload":5}\n{"type":"event_msg","payload":["a"]}\n'
    b'{"type":"compacted","payload":"x"}\n{"type":"turn_context","payload":null}\n',
    "types that are no texts": b'{"type":5,"payload":{}}\n{"type":"response_item","payload":{"type":["message"]}}\n'
    b'{"type":"response_item","payload":{"type":"message","role":{}}}\n{}\n',
    "bare items": b'{"id":"t","timestamp":"2025-05-07","instructions":null}\n{"record_type":"state"}\n' + BARE + BARE,
    "bare items, damaged": BARE.replace(b"Old", b"\xff") + BARE.replace(b"Old", b"\\x41") + BARE[:-9] + b"\n",
    "no objects": b'1\n"user"\n[{"type":"response_item"}]\nnull\n',
    "huge numbers": b'{"type":"response_item","payload":{"type":"message","role":"user","n":' + b"9" * 6000 + b"}}\n",
    "deep": b'{"type":"response_item","payload":' + b"[" * 200_000 + b"]" * 200_000 + b"}\n" + USER,
    "binary": bytes(range(256)) * 40 + b"\n" + USER,
    "an unknown version": b'{"v":9,"kind":"utterance","by":"ada"}\n' * 3,
}

PIECES = [USER, ANSWER, ECHO, META, CONTEXT, OUTPUT, BARE, USER[:-4], USER[:-1]]
PIECES += [b"{", b"}", b"{\n", b"}\n", b"[", b"]", b"\n", b"\r\n", b" ", b"\0", b",", b'"', b"\\", b"\xff"]
PIECES += [b'{"type":"response_item"', b',"payload":{"type":"message","role":"user"}}', b'{"timestamp":']
PIECES += [b'{"type":"response_item","payload":{"type":"message","role":"\\ud800"}}\n', b'{"type":"compacted"}\n']


@pytest.fixture(params=DIRT.values(), ids=DIRT.keys())
def dirt(request: pytest.FixtureRequest) -> bytes:
    data: bytes = request.param
    return data
