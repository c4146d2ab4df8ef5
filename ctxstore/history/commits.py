"""Commits: immutable records of one context at one moment. docs/format/history.md is normative."""

from typing import Any, NamedTuple

from ctxstore.errors import Corrupt, InvalidInput, require_text
from ctxstore.ids import Kind, ObjectId, as_id
from ctxstore.objects.encoding import decode_structure, encode_structure
from ctxstore.trees.sequence import Getter, Putter

KINDS = ("auto", "full", "incremental")

VERSION = 1


class Summary(NamedTuple):
    """The facts that lists of commits show without reading trees. None means unknown.

    `bytes` is the size of all files and records.
    """

    title: str | None = None
    agent: str | None = None
    model: str | None = None
    project: str | None = None
    messages: int | None = None
    files: int = 0
    memories: int = 0
    bytes: int = 0


class Author(NamedTuple):
    """The user, host and tool that made a commit or ran a command."""

    user: str
    host: str
    tool: str


class Commit(NamedTuple):
    """A commit: the tree of a context at one moment, and how it was made.

    - `generation`: one more than the highest generation of the parents, or 0 without parents.
    - `time`: in UTC nanoseconds.
    - `root`: the folder that the files were saved from. A checkout in place writes there.
    - `label`: distinguishes several such folders of one source.
    - `shrunk`: the context lost much of its parent's content.
    """

    tree: ObjectId
    parents: tuple[ObjectId, ...]
    generation: int
    time: int
    author: Author
    ref: str
    note: str = ""
    kind: str = "auto"
    source: str = ""
    root: str = ""
    label: str = ""
    shrunk: bool = False
    summary: Summary = Summary()


class StoredCommit(NamedTuple):
    """A commit and its id."""

    id: ObjectId
    commit: Commit


class NamedCommit(NamedTuple):
    """A commit with the name of the context or tag that points to it."""

    name: str
    stored: StoredCommit


def encode_commit(commit: Commit) -> bytes:
    """Encodes a commit as the bytes of its object."""
    fields: dict[int, Any] = {
        0: VERSION,
        1: commit.tree,
        2: list(commit.parents),
        3: commit.generation,
        4: commit.time,
        5: [encode_text(text) for text in commit.author],
        6: encode_text(commit.ref),
        7: encode_text(commit.note),
        8: KINDS.index(commit.kind),
        9: commit.source,
        10: encode_text(commit.root),
        11: encode_text(commit.label),
        12: commit.shrunk,
        13: encode_summary(commit.summary),
    }
    return encode_structure(fields)


def encode_text(text: str) -> bytes:
    """Encodes a text as bytes that `decode_text` reverses exactly. Names and titles may contain lone surrogates.

    Raises `InvalidInput` if `text` is not a str: a commit that cannot be read again must not be stored.
    """
    require_text(text, "a note, a title or a name")
    return text.encode("utf-8", "surrogatepass")


def decode_text(data: Any) -> str:
    """Decodes the bytes from `encode_text`. Raises `TypeError`, `ValueError`."""
    if type(data) is not bytes:
        raise TypeError("not a text")
    return data.decode("utf-8", "surrogatepass")


def encode_summary(summary: Summary) -> list[Any]:
    """Returns a summary as a list of values that can be encoded."""
    texts = summary.title, summary.agent, summary.model, summary.project
    numbers = summary.messages, summary.files, summary.memories, summary.bytes
    return [*(None if text is None else encode_text(text) for text in texts), *numbers]


def decode_summary(fields: list[Any]) -> Summary:
    """Decodes the list from `encode_summary`. Raises `TypeError`, `ValueError`."""
    title, agent, model, project = (None if value is None else decode_text(value) for value in fields[:4])
    messages, files, memories, size = (None if value is None else decode_number(value) for value in fields[4:])
    if files is None or memories is None or size is None:
        raise ValueError("not a number")
    return Summary(title, agent, model, project, messages, files, memories, size)


def decode_number(value: Any) -> int:
    """Returns a decoded size or count. Raises `ValueError` if it is not one."""
    if type(value) is not int or not 0 <= value < 1 << 63:
        raise ValueError("not a number")
    return value


def decode_integer(value: Any) -> int:
    """Returns a decoded time or other signed integer of 64 bits. Raises `ValueError` if it is not one."""
    if type(value) is not int or not -1 << 63 <= value < 1 << 63:
        raise ValueError("not an integer")
    return value


def decode_string(value: Any) -> str:
    """Returns a decoded text string. Raises `TypeError` if it is not one."""
    if type(value) is not str:
        raise TypeError("not a string")
    return value


def decode_commit(data: bytes) -> Commit:
    """Decodes the bytes of a commit object. Raises `Corrupt`."""
    fields = decode_structure(data)
    try:
        if type(fields) is not dict or fields[0] != VERSION:
            raise ValueError("unknown version")
        commit = Commit(
            tree=_id(fields[1]),
            parents=tuple(_id(parent) for parent in fields[2]),
            generation=decode_number(fields[3]),
            time=decode_integer(fields[4]),
            author=Author(*(decode_text(text) for text in fields[5])),
            ref=decode_text(fields[6]),
            note=decode_text(fields[7]),
            kind=KINDS[decode_number(fields[8])],
            source=decode_string(fields[9]),
            root=decode_text(fields[10]),
            label=decode_text(fields[11]),
            shrunk=fields[12],
            summary=decode_summary(fields[13]),
        )
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise Corrupt("a commit is malformed") from error
    if type(commit.shrunk) is not bool:
        raise Corrupt("a commit is malformed")
    return commit


def _id(value: Any) -> ObjectId:
    if as_id(value) is None:
        raise ValueError("not an id")
    return ObjectId(value)


def read_commit(getter: Getter, id: ObjectId) -> Commit:
    """Reads a commit. Raises `NotFound`, `Corrupt`."""
    return decode_commit(getter.get(id, Kind.COMMIT))


def write_commit(putter: Putter, commit: Commit) -> ObjectId:
    """Stores a commit and returns its id. Raises `InvalidInput` if reading it would not return an equal commit."""
    data = encode_commit(commit)
    try:
        is_readable = decode_commit(data) == commit
    except Corrupt:
        is_readable = False
    if not is_readable:
        raise InvalidInput(
            f"a commit of {commit.ref!r} has a value of the wrong type or size", hint="check its author and summary"
        )
    return putter.put(Kind.COMMIT, data)
