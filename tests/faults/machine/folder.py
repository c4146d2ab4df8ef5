"""A folder in which files change, snapshots of it, and checkouts to another folder."""

from __future__ import annotations

import os
import shutil
import stat
import time
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from ctxstore.errors import InvalidInput
from ctxstore.history.oplog import Op
from ctxstore.ops.snapshot.stat_cache import GRANULARITY_NS
from ctxstore.ops.snapshot.targets import Target
from ctxstore.sources.directory import Directory, context_name
from ctxstore.sources.protocol import SourceHome
from tests.faults.machine.care import Care
from tests.faults.machine.drafts import contents, handles, picks
from tests.faults.machine.meanwhile import troubles
from tests.faults.machine.model import Content, Kept, State

FILES = st.sampled_from(["todo", "src/a.py", "src/deep/b.py", "log/today"])

changes = st.one_of(
    st.tuples(st.just("write_file"), FILES, contents, st.sampled_from(["wb", "ab"])),
    st.tuples(st.just("cut_short"), FILES, st.integers(0, 5000)),
    st.tuples(st.just("exchange"), FILES, contents),
    st.tuples(st.just("remove"), FILES),
)


class Folder(Care):
    """The rules on files of the real file system."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.folder = self._path("work")
        os.makedirs(self.folder)
        self.context = context_name(self.folder)
        self.times: dict[str, int] = {}

    def work(self, changes: list[Any]) -> None:
        """Changes files."""
        for verb, file, *arguments in changes:
            getattr(self, f"_{verb}")(os.path.join(self.folder, file), *arguments)
        for path in sorted(self._paths(), reverse=True):
            if os.stat(path).st_mtime_ns != self.times.get(path):
                # The clock is simulated, so that an example is the same every time.
                self.times[path] = self._clock()
                os.utime(path, ns=(self.times[path], self.times[path]))

    def _write_file(self, path: str, data: bytes, how: str) -> None:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, how) as opened:
            opened.write(data)

    def _cut_short(self, path: str, size: int) -> None:
        if os.path.exists(path):
            os.truncate(path, min(size, os.path.getsize(path)))

    def _exchange(self, path: str, data: bytes) -> None:
        """Replaces a file as editors and archivers do: the new file may have the old one's length and time."""
        if os.path.exists(path):
            found = os.stat(path)
            with open(f"{path}.new", "wb") as opened:
                opened.write(data)
            os.utime(f"{path}.new", ns=(found.st_atime_ns, found.st_mtime_ns))
            os.replace(f"{path}.new", path)

    def _remove(self, path: str) -> None:
        """Removes the file, and its folder if that is then empty."""
        if os.path.exists(path):
            os.unlink(path)
            if path != os.path.join(self.folder, "todo") and not os.listdir(os.path.dirname(path)):
                os.rmdir(os.path.dirname(path))

    def _paths(self) -> Iterator[str]:
        for folder, folders, files in os.walk(self.folder):
            yield from (os.path.join(folder, name) for name in (*folders, *files))

    def _there(self) -> dict[str, Kept]:
        found: dict[str, Kept] = {}
        for path in self._paths():
            status = os.stat(path)
            data = None
            if not os.path.isdir(path):
                with open(path, "rb") as file:
                    data = file.read()
            found[os.path.relpath(path, self.folder)] = Kept(data, stat.S_IMODE(status.st_mode), status.st_mtime_ns)
        return found

    @rule(n=handles, changes=st.lists(changes, max_size=3), trouble=troubles)
    def snapshot(self, n: int, changes: list[Any], trouble: Any) -> None:
        """Takes a snapshot after some changes."""
        self.work(changes)
        self._save(n, trouble)

    @precondition(lambda self: self.context in self.model.refs)
    @rule(n=handles)
    def snapshot_what_was_dropped(self, n: int) -> None:
        """Drops the context and takes a snapshot. The cache knows all files, but its commit is no longer a head."""
        time.sleep(GRANULARITY_NS / 10**9)
        self._save(n, None)
        plan = self.repos[n].plan_drop(self.context)
        self.publishing(plan.execute, lambda _: self.model.state.moved(**{self.context: None}), n, None)
        self._save(n, None)

    def _save(self, n: int, trouble: Any) -> None:
        target = Target(Directory(), SourceHome("directory", self.folder, "work"))
        content = Content(files=self._there())
        head = self.model.refs.get(self.context)
        if self.model.content(head) == content and (head or not content.files):
            assert self.repos[n].snapshot([target]).op is None
            return

        def follow(op: Op) -> State:
            (change,) = op.changes
            assert change.ref == self.context and change.new is not None
            self.commit_made(self.context, change.new, content, (head,) if head else ())
            return self.model.state.moved(**{self.context: change.new})

        self.publishing(lambda: self.repos[n].snapshot([target]), follow, n, self.make_trap(n, trouble, "elsewhere"))

    @precondition(lambda self: self.model.commits)
    @rule(n=handles, pick=picks)
    def check_out(self, n: int, pick: int) -> None:
        id = self.pick_commit(pick)
        if self.model.may_be_gone(id):
            return
        to = self._path("out")
        expected = self.model.content(id).files
        try:
            self.repos[n].plan_checkout(id.hex(), to=to).execute()
        except InvalidInput:
            assert not expected
            return
        for path, kept in expected.items():
            found = os.stat(os.path.join(to, path))
            assert (stat.S_IMODE(found.st_mode), found.st_mtime_ns) == (kept.mode, kept.mtime_ns)
            if kept.data is not None:
                with open(os.path.join(to, path), "rb") as file:
                    assert file.read() == kept.data
        assert sum(len(files) for _, _, files in os.walk(to)) == sum(
            kept.data is not None for kept in expected.values()
        )
        shutil.rmtree(to)
