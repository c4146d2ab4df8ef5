"""A program put before the one in a TOML file's top-level list ``notify``, and taken out again.

The text is changed in one place, and read again: only if all else in it means the same is it taken.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Sequence
from typing import Any

from ctxstore.errors import InvalidInput

_KEY = re.compile(r"""^\ufeff?[ \t]*(?:notify|"notify"|'notify')[ \t]*=[ \t]*\[""", re.MULTILINE)


def put_first(text: str, words: Sequence[str]) -> str:
    """The text with `words` at the start of ``notify``, which is made if it is not there. Raises `InvalidInput`."""
    before = parse(text)
    if "notify" not in before:
        start = 1 if text.startswith("\ufeff") else 0
        return _checked(f"{text[:start]}{_line(words, text)}{text[start:]}", {**before, "notify": list(words)})
    if not isinstance(before["notify"], list):
        raise InvalidInput("notify is no list", hint="correct it first; nothing was changed")
    expected = {**before, "notify": [*words, *before["notify"]]}
    for found in _KEY.finditer(text):
        changed = text[: found.end()] + _list(words) + ", " + text[found.end() :]
        if _is(changed, expected):
            return changed
    raise InvalidInput("notify is written in a way that can't be changed safely", hint="write it as a plain list")


def take_out(text: str, words: Sequence[str]) -> str:
    """The reverse of `put_first`; a text that has no `words` there stays as it is."""
    before = parse(text)
    notify = before.get("notify")
    if not isinstance(notify, list) or notify[: len(words)] != list(words):
        return text
    rest = notify[len(words) :]
    line = _line(words, text)
    if not rest and line in text:
        changed = text.replace(line, "", 1)
        if _is(changed, {key: value for key, value in before.items() if key != "notify"}):
            return changed
    for gap in (", ", ",", ""):
        changed = text.replace(_list(words) + gap, "", 1)
        if changed != text and _is(changed, {**before, "notify": rest}):
            return changed
    raise InvalidInput("notify was changed since, and can't be put back", hint="take out what begins with /bin/sh")


def parse(text: str) -> dict[str, Any]:
    """What the text says. Raises `InvalidInput`."""
    try:
        return tomllib.loads(text.removeprefix("\ufeff"))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise InvalidInput(f"it is no valid TOML: {error}", hint="correct it first; nothing was changed") from error


def _line(words: Sequence[str], text: str) -> str:
    return f"notify = [{_list(words)}]" + ("\r\n" if "\r\n" in text else "\n")


def _list(words: Sequence[str]) -> str:
    """JSON strings are TOML strings, but for DEL, which TOML wants escaped."""
    return ", ".join(json.dumps(word, ensure_ascii=False).replace("\x7f", "\\u007f") for word in words)


def _checked(text: str, expected: dict[str, Any]) -> str:
    if not _is(text, expected):
        raise InvalidInput("it can't be changed safely", hint="add notify by hand")
    return text


def _is(text: str, expected: dict[str, Any]) -> bool:
    try:
        return repr(parse(text)) == repr(expected) or parse(text) == expected
    except InvalidInput:
        return False
