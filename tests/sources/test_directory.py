"""Folders and single files as contexts."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctxstore.errors import NotFound
from ctxstore.sources.directory import Directory, context_name
from ctxstore.sources.protocol import FoundContext, Skipped


def look(path: Path) -> tuple[FoundContext, list[Skipped]]:
    source, skipped = Directory(), list[Skipped]()
    (context,) = source.contexts(source.home_at(str(path), {}), skipped.append)
    return context, skipped


def keys(path: Path) -> list[str]:
    return [file.key for file in look(path)[0].files]


def test_files_folders_and_symlinks_are_taken(folder: Path) -> None:
    assert keys(folder) == ["a.txt", "deep", "deep/er", "deep/er/b.txt", "empty", "link"]


def test_a_single_file_is_its_basename(folder: Path) -> None:
    assert keys(folder / "a.txt") == ["a.txt"]


def test_a_symlink_given_by_path_is_what_it_leads_to(folder: Path) -> None:
    (folder / "to-file").symlink_to("a.txt")
    (file,) = look(folder / "to-file")[0].files
    assert (file.key, file.path) == ("to-file", str(folder / "a.txt"))
    (folder / "to-folder").symlink_to("deep")
    assert keys(folder / "to-folder") == ["er", "er/b.txt"]


def test_a_symlinked_folder_inside_is_not_followed(folder: Path) -> None:
    (folder / "again").symlink_to(folder)
    assert "again" in keys(folder) and "again/a.txt" not in keys(folder)


def test_a_path_that_is_not_there_is_not_found(folder: Path) -> None:
    with pytest.raises(NotFound):
        Directory().home_at(str(folder / "nothing"), {})


def test_a_repository_is_not_descended_into(folder: Path) -> None:
    for name in ("backup", ".ctx"):
        (folder / name / "packs").mkdir(parents=True)
        (folder / name / "root").touch()
        (folder / name / "config").touch()
    context, skipped = look(folder)
    assert not [file.key for file in context.files if file.key.startswith(("backup", ".ctx"))]
    assert sorted(os.path.basename(s.path) for s in skipped) == [".ctx", "backup"]


def test_a_repository_given_by_path_holds_nothing(folder: Path) -> None:
    (folder / ".ctx").mkdir()
    context, skipped = look(folder / ".ctx")
    assert context.files == [] and len(skipped) == 1


def test_secrets_fifos_and_sockets_are_left_out_and_reported(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "deep" / "secrets.json").write_text("{}")
    os.mkfifo(folder / "pipe")
    monkeypatch.chdir(folder)  # a socket's path must be short
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("sock")
        context, skipped = look(folder)
    reasons = {os.path.basename(s.path): s.reason for s in skipped}
    assert reasons == {"secrets.json": "holds secrets", "pipe": "a FIFO", "sock": "a socket"}
    assert not {"pipe", "sock", "deep/secrets.json"} & {file.key for file in context.files}


def test_a_secrets_file_given_by_path_is_left_out_too(folder: Path) -> None:
    (folder / "auth.json").write_text("{}")
    context, skipped = look(folder / "auth.json")
    assert context.files == [] and [s.reason for s in skipped] == ["holds secrets"]


def test_a_folder_that_cannot_be_listed_is_reported_and_kept(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scandir = os.scandir

    def refuse(path: str) -> object:
        if str(path).endswith("deep"):
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    context, skipped = look(folder)
    assert [file.key for file in context.files] == ["a.txt", "deep", "empty", "link"]
    assert skipped == [Skipped(str(folder / "deep"), "Permission denied")]


def test_names_that_are_not_utf8_survive(folder: Path) -> None:
    with open(os.path.join(os.fsencode(folder), b"\xff.txt"), "wb"):
        pass
    assert "\udcff.txt" in keys(folder)


def test_folders_nested_deeper_than_the_stack_are_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    depth = sys.getrecursionlimit() + 100
    monkeypatch.chdir(tmp_path)
    for _ in range(depth):
        os.mkdir("d")
        os.chdir("d")
    try:
        assert len(keys(tmp_path)) == depth
    finally:  # pytest's own cleanup is recursive
        for _ in range(depth):
            os.chdir("..")
            os.rmdir("d")


@pytest.mark.parametrize(
    ("path", "name"),
    [("/home/ada/engine", "directory/-home-ada/engine"), ("/srv/notes.txt", "directory/-srv/notes.txt")],
)
def test_plain_paths_have_plain_names(path: str, name: str) -> None:
    assert context_name(path) == name


def test_other_paths_end_their_group_with_a_hash() -> None:
    group = context_name("/home/ada/my-notes/x").split("/")[1]
    assert group.startswith("-home-ada-my-notes.") and len(group.rpartition(".")[2]) == 8


@pytest.mark.parametrize(
    ("one", "other"),
    [("/a/b/c", "/a-b/c"), ("/a-b/c", "/a_b/c"), ("/", "/root"), ("/a/x y", "/a/x-y"), ("/a/é", "/a/-")],
)
def test_different_paths_never_share_a_name(one: str, other: str) -> None:
    assert context_name(one) != context_name(other)


PATHS = st.lists(st.text("ab-._ é~@{", min_size=1, max_size=3), max_size=3).map(lambda parts: "/" + "/".join(parts))


@given(PATHS, PATHS)
def test_names_are_as_different_as_paths_and_safe_to_type(one: str, other: str) -> None:
    assert (context_name(one) == context_name(other)) == (one == other)
    assert context_name(one).count("/") == 2
    assert not set(" ~@{:^é") & set(context_name(one))
