"""Credentials that only our own rules find, and the borders of messages, which no match crosses."""

from __future__ import annotations

import json
import random
import string

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ctxstore.ops.export import iter_export
from ctxstore.ops.secrets.detector import load_scanner
from tests.ops.credentials import PRIVATE_KEY

BASE64 = string.ascii_letters + string.digits + "+/"


def body(lines: int, seed: int = 0) -> list[str]:
    chance = random.Random(seed)
    return ["".join(chance.choices(BASE64, k=64)) for _ in range(lines)]


def add(repo, *texts: str):
    draft = repo.edit("chat/alice")
    draft.messages.extend({"role": "user", "content": text} for text in texts)
    draft.commit()
    return repo.view("chat/alice")


@pytest.mark.parametrize("kind", ["PRIVATE KEY", "RSA PRIVATE KEY", "OPENSSH PRIVATE KEY", "PGP PRIVATE KEY BLOCK"])
@pytest.mark.parametrize("depth", [0, 1, 2])
@pytest.mark.parametrize("cut", [0, 20])
def test_a_private_key_without_its_end_is_found(kind, depth, cut):
    lines = body(6)
    text = "\n".join([f"-----BEGIN {kind}-----", *lines])[: -cut or None]
    for _ in range(depth):
        text = json.dumps({"output": text})
    found = b"".join(span.secret for span in load_scanner()(text.encode()))
    assert all(each.encode() in found for each in lines[:-1])
    assert lines[-1][: 64 - cut].encode() in found


@pytest.mark.parametrize("format", ["json", "jsonl", "markdown"])
def test_a_cut_key_does_not_hide_the_talk_up_to_the_next_key(repo, format):
    cut = "\n".join(["-----BEGIN PRIVATE KEY-----", *body(5)])
    whole = "\n".join(["-----BEGIN EC PRIVATE KEY-----", *body(3, 1), "-----END EC PRIVATE KEY-----"])
    view = add(repo, f"here: {cut}", "run the tests on port 8080", f"{whole}\nthat is it", "thanks", PRIVATE_KEY)
    safe = b"".join(repo.redact(lambda: iter_export(view, format))).decode()
    assert all(each not in safe for each in (*body(5), *body(3, 1)))
    assert all(each in safe for each in ("here:", "run the tests on port 8080", "that is it", "thanks"))
    if format == "json":
        assert len(json.loads(safe)["messages"]) == 5
    if format == "jsonl":
        assert all(map(json.loads, safe.splitlines()))


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("curl -H 'Authorization: Bearer abc123DEF456ghi789'", "abc123DEF456ghi789"),
        ('{"authorization": "Basic dXNlcjpodW50ZXIyaHVudGVy"}', "dXNlcjpodW50ZXIyaHVudGVy"),
        ("Proxy-Authorization: Basic cHJveHk6c2VjcmV0c2VjcmV0", "cHJveHk6c2VjcmV0c2VjcmV0"),
        ("export STRIPE_SECRET=9f8e7d6c5b4a39281706", "9f8e7d6c5b4a39281706"),
        ("GITLAB_TOKEN='q1w2e3r4t5y6u7i8'", "q1w2e3r4t5y6u7i8"),
        ("POSTGRES_PASSWORD=correcthorsebattery", "correcthorsebattery"),
        ("  DB_PASSWORD: 'tr0ub4dor&3x'"[:-3] + "9z'", "tr0ub4dor"),
        ("SERVICE_API_KEY=0a1b2c3d4e5f6g7h", "0a1b2c3d4e5f6g7h"),
    ],
)
@pytest.mark.parametrize("depth", [0, 1, 2])
def test_headers_and_variables_are_found(text, secret, depth):
    for _ in range(depth):
        text = json.dumps({"output": f"before\n{text}\nafter"})
    assert any(secret.encode() in span.secret for span in load_scanner()(text.encode()))


@pytest.mark.parametrize(
    "text",
    [
        "API_TOKEN=${VAULT_TOKEN}",
        "API_TOKEN=$(pass show token)",
        "API_TOKEN=your_token_here",
        "API_TOKEN=<token>",
        "API_TOKEN=xxxxxxxxxxxx",
        "API_TOKEN=os.environ['TOKEN']",
        "SECRET_KEY=settings.secret_key",
        "MAX_TOKENS=4096",
        "DB_PASSWORD=/run/secrets/db",
        "Authorization: Bearer $TOKEN",
        "Authorization: Bearer YOUR_API_KEY",
        "the private key is in -----BEGIN PRIVATE KEY----- blocks",
    ],
)
def test_names_and_placeholders_are_no_credentials(text):
    assert not [span for span in load_scanner()(text.encode()) if len(span.secret) > 30 or b"TOKEN" not in span.secret]


PIECES = [
    "\n",
    "talk",
    "-----BEGIN PRIVATE KEY-----",
    "-----END PRIVATE KEY-----",
    "x" * 64,
    "A_TOKEN=",
    '"',
    "}\n{",
    "1a2b3c4d5e",
]


@given(st.lists(st.lists(st.sampled_from(PIECES), max_size=6).map("".join), min_size=1, max_size=4))
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_redaction_keeps_the_number_of_messages_and_the_words_between(repo, texts):
    view = add(repo, *(f"<{number}> {text} </{number}>" for number, text in enumerate(texts)))
    kept = len(view.messages)
    safe = json.loads(b"".join(repo.redact(lambda: iter_export(view, "json"))))
    assert len(safe["messages"]) == kept
    for number, message in enumerate(safe["messages"][-len(texts) :]):
        assert f"<{number}>" in message["raw"]["content"] and f"</{number}>" in message["raw"]["content"]
