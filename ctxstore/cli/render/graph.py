"""Draws the commit graph as text: one column for each branch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

Node = tuple[bytes, tuple[bytes, ...]]


class Graph:
    """Draws commits in the order children before parents. A lane contains the id of its next commit."""

    def __init__(self) -> None:
        self._lanes: list[bytes] = []

    def before(self, id: bytes) -> Iterator[str]:
        """Yields the rows that join all lanes of the commit `id` into one."""
        while self._lanes.count(id) > 1:
            first = self._lanes.index(id)
            last = len(self._lanes) - 1 - self._lanes[::-1].index(id)
            yield self._bridge(first, last, "╯")
            del self._lanes[last]

    def node(self, id: bytes) -> str:
        """Returns the row of the commit itself."""
        if id not in self._lanes:
            self._lanes.append(id)
        return "".join("● " if lane == id else "│ " for lane in self._lanes)

    def after(self, id: bytes, parents: tuple[bytes, ...]) -> Iterator[str]:
        """Yields the rows that split the lane of the commit `id` into one lane per parent."""
        at = self._lanes.index(id)
        if not parents:
            del self._lanes[at]
            return
        self._lanes[at] = parents[0]
        for parent in parents[1:]:
            self._lanes.append(parent)
            yield self._bridge(at, len(self._lanes) - 1, "╮")

    def margin(self) -> str:
        """Returns the margin of lines between two commits."""
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
    """Yields the rows, newest commit first, each with the commit to print beside it or None."""
    graph = Graph()
    for id, parents in nodes:
        for row in graph.before(id):
            yield row, None
        yield graph.node(id), id
        for row in graph.after(id, parents):
            yield row, None
