"""A generator of conversations in no agent's format. The generators of the agents' files use them."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import NamedTuple

from .words import Project, numbered, paragraphs, test_log


class Step(NamedTuple):
    """A step of the model: a thought, a tool call, and the tool's output."""

    thought: str
    tool: str
    argument: str
    output: str


class Turn(NamedTuple):
    """A turn of a conversation: the user's request, the model's steps, and the answer."""

    number: int
    asked: str
    steps: tuple[Step, ...]
    answer: str


def turns(rng: Random, project: Project, count: int) -> Iterator[Turn]:
    """Yields `count` turns of 8 KB on average. Most of that is tool output, as in real sessions."""
    for number in range(count):
        steps = tuple(_step(rng, project) for _ in range(rng.randrange(1, 4)))
        yield Turn(number, paragraphs(rng, 40), steps, paragraphs(rng, 80))


def _step(rng: Random, project: Project) -> Step:
    at = rng.randrange(len(project.paths))
    start = rng.randrange(0, 40)
    output = numbered(project.texts[at], start, 60) if rng.random() < 0.7 else test_log(rng, project)
    return Step(paragraphs(rng, 30), "read_file", project.paths[at], output)
