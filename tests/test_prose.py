"""The words of docstrings and comments."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parent.parent
FILES = sorted(path for folder in ("ctxstore", "benchmarks", "tests") for path in (ROOT / folder).rglob("*.py"))

QUESTIONS = {"how", "that", "what", "when", "where", "which", "who", "whose", "why"}
"""Words that begin a clause instead of a statement."""

PRONOUNS = {"he", "it", "she", "these", "they", "this", "those", "we", "you"}
"""Words whose noun the reader has to find."""

NO_VERBS = {
    *("a", "an", "another", "the", "his", "her", "its", "our", "their"),
    *("all", "any", "anything", "both", "each", "either", "every", "everything", "else"),
    *("few", "many", "more", "most", "much", "several", "some", "something", "such"),
    *("neither", "never", "nobody", "none", "nor", "not", "nothing", "no"),
    *("other", "others", "same", "two", "only", "one", "once"),
    *("after", "as", "at", "because", "before", "but", "by", "during", "except", "for"),
    *("from", "if", "in", "inside", "into", "like", "of", "off", "on", "out", "over"),
    *("per", "since", "than", "to", "under", "unless", "until", "up", "upon"),
    *("while", "with", "within", "without"),
    *("and", "or", "so", "too", "then", "there", "though"),
    *("also", "always", "first", "given", "last", "less", "new", "next"),
}
"""Words that begin no statement about the action of a function."""

PHRASES = [
    r"\b(tell|tells|telling|told)\b",
    r"\b(go|goes|going|gone|went) on\b",
    r"\blets? go\b|\bletting go\b",
    r"\b(is|are|was|were|be|been) there\b",
    r"\bput there\b",
    r"\bas (it|they) (is|are|was|were)(?=[.,;:)]|$)",
    r"\bby itself\b",
]
"""Expressions for which the field has a word: report, continue, drop, exist, overwrite, exactly, alone."""


class Text(NamedTuple):
    """A docstring or comment, and its line. `kind` is module, class, function, value or comment."""

    line: int
    kind: str
    words: str

    @property
    def opener(self) -> str:
        return self.words.split(maxsplit=1)[0].strip(".,:;") if self.words.split() else ""


def iter_docstrings(tree: ast.Module) -> Iterator[Text]:
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        for statement in body if isinstance(body, list) else ():
            match statement:
                case ast.Expr(value=ast.Constant(value=str(words))):
                    kind = kind_of(node) if statement is body[0] else "value"
                    yield Text(statement.lineno, kind, words)


def kind_of(node: ast.AST) -> str:
    """Names the kind of a docstring's owner. A property, a fixture and a test state a fact, as a value does."""
    if isinstance(node, ast.Module):
        return "module"
    if isinstance(node, ast.ClassDef):
        return "class"
    if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return "value"
    decorators = " ".join(map(ast.unparse, node.decorator_list))
    is_fact = node.name.startswith("test_") or "property" in decorators or "fixture" in decorators
    return "value" if is_fact else "function"


def iter_comments(source: str) -> Iterator[Text]:
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield Text(token.start[0], "comment", token.string.lstrip("# "))


def opens_badly(text: Text) -> bool:
    """Whether the first word is a question's, a bare pronoun, or no verb where the text describes a function."""
    word = text.opener.lower()
    if word in QUESTIONS or word in PRONOUNS:
        return True
    return text.kind == "function" and (word in NO_VERBS or not text.opener[:1].isupper())


def faults(path: Path) -> list[str]:
    """Lists the line and the words of each fault in a module."""
    source = path.read_text()
    docstrings = [text for text in iter_docstrings(ast.parse(source)) if text.words.strip()]
    found = [f"{text.line}: a {text.kind} begins {text.words[:60]!r}" for text in docstrings if opens_badly(text)]
    for text in [*docstrings, *iter_comments(source)]:
        for phrase in PHRASES:
            if match := re.search(phrase, text.words, re.IGNORECASE):
                found.append(f"{text.line}: {match[0]!r}")
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_text_is_in_plain_words(path):
    assert faults(path) == []
