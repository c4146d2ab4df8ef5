"""Operations on a whole repository: collections, ends of programs, lost caches, clocks that jump."""

from __future__ import annotations

import os
import shutil
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import rule

from ctxstore.history.transaction import MustRestart, transaction
from ctxstore.ids import Kind
from ctxstore.packs.names import make_name
from ctxstore.storage.local import LocalStorage
from tests.faults.machine.drafts import handles, noise
from tests.faults.machine.meanwhile import troubles
from tests.faults.machine.retention import Retention
from tests.faults.machine.world import HOUR, SECOND, YEAR

JUMPS = (0, -10 * YEAR, -HOUR, 13 * HOUR, 40 * 24 * HOUR, 10 * YEAR)


class Care(Retention):
    """The rules on the repository and its surroundings."""

    @rule(n=handles, forget=st.integers(0, 9), recompress=st.booleans(), trouble=troubles)
    def gc(self, n: int, forget: int, recompress: bool, trouble: Any) -> None:
        """Collects, perhaps with something to collect."""
        forgotten = list(self.model.forgettable())[:forget]
        self.forget_commits(n, forgotten, None)
        trap = self.make_trap(n, trouble, "elsewhere")
        self.model.collect()
        try:
            with self.trap(n, trap):
                self.repos[n].gc(recompress=recompress)
        except MustRestart:
            assert trap is not None and trap.is_sprung
        self.model.collect()
        if trap is None or not trap.is_sprung:
            self.check_no_litter()
            plan = self.repos[n].plan_gc()
            assert not (recompress and plan.dead), "something was left that nothing reaches"
            assert not (forgotten and (plan.remove or plan.rewrite)), "a pack was left that is mostly dead"

    @rule(n=handles, how=st.sampled_from(["close", "crash"]), later=st.sampled_from(JUMPS))
    def begin_anew(self, n: int, how: str, later: int) -> None:
        """Ends a program and starts another, whose clock may have jumped."""
        self.now = max(SECOND, self.now + later)
        self.reopen(n, crashed=how == "crash")

    @rule(n=handles, size=st.integers(1, 20_000))
    def give_up_a_transaction(self, n: int, size: int) -> None:
        """Writes packs and never publishes them. Later transactions may want to store the same objects."""
        with transaction(self.repos[n]._engine) as tx:
            tx.writer.put(Kind.RECORD, b"5")
            tx.writer.put(Kind.CHUNK, noise(1, size))
            tx.writer.flush()

    @rule(size=st.integers(0, 300), folder=st.sampled_from(["packs", "manifests"]))
    def leave_litter(self, size: int, folder: str) -> None:
        """Leaves the litter of a crash: truncated files with names of today. Litter that may be deleted is deleted."""
        epoch = self.repos[0]._engine.root().epoch
        self._inner.put(f"{folder}/{make_name(epoch, self._random.randbytes)}", b"\x93ctx" * size)
        if isinstance(self._inner, LocalStorage):
            with open(self._path("repository/root.new"), "wb") as file:
                file.write(b"ctxroot" * size)
            for name in ("reserve", "root.old"):
                if os.path.exists(self._path(f"repository/{name}")):
                    os.unlink(self._path(f"repository/{name}"))

    @rule(
        how=st.sampled_from(["delete", "spoil", "copy", "bring back"]), seed=st.integers(0, 9), keep=st.integers(0, 200)
    )
    def meddle_with_the_cache(self, how: str, seed: int, keep: int) -> None:
        """Deletes the cache, damages it after its first bytes, copies it, or replaces it by such a copy.

        All of these create new files: no program writes into a file that another has open.
        """
        old = self._path("stale")
        if how == "copy":
            shutil.rmtree(old, ignore_errors=True)
            shutil.copytree(self.cache, old)
            return
        kept = {name: self._read(os.path.join(self.cache, name)) for name in os.listdir(self.cache)}
        for name in kept:
            os.unlink(os.path.join(self.cache, name))
        if how == "spoil":
            for name, data in kept.items():
                with open(os.path.join(self.cache, name), "wb") as file:
                    file.write(data[:keep] + noise(seed, max(0, len(data) - keep)))
        if how == "bring back" and os.path.exists(old):
            shutil.copytree(old, self.cache, dirs_exist_ok=True)

    @staticmethod
    def _read(path: str) -> bytes:
        with open(path, "rb") as file:
            return file.read()

    @rule(n=handles)
    def look_at_everything(self, n: int) -> None:
        self.check_all(self.repos[n])
