"""File systems without modes, times, links, owners or syncing: the content comes back, and the rest is a warning."""

from __future__ import annotations

import errno
import os
from typing import Any

import pytest

from ctxstore.errors import StorageError
from ctxstore.ops.snapshot.targets import Target
from ctxstore.sources.directory import Directory

REFUSALS = [errno.EPERM, errno.EOPNOTSUPP, errno.EINVAL, errno.ENOTSUP, errno.ENOSYS]

CALLS = {
    "chmod": ("modes", ("chmod", "fchmod")),
    "utime": ("times", ("utime",)),
    "symlink": ("symbolic links", ("symlink",)),
    "fsync": ("can't be synced", ("fsync",)),
}


def refuse(monkeypatch: pytest.MonkeyPatch, names: tuple[str, ...], number: int) -> None:
    def refused(*args: Any, **kwargs: Any) -> None:
        raise OSError(number, os.strerror(number))

    for name in names:
        monkeypatch.setattr(os, name, refused)


@pytest.fixture
def ref(repo, tmp_path, home, snap):
    folder = tmp_path / "notes"
    (folder / "deep").mkdir(parents=True)
    (folder / "a").write_text("1")
    (folder / "a").chmod(0o640)
    (folder / "deep" / "b").write_text("2")
    (folder / "link").symlink_to("a")
    os.utime(folder / "deep", ns=(10**18, 10**18))
    ((name, _),) = repo.snapshot([Target(Directory(), Directory().home_at(str(folder), {}))]).commits
    home.write("one")
    snap(home)
    return name


@pytest.fixture
def plan_of(repo, ref):
    """A function that plans a checkout in one of two forms."""
    return lambda form, to: repo.plan_checkout(ref, to=to) if form == "to" else repo.plan_checkout_all(to)


@pytest.mark.parametrize("number", REFUSALS)
@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("form", ["to", "all"])
def test_the_content_comes_back_and_the_rest_is_a_warning(plan_of, tmp_path, monkeypatch, call, number, form):
    back = tmp_path / "back"
    plan = plan_of(form, str(back))
    what, names = CALLS[call]
    with monkeypatch.context() as patch:
        refuse(patch, names, number)
        result = plan.execute()
    (warning,) = result.warnings
    assert what in warning
    files = {path.name: path.read_bytes() for path in back.rglob("*") if path.is_file() and not path.is_symlink()}
    assert files["a"] == b"1" and files["b"] == b"2"
    assert ("one.jsonl" in files) == (form == "all")
    assert not [name for name in files if name.endswith(".part")]
    links = [path for path in back.rglob("link") if path.is_symlink()]
    assert len(links) == (0 if call == "symlink" else 1)
    assert result.files == len(files) + len(links)


@pytest.mark.parametrize("call", CALLS)
def test_in_place_the_same_command_ends_in_the_same_state(repo, ref, home, monkeypatch, call):
    home.transcript("one").write_bytes(b"spoiled")
    with monkeypatch.context() as patch:
        plan = repo.plan_checkout(home.ref("one"))
        plan.execute()  # saves the previous state
        home.transcript("one").unlink()
        refuse(patch, CALLS[call][1], errno.EPERM)
        repo.plan_checkout(home.ref("one")).execute()
        first = home.transcript("one").read_bytes()
        repo.plan_checkout(home.ref("one")).execute()
    assert home.transcript("one").read_bytes() == first != b"spoiled"


@pytest.mark.parametrize("call", ["fchmod", "utime", "symlink", "fsync"])
def test_an_error_of_the_disk_ends_the_checkout(repo, ref, tmp_path, monkeypatch, call):
    plan = repo.plan_checkout(ref, to=str(tmp_path / "back"))
    with monkeypatch.context() as patch:
        refuse(patch, (call,), errno.EIO)
        with pytest.raises(StorageError):
            plan.execute()
    assert not list((tmp_path / "back").rglob("*.part"))
