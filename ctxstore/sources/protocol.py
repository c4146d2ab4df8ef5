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
    """A place where a source keeps its files.

    - `path`: the absolute path.
    - `label`: the folder for this home in a restored tree. It is relative to the user's home, such as ``.claude``, or
      the absolute path without its leading slash.
    """

    source: str
    path: str
    label: str


class FoundFile(NamedTuple):
    """A file, directory or symlink of a context, as ``lstat`` last reported it.

    - `key`: the place in the context's tree: the path below the home, with ``/`` between parts.
    - `state`: an incremental snapshot includes the file, because it is metadata or state, not an artifact.
    - `content`: if set, the function that yields the bytes: rows of the database at `path`, or a consistent copy of it.
      Raises `SourceError` if it cannot read them.

    With `content`, `stat` is computed: the mode of a regular file, `st_mtime_ns` of the last change, and a fingerprint
    of the version as `st_ino`. So an equal `stat` means equal bytes.
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
    """A path that a source skipped, and the reason for people. `failed`: the path could not be read, so it was not
    skipped by a rule."""

    path: str
    reason: str
    failed: bool = True


ReportSkipped = Callable[[Skipped], None]


class Part(NamedTuple):
    """A part of a message.

    - `kind`: text | thinking | tool_use | tool_result | image | other.
    - `text`: the text for people.
    - `name`: the name of a tool.
    - `call`: the id that links a tool's use and its result.
    - `data`: the original value, such as a tool's input or a block of an unknown type.
    - `error`: whether a tool failed.
    """

    kind: str
    text: str = ""
    name: str = ""
    call: str = ""
    data: Any = None
    error: bool = False


class Message(NamedTuple):
    """A message as a view of raw bytes.

    - `raw`: the exact bytes of the file from `offset` on.
    - `role`: user | assistant | system | tool | meta | unknown. An unknown message could not be parsed, and `raw` has
      all of it.
    - `id`: the agent's own id, or one made from the position if the message has none.
    - `time`: the time as the agent wrote it.
    - `parent`: the id of the message before this one, or None for a first message.
    - `is_inherited`: the message is in another file that the transcript continues, and `offset` is its position there.
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
    """The facts about a context that a list shows without opening a tree. None means that a fact is unknown.

    - `messages`: the number of messages of the roles user, assistant, system and tool.
    - `project`: the folder in which the agent worked.
    """

    title: str | None = None
    agent: str | None = None
    model: str | None = None
    project: str | None = None
    messages: int | None = None


class Scanner(Protocol):
    """Computes a context's attributes from the bytes that a snapshot reads."""

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
        """Returns the context called `name`, or None if there is none. Avoids listing the others where the layout
        allows it."""

    def scanner(self, context: str, key: str, before: Attributes | None = None) -> Scanner | None:
        """Returns a scanner of the file `key`, or None if that file does not decide the context's attributes.

        A file decides them if it is the transcript, or would be the transcript if the preferred one were missing.

        With `before`, the attributes of the file's first part, the scanner computes the attributes of the whole file:

        - The caller feeds only the rest of the file, from the start of a line on.
        - `messages` is None if it is None in `before`.
        - `messages` is None if the meaning of the first line depends on earlier lines. A scan of the whole file can
          count them.
        """

    def transcript(self, context: str, keys: Iterable[str]) -> str | None:
        """Returns the key of the file that contains the context's messages, or None if no file does."""

    def messages(self, lines: Iterable[bytes], offset: int = 0) -> Iterator[Message]:
        """Yields the messages in a transcript's bytes, from blocks broken anywhere.

        `offset` is where the first block starts in the file. Tolerates any bytes: what is no message
        comes back as role ``unknown`` with its `raw`. The `raw` of all messages, joined, is the input.
        """

    def is_memory(self, key: str) -> bool:
        """Whether the file is one of the agent's memories, not one that only the agent itself reads."""


@runtime_checkable
class Whole(Protocol):
    """Protocol of a source whose transcripts cannot be read in parts.

    They are documents, or their messages depend on earlier ones.
    """

    reads_whole: bool


@runtime_checkable
class Subagents(Protocol):
    """Protocol of a source whose contexts may have several transcripts: the session's, and those of the subagents it
    started."""

    def subagents(self, context: str, keys: Iterable[str]) -> list[str]:
        """Returns those of `keys` that contain a subagent's messages, in order. The context's own transcript is not
        included."""


@runtime_checkable
class Expiring(Protocol):
    """Protocol of a source whose agent deletes old sessions."""

    def kept_days(self, home: SourceHome) -> int | None:
        """Returns the days after its last change when the agent at `home` deletes a session, or None if it deletes
        none."""


Decoder = Callable[[Iterable[bytes]], Iterator[bytes]]
"""A transcript's bytes as stored → those its messages are cut from. Never fails: what can't be decoded comes out as
it is. Bounded in memory and in what comes out, whatever goes in."""


@runtime_checkable
class Decoding(Protocol):
    """Protocol of a source that stores some transcripts in another form than their messages, for example compressed.

    The bytes for its `scanner` are the stored ones. The bytes for `messages` are those that the decoder returns.
    """

    def decoder(self, key: str) -> Decoder | None:
        """Returns the decoder of the transcript `key`, or None if its bytes need none."""


def decoder_of(source: Source, key: str) -> Decoder | None:
    """Returns the decoder of `source`'s transcript `key`, or None if its bytes need none."""
    return source.decoder(key) if isinstance(source, Decoding) else None


def is_read_whole(source: Source, key: str) -> bool:
    """Whether the messages of the transcript `key` can be read only from the whole file."""
    return decoder_of(source, key) is not None or (isinstance(source, Whole) and source.reads_whole)


def messages_of(source: Source, key: str, blocks: Iterable[bytes]) -> Iterator[Message]:
    """Yields the messages of the whole transcript `key`, from its bytes as stored."""
    decode = decoder_of(source, key)
    return source.messages(decode(blocks) if decode else blocks)
