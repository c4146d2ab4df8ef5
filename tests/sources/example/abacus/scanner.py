"""Title, folder and number of messages of a talk."""

from abacus.transcript import AbacusRecord, read
from ctxstore.sources.content import string_or_none, text_parts
from ctxstore.sources.jsonl.scanner import RecordScanner
from ctxstore.sources.protocol import Attributes, Scanner
from ctxstore.sources.summary import SessionSummary


def make_scanner(before: Attributes | None = None) -> Scanner:
    return RecordScanner(read, AbacusSummary("Abacus", before))


class AbacusSummary(SessionSummary):
    def add(self, record: AbacusRecord) -> None:
        if record.role != "meta":
            self.count_message()
        if record.role == "user":
            self.set_title(text_parts(record.text))
        self.project = self.project or string_or_none(record.folder)
