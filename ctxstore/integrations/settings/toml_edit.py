"""Inserts a program at the start of the top-level list ``notify`` of a TOML file, and removes it again.

The changed text is parsed again, and used only if all other values are unchanged.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Sequence
from typing import Any

from ctxstore.errors import InvalidInput

_KEY = re.compile(r"""^\ufeff?[ \t]*(?:notify|"notify"|'notify')[ \t]*=[ \t]*\[""", re.MULTILINE)


def prepend_notify(text: str, words: Sequence[str]) -> str:
    """Inserts `words` at the start of ``notify``, and creates the list if it is missing. Raises `InvalidInput`."""
    before = parse_toml(text)
    if "notify" not in before:
        start = 1 if text.startswith("\ufeff") else 0
        return _verified(f"{text[:start]}{_line(words, text)}{text[start:]}", {**before, "notify": list(words)})
    if not isinstance(before["notify"], list):
        raise InvalidInput("notify is not a list", hint="correct the file; nothing was changed")
    expected = {**before, "notify": [*words, *before["notify"]]}
    for found in _KEY.finditer(text):
        changed = text[: found.end()] + _list(words) + ", " + text[found.end() :]
        if _parses_to(changed, expected):
            return changed
    raise InvalidInput("notify has a form that cannot be edited safely", hint="write it as a plain list")


def remove_notify(text: str, words: Sequence[str]) -> str:
    """Reverses `prepend_notify`. Returns the text unchanged if ``notify`` does not start with `words`."""
    before = parse_toml(text)
    notify = before.get("notify")
    if not isinstance(notify, list) or notify[: len(words)] != list(words):
        return text
    rest = notify[len(words) :]
    line = _line(words, text)
    if not rest and line in text:
        changed = text.replace(line, "", 1)
        if _parses_to(changed, {key: value for key, value in before.items() if key != "notify"}):
            return changed
    for gap in (", ", ",", ""):
        changed = text.replace(_list(words) + gap, "", 1)
        if changed != text and _parses_to(changed, {**before, "notify": rest}):
            return changed
    raise InvalidInput(
        "notify has changed and cannot be restored automatically", hint="remove the words from /bin/sh to ctx by hand"
    )


def parse_toml(text: str) -> dict[str, Any]:
    """Parses TOML. Raises `InvalidInput`."""
    try:
        return tomllib.loads(text.removeprefix("\ufeff"))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise InvalidInput(f"the file is not valid TOML: {error}", hint="correct it; nothing was changed") from error


def _line(words: Sequence[str], text: str) -> str:
    return f"notify = [{_list(words)}]" + ("\r\n" if "\r\n" in text else "\n")


def _list(words: Sequence[str]) -> str:
    """Formats words as the items of a TOML list. JSON strings are TOML strings, except that TOML escapes DEL."""
    return ", ".join(json.dumps(word, ensure_ascii=False).replace("\x7f", "\\u007f") for word in words)


def _verified(text: str, expected: dict[str, Any]) -> str:
    if not _parses_to(text, expected):
        raise InvalidInput("the file cannot be edited safely", hint="add notify by hand")
    return text


def _parses_to(text: str, expected: dict[str, Any]) -> bool:
    try:
        value = parse_toml(text)
        return repr(value) == repr(expected) or value == expected
    except InvalidInput:
        return False
