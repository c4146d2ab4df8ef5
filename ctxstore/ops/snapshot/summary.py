"""The summary of a context, which its commit stores."""

from collections.abc import Mapping

from ctxstore.history.commits import Summary
from ctxstore.sources.protocol import Attributes, Source
from ctxstore.trees.entries import FileEntry, decode_entry, decode_key


def attributes_of(summary: Summary) -> Attributes:
    """Returns the fields of a commit's summary that are read from the transcript."""
    return Attributes(
        title=summary.title,
        agent=summary.agent,
        model=summary.model,
        project=summary.project,
        messages=summary.messages,
    )


def summarise(
    source: Source,
    name: str,
    entries: Mapping[bytes, bytes],
    attributes: Attributes | None,
    before: Summary | None,
    project: str | None = None,
) -> Summary:
    """Returns the summary of a context with these tree entries.

    - `attributes`: the attributes of the transcript. If it is unchanged, they are None and those of `before` are kept.
    - `project`: the project folder, for a context whose transcript does not name one.
    """
    files = [(key, decode_entry(entry)) for key, entry in entries.items()]
    contents = [(key, entry) for key, entry in files if isinstance(entry, FileEntry)]
    found = attributes
    if found is None and before is not None:
        found = attributes_of(before)
        if found.messages and source.transcript(name, [decode_key(key) for key, _ in contents]) is None:
            # The transcript was removed or replaced by a link or a folder, while other files of the context still
            # exist.
            found = found._replace(messages=0)
    found = found or Attributes(agent=source.agent)
    return Summary(
        title=found.title,
        agent=found.agent,
        model=found.model,
        project=found.project or project,
        messages=found.messages,
        files=len(contents),
        memories=sum(source.is_memory(decode_key(key)) for key, _ in contents),
        bytes=sum(entry.size for _, entry in contents),
    )
