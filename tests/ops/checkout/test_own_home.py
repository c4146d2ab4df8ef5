"""A checkout into an agent's home writes only where, and only what, the agent's source itself saves."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

import ctxstore
from ctxstore.errors import Conflict, CtxstoreError, InvalidInput
from ctxstore.history.commits import Author, Commit, write_commit
from ctxstore.history.transaction import Move, transaction
from ctxstore.ops.checkout.placement import Placement
from ctxstore.ops.snapshot.targets import Target
from ctxstore.sources.directory import context_name
from ctxstore.sources.registry import get_source, iter_sources
from ctxstore.trees.entries import FileEntry, encode_entry, encode_key
from ctxstore.trees.files import write_content
from tests.sources import homes


@pytest.fixture
def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's home folder, with files of the user's own."""
    path = tmp_path / "user"
    for name in (".codex/auth.json", ".codex/config.toml", ".ssh/authorized_keys", ".bashrc", ".gemini/settings.json"):
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(f"my own {name}")
    for name in ("CODEX_HOME", "CLAUDE_CONFIG_DIR", "GEMINI_CLI_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(path))
    return path


def commit_of_another(
    repo: ctxstore.Repo, files: Mapping[str, bytes], *, ref: str, source: str, root: str, label: str
) -> str:
    """Writes a commit as any program might, and returns the revision."""
    engine = repo._engine
    with transaction(engine) as tx:
        entries = {}
        for name, data in files.items():
            content = write_content(tx.writer, engine.chunker, iter([data]))
            entry = FileEntry(0o4755, 10**18, content.size, content.is_list, content.id)
            entries[encode_key(name)] = encode_entry(entry)
        tree = engine.maps.create(tx.writer, entries)
        commit = Commit(tree, (), 0, 10**18, Author("x", "x", "x"), ref, source=source, root=root, label=label)
        id = write_commit(tx.writer, commit)
        tx.publish([Move(ref, engine.refs(tx.root).find(ref), id)], "snapshot")
    return ref


def mine(user: Path) -> dict[str, str]:
    return {str(path.relative_to(user)): path.read_text() for path in user.rglob("*") if path.is_file()}


KEYS = {".ssh/authorized_keys": b"another's", ".bashrc": b"another's"}


@pytest.mark.parametrize(
    "claim",
    [
        {"ref": "chat/notes", "source": "directory", "label": ""},
        {"ref": "directory/-home/me", "source": "directory", "label": "home/me"},
        {"ref": "{context}", "source": "directory", "label": "{label}"},
        {"ref": "{context}", "source": "directory", "label": "{label}", "root": "{user}/.."},
        {"ref": "codex/home", "source": "codex", "label": ".codex"},
        {"ref": "claude-code/home", "source": "claude-code", "label": ""},
        {"ref": "chat/codex", "source": "codex", "label": ".codex", "root": "{user}/.codex"},
        {"ref": "aider/-home-me/chat", "source": "aider", "label": "me"},
        {"ref": "nobody/home", "source": "nobody", "label": ""},
        {"ref": "codex/home", "source": "codex", "label": ".codex", "root": "relative"},
    ],
    ids=lambda claim: f"{claim['source']} {claim['ref']} {claim.get('root', '')}",
)
def test_a_commit_whose_home_is_elsewhere_is_not_restored_in_place(user, repo, tmp_path, claim):
    words = {"user": str(user), "context": context_name(str(user)), "label": str(user).lstrip("/")}
    claim = {key: value.format(**words) for key, value in claim.items()}
    ref = commit_of_another(repo, KEYS, **{"root": str(user), **claim})
    before = mine(user)
    with pytest.raises(CtxstoreError) as raised:
        repo.plan_checkout(ref).execute()
    assert mine(user) == before
    assert "--to DIR" in (raised.value.hint or "")
    with pytest.raises(CtxstoreError):
        repo.plan_checkout(ref, placement=Placement(new_session=True)).execute()
    assert mine(user) == before
    repo.plan_checkout(ref, to=str(tmp_path / "back")).execute()
    assert (tmp_path / "back/.ssh/authorized_keys").read_bytes() == b"another's"


@pytest.mark.parametrize("label", ["", "/etc", "..", "../other", "a/../../other", "a//b"])
def test_a_home_is_written_only_inside(user, repo, tmp_path, label):
    ref = commit_of_another(repo, KEYS, ref="codex/home", source="codex", root=str(user / ".codex"), label=label)
    inside = tmp_path / "inside"
    inside.mkdir()
    with pytest.raises(CtxstoreError):
        repo.plan_checkout(ref, placement=Placement(home=str(inside))).execute(overwrite=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["inside", "repository", "user"]
    assert list(inside.iterdir()) == []


@pytest.mark.parametrize("link", [".claude", ".claude/projects", ".claude/projects/-home-ada-engine"])
@pytest.mark.parametrize("leads", ["inside", "outside"])
def test_links_lead_a_checkout_to_a_home_nowhere_outside(home, snap, repo, tmp_path, link, leads):
    home.write("one")
    snap(home)
    other, places = tmp_path / "other", {"inside": tmp_path / "other/disk", "outside": tmp_path / "outside"}
    places[leads].mkdir(parents=True)
    (other / link).parent.mkdir(parents=True, exist_ok=True)
    (other / link).symlink_to(places[leads])
    plan = lambda: repo.plan_checkout(home.ref("one"), placement=Placement(home=str(other)))  # noqa: E731
    if leads == "outside":
        with pytest.raises(Conflict, match="leads out of"):
            plan().execute()
        assert list(places[leads].iterdir()) == []
        return
    plan().execute()
    assert (other / ".claude/projects/-home-ada-engine/one.jsonl").read_bytes() == home.transcript("one").read_bytes()
    assert (other / link).is_symlink()


# -- credentials, and other files that a source leaves out


@pytest.mark.parametrize(
    ("source", "key", "other"),
    [
        ("codex", "auth.json", "config.toml"),
        ("gemini", "mcp-oauth-tokens.json", "settings.json"),
        ("gemini", "oauth_creds.json", "settings.json"),
        ("claude-code", ".credentials.json", "settings.json"),
        ("codex", ".ssh/authorized_keys", "config.toml"),
    ],
)
@pytest.mark.parametrize("form", ["present, in place", "missing, in place", "present, home", "missing, home"])
def test_files_that_the_source_leaves_out_are_never_written(user, repo, source, key, other, form):
    is_present, is_home = form.startswith("present"), form.endswith("home")
    folder = "." + source.removesuffix("-code")
    path = user / folder / key
    path.unlink(missing_ok=True)
    if is_present:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("my token")
    files = {key: b"another's", other: b"restored"}
    ref = commit_of_another(repo, files, ref=f"{source}/home", source=source, root=str(user / folder), label=folder)
    placement = Placement(home=str(user)) if is_home else None
    plan = repo.plan_checkout(ref, placement=placement)
    assert [each.path for each in plan.left_out] == [key]
    plan.execute(overwrite=is_home)
    assert (path.read_text() if is_present else not path.exists()) in ("my token", True)
    assert (user / folder / other).read_text() == "restored"
    assert (user / folder / other).stat().st_mode & 0o7777 == 0o755


def test_a_commit_of_nothing_but_credentials_is_refused_and_removes_nothing(user, repo):
    ref = commit_of_another(
        repo, {"auth.json": b"x"}, ref="codex/home", source="codex", root=str(user / ".codex"), label=".codex"
    )
    before = mine(user)
    with pytest.raises(InvalidInput, match=r"auth\.json"):
        repo.plan_checkout(ref)
    assert mine(user) == before


def test_a_present_file_with_credentials_is_not_replaced_or_saved(user, repo):
    """Claude Code's list of marketplaces is left out if it names a token."""
    lists = user / ".claude/plugins/known_marketplaces.json"
    lists.parent.mkdir(parents=True)
    (user / ".claude/settings.json").write_text("{}")
    lists.write_text('{"a": "https://example.com"}')
    source = get_source("claude-code")
    target = Target(source, source.discover({"HOME": str(user)})[0])
    ((ref, _),) = repo.snapshot([target]).commits
    assert "plugins/known_marketplaces.json" in repo.view(ref).files
    lists.write_text('{"a": "https://user:token@example.com"}')
    (user / ".claude/settings.json").write_text('{"mine": 1}')
    plan = repo.plan_checkout(ref)
    assert [each.path for each in plan.left_out] == ["plugins/known_marketplaces.json"]
    result = plan.execute()
    assert "token" in lists.read_text()
    assert (user / ".claude/settings.json").read_text() == "{}"
    saved = repo.view(result.safety_commit.hex())
    assert b"token" not in b"".join(saved.read(path) for path, entry in saved.files.entries() if hasattr(entry, "size"))


# -- everything that a source saves comes back


@pytest.mark.parametrize("module", sorted(path.stem for path in Path(homes.__path__[0]).glob("*.py")))
def test_all_that_a_source_saves_is_restored_in_place_after_it_was_deleted(module, repo, tmp_path, monkeypatch, settle):
    from importlib import import_module
    from shutil import rmtree

    made = import_module(f"tests.sources.homes.{module}")
    if not hasattr(made, "make"):
        pytest.skip("no home")
    place = tmp_path / "place"
    place.mkdir()
    monkeypatch.setenv("HOME", str(place))
    made.make(place)
    environ = {"HOME": str(place), "PWD": str(place)}
    targets = [Target(source, each) for source in iter_sources() for each in source.discover(environ)]
    commits = repo.snapshot(targets).commits
    for target in targets:
        if target.home.path != str(place):
            rmtree(target.home.path)
    for ref, _ in commits:
        plan = repo.plan_checkout(ref)
        assert plan.left_out == ()
        if not plan.resume_target.index_entries:
            plan.execute()
            view = repo.view(ref)
            for path, entry in view.files.entries():
                if isinstance(entry, FileEntry) and path in {action.path for action in plan.actions}:
                    restored = os.path.join(plan.target, path)
                    assert Path(restored).read_bytes() == view.read(path)
