"""The roles of messages, which follow from aider's format."""

from __future__ import annotations

import pytest

from ctxstore.sources.aider import Aider
from tests.sources.aider.test_agreement import scan
from tests.sources.homes.aider import HISTORY

START = "\n# aider chat started at 2026-01-01 10:00:00\n\n> Aider v0.86.2  \n"


def said(text: str) -> list[tuple[str, str]]:
    """Lists role and text of each message, without aider's own output."""
    return [(m.role, m.parts[0].text) for m in Aider().messages([text.encode()]) if m.role != "meta"]


def test_sessions_are_read_with_their_times_models_and_ids() -> None:
    messages = list(Aider().messages([HISTORY.encode()]))
    assert [(m.id, m.role, m.parent, m.time, m.model) for m in messages if m.role != "meta"] == [
        ("20260101100000.1", "user", "20260101100000.0", "2026-01-01 10:00:00", None),
        ("20260101100000.2", "assistant", "20260101100000.1", "2026-01-01 10:00:00", "engine/one"),
        ("20260102100000.1", "user", "20260102100000.0", "2026-01-02 10:00:00", None),
        ("20260102100000.2", "assistant", "20260102100000.1", "2026-01-02 10:00:00", "engine/two"),
    ]
    assert said(HISTORY)[0] == ("user", "Oil the wheels\nand wind the clock")
    assert messages[0].parent is None and messages[0].parts[0].text.startswith(
        "# aider chat started at 2026-01-01 10:00:00\n"
    )


def test_ids_stay_when_the_sessions_before_are_removed() -> None:
    ids = [m.id for m in Aider().messages([HISTORY.encode()])]
    later = HISTORY[HISTORY.index("# aider chat started at 2026-01-02") :]
    assert [m.id for m in Aider().messages([later.encode()])] == [id for id in ids if id.startswith("20260102")]


@pytest.mark.parametrize(
    "reply",
    [
        "Look:\n\n```md\n#### Not the user\n> no output\n# aider chat started at 2026-01-01 10:00:00\n```\nDone.",
        "> You said so.\n\nI did.",
        "#### A heading\n\ntext\n\n#### Another\n\nmore",
        "````\n```\n#### inside  \n```\n````\nDone.",
        "~~~\n> inside  \n~~~",
        "# A heading\n\n## Another",
        "```\nnever closed",
    ],
)
def test_what_the_model_says_is_whole_whatever_it_looks_like(reply: str) -> None:
    text = f"{START}\n#### show me  \n\n{reply}\n\n> Tokens: 5  \n\n#### go on  \n\nYes.\n\n> Tokens: 6  \n"
    assert said(text) == [("user", "show me"), ("assistant", reply), ("user", "go on"), ("assistant", "Yes.")]


def test_two_inputs_are_two_messages_and_a_long_one_is_one() -> None:
    assert said(f"{START}\n#### one  \n####   \n#### more  \n\n#### two  \n") == [
        ("user", "one\n\nmore"),
        ("user", "two"),
    ]


def test_output_of_several_lines_of_which_the_first_is_marked_is_aiders() -> None:
    failed = "> # 1 SEARCH/REPLACE block failed to match!\n\n```\n#### x\n```\nJust reply with fixed versions.  \n"
    assert said(f"{START}\n#### do  \n\nTry.\n\n{failed}\nFixed.\n") == [
        ("user", "do"),
        ("assistant", "Try."),
        ("assistant", "Fixed."),
    ]


def test_a_question_of_aiders_is_not_the_users() -> None:
    assert said(f"{START}\n#### Add a.py to the chat? (Y)es/(N)o [Yes]: y  \n\n#### hi  \n") == [("user", "hi")]


def test_a_history_that_lost_its_trailing_spaces_is_read_by_the_prefixes() -> None:
    bare = "\n".join(line.rstrip() for line in HISTORY.split("\n"))
    assert said(bare) == said(HISTORY)


def test_crlf_is_read_alike() -> None:
    assert said(HISTORY.replace("\n", "\r\n")) == said(HISTORY)


def test_the_title_is_the_first_thing_asked_and_no_command() -> None:
    attributes = scan([f"{START}\n#### /add a.py  \n\n#### Oil  the wheels  \n".encode()])
    assert (attributes.title, attributes.agent, attributes.messages) == ("Oil the wheels", "aider", 2)
    assert scan([HISTORY.encode()]).model == "engine/two"


def test_a_session_that_is_added_is_counted_without_the_others() -> None:
    at = HISTORY.index("\n# aider chat started at 2026-01-02")
    first, rest = HISTORY[:at].encode(), HISTORY[at:].encode()
    assert scan([rest], scan([first])) == scan([first + rest])
    assert scan([b"\nmore\n"], scan([first])).messages is None
