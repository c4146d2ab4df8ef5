"""The protocol of sources, which turn an agent's files into contexts and messages.

A source handles values only. It never sees a repository, and it never writes: `snapshot` and `checkout` in
`ctxstore.ops` read, store and write by its plans.

Paths and keys are `str` decoded with ``surrogateescape``, so names that are not UTF-8 survive.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, runtime_checkable


class SourceHome(NamedTuple):
    """A place where a source keeps its files: `path` is absolute, `label` is how a home lays it out
    (relative to the user's home, such as ``.claude``, or the absolute path without its leading slash)."""

    source: str
    path: str
    label: str


class FoundFile(NamedTuple):
    """One file, directory or symlink of a context, as last seen by ``lstat``.

    `key` is the place in the context's tree: the path below the home, ``/`` between parts.
    `state` marks what an incremental snapshot takes (metadata and state, not artifacts).

    With `content` the bytes are not what lies at `path`, but what `content` yields: rows of the database there,
    or a consistent copy of it. `stat` is then made up: mode of a regular file, `st_mtime_ns` when it changed,
    `st_ino` a fingerprint of the version, so that an equal `stat` means equal bytes. `content` raises
    `SourceError` when they can't be had.
    """

    key: str
    path: str
    stat: os.stat_result
    state: bool = True
    content: Callable[[], Iterator[bytes]] | None = None


class FoundContext(NamedTuple):
    """A context: files that are versioned together. `name` is ``<source>/<group>/<name>``."""

    name: str
    files: Sequence[FoundFile]


class Skipped(NamedTuple):
    """A path a source left out, and why, for a person; `failed` if it could not be read, as against should not."""

    path: str
    reason: str
    failed: bool = True


ReportSkipped = Callable[[Skipped], None]


class Part(NamedTuple):
    """A piece of a message.

    `kind` is text | thinking | tool_use | tool_result | image | other. `text` is what a person reads.
    `name` is a tool's name, `call` the id that links a tool's use and its result, `data` the value as
    found (a tool's input, a block of an unknown type), `error` whether a tool failed.
    """

    kind: str
    text: str = ""
    name: str = ""
    call: str = ""
    data: Any = None
    error: bool = False


class Message(NamedTuple):
    """A message as a view over raw bytes: `raw` is exactly what the file holds from `offset` on.

    `role` is user | assistant | system | tool | meta | unknown (could not be parsed; `raw` has it all).
    `id` is the agent's own, or one made from the position when it has none. `time` is the agent's text,
    `parent` the id of the message it follows, ``None`` at a root. `is_inherited`: it is another file's, which the
    transcript continues; `offset` is its place there.
    """

    id: str
    role: str
    parts: tuple[Part, ...]
    time: str | None
    parent: str | None
    raw: bytes
    offset: int
    model: str | None = None
    is_inherited: bool = False


def unknown_message(raw: bytes, offset: int) -> Message:
    """Returns a message of bytes that could not be understood."""
    return Message(f"@{offset}", "unknown", (), None, None, raw, offset)


class Attributes(NamedTuple):
    """The facts about a context that a list shows without opening a tree. ``None``: unknown.

    `messages` counts roles user, assistant, system and tool. `project` is the folder worked in.
    """

    title: str | None = None
    agent: str | None = None
    model: str | None = None
    project: str | None = None
    messages: int | None = None


class Scanner(Protocol):
    """Computes a context's attributes from bytes as they pass by on their way into the store."""

    def feed(self, block: bytes) -> None:
        """Reads the next bytes of the file. Blocks break anywhere."""

    def finish(self) -> Attributes:
        """Returns the attributes, once the file ended."""


class Source(Protocol):
    """An agent's files, found and understood. Implementations hold no state."""

    name: str
    agent: str

    def discover(self, environ: Mapping[str, str]) -> list[SourceHome]:
        """Returns the homes on this machine, by HOME and the agent's own variables. Missing ones are left out."""

    def contexts(self, home: SourceHome, report: ReportSkipped) -> Iterator[FoundContext]:
        """Yields all contexts of `home`, each with its files in the order of their keys.

        Files that cannot be listed, and FIFOs, sockets and devices, are reported to `report` and skipped.
        """

    def find_context(self, home: SourceHome, name: str, report: ReportSkipped) -> FoundContext | None:
        """Returns one context by name, without listing the others where the layout allows it."""

    def scanner(self, context: str, key: str, before: Attributes | None = None) -> Scanner | None:
        """Returns a scanner for the file `key` if that file decides the context's attributes: if it is the transcript,
        or would be if the preferred one were missing.

        With `before`, the attributes of what precedes, the scanner continues from there. The first block then starts at
        the start of a line, nothing that precedes is fed, and the result covers both. `messages` is never wrong: it is
        ``None`` if it was in `before`, or if the first line fed may mean something else after what precedes. Then only
        a scan from the start can count them.
        """

    def transcript(self, context: str, keys: Iterable[str]) -> str | None:
        """Returns the key that holds the context's messages."""

    def messages(self, lines: Iterable[bytes], offset: int = 0) -> Iterator[Message]:
        """Yields the messages in a transcript's bytes, from blocks broken anywhere.

        `offset` is where the first block starts in the file. Tolerates any bytes: what is no message
        comes back as role ``unknown`` with its `raw`. The `raw` of all messages, joined, is the input.
        """

    def is_memory(self, key: str) -> bool:
        """Whether the file is one of the agent's memories (as against a file it keeps)."""


@runtime_checkable
class Whole(Protocol):
    """A source whose transcripts are documents, or whose messages depend on what precedes them. A part of one can't be
    read alone, as lines can."""

    reads_whole: bool


@runtime_checkable
class Subagents(Protocol):
    """A source whose contexts may have more transcripts than one: those of the agents that a session started."""

    def subagents(self, context: str, keys: Iterable[str]) -> list[str]:
        """Returns those of `keys` that hold a subagent's messages, in order; without the context's own transcript."""


@runtime_checkable
class Expiring(Protocol):
    """A source whose agent deletes old sessions."""

    def kept_days(self, home: SourceHome) -> int | None:
        """Days after its last change when the agent at `home` deletes a session, by its settings; ``None``: never."""


Decoder = Callable[[Iterable[bytes]], Iterator[bytes]]
"""A transcript's bytes as stored → those its messages are cut from. Never fails: what can't be decoded comes out as
it is. Bounded in memory and in what comes out, whatever goes in."""


@runtime_checkable
class Decoding(Protocol):
    """A source some of whose transcripts are stored in another form than their messages: packed, for instance.

    Its `scanner` is fed the bytes as stored, `messages` what the decoder gives: the `raw` of all messages, joined, is
    that.
    """

    def decoder(self, key: str) -> Decoder | None:
        """Returns the decoder of the transcript `key`; ``None`` if its bytes need none."""


def decoder_of(source: Source, key: str) -> Decoder | None:
    """Returns the decoder of `source`'s transcript `key`; ``None`` if its bytes need none."""
    return source.decoder(key) if isinstance(source, Decoding) else None


def is_read_whole(source: Source, key: str) -> bool:
    """Whether the messages of the transcript `key` can only be had from all of its bytes."""
    return decoder_of(source, key) is not None or (isinstance(source, Whole) and source.reads_whole)


def messages_of(source: Source, key: str, blocks: Iterable[bytes]) -> Iterator[Message]:
    """Yields the messages of the whole transcript `key`, from its bytes as stored."""
    decode = decoder_of(source, key)
    return source.messages(decode(blocks) if decode else blocks)
