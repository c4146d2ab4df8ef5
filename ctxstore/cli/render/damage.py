"""Reports of damage: for programs by object, for people by context and file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from ctxstore.cli.render.format import format_count
from ctxstore.cli.render.output import Output, Styled

if TYPE_CHECKING:
    from ctxstore import CheckProblem, DamagedPlace

SHOWN = 20
"""The number of contexts shown, and of places in each."""

SHOWN_COMMITS = 3


def problem_value(problem: CheckProblem) -> dict[str, Any]:
    """Returns a problem as a JSON value."""
    return {
        **problem._asdict(),
        "commits": [id.hex() for id in problem.commits],
        "places": [{"ref": ref, **place._asdict()} for ref, place in problem.places],
    }


def show_damage(output: Output, problems: Sequence[CheckProblem]) -> None:
    """Prints the problems, then the contexts, commits and files that they affect."""
    traced = [problem for problem in problems if problem.places]
    for problem in problems:
        if not problem.places:
            output.line(Styled(f"{problem.kind} {problem.what}: ", "red"), problem.message)
            for ref in problem.refs[:SHOWN]:
                output.line("  affects ", ref)
    if not traced:
        return
    reasons = sorted({problem.message for problem in traced})
    reason = reasons[0] if len(reasons) == 1 else f"{reasons[0]}, and others"
    output.line(Styled(f"{format_count(len(traced), 'object')}: ", "red"), reason)
    refs = sorted({ref for problem in traced for ref in problem.refs})
    for ref in refs[:SHOWN]:
        _show_context(output, ref, traced)
    if len(refs) > SHOWN:
        output.line(f"  … and {format_count(len(refs) - SHOWN, 'more context')}")


def _show_context(output: Output, ref: str, problems: Sequence[CheckProblem]) -> None:
    affecting = [problem for problem in problems if ref in problem.refs]
    commits = list(dict.fromkeys(id for problem in affecting for id in problem.commits if len(problem.refs) == 1))
    number = max(len(commits), *(problem.commit_count for problem in affecting))
    shown = ", ".join(id.hex()[:8] for id in commits[:SHOWN_COMMITS])
    more = " …" if number > SHOWN_COMMITS else ""
    names = f": {shown}{more}" if shown else ""
    output.line(f"  affects {ref}", f" ({format_count(number, 'commit')}{names})")
    places = {place: None for problem in affecting for name, place in problem.places if name == ref}
    lines = _merged(places)
    for line in lines[:SHOWN]:
        output.line(f"    {line}")
    if len(lines) > SHOWN:
        output.line(f"    … and {format_count(len(lines) - SHOWN, 'more place')}")


def _merged(places: Iterable[DamagedPlace]) -> list[str]:
    """Describes the places, with adjacent ranges merged."""
    lines: list[str] = []
    last: DamagedPlace | None = None
    for place in sorted(places, key=lambda place: (place.kind, place.path, place.start or 0, place.stop or 0)):
        if last is not None and _adjoin(last, place):
            last = last._replace(stop=max(last.stop or 0, place.stop or 0))
            continue
        if last is not None:
            lines.append(_describe_place(last))
        last = place
    return [*lines, _describe_place(last)] if last is not None else lines


def _adjoin(first: DamagedPlace, second: DamagedPlace) -> bool:
    if None in (first.start, first.stop, second.start, second.stop):
        return first == second
    return (first.kind, first.path) == (second.kind, second.path) and (second.start or 0) <= (first.stop or 0)


def _describe_place(place: DamagedPlace) -> str:
    kind, path, start, stop = place
    if kind == "file":
        return f"file {path}" + (f", bytes {start:,}–{stop:,}" if stop is not None else "")
    if kind == "messages":
        last = (stop or 0) - 1
        return f"message {start:,}" if last == start else f"messages {start:,}–{last:,}"
    if kind == "memory":
        return f"memory {path}"
    subjects = "memories" if kind == "memories" else "files, messages, memories"
    return f"some {subjects}, up to {path}" if path else f"all {subjects}"
