"""The clients and the model on loopback: the model receives the whole conversation."""

from __future__ import annotations

from tests.clients.claude import Claude


def test_it_says_what_it_was_told(claude_place, model, tmp_path):
    """The example of docs/testing.md."""
    claude = Claude(claude_place, model, tmp_path / "home", tmp_path / "project")
    model.say("Good morning.")
    session = claude.turn("Hello")
    claude.turn("And now?", resume=session)
    assert model.last_conversation() == [("user", "Hello"), ("assistant", "Good morning."), ("user", "And now?")]
    assert claude.sessions() == [session]


def test_claude_code_does_as_the_model_tells(claude_place, model, tmp_path):
    client = Claude(claude_place, model, tmp_path / "home", tmp_path / "project")
    client.next_writes(client.project / "made.txt", "made\n")
    client.turn("make it")
    assert (client.project / "made.txt").read_text() == "made\n"
    assert [role for role, _ in model.last_conversation()] == ["user", "call", "result"]


def test_a_client_gets_nothing_of_the_environment_the_tests_run_in(model, tmp_path, monkeypatch):
    for name in ("ANTHROPIC_AUTH_TOKEN", "https_proxy", "CLAUDE_CONFIG_DIR", "CTX_REPO"):
        monkeypatch.setenv(name, "https://elsewhere.invalid")
    environ = Claude(tmp_path, model, tmp_path / "home", tmp_path / "project").clean_environ()
    assert "https://elsewhere.invalid" not in environ.values()
    assert environ["HOME"] == str(tmp_path / "home")
    assert environ["ANTHROPIC_BASE_URL"] == model.url
