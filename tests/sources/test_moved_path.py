"""Folders that moved, also from Windows to POSIX and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctxstore.sources.moved_path import is_absolute_folder, move_path
from ctxstore.sources.resumable import ContextChange


@pytest.mark.parametrize(
    ("path", "old", "new", "expected"),
    [
        ("/a/b", "/a", "/x", "/x/b"),
        ("/a", "/a", "/x", "/x"),
        ("/ab", "/a", "/x", None),
        ("/a", "/", "/x", "/x/a"),
        (r"C:\Users\me\proj\src", r"C:\Users\me\proj", "/mnt/c/proj", "/mnt/c/proj/src"),
        (r"c:\users\ME\proj", r"C:\Users\me\proj", "/w", "/w"),
        ("C:/Users/me/proj/a/b", r"C:\Users\me", "/home/me", "/home/me/proj/a/b"),
        (r"C:\Users\me2", r"C:\Users\me", "/home/me", None),
        (r"D:\x", "D:\\", "/mnt/d", "/mnt/d/x"),
        (r"\\server\share\x", r"\\server\share", "/srv", "/srv/x"),
        ("/home/me/p/a/b", "/home/me", r"C:\Users\me", r"C:\Users\me\p\a\b"),
        (r"C:\a\b", r"C:\a", r"D:\c", r"D:\c\b"),
    ],
)
def test_a_path_follows_its_folder(path: str, old: str, new: str, expected: str | None) -> None:
    assert move_path(path, old, new) == expected
    assert ContextChange(paths=((old, new),)).path(path) == (path if expected is None else expected)


@pytest.mark.parametrize("path", ["/", "/a/b", "C:\\", r"C:\a b", "C:/a", r"\\server\share"])
def test_absolute_folders_of_both_systems_are_accepted(path: str) -> None:
    assert is_absolute_folder(path)


@pytest.mark.parametrize("path", ["", "a", "C:", "C:a", "/a/..", "/a/", r"C:\a\..", "/a\0b", "~", r"\a"])
def test_other_paths_are_not(path: str) -> None:
    assert not is_absolute_folder(path)


names = st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="/\\\0:"), min_size=1, max_size=6)
parts = st.lists(names.filter(lambda name: name.strip(". ") == name), min_size=1, max_size=4)


@given(parts, parts, parts)
def test_to_windows_and_back_is_the_same_path(base: list[str], other: list[str], below: list[str]) -> None:
    old, new = "/" + "/".join(base), "C:\\" + "\\".join(other)
    path = "/".join([old, *below])
    moved = move_path(path, old, new)
    assert moved is not None and move_path(moved, new, old) == path
