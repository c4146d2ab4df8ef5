"""Histories whose place is set: by aider's configuration, by ``.env``, by variables, or named by the user."""

from __future__ import annotations

from pathlib import Path

import pytest

import ctxstore
from ctxstore.errors import NotFound
from ctxstore.ops.snapshot.targets import find_targets
from ctxstore.sources.aider import Aider
from ctxstore.sources.homes import home_at
from ctxstore.sources.protocol import Skipped, SourceHome
from tests.sources.homes.aider import HISTORY
from tests.sources.homes.home_files import write

LLM = "TO LLM 2026-01-01T10:00:01\n-------\n"
INPUT = "\n# 2026-01-01 10:00:01.123\n+Oil the wheels\n"


def look(home: SourceHome) -> tuple[dict[str, list[str]], list[Skipped]]:
    skipped: list[Skipped] = []
    found = {
        each.name.rpartition("/")[2]: [f.key for f in each.files] for each in Aider().contexts(home, skipped.append)
    }
    return found, skipped


def discovered(folder: Path, **environ: str) -> list[SourceHome]:
    return Aider().discover({"PWD": str(folder), "HOME": str(folder.parent), **environ})


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (".aider.conf.yml", "model: x\nchat-history-file: notes/chat.md\n"),
        (".aider.conf.yml", "chat_history_file: 'notes/chat.md' # mine\r\n"),
        (".env", 'export AIDER_CHAT_HISTORY_FILE="notes/chat.md"\nKEY=1'),
        ("../.aider.conf.yml", "chat-history-file: notes/chat.md"),
    ],
)
def test_a_history_in_the_project_that_settings_name_is_found(tmp_path: Path, name: str, text: str) -> None:
    project = tmp_path / "ada/engine"
    write(project, {"notes/chat.md": HISTORY, name: text})
    (home,) = discovered(project / "src" if (project / "src").exists() else project)
    found, skipped = look(home)
    ((context, keys),) = found.items()
    assert context.startswith("chat.") and keys == ["notes/chat.md"] and not skipped
    full = f"aider/x/{context}"
    assert Aider().transcript(full, keys) == keys[0] and Aider().scanner(full, keys[0])


def test_each_kind_of_history_is_a_context(tmp_path: Path) -> None:
    settings = "chat-history-file: a\ninput-history-file: b\nllm-history-file: c\n"
    write(
        tmp_path / "p", {".aider.conf.yml": settings, "a": HISTORY, "b": INPUT, "c": LLM, ".aider.chat.history.md": ""}
    )
    found, _ = look(discovered(tmp_path / "p")[0])
    assert sorted(keys for keys in found.values()) == [[".aider.chat.history.md"], ["a"], ["b"], ["c"]]
    (said,) = (name for name, keys in found.items() if keys == ["b"])
    assert Aider().transcript(f"aider/x/{said}", ["b"]) is None


def test_a_history_elsewhere_is_a_home_and_is_named_in_the_project(tmp_path: Path) -> None:
    write(
        tmp_path, {"all.md": HISTORY, "p/.aider.conf.yml": "chat-history-file: ../all.md", "p/.aider.input.history": ""}
    )
    project, history = discovered(tmp_path / "p")
    assert (project.path, history.path) == (str(tmp_path / "p"), str(tmp_path / "all.md"))
    assert look(history) == ({"chat": ["all.md"]}, [])
    assert [skip.path for skip in look(project)[1]] == [history.path]


def test_a_project_with_nothing_but_a_history_elsewhere_stands_for_it(tmp_path: Path) -> None:
    write(tmp_path, {"all.md": HISTORY, "p/.aider.conf.yml": "chat-history-file: ../all.md"})
    assert home_at(Aider(), str(tmp_path / "p"), {}).path == str(tmp_path / "all.md")


@pytest.mark.parametrize("is_absolute", [True, False])
def test_a_variable_names_a_history(tmp_path: Path, is_absolute: bool) -> None:
    write(tmp_path, {"p/logs/talk.md": HISTORY, "p/logs/typed": INPUT})
    top = str(tmp_path / "p") + "/" if is_absolute else ""
    variables = {"AIDER_CHAT_HISTORY_FILE": top + "logs/talk.md", "AIDER_INPUT_HISTORY_FILE": top + "logs/typed"}
    homes = discovered(tmp_path / "p", **variables)
    assert [look(home)[0] for home in homes] == [{"chat": ["talk.md"]}, {"input": ["typed"]}]


def test_a_history_is_saved_again_without_the_variable_and_goes_back(tmp_path: Path) -> None:
    write(tmp_path, {"notes/all.md": HISTORY})
    path = tmp_path / "notes/all.md"
    with ctxstore.init(tmp_path / "repo") as repo:
        repo.snapshot(find_targets([f"aider:{path}"], {"HOME": str(tmp_path)}))
        with open(path, "a") as file:
            file.write("\n#### More  \n")
        report = repo.snapshot(repo.known_projects())
        ((name, _),) = report.commits
        assert repo.view(name).commit.summary.messages == 5
        path.write_text(HISTORY)
        repo.plan_checkout(name).execute()
    assert path.read_text() == HISTORY + "\n#### More  \n"


def test_what_is_no_project_has_no_home(tmp_path: Path) -> None:
    write(tmp_path / "p", {".aider.conf.yml": "chat-history-file: gone.md"})
    assert discovered(tmp_path / "p") == []
    for name in ("p", "none"):
        with pytest.raises(NotFound):
            home_at(Aider(), str(tmp_path / name), {})


def test_settings_of_another_person_lead_to_no_other_file(tmp_path: Path) -> None:
    settings = "chat-history-file: ../key\ninput-history-file: secret\n"
    files = {"secret": "token", "link": "", ".aider.conf.yml": settings, ".aider.chat.history.md": HISTORY}
    write(tmp_path, {"key": "private", **{f"p/{name}": text for name, text in files.items()}})
    found = {}
    for home in discovered(tmp_path / "p"):
        contexts, skipped = look(home)
        found |= contexts
        assert skipped and not any(skip.failed for skip in skipped)
    assert found == {"chat": [".aider.chat.history.md"]}


def test_a_history_that_is_a_link_is_saved_where_it_is(tmp_path: Path) -> None:
    write(tmp_path, {"notes/all.md": HISTORY, "p/.aider.conf.yml": "chat-history-file: talk.md"})
    (tmp_path / "p/talk.md").symlink_to("../notes/all.md")
    (home,) = discovered(tmp_path / "p")
    assert home.path == str(tmp_path / "notes/all.md")


def test_the_project_of_a_chat_is_its_folder(tmp_path: Path) -> None:
    write(tmp_path, {"p/.aider.chat.history.md": HISTORY, "notes/all.md": HISTORY})
    with ctxstore.init(tmp_path / "repo") as repo:
        names = [f"aider:{tmp_path / place}" for place in ("p", "notes/all.md")]
        report = repo.snapshot(find_targets(names, {"HOME": str(tmp_path)}))
        found = {repo.view(name).commit.summary.project for name, _ in report.commits}
        assert found == {str(tmp_path / "p"), str(tmp_path / "notes")}
