"""Three-way merging of a tree's files, folders and links."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ctxstore.ops.merge.conflicts import ChangedKey, Edits, MergeConflict, MergeContext, counted, free_key, told
from ctxstore.ops.merge.lines import MAX_SIZE, merge_lines, merge_records
from ctxstore.ops.merge.three_way import BOTH, THEIRS
from ctxstore.trees.entries import DirEntry, Entry, FileEntry, SymlinkEntry, decode_entry, decode_key, encode_entry
from ctxstore.trees.files import read_content, write_content
from ctxstore.trees.maps import MapView


class _Versions(NamedTuple):
    """An entry on each side; None: not there."""

    base: Entry | None
    ours: Entry | None
    theirs: Entry | None


class FileMerge:
    """Decides what becomes of each path. What it decides are edits of our tree."""

    def __init__(self, merging: MergeContext, ours: MapView, theirs: MapView) -> None:
        self._merging = merging
        self._ours = ours
        self._theirs = theirs
        self._copies: dict[bytes, bytes] = {}

    def merge(self, changed: ChangedKey, edits: Edits) -> None:
        """Merge one path that both sides changed."""
        found = _Versions(*(decode_entry(value) if value is not None else None for value in changed[1:]))
        merged = self._agreed(changed.key, found)
        if merged is not None:
            edits[changed.key] = encode_entry(merged)
        elif found.theirs is None and _is_only_touched(found.base, found.ours):
            edits[changed.key] = None
        elif found.ours is not None or not _is_only_touched(found.base, found.theirs):
            self._disagree(changed, found, edits)

    def _agreed(self, key: bytes, found: _Versions) -> Entry | None:
        """The entry that both sides can have, or None."""
        base, ours, theirs = found
        if ours is None or theirs is None:
            there = ours or theirs
            return there if isinstance(there, DirEntry) else None  # what is in a folder decides whether it stays
        if _is_same(ours, theirs) or _is_same(base, theirs):
            return _with_metadata(ours, found)
        if _is_same(base, ours):
            return _with_metadata(theirs, found)
        if isinstance(ours, FileEntry) and isinstance(theirs, FileEntry):
            return self._by_lines(key, found)
        return None

    def _by_lines(self, key: bytes, found: _Versions) -> Entry | None:
        are_records = key.endswith(b".jsonl")
        files = [entry if isinstance(entry, FileEntry) else None for entry in found]
        if any(file is not None and file.size > MAX_SIZE for file in files) or (files[0] is None and not are_records):
            return None
        writer = self._merging.writer
        base, ours, theirs = (b"".join(read_content(writer, file)) if file else b"" for file in files)
        merged = (merge_records if are_records else merge_lines)(base, ours, theirs, self._merging.choice)
        if merged is None:
            return None
        for line, left, right in merged.conflicts:
            sides = (counted(left, "line"), counted(right, "line"))
            conflict = MergeConflict("lines", decode_key(key), line, *sides, self._merging.choice)
            self._merging.conflicts.append(conflict)
        content = write_content(writer, self._merging.engine.chunker, [merged.data])
        entry = found.ours
        assert isinstance(entry, FileEntry)
        return _with_metadata(entry._replace(**content._asdict()), found)

    def _disagree(self, changed: ChangedKey, found: _Versions, edits: Edits) -> None:
        kept = self._merging.kept(found.ours, found.theirs)
        copy = b""
        if kept == THEIRS:
            edits[changed.key] = changed.theirs
        elif kept == BOTH:
            copy = self._copy_of(changed.key, edits)
            edits[copy] = changed.theirs
        sides = [told(found.base, side, _KINDS.get(type(side), "")) for side in found[1:]]
        self._report(changed.key, kept, sides, copy)

    def _copy_of(self, key: bytes, edits: Edits) -> bytes:
        """Where what they have at a path goes beside what we have there."""
        if key not in self._copies:
            wanted = key + f".theirs-{self._merging.label}".encode()
            self._copies[key] = free_key(
                wanted, lambda name: name in edits or any(side.find(name) for side in (self._ours, self._theirs))
            )
        return self._copies[key]

    def _report(self, key: bytes, kept: str, sides: Sequence[str], copy: bytes) -> None:
        conflict = MergeConflict("file", decode_key(key), None, sides[0], sides[1], kept, decode_key(copy))
        self._merging.conflicts.append(conflict)

    def keep_apart(self, edits: Edits) -> None:
        """See to it that nothing is below a file: one side may have a file where the other has a folder."""
        roots: dict[bytes, list[bytes]] = {}
        for key in sorted(key for key, value in edits.items() if value is not None and not key.startswith(b"/")):
            root = next((folder for folder in _folders(key) if self._is_file(folder, edits)), None)
            if root is None and self._is_file(key, edits) and any(self._ours_below(key, edits)):
                root = key
            if root is not None:
                roots.setdefault(root, []).append(key)
        for root, keys in roots.items():
            self._part(root, keys, edits)

    def _part(self, root: bytes, keys: list[bytes], edits: Edits) -> None:
        """Resolve that they have `keys` where we have something of the other kind, at `root` or below."""
        is_new = root not in self._copies
        is_theirs_file = keys == [root]
        copy = b""
        if self._merging.choice == THEIRS:
            gone = list(self._ours_below(root, edits)) if is_theirs_file else [root]
            edits.update(dict.fromkeys(gone))
        else:
            moved = {key: edits.pop(key) for key in keys}
            if self._merging.choice == BOTH:
                copy = self._copy_of(root, edits)
                edits.update({copy + key[len(root) :]: value for key, value in moved.items()})
        if is_new:
            conflicts = self._merging.conflicts
            conflicts[:] = [each for each in conflicts if (each.kind, each.name) != ("file", decode_key(root))]
            sides = ("a folder", "a file") if is_theirs_file else ("a file", "a folder")
            self._report(root, self._merging.choice, sides, copy)

    def _is_file(self, key: bytes, edits: Edits) -> bool:
        """Whether the result has something other than a folder there."""
        value = edits[key] if key in edits else self._ours.find(key)
        return value is not None and not isinstance(decode_entry(value), DirEntry)

    def _ours_below(self, key: bytes, edits: Edits) -> Iterator[bytes]:
        for below, _ in self._ours.prefixed(key + b"/"):
            if edits.get(below, b"") is not None:
                yield below


_KINDS: dict[type, str] = {FileEntry: "file", DirEntry: "folder", SymlinkEntry: "link"}


def _folders(key: bytes) -> Iterator[bytes]:
    """The folders a path is in, outermost first."""
    for at, byte in enumerate(key):
        if byte == ord("/"):
            yield key[:at]


def _is_same(a: Entry | None, b: Entry | None) -> bool:
    """Whether two entries differ in mode and time at most."""
    if isinstance(a, FileEntry) and isinstance(b, FileEntry):
        return a[2:] == b[2:]
    if isinstance(a, SymlinkEntry) and isinstance(b, SymlinkEntry):
        return a.target == b.target
    return isinstance(a, DirEntry) and isinstance(b, DirEntry)


def _is_only_touched(base: Entry | None, side: Entry | None) -> bool:
    """Whether a side changed nothing but a time."""
    return _is_same(base, side) and getattr(base, "mode", 0) == getattr(side, "mode", 0)


def _with_metadata(entry: Entry, found: _Versions) -> Entry:
    """The entry with the mode that was changed, ours before theirs, and the later time."""
    base, ours, theirs = found
    if isinstance(entry, SymlinkEntry) and isinstance(ours, SymlinkEntry) and isinstance(theirs, SymlinkEntry):
        return entry._replace(mtime_ns=max(ours.mtime_ns, theirs.mtime_ns))
    if isinstance(entry, (FileEntry, DirEntry)) and type(ours) is type(theirs) is type(entry):
        assert isinstance(ours, (FileEntry, DirEntry)) and isinstance(theirs, (FileEntry, DirEntry))
        mode = theirs.mode if ours.mode == getattr(base, "mode", None) else ours.mode
        return entry._replace(mode=mode, mtime_ns=max(ours.mtime_ns, theirs.mtime_ns))
    return entry
