"""The rules of docs/format/protocol.md that can be left out, to see what goes wrong without them."""

from typing import NamedTuple


class Rules(NamedTuple):
    """Every field True, `lag` 2: the protocol as it is built."""

    # Writing
    cas: bool = True
    """4. A swap replaces the root that was read, or is lost."""
    unique_names: bool = True
    """1. Names of packs are never used again, and say the epoch of the root that was read."""
    listed_only: bool = True
    """1. Only what packs of the root hold is left out."""
    durable_packs: bool = True
    """2. Packs are durable before the root names them."""
    own_epoch: bool = True
    """5. After a lost swap, own packs are at most one epoch old."""
    relied_objects: bool = True
    """5. After a lost swap, what was left out is in a pack that is listed or an own one."""
    merge_sources: bool = True
    """5. After a lost swap, a merge whose sources are not all live is forgotten."""
    relied_commits: bool = True
    """5. After a lost swap, no commit that was relied upon is forgotten."""
    revive_looks_up: bool = True
    """1. Every object of a forgotten commit's tree is looked up before it comes back."""
    forget_anew: bool = True
    """5. A writer that forgets starts anew when it loses the swap."""
    heads_hold: bool = True
    """Heads and tags hold their trees whatever the forgotten map says."""
    settle_unsure: bool = True
    """6. A swap that was reported as failed and has happened is settled before it is acknowledged."""
    merge_sweep_alone: bool = True
    """Merging: its writer deletes the sources only when alone."""

    # Collecting
    gc_cas: bool = True
    """3. A collector's swap, too, replaces the root that was read, or is lost."""
    gc_revived: bool = True
    """3. After a lost swap, nothing that is about to be dropped has come to life."""
    gc_listed: bool = True
    """3. After a lost swap, the packs that were rewritten are all still listed."""
    gc_epoch: bool = True
    """3. After a lost swap, the new packs are at most one epoch old."""
    gc_forgotten: bool = True
    """3. After a lost swap, marking starts anew if commits were forgotten or came back."""
    present_first: bool = True
    """Writing 1. A writer is present before it reads the root."""
    presence: bool = True
    """4. Alone is granted only when no writer is present."""
    lag: int = 2
    """4. Others' litter is deleted when its name is this many epochs old."""
    settle: bool = True
    """4. A sweeper makes the root durable before it deletes anything."""
    read_then_settle: bool = True
    """4. What is settled is the root that was read, or a later one."""
    settle_renames: bool = True
    """Settling puts the root in its place anew, because a sync that failed once may lie the second time."""


AS_BUILT = Rules()
