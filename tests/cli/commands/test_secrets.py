"""``ctx secrets``, ``ctx export --redact`` and ``ctx snapshot --warn-secrets`` from end to end."""

from __future__ import annotations

import json
import sys

import pytest

from ctxstore.cli.tour.sample import CONTEXT
from ctxstore.ops.secrets.detector import load_scanner
from tests.ops.credentials import GITHUB, SLACK


@pytest.fixture
def leaky(saved, home, ctx, tmp_path):
    """A home with a saved note that contains a credential."""
    note = home_file(home)
    note.write_text(f"first\ntoken: {GITHUB}\n")
    ctx("snapshot", str(note))
    return note


def home_file(home):
    from pathlib import Path

    return Path.home() / "note.txt"


def test_nothing_found_is_0(saved, ctx):
    assert "No credentials" in ctx("secrets").stdout
    assert ctx.json("secrets") == {"secrets": [], "allowed": 0, "problems": []}


def test_what_is_found_is_1_and_never_shown(leaky, ctx):
    for line in (["secrets"], ["secrets", "--json"], ["secrets", "--history"], ["secrets", "note.txt"]):
        result = ctx(*line, code=1)
        assert "github-pat" in result.stdout
        assert GITHUB not in result.output
        assert GITHUB[5:20] not in result.output


def test_json_names_kind_mask_fingerprint_and_places(leaky, ctx):
    (secret,) = ctx.json("secrets", code=1)["secrets"]
    assert secret["kind"] == "github-pat"
    assert secret["masked"] == f"{GITHUB[:4]}…{GITHUB[-4:]}"
    assert len(secret["fingerprint"]) == 16
    (place,) = secret["places"]
    assert (place["path"], place["line"], place["message"]) == ("note.txt", 2, "")


def test_one_can_be_allowed_and_that_undone(leaky, ctx):
    (secret,) = ctx.json("secrets", code=1)["secrets"]
    ctx("secrets", "--allow", secret["fingerprint"])
    assert ctx.json("secrets")["allowed"] == 1
    ctx("undo")
    ctx("secrets", code=1)
    ctx.error("secrets", "--allow", GITHUB, code=2)
    ctx.error("secrets", CONTEXT, "--allow", secret["fingerprint"], code=2)


def test_an_export_is_redacted(leaky, ctx, tmp_path):
    assert GITHUB in ctx("export", "note.txt").stdout
    safe = ctx("export", "note.txt", "--redact").stdout
    assert GITHUB not in safe
    assert "[REDACTED:github-pat:" in json.loads(safe)["files"][0]["text"]
    ctx("export", "note.txt", "--redact", "-f", "markdown", "-o", str(tmp_path / "out.md"))
    assert GITHUB not in (tmp_path / "out.md").read_text()


def test_a_snapshot_warns_of_what_is_new_only(leaky, ctx):
    leaky.write_text(leaky.read_text() + "more\n")
    assert "credential" not in ctx("snapshot", str(leaky), "--warn-secrets").stderr
    leaky.write_text(leaky.read_text() + f"{SLACK}\n")
    warned = ctx("snapshot", str(leaky), "--warn-secrets").stderr
    assert "slack-bot-token" in warned
    assert SLACK not in warned
    assert "credential" not in ctx("snapshot", str(leaky), "--warn-secrets").stderr


def test_a_setting_lets_every_snapshot_warn(leaky, ctx):
    assert ctx.json("snapshot")["secrets"] is None
    ctx("secrets", "--warn")
    leaky.write_text(f"{SLACK}\n")
    (secret,) = ctx.json("snapshot", str(leaky))["secrets"]
    assert secret["kind"] == "slack-bot-token"
    leaky.write_text(f"{GITHUB}\n")
    assert ctx.json("snapshot", str(leaky), "--no-warn-secrets")["secrets"] is None
    ctx("secrets", "--no-warn")
    leaky.write_text(f"{SLACK} \n")
    assert ctx.json("snapshot", str(leaky))["secrets"] is None


def test_without_the_library_the_snapshot_is_made_and_it_is_said_once(leaky, ctx, monkeypatch):
    monkeypatch.setitem(sys.modules, "kingfisher_sdk", None)
    load_scanner.cache_clear()
    try:
        leaky.write_text("other\n")
        result = ctx("snapshot", str(leaky), "--warn-secrets")
        assert result.stderr.count("ctxstore[secrets]") == 1
        assert "ctxstore[secrets]" in ctx.error("secrets", code=3)["hint"]
        ctx.error("export", "note.txt", "--redact", code=3)
    finally:
        load_scanner.cache_clear()
