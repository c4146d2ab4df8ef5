"""What Codex itself lists and shows of sessions that were put back: asked of its app server, as editors do."""

from __future__ import annotations

import json
import sqlite3
import subprocess
from contextlib import closing
from typing import Any

from tests.clients.codex import PACKAGE, Codex


class TestCodexLists:
    kind, package = Codex, PACKAGE

    def test_a_new_session_is_in_the_list_of_the_database(self, scene, agent):
        new = scene.ctx.json("checkout", scene.ref, "--as-new-session")["session"]
        assert listed(agent) == {scene.session: "one", new: "one"}

    def test_without_the_row_it_is_not(self, scene, agent):
        new = scene.ctx.json("checkout", scene.ref, "--as-new-session")["session"]
        (path,) = agent.home.glob(".codex/state_*.sqlite")
        with closing(sqlite3.connect(path)) as database, database:
            database.execute("DELETE FROM threads WHERE id = ?", (new,))
        assert listed(agent) == {scene.session: "one"}

    def test_without_its_databases_it_finds_all_sessions(self, scene, agent):
        new = scene.ctx.json("checkout", scene.ref, "--as-new-session")["session"]
        for path in agent.home.glob(".codex/*.sqlite*"):
            path.unlink()
        found = ask(agent, "thread/list", {"sourceKinds": ["exec"]})["data"]
        assert {thread["id"] for thread in found} == {scene.session, new}

    def test_turns_that_were_taken_back_are_not_shown_any_more(self, scene, agent):
        assert shown(agent, scene.session) == ["one", "two", "three"]
        scene.ctx.json("checkout", scene.ref, "--yes")
        agent.turn("again", resume=scene.session)
        assert shown(agent, scene.session) == ["one", "two", "again"]

    def test_a_session_up_to_a_message_shows_what_is_left(self, scene, agent):
        messages = scene.ctx.json("show", scene.ref)["messages"]
        first = next(each["id"] for each in messages if any(part.get("text") == "REPLY 1" for part in each["parts"]))
        new = scene.ctx.json("checkout", scene.ref, "--at-message", first)["session"]
        agent.turn("again", resume=new)
        assert shown(agent, new) == ["one", "again"]


def listed(agent: Codex) -> dict[str, str]:
    """Ids and first words of the sessions in the database."""
    threads = ask(agent, "thread/list", {"sourceKinds": ["exec"], "useStateDbOnly": True})["data"]
    return {thread["id"]: thread["preview"] for thread in threads}


def shown(agent: Codex, id: str) -> list[str]:
    """What the user said, as Codex shows it."""
    thread = ask(agent, "thread/read", {"threadId": id, "includeTurns": True})["thread"]
    items = [item for turn in thread["turns"] for item in turn["items"] if item["type"] == "userMessage"]
    return [item["content"][0]["text"] for item in items]


def ask(agent: Codex, method: str, parameters: dict[str, Any]) -> Any:
    """One answer of Codex's app server."""
    capabilities = {"experimentalApi": True}
    hello = {"clientInfo": {"name": "test", "version": "1"}, "capabilities": capabilities}
    command = [str(agent.place / "node_modules/.bin/codex"), *agent.options(), "app-server"]
    server = subprocess.Popen(
        command,
        cwd=agent.project,
        env=agent.clean_environ(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    with server:
        try:
            call(server, 0, "initialize", hello)
            send(server, {"method": "initialized"})
            return call(server, 1, method, parameters)
        finally:
            server.kill()


def call(server: subprocess.Popen[bytes], id: int, method: str, parameters: dict[str, Any]) -> Any:
    send(server, {"id": id, "method": method, "params": parameters})
    assert server.stdout is not None
    for line in server.stdout:
        answer = json.loads(line)
        if answer.get("id") == id:
            assert "result" in answer, answer
            return answer["result"]
    raise AssertionError("the app server ended")


def send(server: subprocess.Popen[bytes], message: dict[str, Any]) -> None:
    assert server.stdin is not None
    server.stdin.write(json.dumps(message).encode() + b"\n")
    server.stdin.flush()
