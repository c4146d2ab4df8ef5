"""Settings files: they are changed as little as possible, and restored without a trace."""

from __future__ import annotations

import json
import tomllib
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ctxstore.errors import InvalidInput
from ctxstore.integrations.settings.edits import Hooks, Members, Notify, hook_command, notify_command, notify_words
from ctxstore.integrations.settings.hooks import is_ours
from ctxstore.integrations.settings.json_edit import ObjectMember, add_parts, remove_part
from ctxstore.integrations.settings.json_scan import scan

unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
)
groups = st.lists(
    st.fixed_dictionaries(
        {"hooks": st.lists(st.fixed_dictionaries({"type": st.just("command"), "command": st.text()}), max_size=2)},
        optional={"matcher": st.text(max_size=3)},
    ),
    max_size=3,
)
hooks = st.dictionaries(st.sampled_from(["Stop", "SessionStart", "Other"]), groups, max_size=3)
names = st.text(max_size=5).filter(lambda name: name not in ("hooks", "first", "last"))
documents = st.dictionaries(names, values, max_size=4).flatmap(
    lambda others: st.fixed_dictionaries({}, optional={"hooks": hooks}).map(lambda own: {**others, **own})
)
gaps = st.lists(
    st.sampled_from(["", " ", "\n", "\n  ", "\t", "\r\n", '// a note, {"x": [\n', "/* , } */", "\n    "]), max_size=3
).map("".join)


@st.composite
def texts(draw: Any, comments: bool = True) -> str:
    """Draws a settings file as a user may have written it."""
    value = draw(documents)
    if draw(st.booleans()):
        layout = draw(st.sampled_from([None, 0, 2, 4, "\t"]))
        text = json.dumps(value, indent=layout, ensure_ascii=draw(st.booleans()))
        text = text.replace("\n", draw(st.sampled_from(["\n", "\r\n"])))
        return draw(st.sampled_from(["", "\ufeff"])) + text + draw(st.sampled_from(["", "\n", "\n\n", " "]))
    return draw(gaps) + spread(draw, value, comments) + draw(gaps)


def spread(draw: Any, value: Any, comments: bool) -> str:
    """Draws JSON with any allowed text between its parts."""
    if not isinstance(value, (dict, list)) or len(json.dumps(value)) > 400:
        return json.dumps(value)
    items = (
        [f"{json.dumps(key)}{draw(gaps)}:{draw(gaps)}{spread(draw, each, comments)}" for key, each in value.items()]
        if isinstance(value, dict)
        else [spread(draw, each, comments) for each in value]
    )
    inside = ",".join(f"{draw(gaps)}{item}{draw(gaps)}" for item in items) or draw(gaps)
    inside += "," if items and draw(st.booleans()) else ""
    return f"{{{inside}}}" if isinstance(value, dict) else f"[{inside}]"


def hook(event: str) -> dict[str, Any]:
    return {"type": "command", "command": hook_command("/opt/my tools/ctx", None, "codex", event), "timeout": 10}


OURS = Hooks("hooks.json", {event: hook(event) for event in ("SessionStart", "Stop", "SessionEnd")})
NEWER = Hooks("hooks.json", {event: {**hook(event), "timeout": 20} for event in ("SessionStart", "Stop", "PreCompact")})
SOURCE = {"source": {"source": "directory", "path": "/x y"}}
MEMBERS = Members(
    "settings.json",
    [
        ObjectMember(("enabledPlugins", "session@ctxstore"), True),
        ObjectMember(("enabledPlugins", "ctx@ctxstore"), True),
        ObjectMember(("extraKnownMarketplaces", "ctxstore"), SOURCE),
    ],
)


@unhurried
@given(texts(), st.sampled_from([OURS, MEMBERS]))
def test_what_was_put_in_is_taken_out_without_a_trace(text: str, edit: Hooks | Members) -> None:
    added = edit.add_to(text, frozenset())
    assert edit.add_to(added.text, frozenset(added.containers)).text == added.text
    assert edit.remove_from(added.text, frozenset(added.containers)) == text


@unhurried
@given(texts())
def test_hooks_are_put_beside_those_that_are_there(text: str) -> None:
    before = scan(text).value
    after = scan(OURS.add_to(text, frozenset()).text).value
    for event in {*before.get("hooks", {}), *OURS.hooks}:
        theirs = before.get("hooks", {}).get(event, [])
        own = [{"hooks": [OURS.hooks[event]]}] if event in OURS.hooks else []
        assert after["hooks"][event] == theirs + own
    assert {key: value for key, value in after.items() if key != "hooks"} == {
        key: value for key, value in before.items() if key != "hooks"
    }


@unhurried
@given(texts())
def test_another_version_takes_the_place_of_the_one_before(text: str) -> None:
    first = OURS.add_to(text, frozenset())
    second = NEWER.add_to(first.text, frozenset(first.containers))
    assert second.text == NEWER.add_to(text, frozenset()).text
    made = frozenset(first.containers) | frozenset(second.containers)
    assert scan(NEWER.remove_from(second.text, made)).value == scan(text).value


@unhurried
@given(texts(), values, values)
def test_what_a_user_adds_later_stays(text: str, first: Any, last: Any) -> None:
    added = OURS.add_to(text, frozenset())
    group = {"hooks": [{"type": "command", "command": "mine"}]}
    changed = scan(added.text).value
    changed["hooks"]["Stop"] = [group, *changed["hooks"]["Stop"], group]
    changed["hooks"]["Stop"][-2]["hooks"].append({"type": "command", "command": "in yours"})
    changed = {"first": first, **changed, "last": last}
    rest = scan(OURS.remove_from(json.dumps(changed), frozenset(added.containers))).value
    assert (rest["first"], rest["last"]) == (first, last)
    assert rest["hooks"]["Stop"][-2:] == [{"hooks": [{"type": "command", "command": "in yours"}]}, group]
    assert "ctxstore" not in json.dumps(rest["hooks"])


@unhurried
@given(texts())
def test_the_text_is_read_as_any_reader_has_it(text: str) -> None:
    try:
        expected = json.loads(text.removeprefix("\ufeff"))
    except ValueError:
        return  # comments
    assert scan(text).value == expected


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '{"a": 1', '{"a" 1}', '{"a": 01}', "{'a': 1}", '{"a": tru}', '{"a": 1} x', '{"hooks": []}', "\0",
     '{"hooks": {"Stop": {}}}', '{"a": "\n"}', '{"a": /* }', "{,}",
     '{"a": ' + "[" * 10_000, '{"a": ' + "9" * 5_000 + "}"],
)  # fmt: skip
def test_what_is_no_settings_file_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        OURS.add_to(text, frozenset())


def test_additions_are_laid_out_as_what_is_there() -> None:
    text = '{\n    "theme": "dark",\n    "hooks": {\n        "Stop": [\n        ]\n    }\n}\n'
    one = Hooks("", {"Stop": {"command": "x # ctxstore"}})
    assert one.add_to(text, frozenset()).text == (
        '{\n    "theme": "dark",\n    "hooks": {\n        "Stop": [\n            {\n                "hooks": [\n'
        '                    {\n                        "command": "x # ctxstore"\n                    }\n'
        "                ]\n            }\n        ]\n    }\n}\n"
    )
    assert add_parts("{\n}\n", [ObjectMember(("a", "b"), 1)]).text == '{\n  "a": {\n    "b": 1\n  }\n}\n'
    assert add_parts('{"x": 1}', [ObjectMember(("a",), [1])]).text == '{"x": 1, "a": [1]}'


def test_comments_beside_what_is_removed_stay() -> None:
    text = '{\n  "a": 1, // one\n  // two\n  "b": 2 // three\n}\n'
    assert scan(remove_part(text, ("b",))).value == {"a": 1}
    assert "// one" in remove_part(text, ("b",)) and "// three" in remove_part(text, ("b",))
    assert scan(remove_part(remove_part(text, ("b",)), ("a",))).value == {}


WORDS = notify_words(notify_command("/opt/my tools/ctx", None, "codex"))
tables = st.sampled_from(["", "[a]\nb = 1\n", "# end", "[[x]]\nnotify = [1]\n", 'a = """\nnotify = [\n"""\n'])
notifies = st.sampled_from(
    ["", "notify = []\n", 'notify = ["a", "b c"]\n', "notify=[ # why\n  'x',\n]\n", '"notify" = ["\u00e9"] # end\r\n']
)


@unhurried
@given(st.sampled_from(["", "\ufeff", "# first\n", 'model = "x"\r\n', "\n\n"]), notifies, tables)
def test_notify_is_put_first_and_taken_out_without_a_trace(head: str, notify: str, tail: str) -> None:
    text = head + notify + tail
    edit = Notify("config.toml", WORDS)
    before = tomllib.loads(text.removeprefix("\ufeff"))
    added = edit.add_to(text, ()).text
    after = tomllib.loads(added.removeprefix("\ufeff"))
    assert after == {**before, "notify": [*WORDS, *before.get("notify", [])]}
    assert edit.add_to(added, ()).text == added
    assert edit.remove_from(added, ()) == text
    newer = Notify("config.toml", notify_words(notify_command("/new/ctx", None, "codex")))
    assert newer.remove_from(newer.add_to(added, ()).text, ()) == text


@pytest.mark.parametrize("text", ["notify = 1", "a = ", "notify = [", "a.b = 1\na = 2\n", 'notify = """x"""'])
def test_a_config_that_is_wrong_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        Notify("", WORDS).add_to(text, ())


def test_a_hook_is_known_by_its_mark() -> None:
    assert is_ours(hook("Stop")) and not is_ours({"command": "ctx hook codex"}) and not is_ours("# ctxstore")
