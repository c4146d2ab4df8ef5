"""Three-way merging of a tree's files, folders and links."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ctxstore.ops.merge.conflicts import (
    ChangedKey,
    Edits,
    MergeConflict,
    MergeContext,
    describe_change,
    format_count,
    free_key,
)
from ctxstore.ops.merge.lines import MAX_SIZE, merge_lines, merge_records
from ctxstore.ops.merge.three_way import BOTH, THEIRS
from ctxstore.trees.entries import DirEntry, Entry, FileEntry, SymlinkEntry, decode_entry, decode_key, encode_entry
from ctxstore.trees.files import read_content, write_content
from ctxstore.trees.maps import MapView


class _Versions(NamedTuple):
    """The entry of a path in the base and on each side. None: the path does not exist there."""

    base: Entry | None
    ours: Entry | None
    theirs: Entry | None


class FileMerge:
    """Merges the entries of paths. Its results are edits of our tree."""

    def __init__(self, state: MergeContext, ours: MapView, theirs: MapView) -> None:
        self._state = state
        self._ours = ours
        self._theirs = theirs
        self._copies: dict[bytes, bytes] = {}

    def merge(self, changed: ChangedKey, edits: Edits) -> None:
        """Merges one path that both sides changed, and adds the result to `edits`.

        If one side deleted the entry and the other only changed its time, the deletion wins.
        """
        versions = _Versions(*(decode_entry(value) if value is not None else None for value in changed.values))
        merged = self._merge_entry(changed.key, versions)
        if merged is not None:
            edits[changed.key] = encode_entry(merged)
        elif versions.theirs is None and _is_only_touched(versions.base, versions.ours):
            edits[changed.key] = None
        elif versions.ours is not None or not _is_only_touched(versions.base, versions.theirs):
            self._resolve_conflict(changed, versions, edits)

    def _merge_entry(self, key: bytes, versions: _Versions) -> Entry | None:
        """Returns an entry that contains the changes of both sides, or None if there is no such entry."""
        base, ours, theirs = versions
        if ours is None or theirs is None:
            remaining = ours or theirs
            # A folder stays even if one side removed it: whether it is needed depends on the files in it.
            return remaining if isinstance(remaining, DirEntry) else None
        if _is_same(ours, theirs) or _is_same(base, theirs):
            return _with_metadata(ours, versions)
        if _is_same(base, ours):
            return _with_metadata(theirs, versions)
        if isinstance(ours, FileEntry) and isinstance(theirs, FileEntry):
            return self._merge_file_lines(key, versions)
        return None

    def _merge_file_lines(self, key: bytes, versions: _Versions) -> Entry | None:
        """Merges a file by lines and stores the result. Files named ``*.jsonl`` are merged record by record.

        Returns None if lines cannot be merged:

        - a version exceeds `MAX_SIZE`;
        - the file is not ``*.jsonl`` and does not exist in the base, or a version contains a NUL byte;
        - the file is not ``*.jsonl``, lines conflict, and the user chose to keep both sides.
        """
        are_records = key.endswith(b".jsonl")
        files = [entry if isinstance(entry, FileEntry) else None for entry in versions]
        if any(file is not None and file.size > MAX_SIZE for file in files) or (files[0] is None and not are_records):
            return None
        writer = self._state.writer
        base, ours, theirs = (b"".join(read_content(writer, file)) if file else b"" for file in files)
        merged = (merge_records if are_records else merge_lines)(base, ours, theirs, self._state.choice)
        if merged is None:
            return None
        for line, left, right in merged.conflicts:
            sides = (format_count(left, "line"), format_count(right, "line"))
            conflict = MergeConflict("lines", decode_key(key), line, *sides, self._state.choice)
            self._state.conflicts.append(conflict)
        content = write_content(writer, self._state.engine.chunker, [merged.data])
        entry = versions.ours
        assert isinstance(entry, FileEntry)
        return _with_metadata(entry._replace(**content._asdict()), versions)

    def _resolve_conflict(self, changed: ChangedKey, versions: _Versions, edits: Edits) -> None:
        """Keeps our entry, theirs, or both with theirs under the name of a copy. Reports the conflict."""
        kept = self._state.choose_side(versions.ours, versions.theirs)
        copy = b""
        if kept == THEIRS:
            edits[changed.key] = changed.theirs
        elif kept == BOTH:
            copy = self._copy_key(changed.key, edits)
            edits[copy] = changed.theirs
        sides = [
            describe_change(versions.base, side, _KINDS.get(type(side), ""))
            for side in (versions.ours, versions.theirs)
        ]
        self._report(changed.key, kept, sides, copy)

    def _copy_key(self, key: bytes, edits: Edits) -> bytes:
        """Returns the path for the copy of their entry, beside ours: ``PATH.theirs-LABEL``, with a number if taken."""
        if key not in self._copies:
            wanted = key + f".theirs-{self._state.label}".encode()
            self._copies[key] = free_key(
                wanted, lambda name: name in edits or any(side.find(name) for side in (self._ours, self._theirs))
            )
        return self._copies[key]

    def _report(self, key: bytes, kept: str, sides: Sequence[str], copy: bytes) -> None:
        """Adds a conflict about a path. `sides` describes ours and theirs."""
        ours, theirs = sides
        self._state.conflicts.append(MergeConflict("file", decode_key(key), None, ours, theirs, kept, decode_key(copy)))

    def separate_files_from_folders(self, edits: Edits) -> None:
        """Resolves paths that are a file on one side and a folder on the other, so that no path is below a file."""
        roots: dict[bytes, list[bytes]] = {}
        for key in sorted(key for key, value in edits.items() if value is not None and not key.startswith(b"/")):
            root = next((folder for folder in _folders(key) if self._is_file(folder, edits)), None)
            if root is None and self._is_file(key, edits) and any(self._ours_below(key, edits)):
                root = key
            if root is not None:
                roots.setdefault(root, []).append(key)
        for root, keys in roots.items():
            self._separate(root, keys, edits)

    def _separate(self, root: bytes, keys: list[bytes], edits: Edits) -> None:
        """Resolves one path that is a file on one side and a folder on the other, and reports the conflict.

        `keys` are their paths at `root` or below it. The new conflict replaces one that was reported for `root` before,
        unless both versions of `root` were kept then.
        """
        is_new = root not in self._copies
        is_theirs_file = keys == [root]
        copy = b""
        if self._state.choice == THEIRS:
            removed = list(self._ours_below(root, edits)) if is_theirs_file else [root]
            edits.update(dict.fromkeys(removed))
        else:
            moved = {key: edits.pop(key) for key in keys}
            if self._state.choice == BOTH:
                copy = self._copy_key(root, edits)
                edits.update({copy + key[len(root) :]: value for key, value in moved.items()})
        if is_new:
            conflicts = self._state.conflicts
            conflicts[:] = [each for each in conflicts if (each.kind, each.name) != ("file", decode_key(root))]
            sides = ("a folder", "a file") if is_theirs_file else ("a file", "a folder")
            self._report(root, self._state.choice, sides, copy)

    def _is_file(self, key: bytes, edits: Edits) -> bool:
        """Whether the merged tree has a file or a link at this path."""
        value = edits[key] if key in edits else self._ours.find(key)
        return value is not None and not isinstance(decode_entry(value), DirEntry)

    def _ours_below(self, key: bytes, edits: Edits) -> Iterator[bytes]:
        """Yields our paths below the folder `key` that `edits` does not remove."""
        for below, _ in self._ours.prefixed(key + b"/"):
            if edits.get(below, b"") is not None:
                yield below


_KINDS: dict[type, str] = {FileEntry: "file", DirEntry: "folder", SymlinkEntry: "link"}


def _folders(key: bytes) -> Iterator[bytes]:
    """Yields the folders above a path, outermost first."""
    for at, byte in enumerate(key):
        if byte == ord("/"):
            yield key[:at]


def _is_same(a: Entry | None, b: Entry | None) -> bool:
    """Whether two entries are equal apart from mode and time."""
    if isinstance(a, FileEntry) and isinstance(b, FileEntry):
        return has_same_content(a, b)
    if isinstance(a, SymlinkEntry) and isinstance(b, SymlinkEntry):
        return a.target == b.target
    return isinstance(a, DirEntry) and isinstance(b, DirEntry)


def has_same_content(a: FileEntry, b: FileEntry) -> bool:
    """Whether two files have the same stored content: equal size and id."""
    return (a.size, a.is_list, a.id) == (b.size, b.is_list, b.id)


def _is_only_touched(base: Entry | None, side: Entry | None) -> bool:
    """Whether a side changed nothing or only the time."""
    return _is_same(base, side) and getattr(base, "mode", 0) == getattr(side, "mode", 0)


def _with_metadata(entry: Entry, versions: _Versions) -> Entry:
    """Returns `entry` with the merged metadata: a changed mode (ours before theirs) and the later time."""
    base, ours, theirs = versions
    if isinstance(entry, SymlinkEntry) and isinstance(ours, SymlinkEntry) and isinstance(theirs, SymlinkEntry):
        return entry._replace(mtime_ns=max(ours.mtime_ns, theirs.mtime_ns))
    if isinstance(entry, (FileEntry, DirEntry)) and type(ours) is type(theirs) is type(entry):
        assert isinstance(ours, (FileEntry, DirEntry)) and isinstance(theirs, (FileEntry, DirEntry))
        mode = theirs.mode if ours.mode == getattr(base, "mode", None) else ours.mode
        return entry._replace(mode=mode, mtime_ns=max(ours.mtime_ns, theirs.mtime_ns))
    return entry
