"""Abacus's home: talks in ``talks/<talk>.jsonl``. Loaded by every snapshot."""

import os
from collections.abc import Iterable, Iterator

from ctxstore.sources.layout import AgentLayout
from ctxstore.sources.protocol import FoundContext
from ctxstore.sources.walk import list_folder, look_at


class AbacusLayout(AgentLayout):
    def sessions(self) -> Iterator[FoundContext]:
        entries = list_folder(os.path.join(self.path, "talks"), self.report)
        for entry in sorted(entries, key=lambda entry: entry.name):
            talk, end = os.path.splitext(entry.name)
            if end == ".jsonl" and talk.replace("-", "").isalnum():
                file = look_at(entry, f"talks/{entry.name}", self.report)
                if file is not None:
                    yield FoundContext(f"abacus/talks/{talk}", [file])


make_layout = AbacusLayout


def transcript_key(context: str, keys: Iterable[str]) -> str | None:
    key = context.removeprefix("abacus/") + ".jsonl"
    return key if key in keys else None


def is_memory(key: str) -> bool:
    return False
