"""Commits: a moment of one context. docs/format/history.md is normative."""

from typing import Any, NamedTuple

from ctxstore.errors import Corrupt
from ctxstore.ids import ID_SIZE, Kind, ObjectId
from ctxstore.objects.encoding import decode_structure, encode_structure
from ctxstore.trees.sequence import Getter, Putter

KINDS = ("auto", "full", "incremental")

VERSION = 1


class Summary(NamedTuple):
    """What a list of commits shows without opening trees. None: unknown. `bytes` counts file and record bytes."""

    title: str | None = None
    agent: str | None = None
    model: str | None = None
    project: str | None = None
    messages: int | None = None
    files: int = 0
    memories: int = 0
    bytes: int = 0


class Author(NamedTuple):
    """Who made a commit or ran a command, where, with what."""

    user: str
    host: str
    tool: str


class Commit(NamedTuple):
    """`time` is UTC nanoseconds. `root` and `label` say where its files were, for a restore in place.

    `shrunk` marks a context that lost much of what its parent had.
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


class Stored(NamedTuple):
    """A commit with its id."""

    id: ObjectId
    commit: Commit


def encode_commit(commit: Commit) -> bytes:
    """The commit object's bytes."""
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
    """Texts are kept as bytes, because names and titles may hold what is not UTF-8: every str comes back."""
    return text.encode("utf-8", "surrogatepass")


def decode_text(data: Any) -> str:
    """What `encode_text` was given. Raises `TypeError`, `ValueError`."""
    if type(data) is not bytes:
        raise TypeError("not a text")
    return data.decode("utf-8", "surrogatepass")


def encode_summary(summary: Summary) -> list[Any]:
    """A summary's encodable fields."""
    return [encode_text(value) if isinstance(value, str) else value for value in summary]


def decode_summary(fields: list[Any]) -> Summary:
    """What `encode_summary` was given. Raises `TypeError`, `ValueError`."""
    values: list[Any] = [decode_text(value) if isinstance(value, bytes) else value for value in fields]
    return Summary(*values)


def decode_commit(data: bytes) -> Commit:
    """Raises `Corrupt`."""
    fields = decode_structure(data)
    try:
        if fields[0] != VERSION:
            raise ValueError("unknown version")
        commit = Commit(
            tree=fields[1],
            parents=tuple(fields[2]),
            generation=fields[3],
            time=fields[4],
            author=Author(*(decode_text(text) for text in fields[5])),
            ref=decode_text(fields[6]),
            note=decode_text(fields[7]),
            kind=KINDS[fields[8]],
            source=fields[9],
            root=decode_text(fields[10]),
            label=decode_text(fields[11]),
            shrunk=fields[12],
            summary=decode_summary(fields[13]),
        )
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise Corrupt("a commit is malformed") from error
    ids = (commit.tree, *commit.parents)
    numbers = (commit.generation, commit.time, *commit.summary[5:])
    if not all(type(id) is bytes and len(id) == ID_SIZE for id in ids) or not all(type(n) is int for n in numbers):
        raise Corrupt("a commit is malformed")
    return commit


def read_commit(getter: Getter, id: ObjectId) -> Commit:
    """Raises `NotFound`, `Corrupt`."""
    return decode_commit(getter.get(id, Kind.COMMIT))


def write_commit(putter: Putter, commit: Commit) -> ObjectId:
    """Store a commit; its id."""
    return putter.put(Kind.COMMIT, encode_commit(commit))
