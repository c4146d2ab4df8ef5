"""The repair of a repository that may be too damaged to be opened."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING

from ctxstore import ops
from ctxstore.history.engine import Environment, real_environment
from ctxstore.progress import SILENT, Progress
from ctxstore.repo.open import no_repository, open
from ctxstore.storage.locate import locate

if TYPE_CHECKING:
    from ctxstore.ops.repair.execute import RepairReport


def repair(
    path: str | os.PathLike[str],
    *,
    others: Sequence[str] = (),
    forget_damaged: bool = False,
    dry_run: bool = False,
    environment: Environment | None = None,
    progress: Progress = SILENT,
) -> RepairReport:
    """Repairs a repository as far as possible, even if it cannot be opened. Deletes nothing.

    Looks for missing objects in the repositories at `others` and in the agents' own files. With `forget_damaged`,
    forgets commits that cannot be repaired. With `dry_run`, only reports what it would do.

    Raises `NotFound`, `UnknownFormat` and `StorageError`, and the errors of opening `others`.
    """

    place, environment = os.fspath(path), environment or real_environment()
    with ExitStack() as stack:
        repos = [stack.enter_context(open(other, environment=environment)) for other in others]
        options = ops.RepairOptions([ops.OtherRepository(repo.path, repo._engine) for repo in repos], forget_damaged)
        try:
            if dry_run:
                return ops.plan_repair(locate(place), environment, options, progress).report()
            return ops.repair_repository(locate(place), environment, options, progress)
        except ops.NoRepository:
            raise no_repository(place) from None
