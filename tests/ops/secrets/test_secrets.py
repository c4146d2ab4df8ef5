"""Credentials. They are found everywhere, never shown, and removed from exports without damage to these."""

from __future__ import annotations

import json
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ctxstore.errors import CtxstoreError, InvalidInput, NotFound
from ctxstore.ops.export import FORMATS, iter_export
from ctxstore.ops.secrets import detector
from ctxstore.ops.secrets.detector import iter_windows, load_scanner, unescape
from ctxstore.ops.secrets.masking import mask
from tests.ops.conftest import line
from tests.ops.credentials import AMAZON, DATABASE, GITHUB, HARMLESS, KEY, KEY_ID, PASSWORD, PRIVATE_KEY, SLACK

FORMATS = tuple(each for each in FORMATS if each != "aider-backup")


def tell(repo, ref, *texts):
    draft = repo.edit(ref)
    for text in texts:
        draft.messages.append({"role": "user", "content": text})
    return draft.commit().id


def kinds(report):
    return [secret.kind for secret in report.secrets]


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        (GITHUB, GITHUB),
        (SLACK, SLACK),
        (DATABASE, PASSWORD),
        (AMAZON, KEY_ID),
        (AMAZON, KEY),
        (PRIVATE_KEY, "".join(PRIVATE_KEY.split())),
    ],
)
@pytest.mark.parametrize("depth", [0, 1, 2, 3])
def test_a_credential_is_found_however_often_it_was_escaped(text, secret, depth):
    data = f"first line\n{text}\nlast line"
    for _ in range(depth):
        data = json.dumps({"output": data})
    found = load_scanner()(data.encode())
    assert secret in [span.secret.decode() for span in found] or secret in [
        span.secret.replace(b"\\", b"").decode() for span in found
    ]
    for span in found:
        assert span.secret[:4] in data.encode()[span.start : span.stop]


def coded(text: str, every: int) -> str:
    """Writes the text as a JSON string with unnecessary escapes."""
    return "".join(f"\\u{ord(c):04x}" if i % every == 0 else c.replace("/", "\\/") for i, c in enumerate(text))


@pytest.mark.parametrize("secret", [GITHUB, SLACK, KEY])
@pytest.mark.parametrize("every", [1, 7, 1000])
def test_a_credential_in_escapes_that_it_does_not_need_is_found_and_taken_out_whole(repo, home, snap, secret, every):
    path = home.write("one", 0)
    text = AMAZON if secret == KEY else f"token {secret} end"
    parts = text.partition(secret)
    said = "".join(coded(part, every) if part == secret else json.dumps(part)[1:-1] for part in parts)
    path.write_text(line(0, "@").decode().replace("@", said))
    snap(home)
    view = repo.view(home.ref("one"))
    assert json.loads(path.read_text())["message"]["content"] == text
    assert secret in [span.secret.decode() for span in load_scanner()(path.read_bytes())]
    for format in ("json", "jsonl"):
        safe = b"".join(repo.redact(lambda format=format: iter_export(view, format))).decode()
        every_text = [json.dumps(json.loads(each)) for each in (safe.splitlines() if format == "jsonl" else [safe])]
        assert secret not in "".join(every_text)
        assert coded(secret, every) not in safe
        assert "[REDACTED:" in safe


def test_what_transcripts_are_full_of_is_no_credential():
    for text in (*HARMLESS, "\n".join(HARMLESS), json.dumps({"output": "\n".join(HARMLESS)})):
        assert load_scanner()(text.encode()) == []


@given(st.binary(max_size=300))
def test_undoing_escapes_keeps_every_byte_in_its_place(data):
    assert len(unescape(data)) == len(data)


@given(st.lists(st.binary(max_size=40), max_size=12))
def test_windows_joined_are_the_stream(blocks):
    assert b"".join(window.data for window in iter_windows(blocks, lambda data: [])) == b"".join(blocks)


def test_a_credential_on_the_edge_of_a_window_is_found_once(monkeypatch):
    monkeypatch.setattr(detector, "WINDOW", 1000)
    monkeypatch.setattr(detector, "OVERLAP", 100)
    scan = load_scanner()
    for before in range(900, 1110, 7):
        data = b"a " * (before // 2) + b"\n" + GITHUB.encode() + b"\n" + b"b " * 900
        windows = list(iter_windows([data[at : at + 333] for at in range(0, len(data), 333)], scan))
        assert [span.secret for window in windows for span in window.spans] == [GITHUB.encode()]
        assert b"".join(window.data for window in windows) == data


@pytest.mark.parametrize("text", [f"\n{GITHUB}\n", f" {DATABASE} ", f"\n{AMAZON}"], ids=["token", "url", "pair"])
def test_no_edge_of_a_window_hides_what_gives_a_credential_away(monkeypatch, text):
    monkeypatch.setattr(detector, "WINDOW", 1000)
    monkeypatch.setattr(detector, "OVERLAP", 200)
    scan = load_scanner()
    for before in range(780, 1220):
        data = json.dumps("a " * (before // 2) + "b" * (before % 2) + text + " c" * 700).encode()
        whole = [span.secret for span in scan(data)]
        windows = list(iter_windows([data[at : at + 100] for at in range(0, len(data), 100)], scan))
        assert [span.secret for window in windows for span in window.spans] == whole
        for window in windows:
            for span in window.spans:
                assert span.secret.startswith(window.data[span.start : span.start + 4])
        assert b"".join(window.data for window in windows) == data


def test_each_is_named_with_its_message_line_and_file(repo, home, snap):
    home.write("s", 3)
    home.append("s", line(3, f"the token is {GITHUB}"))
    home.add("projects/-home-ada-engine/s/notes.txt", f"one\ntwo\n{SLACK}\n".encode())
    snap(home)
    report = repo.find_secrets()
    assert kinds(report) == ["github-pat", "slack-bot-token"]
    ((github,), (slack,)) = (secret.places for secret in report.secrets)
    assert (github.ref, github.message, github.line) == (home.ref("s"), "m3", 4)
    assert github.path.endswith("s.jsonl")
    assert (slack.path.rpartition("/")[2], slack.line, slack.message) == ("notes.txt", 3, "")


def test_a_programs_messages_and_memories_are_looked_through(repo):
    draft = repo.edit("chat/alice")
    draft.messages.extend([{"role": "user", "content": "hello"}, {"role": "user", "content": f"use {GITHUB}"}])
    draft.memories["slack"] = {"token": SLACK}
    draft.commit()
    github, slack = repo.find_secrets("chat/alice").secrets
    assert github.places[0].message == "1"
    assert slack.places[0].memory == "slack"


def test_only_the_newest_commits_unless_history_is_asked_for(repo):
    tell(repo, "chat/alice", f"use {GITHUB}")
    draft = repo.edit("chat/alice")
    del draft.messages[0]
    draft.commit()
    assert not repo.find_secrets().secrets
    (secret,) = repo.find_secrets(history=True).secrets
    assert len(secret.places) == 1


def test_history_tells_where_each_came_in(repo, home, snap):
    home.write("s", 50)
    snap(home)
    home.append("s", line(50, f"the token is {GITHUB}"))
    snap(home)
    second = repo.resolve(home.ref("s")).id
    home.append("s", line(51), line(52))
    snap(home)
    (secret,) = repo.find_secrets(history=True).secrets
    assert [(place.commit, place.message) for place in secret.places] == [(second, "m50")]


def test_only_what_is_new_is_told_after_a_snapshot(repo, home, snap):
    home.write("s", 3)
    home.append("s", line(3, f"the token is {GITHUB}"))
    notes = home.add("projects/-home-ada-engine/s/notes.txt", f"{PRIVATE_KEY}\n".encode())
    assert len(repo.find_new_secrets(snap(home).commits).secrets) == 2
    home.append("s", line(4, "nothing new"))
    notes.write_bytes(notes.read_bytes() + b"a line more\n")
    assert not repo.find_new_secrets(snap(home).commits).secrets
    home.append("s", line(5, f"and {SLACK}"))
    assert kinds(repo.find_new_secrets(snap(home).commits)) == ["slack-bot-token"]


def test_one_that_is_allowed_is_told_no_more(repo):
    tell(repo, "chat/alice", f"use {GITHUB}", f"and {SLACK}")
    github = repo.find_secrets().secrets[0]
    assert repo.allow_secrets(github.fingerprint)
    assert not repo.allow_secrets(github.fingerprint)
    report = repo.find_secrets()
    assert kinds(report) == ["slack-bot-token"]
    assert report.allowed == 1
    exported = b"".join(repo.redact(lambda: iter_export(repo.view("chat/alice"), "json")))
    assert GITHUB.encode() in exported
    assert SLACK.encode() not in exported
    with pytest.raises(InvalidInput):
        repo.allow_secrets("nonsense")


def test_fingerprints_of_two_repositories_differ(repo, tmp_path):
    import ctxstore

    with ctxstore.init(tmp_path / "other") as other:
        found = []
        for each in (repo, other):
            tell(each, "chat/alice", GITHUB)
            found.append(each.find_secrets().secrets[0].fingerprint)
    assert len(set(found)) == 2


@pytest.mark.parametrize("secret", [b"", b"short", b"abcdefghijkl", GITHUB.encode(), b"\xff" * 40])
def test_a_mask_shows_little(secret):
    assert len(mask(secret)) <= 9
    assert len(secret) < 12 or len(mask(secret).replace("…", "")) * 2 < len(secret)


@pytest.mark.parametrize("format", FORMATS)
def test_an_export_is_redacted_in_every_format(repo, home, snap, format):
    home.write("s", 3)
    texts = (f"token {GITHUB}", AMAZON, PRIVATE_KEY, json.dumps({"url": DATABASE}), f'"{PASSWORD}" alone')
    for number, text in enumerate(texts, 3):
        home.append("s", line(number, text))
    home.add("projects/-home-ada-engine/s/notes.txt", f"{SLACK}\n{PRIVATE_KEY}".encode())
    snap(home)
    view = repo.view(home.ref("s"))
    plain = b"".join(iter_export(view, format))
    safe = b"".join(repo.redact(lambda: iter_export(view, format)))
    for secret in (GITHUB, KEY_ID, KEY, PASSWORD, SLACK, PRIVATE_KEY.split()[4]):
        assert (secret.encode() in plain) == (format != "markdown" or secret != SLACK)
        assert secret.encode() not in safe
    assert safe == b"".join(repo.redact(lambda: iter_export(view, format)))
    assert b"[REDACTED:github-pat:" in safe
    assert b"Message 0" in safe
    if format == "json":
        assert json.loads(safe).keys() == json.loads(plain).keys()
        assert [m["raw"].keys() for m in json.loads(safe)["messages"]] == [
            m["raw"].keys() for m in json.loads(plain)["messages"]
        ]
    if format == "jsonl":
        assert all(json.loads(each) for each in safe.splitlines())
    assert not repo.check(read_data=True).problems
    assert b"".join(iter_export(view, format)) == plain


def test_an_export_without_credentials_is_as_it_is(repo):
    tell(repo, "chat/alice", *HARMLESS)
    view = repo.view("chat/alice")
    assert b"".join(repo.redact(lambda: iter_export(view, "json"))) == b"".join(iter_export(view, "json"))


@given(st.lists(st.sampled_from(['"', "\\", "\n", "é", "日", "\t", "x", " ", GITHUB, PASSWORD, DATABASE, PRIVATE_KEY])))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_redacted_json_is_json_with_the_same_structure(repo, pieces):
    data = json.dumps({"a": "".join(pieces), "b": [json.dumps({"c": "".join(reversed(pieces))})]}).encode()
    safe = b"".join(repo.redact(lambda: [data]))
    value = json.loads(safe)
    assert list(value) == ["a", "b"]
    assert isinstance(value["a"], str) and isinstance(value["b"][0], str)


def test_without_the_library_the_next_step_is_told(repo, monkeypatch):
    monkeypatch.setitem(sys.modules, "kingfisher_sdk", None)
    load_scanner.cache_clear()
    try:
        with pytest.raises(NotFound) as raised:
            repo.find_secrets()
        assert "ctxstore[secrets]" in raised.value.hint
    finally:
        load_scanner.cache_clear()


def test_damage_keeps_nothing_else_from_being_looked_through(repo, home, snap):
    tell(repo, "chat/alice", f"use {GITHUB}")
    tell(repo, "chat/bob", f"use {SLACK}")
    record = next(repo.view("chat/alice").messages.ids())
    store, get = repo._engine.store, repo._engine.store.get

    def failing(id, kind):
        if id == record:
            raise NotFound("it is lost")
        return get(id, kind)

    store.get = failing
    report = repo.find_secrets()
    assert kinds(report) == ["slack-bot-token"]
    assert [what for what, _ in report.problems] == ["chat/alice"]


def test_a_library_that_fails_is_named_and_quoted_nowhere(repo, monkeypatch):
    import kingfisher_sdk

    class Failing:
        def scan(self, data):
            raise RuntimeError(f"can't scan {data!r}")

    monkeypatch.setattr(kingfisher_sdk, "Scanner", Failing)
    load_scanner.cache_clear()
    try:
        tell(repo, "chat/alice", GITHUB)
        with pytest.raises(CtxstoreError) as raised:
            repo.find_secrets()
        assert GITHUB not in raised.value.message
    finally:
        load_scanner.cache_clear()
