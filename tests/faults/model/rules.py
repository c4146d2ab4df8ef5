"""The rules of docs/format/protocol.md that can be left out, to see which fault results."""

from typing import NamedTuple


class Rules(NamedTuple):
    """The protocol as it is built: every field is True and `lag` is 2."""

    # Writing
    cas: bool = True
    """4. A swap replaces the root that was read, or is lost."""
    unique_names: bool = True
    """1. Names of packs are never used again, and contain the epoch of the root that was read."""
    listed_only: bool = True
    """1. Only objects in packs that the root lists are left out."""
    durable_packs: bool = True
    """2. Packs are durable before the root names them."""
    own_epoch: bool = True
    """5. After a lost swap, own packs are at most one epoch old."""
    relied_objects: bool = True
    """5. After a lost swap, every object that was left out is in a listed pack or an own one."""
    merge_sources: bool = True
    """5. After a lost swap, a merge whose sources are not all live is dropped."""
    relied_commits: bool = True
    """5. After a lost swap, no commit that the writer relies on is forgotten."""
    revive_looks_up: bool = True
    """1. Every object of a forgotten commit's tree is looked up before the commit is restored."""
    forget_anew: bool = True
    """5. A writer that forgets starts again when it loses the swap."""
    heads_hold: bool = True
    """Heads and tags keep their trees, whatever the map of forgotten commits contains."""
    settle_unsure: bool = True
    """6. A swap that was reported as failed but has happened is settled before it is acknowledged."""
    merge_sweep_alone: bool = True
    """Merging: its writer deletes the sources only when it is alone."""

    # Collecting
    gc_cas: bool = True
    """3. A collector's swap, too, replaces the root that was read, or is lost."""
    gc_revived: bool = True
    """3. After a lost swap, no object that is about to be dropped is live."""
    gc_listed: bool = True
    """3. After a lost swap, the packs that were rewritten are all still listed."""
    gc_epoch: bool = True
    """3. After a lost swap, the new packs are at most one epoch old."""
    gc_forgotten: bool = True
    """3. After a lost swap, marking starts again if commits were forgotten or restored."""
    present_first: bool = True
    """Writing 1. A writer is present before it reads the root."""
    presence: bool = True
    """4. A process is alone only when no writer is present."""
    lag: int = 2
    """4. The litter of others is deleted when its name is this many epochs old."""
    settle: bool = True
    """4. A sweeper makes the root durable before it deletes anything."""
    read_then_settle: bool = True
    """4. The root that is settled is the one that was read, or a later one."""
    settle_renames: bool = True
    """Settling renames the root into place again, because a sync that failed once may wrongly succeed the second time.
    """


AS_BUILT = Rules()
