"""The snapshot of files that a checkout is about to overwrite."""

from __future__ import annotations

from collections.abc import Sequence

from ctxstore.errors import SourceError
from ctxstore.history.engine import Engine
from ctxstore.ids import ObjectId
from ctxstore.ops.snapshot.home_scan import SnapshotOptions
from ctxstore.ops.snapshot.snapshot import create_snapshot
from ctxstore.ops.snapshot.targets import Target
from ctxstore.sources.protocol import SourceHome
from ctxstore.sources.registry import get_source


def save_before_checkout(engine: Engine, home: SourceHome, ref: str, at_risk: Sequence[str]) -> ObjectId | None:
    """Saves the context `ref` as it is in `home`. Returns the id of the run, or None if everything was saved before.

    Raises `SourceError` if one of the files `at_risk` is unreadable.
    """
    options = SnapshotOptions(note=f"before checkout of {ref}", session=ref.rpartition("/")[2])
    report = create_snapshot(engine, [Target(get_source(home.source), home)], options)
    for skipped in (each for source in report.sources for each in source.skipped if each.failed):
        if any(path == skipped.path or path.startswith(skipped.path + "/") for path in at_risk):
            raise SourceError(
                f"{skipped.path} can't be saved before it is overwritten: {skipped.reason}",
                hint="make it readable or move it away, then run the checkout again",
            )
    return report.op
