"""The source ``codex``: Codex CLI's sessions, memories and settings."""

from collections.abc import Iterable, Iterator

from ctxstore.sources.agent import ResumableAgent
from ctxstore.sources.agents import AGENTS
from ctxstore.sources.lineage import ContinuedFile, HistoryBase
from ctxstore.sources.protocol import Attributes, Decoder, Scanner

__all__ = ["Codex"]

_PACKED = ".zst"


class Codex(ResumableAgent):
    """Contexts are ``codex/<day>/<thread>`` and ``codex/home``."""

    description = AGENTS["codex"]

    def decoder(self, key: str) -> Decoder | None:
        """Returns the function that decompresses a packed rollout, or None for a plain one."""
        if not key.endswith(_PACKED):
            return None
        from ctxstore.sources.codex.compressed import unpack

        return unpack

    def make_scanner(self, key: str, before: Attributes | None) -> Scanner:
        """Returns a scanner of a rollout, plain or packed."""
        from ctxstore.sources.codex.transcript import PackedScanner, make_scanner

        return PackedScanner(before) if key.endswith(_PACKED) else make_scanner(before)

    def base_of(self, context: str, key: str, keys: Iterable[str], head: bytes) -> HistoryBase | None:
        """Returns the rollout that precedes `key` in its thread's history, or None if there is none."""
        from ctxstore.sources.codex import lineage

        return lineage.base_of(context, key, keys, head)

    def file_with(self, id: str, keys: Iterable[str]) -> str | None:
        """Returns the rollout with this id, or None if there is none."""
        from ctxstore.sources.codex import lineage

        return lineage.file_with(id, keys)

    def is_history(self, key: str) -> bool:
        """Whether the file is a rollout."""
        from ctxstore.sources.codex.rollouts import rollout_of

        return rollout_of(key) is not None

    def list_files(self, home: str) -> list[str]:
        """Returns the keys of the rollouts of a home."""
        from ctxstore.sources.codex.layout import CodexLayout

        return list(CodexLayout(home, "", lambda _: None).rollouts())

    def iter_bases(self, home: str) -> Iterator[ContinuedFile]:
        """Yields the base of each rollout of a home that continues another one."""
        from ctxstore.sources.codex import lineage

        return lineage.iter_bases(home, self.list_files(home))

    def history_scanner(self, home: str, context: str, key: str) -> Scanner:
        """Returns a scanner of a rollout that starts with the attributes of the history it continues."""
        from ctxstore.sources.codex import lineage
        from ctxstore.sources.codex.transcript import PackedScanner, make_scanner

        inherited = None
        if lineage.may_inherit(home, key):
            inherited = lineage.inherited_attributes(home, key, self.list_files(home))
        return PackedScanner(inherited=inherited) if key.endswith(_PACKED) else make_scanner(inherited)
