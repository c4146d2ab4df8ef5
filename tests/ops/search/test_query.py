"""Queries. Any text is a query, and its meaning is documented."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ctxstore
from ctxstore.errors import InvalidInput
from ctxstore.ops.search.query import Term, match_expression, parse_query
from ctxstore.ops.search.snippet import make_snippet
from ctxstore.ops.search.tokens import indexed_text

FRUIT = ("red apple pie", "green apple", "apple of red colour", "pear", "def parse_config(path): apples")


@pytest.fixture
def fruit(tell):
    tell("chat/fruit", *FRUIT)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("apple", (0, 1, 2)),
        ("APPLE", (0, 1, 2)),
        ("red apple", (0, 2)),
        ("apple red", (0, 2)),
        ('"red apple"', (0,)),
        ("apple*", (0, 1, 2, 4)),
        ('"red app"*', (0,)),
        ("apple -red", (1,)),
        ('apple -"red apple"', (1, 2)),
        ("pear OR green", (1, 3)),
        ("apple green OR pie", (0, 1)),
        ("parse_config", (4,)),
        ("config", (4,)),
        ('"red apple', (0,)),
        ('""" red', (0, 2)),
        ("red AND apple", ()),
        ("NEAR(red apple)", ()),
        ("text:apple", ()),
        ("OR pear", (3,)),
        ("pear OR", (3,)),
        ("^apple", (0, 1, 2)),
        ("pear ({[;--'", (3,)),
    ],
)
def test_a_query_means_what_it_says(fruit, texts, query, expected):
    assert texts(query) == sorted(FRUIT[number] for number in expected)


@pytest.mark.parametrize(
    "query", ["", "   ", '"', '""', "*", "-", "-apple", "OR", "()", "'; --", "x" * 1001, "a " * 51]
)
def test_a_query_without_a_word_or_with_too_many_is_refused(repo, query):
    with pytest.raises(InvalidInput):
        repo.search(query)


@given(st.text(max_size=60))
@settings(max_examples=200, deadline=None)
def test_no_text_is_an_error_of_syntax(query):
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(":memory:")) as database:
        database.execute("CREATE VIRTUAL TABLE words USING fts5(text, content = '')")
        try:
            expression = match_expression(parse_query(query))
        except InvalidInput:
            return
        assert database.execute("SELECT rowid FROM words WHERE words MATCH ?", (expression,)).fetchall() == []


@pytest.mark.parametrize("part", ["日本", "本語", "日本語の設定", "設定", "語", "안녕", "녕하"])
def test_a_part_of_a_text_without_spaces_is_found(tell, find, part):
    tell("chat/cjk", "これは日本語の設定parse_configです", "안녕하세요")
    tell("chat/other", "日 and 本, apart", "語")
    (hit, *others) = [hit for hit in find(part) if hit.holders[0].ref == "chat/cjk"]
    assert not others
    (start, stop), *_ = hit.snippet.hits
    assert hit.snippet.text[start:stop] == part


def test_words_beside_such_signs_are_words(tell, find):
    tell("chat/cjk", "これは日本語の設定parse_configです")
    assert find("parse_config")
    assert not find("parse_conf")


def test_accents_and_case_make_no_difference(tell, find):
    tell("chat/one", "Le Café de la Gare")
    (hit,) = find("cafe GARE")
    assert [hit.snippet.text[start:stop] for start, stop in hit.snippet.hits] == ["Café", "Gare"]


def test_encoded_bytes_are_not_indexed_but_what_is_around_them_is():
    blob = "QUJD" * 100
    assert indexed_text(f"before {blob} after").split() == ["before", "after"]


@given(st.text(max_size=400), st.text(alphabet="ab日é _", min_size=1, max_size=5))
@settings(max_examples=200, deadline=None)
def test_marks_of_a_snippet_are_within_it_and_in_order(text, word):
    try:
        terms = parse_query(word).terms
    except InvalidInput:
        terms = (Term(("a",)),)
    snippet = make_snippet(text, terms)
    assert "\n" not in snippet.text
    ends = [0, *(end for hit in snippet.hits for end in hit)]
    assert ends == sorted(ends)
    assert ends[-1] <= len(snippet.text)


def test_a_snippet_shows_where_most_words_are():
    text = "alpha " + "nothing " * 100 + "alpha and beta " + "nothing " * 100
    snippet = make_snippet(text, parse_query("alpha beta").terms)
    assert "alpha and beta" in snippet.text
    assert len(snippet.text) < 200


def test_the_package_offers_search(repo: ctxstore.Repo, tell):
    tell("chat/alice", "Where were we?", "At the harbour.")
    assert [hit.message.id for hit in repo.search("harbour").hits] == ["1"]
