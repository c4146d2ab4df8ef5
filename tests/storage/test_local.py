"""The properties of a repository in a folder: permissions, processes, failures, durability."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys

import pytest

from ctxstore.errors import AlreadyExists, InvalidInput, NotFound, StorageError
from ctxstore.storage.files import Files
from ctxstore.storage.local import LocalStorage
from ctxstore.storage.locate import locate
from ctxstore.storage.memory import MemoryStorage
from ctxstore.storage.protocol import SwapLost, Unsettled

PRESENT = """
import sys
from ctxstore.storage.local import LocalStorage
with LocalStorage(sys.argv[1]).presence() as presence:
    print(presence.alone(), flush=True)
    sys.stdin.read()
"""

SWAPPING = """
import sys
from ctxstore.storage.local import LocalStorage
from ctxstore.storage.protocol import SwapLost, Unsettled
storage, wins = LocalStorage(sys.argv[1]), 0
for _ in range(40):
    old = storage.read_root()
    try:
        storage.swap(old, b"%d" % (int(old) + 1))
        wins += 1
    except SwapLost:
        pass
print(wins)
"""


def python(script, path):
    return subprocess.Popen(
        [sys.executable, "-c", script, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


class Failing(Files):
    """Files whose call fails with an error number, for paths that contain `where`."""

    def __init__(self, call, number, where="", after=False):
        self.failing, self.number, self.where, self.after = call, number, where, after
        self.paths = {}

    def _maybe_fail(self, call, path):
        if call == self.failing and self.where in path:
            raise OSError(self.number, os.strerror(self.number))

    def create(self, path):
        self._maybe_fail("create", path)
        fd = super().create(path)
        self.paths[fd] = path
        return fd

    def write(self, fd, data):
        if self.failing == "write":
            os.write(fd, data[: len(data) // 2])
        self._maybe_fail("write", self.paths[fd])
        super().write(fd, data)

    def sync(self, fd):
        self._maybe_fail("sync", self.paths[fd])
        super().sync(fd)

    def rename(self, old, new):
        if self.after:
            super().rename(old, new)
        self._maybe_fail("rename", new)
        super().rename(old, new)

    def sync_folder(self, path):
        self._maybe_fail("sync_folder", path)
        super().sync_folder(path)

    def unlink(self, path):
        self._maybe_fail("unlink", path)
        super().unlink(path)

    def size(self, path):
        self._maybe_fail("size", path)
        return super().size(path)

    def make_folder(self, path):
        self._maybe_fail("make_folder", path)
        super().make_folder(path)


class Recording(Files):
    """Files that record, in order, which files and folders were made durable."""

    def __init__(self):
        self.calls = []
        self.paths = {}

    def create(self, path):
        fd = super().create(path)
        self.paths[fd] = path
        return fd

    def sync(self, fd):
        super().sync(fd)
        self.calls.append(("sync", self.paths[fd]))

    def sync_folder(self, path):
        super().sync_folder(path)
        self.calls.append(("sync_folder", path))

    def rename(self, old, new):
        super().rename(old, new)
        self.calls.append(("rename", new))


@pytest.fixture
def path(tmp_path):
    made = tmp_path / "store"
    LocalStorage(str(made)).prepare()
    return made


def test_only_the_owner_may_read_files_and_folders(tmp_path):
    path = tmp_path / "new" / "store"
    old = os.umask(0)
    try:
        storage = LocalStorage(str(path))
        storage.prepare()
        storage.put("packs/a", b"x")
        storage.put("manifests/b", b"x")
        storage.swap(None, b"x")
        with storage.presence():
            pass
    finally:
        os.umask(old)
    for folder, _, files in os.walk(path):
        assert stat.S_IMODE(os.stat(folder).st_mode) == 0o700, folder
        for name in files:
            assert stat.S_IMODE(os.stat(os.path.join(folder, name)).st_mode) == 0o600, name


def test_preparing_twice_changes_nothing(path):
    LocalStorage(str(path)).put("packs/a", b"x")
    LocalStorage(str(path)).prepare()
    assert LocalStorage(str(path)).get("packs/a") == b"x"


def test_another_process_keeps_a_writer_from_being_alone(path):
    storage = LocalStorage(str(path))
    with python(PRESENT, path) as other:
        assert other.stdout.readline() == "True\n"  # it is alone: the next process waits for its end
        other.stdin.close()
        with storage.presence() as presence:
            assert presence.alone()
    with storage.presence() as presence, python(PRESENT, path) as other:
        assert other.stdout.readline() == "False\n"
        assert not presence.alone()
        other.stdin.close()
        assert other.wait(10) == 0
        assert presence.alone()


def test_the_presence_of_a_process_that_was_killed_ends(path):
    with LocalStorage(str(path)).presence() as presence:
        with python(PRESENT, path) as other:
            assert other.stdout.readline() == "False\n"
            other.kill()
        assert presence.alone()


def test_swaps_of_two_processes_are_all_counted(path):
    LocalStorage(str(path)).swap(None, b"0")
    with python(SWAPPING, path) as first, python(SWAPPING, path) as second:
        wins = int(first.communicate()[0]) + int(second.communicate()[0])
    assert int(LocalStorage(str(path)).read_root()) == wins >= 40


@pytest.mark.parametrize(
    ("number", "hint"), [(errno.ENOSPC, "free some space"), (errno.EACCES, "permissions"), (errno.EROFS, "read-only")]
)
@pytest.mark.parametrize("call", ["create", "write", "sync", "sync_folder"])
def test_a_failed_put_is_a_storage_error_with_the_next_step(path, call, number, hint):
    storage = LocalStorage(str(path), Failing(call, number, "packs"))
    with pytest.raises(StorageError) as raised:
        storage.put("packs/a", DATA)
    assert hint in raised.value.hint
    assert os.strerror(number) in raised.value.message


DATA = b"0123456789" * 100


@pytest.mark.parametrize("call", ["create", "write", "sync", "rename"])
def test_a_swap_that_failed_leaves_the_old_root_and_the_next_one_works(path, call):
    LocalStorage(str(path)).swap(None, b"old")
    with pytest.raises(StorageError):
        LocalStorage(str(path), Failing(call, errno.ENOSPC, "root")).swap(b"old", b"new")
    storage = LocalStorage(str(path))
    assert storage.read_root() == b"old"
    storage.swap(b"old", b"newer")
    assert storage.read_root() == b"newer"


def test_a_failure_to_delete_list_or_prepare_is_a_storage_error(path, tmp_path):
    storage = LocalStorage(str(path), Failing("unlink", errno.EACCES))
    storage.put("packs/a", b"x")
    with pytest.raises(StorageError):
        storage.delete("packs/a")
    with pytest.raises(StorageError):
        LocalStorage(str(tmp_path / "x"), Failing("make_folder", errno.EROFS)).prepare()
    with pytest.raises(NotFound):
        list(LocalStorage(str(tmp_path / "none")).list("packs"))


def test_short_writes_and_reads_are_gone_on_with(path, monkeypatch):
    write, pread = os.write, os.pread
    monkeypatch.setattr(os, "write", lambda fd, data: write(fd, bytes(data[:7])))
    monkeypatch.setattr(os, "pread", lambda fd, length, offset: pread(fd, min(length, 7), offset))
    storage = LocalStorage(str(path))
    storage.put("packs/a", DATA)
    assert storage.get("packs/a") == DATA
    assert storage.get("packs/a", 5, 100) == DATA[5:105]


def test_a_value_is_durable_when_put_returns(path):
    files = Recording()
    LocalStorage(str(path), files).put("packs/a", b"x")
    assert files.calls == [("sync", f"{path}/packs/a"), ("sync_folder", f"{path}/packs")]


def test_a_root_is_durable_before_it_has_its_name_and_so_is_the_name(path):
    files = Recording()
    LocalStorage(str(path), files).swap(None, b"x")
    assert files.calls == [
        ("sync", f"{path}/root.new"),
        ("rename", f"{path}/root"),
        ("sync_folder", str(path)),
    ]


def test_settling_puts_the_root_in_its_place_anew_because_a_sync_that_failed_may_lie_the_second_time(path):
    LocalStorage(str(path)).swap(None, b"1")
    with pytest.raises(Unsettled):
        LocalStorage(str(path), Failing("sync_folder", errno.EIO, "store")).swap(b"1", b"2")
    files = Recording()
    LocalStorage(str(path), files).settle()
    assert files.calls == [("sync", f"{path}/root.new"), ("rename", f"{path}/root"), ("sync_folder", str(path))]
    assert (path / "root").read_bytes() == b"2"
    assert (path / "root.old").read_bytes() == b"1"


def test_where_there_is_no_room_settling_is_a_sync(path):
    LocalStorage(str(path)).swap(None, b"1")
    LocalStorage(str(path), Failing("write", errno.ENOSPC)).settle()
    with pytest.raises(StorageError):
        LocalStorage(str(path), Failing("write", errno.EIO)).settle()
    assert (path / "root").read_bytes() == b"1"


def test_a_new_repository_s_own_name_is_durable(tmp_path):
    files = Recording()
    LocalStorage(str(tmp_path / "a" / "store"), files).prepare()
    synced = [path for call, path in files.calls if call == "sync_folder"]
    assert {str(tmp_path), str(tmp_path / "a"), str(tmp_path / "a" / "store")} <= set(synced)


def test_what_a_crashed_swap_left_behind_is_replaced(path):
    (path / "root.new").write_bytes(b"half of a ro")
    storage = LocalStorage(str(path))
    storage.swap(None, b"1")
    assert storage.read_root() == b"1"
    assert not (path / "root.new").exists()


def test_the_lock_on_the_root_is_let_go_of_when_a_swap_is_lost(path):
    storage = LocalStorage(str(path))
    storage.swap(None, b"1")
    with pytest.raises(SwapLost):
        storage.swap(None, b"2")
    storage.swap(b"1", b"2")


def test_places_are_located_by_path_or_scheme(tmp_path):
    assert locate(str(tmp_path)).path == str(tmp_path)
    assert locate(f"file:{tmp_path}").path == str(tmp_path)
    assert locate(f"file://{tmp_path}").path == str(tmp_path)
    assert isinstance(locate("memory:"), MemoryStorage)
    for wrong in ("", "s3://bucket", "file:"):
        with pytest.raises(InvalidInput):
            locate(wrong)


def folder_with_a_file(path):
    path.mkdir()
    (path / "notes.txt").write_text("mine")


def folder_with_a_folder(path):
    (path / "src").mkdir(parents=True)


def link_to_nothing(path):
    path.symlink_to(path.parent / "nothing")


CONTENT = {
    "a file": lambda path: path.write_text("mine"),
    "a link to nothing": link_to_nothing,
    "a folder with a file": folder_with_a_file,
    "a folder with a folder": folder_with_a_folder,
}


@pytest.mark.parametrize("content", CONTENT)
def test_initialising_refuses_other_content_and_changes_nothing(tmp_path, content):
    path = tmp_path / "store"
    CONTENT[content](path)
    before = sorted(each.relative_to(tmp_path) for each in tmp_path.rglob("*"))
    storage = LocalStorage(str(path))
    assert not storage.exists()
    with pytest.raises(AlreadyExists, match=str(path)):
        storage.initialise()
    assert sorted(each.relative_to(tmp_path) for each in tmp_path.rglob("*")) == before


def test_a_place_that_cannot_be_read_is_an_error_and_not_a_missing_repository(tmp_path):
    storage = LocalStorage(str(tmp_path / "store"), Failing("size", errno.EACCES))
    with pytest.raises(StorageError, match="Permission denied"):
        storage.exists()


def test_removing_the_caches_removes_files_links_and_folders_in_the_cache_folder(path, tmp_path):
    (path / "cache/folder").mkdir()
    (path / "cache/folder/file").write_text("x")
    (path / "cache/file").write_text("x")
    (tmp_path / "mine").mkdir()
    (path / "cache/link").symlink_to(tmp_path / "mine")
    LocalStorage(str(path)).remove_caches()
    assert list((path / "cache").iterdir()) == []
    assert (tmp_path / "mine").is_dir()
