"""The protection of open repositories when a process forks.

A forked child has copies of all descriptors, and locks that threads of the parent held. Those threads do not exist in
the child, so nobody releases these locks there.
"""

import os
from _thread import RLock  # `threading` would be one more module for every hook to load
from collections.abc import Callable

GUARD = RLock()
"""A lock that a thread holds while the process must not fork: between the opening of a descriptor and its
registration, while modules are imported, and during a statement of the index's database."""

os.register_at_fork(before=GUARD.acquire, after_in_parent=GUARD.release, after_in_child=GUARD.release)


def call_in_child(function: Callable[[], object]) -> None:
    """Calls a function in every forked child, before anything else runs there."""
    os.register_at_fork(after_in_child=function)
