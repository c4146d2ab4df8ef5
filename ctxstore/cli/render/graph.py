"""Commits as a drawn graph: a column for each line of descent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

Node = tuple[bytes, tuple[bytes, ...]]


class Graph:
    """Draws commits given children first. A lane holds the id it waits for."""

    def __init__(self) -> None:
        self._lanes: list[bytes] = []

    def before(self, id: bytes) -> Iterator[str]:
        """Rows in which the lanes that wait for `id` come together."""
        while self._lanes.count(id) > 1:
            first = self._lanes.index(id)
            last = len(self._lanes) - 1 - self._lanes[::-1].index(id)
            yield self._bridge(first, last, "╯")
            del self._lanes[last]

    def node(self, id: bytes) -> str:
        """The row of the commit itself."""
        if id not in self._lanes:
            self._lanes.append(id)
        return "".join("● " if lane == id else "│ " for lane in self._lanes)

    def after(self, id: bytes, parents: tuple[bytes, ...]) -> Iterator[str]:
        """Rows in which lanes part or end; then the lanes wait for the parents."""
        at = self._lanes.index(id)
        if not parents:
            del self._lanes[at]
            return
        self._lanes[at] = parents[0]
        for parent in parents[1:]:
            self._lanes.append(parent)
            yield self._bridge(at, len(self._lanes) - 1, "╮")

    def margin(self) -> str:
        """What stands left of lines between two commits."""
        return "│ " * len(self._lanes)

    def _bridge(self, first: int, last: int, corner: str) -> str:
        row = ""
        for lane in range(len(self._lanes)):
            if lane < first or lane > last:
                row += "│ "
            elif lane == first:
                row += "├─"
            elif lane < last:
                row += "┼─"
            else:
                row += corner + " "
        return row.rstrip()


def draw(nodes: Iterable[Node]) -> Iterator[tuple[str, bytes | None]]:
    """(row, the commit whose text belongs beside it) from the newest to the oldest."""
    graph = Graph()
    for id, parents in nodes:
        for row in graph.before(id):
            yield row, None
        yield graph.node(id), id
        for row in graph.after(id, parents):
            yield row, None
