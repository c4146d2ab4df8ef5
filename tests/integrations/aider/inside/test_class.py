"""The commands on aider's own class: completions, and chats that cannot be saved exactly."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from ctxstore.integrations.aider.launch import START
from tests.clients.aider import QUIET
from tests.integrations.aider.conftest import Chat

PROBE = str(Path(__file__).with_name("probe.py"))


def run(chat: Chat, code: str, *arguments: str, typed: str = "") -> dict[str, Any]:
    """Runs code in aider's Python with a coder, and returns its result. `typed` answers aider's questions."""
    settings = json.dumps({"python": sys.executable, "repo": str(chat.repo), "makes": False})
    done = chat.client.run(str(chat.client.python), PROBE, START, settings, code, *QUIET, *arguments, input=typed)
    assert done.code == 0, done.stderr
    value: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return value


COMPLETIONS = """
commands = coder.commands
commands.run("/context_backup first --json")
commands.run("/context_backup second")
from aider.io import AutoCompleter
from prompt_toolkit.document import Document
completer = AutoCompleter(coder.root, [], [], commands, "utf-8")
typed = lambda text: sorted({each.text for each in completer.get_completions(Document(text), None)})
result = {
    "load": commands.get_completions("/context_load"),
    "load, other spelling": commands.get_completions("/context-load"),
    "backup": commands.get_completions("/context_backup"),
    "create": commands.get_completions("/context_create"),
    "show": commands.get_completions("/context_show"),
    "names": typed("/context_"), "names, other spelling": typed("/context-"), "typed": typed("/context_load fir"),
    "clone": [name for name in dir(commands.clone()) if name.startswith("cmd_context_")],
    "help": [name for name in ("/context-backup", "/context_backup") if name in commands.get_help_md()],
}
"""


def test_commands_names_files_and_options_are_completed(chat: Chat) -> None:
    found = run(chat, COMPLETIONS, "--read", "notes.md", "a.py")["result"]
    (file,) = chat.files()
    there = f".extn_aider/temp/context_backup/{file.name}"
    assert found["load"] == found["load, other spelling"] == sorted(["--files", "first", "second", there])
    assert found["backup"] == ["--json", "first", "second"]
    assert found["create"] == ["--json", "a.py", "notes.md"]
    assert found["show"] == []
    assert found["names"] == ["/context_backup", "/context_create", "/context_load", "/context_show"]
    assert found["names, other spelling"] == ["/context-backup", "/context-create", "/context-load", "/context-show"]
    assert found["typed"] == [there, "first"]
    assert len(found["clone"]) == 4 and len(found["help"]) == 2


def test_completions_of_a_broken_store_are_those_that_are_left(chat: Chat) -> None:
    (chat.repo / "root").unlink()
    (chat.repo / "root.old").unlink(missing_ok=True)
    assert run(chat, "result = coder.commands.get_completions('/context_load')")["result"] == ["--files"]


ODD = """
coder.done_messages = [{"role": "user", "content": "lone \\ud800 and \\x1b[2J"}]
coder.cur_messages = [{"role": "user", "content": [{"type": "text", "text": "with an image"},
                                                   {"type": "image_url", "image_url": {"url": "data:,x"}}]}]
before = coder.done_messages + coder.cur_messages
for line in ("/context_create", "/context_backup --json", "/context_load context", "/context_show"):
    coder.commands.run(line)
result = [coder.done_messages + coder.cur_messages == before, len(coder.done_messages)]
"""


def test_messages_come_back_whatever_is_in_them(chat: Chat) -> None:
    found = run(chat, ODD, "a.py")
    assert found["result"] == [True, 1]
    assert "\\ud800 and \\x1b[2J" in found["said"] and "\x1b" not in found["said"]
    assert json.loads(chat.files()[0].read_text())["messages"][0]["content"] == "lone \ud800 and \x1b[2J"


UNSAVABLE = """
coder.cur_messages = [{"role": "user", "content": "fine"}, {"role": "user", "content": {1, 2}}]
for line in ("/context_backup bad", "/context_create bad 1", "/context_show", "/context_create"):
    coder.commands.run(line)
result = len(coder.cur_messages)
"""


def test_a_message_that_is_no_json_is_named_and_nothing_is_saved(chat: Chat) -> None:
    found = run(chat, UNSAVABLE, "a.py")
    assert "message 2 of 2 cannot be written as JSON: Object of type set" in " ".join(found["said"].split())
    assert found["result"] == 2 and chat.names() == ["bad"]


VANISHED = """
import os
coder.abs_fnames.add(os.path.join(coder.root, "gone.py"))
coder.commands.run("/context_backup")
coder.commands.run("/context_load context --files")
"""


def test_a_file_that_can_not_be_read_is_saved_by_its_name(chat: Chat) -> None:
    said = " ".join(run(chat, VANISHED, "a.py")["said"].split())
    assert "only the name of gone.py is saved: No such file" in said
    assert "gone.py does not exist and was not added" in said and "Saved 0 messages and 1 file" in said


OVERWRITING = """
coder.commands.run("/context_backup")
os = __import__("os")
open(os.path.join(coder.root, "a.py"), "w").write("precious")
open({root!r}, "wb").write(b"broken")
os.path.exists({root!r} + ".old") and os.unlink({root!r} + ".old")
coder.commands.run("/context_load {file} --files")
result = open(os.path.join(coder.root, "a.py")).read()
"""


def test_nothing_is_overwritten_that_could_not_be_saved_before(chat: Chat) -> None:
    (chat.project / "b.json").write_text(json.dumps({"messages": [], "files": [{"name": "a.py", "content": "old"}]}))
    found = run(chat, OVERWRITING.format(root=str(chat.repo / "root"), file="b.json"), "a.py")
    assert found["result"] == "precious"
    assert "nothing was changed, because the current files cannot be saved" in " ".join(found["said"].split())


ASKED = """
coder.io.yes = None
coder.commands.run("/context_load theirs.json")
result = sorted(coder.get_rel_fname(path) for path in coder.abs_fnames)
"""


def test_files_are_made_and_added_from_outside_after_a_yes(chat: Chat, tmp_path: Path) -> None:
    (tmp_path / "outside.txt").write_text("outside")
    files = [{"name": "sub/new.py", "content": "new"}, {"name": "../outside.txt"}]
    (chat.project / "theirs.json").write_text(json.dumps({"messages": [], "files": files}))
    assert run(chat, ASKED, "a.py", typed="n\nn\n")["result"] == []
    assert not (chat.project / "sub").exists()
    assert run(chat, ASKED, "a.py", typed="y\ny\n")["result"] == ["../outside.txt", "sub/new.py"]
    assert (chat.project / "sub/new.py").read_text() == "new"


def test_a_projects_env_file_does_not_decide_what_the_store_runs(chat: Chat) -> None:
    (chat.project / "evil").mkdir()
    (chat.project / "evil" / "sitecustomize.py").write_text("raise SystemExit('evil')")
    (chat.project / ".env").write_text(f"PYTHONPATH={chat.project}/evil\nCTX_REPO=/nowhere\n")
    run(chat, "coder.commands.run('/context_backup')", "a.py")
    assert chat.names() == ["context"]


GIT = """
import subprocess
git = lambda *words: subprocess.run(["git", "-c", "user.name=Ada", "-c", "user.email=a@b", *words], cwd=coder.root)
git("add", "a.py"), git("commit", "-qm", "one")
coder.commands.run("/context_backup")
git("checkout", "-q", "--detach"), git("commit", "-qm", "two", "--allow-empty")
coder.commands.run("/context_backup")
for name in ("context", "context~1"):
    coder.commands.run("/context_load " + name)
"""


def test_the_commit_of_git_is_saved_and_told_if_it_is_another_now(chat: Chat) -> None:
    said = " ".join(run(chat, GIT, "a.py")["said"].split())
    detached, first = chat.view("context").memories["aider/git"], chat.store.view("context~1").memories["aider/git"]
    assert (first["branch"], first["author"], detached["branch"]) == ("main", "Ada", "")
    assert said.count("Git was at another commit then") == 1
    assert f"Git was at another commit then: {first['commit'][:7]} of main" in said
