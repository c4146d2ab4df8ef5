"""Files of the user's that ctxstore writes: whole or not at all, with the mode, owner and link they had."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ctxstore.durable.new_file import NewFile, remove_leftovers
from ctxstore.durable.replace import create_file, make_folders, remove_file, replace_file
from tests.durable.call_trace import CallTrace, find_violations


def entries(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_new_file_is_private_and_an_old_one_keeps_its_mode(tmp_path):
    path = tmp_path / "file"
    assert replace_file(str(path), [b"one ", b"two"]) == 7
    assert (path.read_bytes(), path.stat().st_mode & 0o7777) == (b"one two", 0o600)
    path.chmod(0o640)
    replace_file(str(path), [b"three"], new_mode=0o644)
    assert (path.read_bytes(), path.stat().st_mode & 0o7777) == (b"three", 0o640)
    assert entries(tmp_path) == ["file"]


def test_a_file_is_replaced_through_links(tmp_path):
    real = tmp_path / "dotfiles" / "settings"
    real.parent.mkdir()
    real.write_bytes(b"old")
    (tmp_path / "one").symlink_to("dotfiles/settings")
    (tmp_path / "two").symlink_to("one")
    replace_file(str(tmp_path / "two"), [b"new"])
    assert real.read_bytes() == b"new"
    assert (tmp_path / "two").is_symlink() and (tmp_path / "one").is_symlink()
    assert entries(real.parent) == ["settings"]
    real.unlink()
    replace_file(str(tmp_path / "two"), [b"again"])
    assert real.read_bytes() == b"again"


@pytest.mark.parametrize("kind", ["folder", "pipe"])
def test_only_a_regular_file_is_replaced(tmp_path, kind):
    path = tmp_path / "thing"
    path.mkdir() if kind == "folder" else os.mkfifo(path)
    with pytest.raises(OSError, match="not a regular file"):
        replace_file(str(path), [b"x"])
    assert entries(tmp_path) == ["thing"] and not path.is_file()


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def blocks():
        yield b"new"
        raise RuntimeError

    with pytest.raises(RuntimeError):
        replace_file(str(path), blocks())

    def check():
        raise KeyError

    with pytest.raises(KeyError):
        replace_file(str(path), [b"new"], check=check)
    assert path.read_bytes() == b"old" and entries(tmp_path) == ["file"]


def test_a_file_is_created_under_the_first_free_name(tmp_path):
    (tmp_path / "a").write_bytes(b"mine")
    (tmp_path / "b").symlink_to("nowhere")
    path, size = create_file(str(tmp_path), ["a", "b", "c"], [b"new"])
    assert (path, size) == (str(tmp_path / "c"), 3)
    assert (tmp_path / "a").read_bytes() == b"mine" and (tmp_path / "b").is_symlink()
    with pytest.raises(FileExistsError):
        create_file(str(tmp_path), ["a"], [b"new"])
    assert entries(tmp_path) == ["a", "b", "c"]


def test_a_file_is_created_where_there_are_no_hard_links(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "link", refusing(errno.EPERM))
    (tmp_path / "a").write_bytes(b"mine")
    with pytest.raises(FileExistsError):
        create_file(str(tmp_path), ["a"], [b"new"])
    create_file(str(tmp_path), ["a", "b"], [b"new"])
    assert (tmp_path / "a").read_bytes() == b"mine" and (tmp_path / "b").read_bytes() == b"new"


def refusing(number: int):
    def refuse(*args, **kwargs):
        raise OSError(number, os.strerror(number))

    return refuse


@pytest.mark.parametrize("number", [errno.EPERM, errno.EOPNOTSUPP, errno.EINVAL, errno.ENOTSUP, errno.ENOSYS])
@pytest.mark.parametrize("name", ["fchmod", "fsync", "fchown"])
def test_what_a_file_system_cannot_do_is_left_undone(tmp_path, monkeypatch, name, number):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    monkeypatch.setattr(os, name, refusing(number))
    replace_file(str(path), [b"new"])
    assert path.read_bytes() == b"new" and entries(tmp_path) == ["file"]


@pytest.mark.parametrize("name", ["write", "fsync", "rename"])
def test_an_error_of_the_disk_is_an_error_and_changes_nothing(tmp_path, monkeypatch, name):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    monkeypatch.setattr(os, name, refusing(errno.EIO))
    with pytest.raises(OSError, match=os.strerror(errno.EIO)):
        replace_file(str(path), [b"new"])
    assert path.read_bytes() == b"old" and entries(tmp_path) == ["file"]


# -- leftovers


def test_the_leftovers_of_a_killed_process_are_removed_and_not_those_of_a_running_one(tmp_path):
    program = (
        "import os, sys; from ctxstore.durable.new_file import NewFile; NewFile(os.open(sys.argv[1], 0)).write(b'x');"
    )
    killed = "os.kill(os.getpid(), 9)"
    running = "print(flush=True); sys.stdin.read()"
    subprocess.run([sys.executable, "-c", program + killed, str(tmp_path)], check=False)
    (tmp_path / ".ctx-1-0.part").write_bytes(b"of an earlier release")
    (tmp_path / ".ctx-mine").write_bytes(b"not a leftover")
    assert len(entries(tmp_path)) == 3
    command = [sys.executable, "-c", program + running, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        replace_file(str(tmp_path / "file"), [b"new"])
        kept = entries(tmp_path)
        process.communicate()
    assert len(kept) == 3 and {".ctx-mine", "file"} < set(kept)


def test_without_locks_only_old_leftovers_are_removed(tmp_path, monkeypatch):
    monkeypatch.setattr("ctxstore.durable.new_file.flock", refusing(errno.ENOLCK))
    (tmp_path / ".ctx-1-0.part").write_bytes(b"")
    folder = os.open(tmp_path, os.O_RDONLY)
    remove_leftovers(folder)
    assert entries(tmp_path) == [".ctx-1-0.part"]
    monkeypatch.setattr("ctxstore.durable.new_file._AGE", -1.0)
    remove_leftovers(folder)
    assert entries(tmp_path) == []
    os.close(folder)


def test_a_file_that_was_removed_before_it_was_locked_is_made_anew(tmp_path, monkeypatch):
    folder = os.open(tmp_path, os.O_RDONLY)
    from ctxstore.durable import new_file

    real, calls = new_file.flock, []

    def lock(fd, how):
        calls.append(fd)
        if len(calls) == 1:
            for name in entries(tmp_path):
                os.unlink(tmp_path / name)
        real(fd, how)

    monkeypatch.setattr(new_file, "flock", lock)
    file = NewFile(folder)
    file.write(b"x")
    file.rename(folder, "file")
    assert (tmp_path / "file").read_bytes() == b"x" and len(calls) == 2
    os.close(folder)


# -- the trace


PROGRAM = """
import os, sys
from ctxstore.durable.replace import create_file, make_folders, remove_file, replace_file
folder = sys.argv[1]
"""

WRITES = [
    "replace_file(folder + '/file', [b'new'])",
    "replace_file(folder + '/link', [b'new', bytes(100_000)])",
    "create_file(folder, ['file', 'other'], [b'new'])",
    "remove_file(folder + '/file')",
    "make_folders(folder + '/a/b'); replace_file(folder + '/a/b/c', [b''])",
]


def run_traced(trace: CallTrace, tmp_path: Path, statement: str) -> list[str]:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "file").write_bytes(b"old")
    (tmp_path / "folder" / "link").symlink_to("file")
    environ = {**os.environ, **trace.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    subprocess.run([sys.executable, "-c", PROGRAM + statement, str(folder)], env=environ, check=True)
    assert trace.calls()
    return list(find_violations(trace.calls(), str(folder)))


@pytest.mark.parametrize("statement", WRITES)
def test_every_write_is_synced_in_order(trace, tmp_path, statement):
    assert run_traced(trace, tmp_path, statement) == []


@pytest.mark.parametrize(
    "statement",
    [
        "open(folder + '/file', 'w').write('x')",
        "open(folder + '/new', 'w').write('x'); os.replace(folder + '/new', folder + '/file')",
        "f = open(folder + '/new', 'w'); f.write('x'); os.fsync(f); f.close(); os.replace(f.name, folder + '/file')",
        "f = open(folder + '/new', 'w'); f.write('x'); f.flush(); os.fsync(f); os.replace(f.name, folder + '/file')",
        "os.unlink(folder + '/file')",
    ],
    ids=["in place", "no sync", "synced before flushed", "folder not synced", "removed"],
)
def test_the_trace_finds_writes_that_a_power_cut_loses(trace, tmp_path, statement):
    assert run_traced(trace, tmp_path, statement)


def test_folders_are_made_and_removed_files_are_gone(tmp_path):
    make_folders(str(tmp_path / "a" / "b"))
    assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o700
    (tmp_path / "a" / "f").write_bytes(b"")
    remove_file(str(tmp_path / "a" / "f"))
    with pytest.raises(OSError):
        make_folders(str(tmp_path / "a" / "f" / "x") if (tmp_path / "a" / "f").write_bytes(b"") is not None else "")
