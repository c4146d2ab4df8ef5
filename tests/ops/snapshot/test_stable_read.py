"""Files that are written while they are read. The time is bounded, and what was read is a state of the file."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ctxstore.ops.snapshot import stable_read
from ctxstore.ops.snapshot.stable_read import read_stable

BLOCK = 256


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stable_read, "BLOCK", BLOCK)
    monkeypatch.setattr(stable_read, "SAMPLE", 16)


class Written:
    """A file that is changed at each of its reads. Counts them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, path: Path, change: Callable[[int], None]) -> None:
        self.reads = 0
        real = os.read

        def read(fd: int, size: int) -> bytes:
            block = real(fd, size)
            if os.path.samestat(os.fstat(fd), path.stat()):
                self.reads += 1
                change(self.reads)
            return block

        monkeypatch.setattr(os, "read", read)


def appending(path: Path, data: bytes) -> Callable[[int], None]:
    def append(_: int) -> None:
        with path.open("ab") as file:
            file.write(data)

    return append


def test_a_large_file_that_grows_faster_than_it_is_read_is_read_once(tmp_path, monkeypatch):
    path = tmp_path / "file"
    path.write_bytes(before := os.urandom(10 * BLOCK + 7))
    written = Written(monkeypatch, path, appending(path, b"x" * 3 * BLOCK))
    reading = read_stable(str(path), b"".join)
    assert reading.value == before
    assert written.reads == 11
    assert not reading.is_stable
    assert reading.stamp.size == len(before)


def test_a_small_file_that_grows_is_read_again_and_not_for_ever(tmp_path, monkeypatch):
    path = tmp_path / "file"
    path.write_bytes(b"{}")
    Written(monkeypatch, path, lambda read: appending(path, b" ")(read) if read == 1 else None)
    reading = read_stable(str(path), b"".join)
    assert (reading.value, reading.is_stable) == (b"{} ", True)
    monkeypatch.undo()
    written = Written(monkeypatch, path, appending(path, b"x"))
    assert not read_stable(str(path), b"".join).is_stable
    assert written.reads == stable_read.TRIES


def test_a_large_file_that_is_written_anew_and_longer_is_read_again(tmp_path, monkeypatch):
    path = tmp_path / "file"
    path.write_bytes(b"a" * 4 * BLOCK)
    new = b"b" * 5 * BLOCK
    Written(monkeypatch, path, lambda read: path.write_bytes(new) and None if read == 2 else None)
    reading = read_stable(str(path), b"".join)
    assert (reading.value, reading.is_stable) == (new, True)


def test_a_file_that_reports_no_size_is_read_all_the_same():
    assert read_stable("/proc/version", b"".join).value == Path("/proc/version").read_bytes()


@pytest.mark.filterwarnings("ignore")
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(size=st.integers(0, 6 * BLOCK), steps=st.lists(st.integers(-3, 3 * BLOCK), max_size=30), cut=st.integers(1, 999))
def test_whatever_is_appended_or_cut_off_meanwhile_reading_ends(tmp_path, size, steps, cut):
    path = tmp_path / "file"
    path.write_bytes(os.urandom(size))
    left = list(steps)

    def change(_: int) -> None:
        step = left.pop() if left else 1
        if step < 0:
            os.truncate(path, max(0, path.stat().st_size + step))
        else:
            appending(path, os.urandom(step))(0)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stable_read, "BLOCK", BLOCK)
        written = Written(patch, path, change)
        short = os.read
        patch.setattr(os, "read", lambda fd, size: short(fd, min(size, cut)))  # some file systems read in parts
        reading = read_stable(str(path), b"".join)
    # The size at the start of a try: the first size, the growth by the steps, and a byte per read before it.
    longest, most = size + sum(map(abs, steps)), 0
    for _ in range(stable_read.TRIES):
        most += longest + most + BLOCK
    assert written.reads <= most
    if min(steps, default=0) >= 0:
        assert path.read_bytes().startswith(reading.value)
        assert len(reading.value) >= size
