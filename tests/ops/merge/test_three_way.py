"""Three-way merges of sequences, as a pure function."""

from __future__ import annotations

import time
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctxstore.ops.merge.lines import merge_lines, merge_records
from ctxstore.ops.merge.three_way import BOTH, CONFLICT, OURS, THEIRS, edits, merge
from ctxstore.trees.matching import matches

SOME = st.lists(st.sampled_from("abcdefgh"), max_size=14)


def regions(base, ours, theirs, **options):
    return list(merge(edits(base, ours), edits(base, theirs), lambda a, b: base[a:b], **options))


def merged(base, ours, theirs, choice=BOTH, **options):
    made, position = [], 0
    for region in regions(base, ours, theirs, **options):
        made += ours[position : region.start] + region.resolve(choice)
        position = region.start + len(region.ours)
    return made + ours[position:]


def conflicts(base, ours, theirs, **options):
    return [region for region in regions(base, ours, theirs, **options) if region.side == CONFLICT]


@given(SOME, SOME)
def test_edits_turn_one_into_the_other(old, new):
    made, position = [], 0
    for start, stop, items in edits(old, new):
        made += old[position:start] + list(items)
        position = stop
    assert made + old[position:] == new


@given(SOME, SOME)
def test_matches_are_equal_and_rise_on_both_sides(old, new):
    i = j = 0
    for match in matches(old, new):
        assert match.old >= i and match.new >= j
        i, j = match.old + match.length, match.new + match.length
        assert old[match.old : i] == new[match.new : j]


@given(SOME, SOME)
def test_a_side_that_changed_nothing_leaves_the_other(base, side):
    for choice in (BOTH, OURS, THEIRS):
        assert merged(base, base, side, choice) == merged(base, side, base, choice) == side
    assert not conflicts(base, base, side)


@given(SOME, SOME)
def test_both_sides_alike_are_that(base, side):
    assert merged(base, side, side) == side and not conflicts(base, side, side)


@given(SOME, SOME, SOME, st.booleans())
def test_what_either_side_added_is_there(base, ours, theirs, split):
    made = Counter(merged(base, ours, theirs, split=split))
    for side in (ours, theirs):
        assert set(side) - set(base) <= set(made)
        assert all(made[item] >= number for item, number in (Counter(side) - Counter(base)).items() if item not in base)


@given(SOME, SOME, SOME)
def test_nothing_comes_from_nowhere(base, ours, theirs):
    assert set(merged(base, ours, theirs)) <= set(ours) | set(theirs)


@given(*[st.lists(st.integers(0, 30), unique=True, max_size=12)] * 3)
def test_merging_the_other_way_round_gives_the_same_but_for_the_order(base, ours, theirs):
    one, other = merged(base, ours, theirs), merged(base, theirs, ours)
    assert set(one) == set(other)
    # If two lines changed places, one occurs twice. The order of the sides determines which.
    assert len(one) == len(other)


@given(SOME, SOME, SOME)
def test_choosing_a_side_of_conflicts_mirrors(base, ours, theirs):
    assert merged(base, ours, theirs, OURS, split=False) == merged(base, theirs, ours, THEIRS, split=False)


@pytest.mark.parametrize(
    ("base", "ours", "theirs", "expected", "number"),
    [
        ("abc", "abcx", "abcy", "abcxy", 1),  # both sides have additions
        ("abc", "xabc", "abcy", "xabcy", 0),
        ("abc", "abc", "ac", "ac", 0),
        ("abcde", "abXde", "abcde", "abXde", 0),
        ("abcde", "abXde", "abYde", "abXYde", 1),
        ("abcde", "abXde", "abde", "abXde", 1),  # changed and removed: the line stays
        ("", "abc", "abd", "abcd", 1),  # no common ancestor: equal lines occur once
        ("", "abc", "abcd", "abcd", 0),
        ("", "", "", "", 0),
        ("abc", "", "abc", "", 0),
        ("aXb", "a1Xb", "aX2b", "a1X2b", 0),
    ],
)
def test_examples(base, ours, theirs, expected, number):
    assert "".join(merged(list(base), list(ours), list(theirs))) == expected
    assert len(conflicts(list(base), list(ours), list(theirs))) == number


def test_conflicts_tell_where_they_are_on_our_side():
    (region,) = conflicts(list("abcde"), list("xxabXde"), list("abYde"))
    assert (region.start, region.ours, region.theirs) == (4, ["X"], ["Y"])


def test_ten_thousand_items_that_all_changed_take_no_square_of_time():
    base = list(range(10_000))
    ours = [item if item % 3 else -item - 1 for item in base]
    theirs = [item if item % 5 else 100_000 + item for item in base]
    before = time.process_time()
    made = merged(base, ours, theirs)
    assert len(made) > 10_000
    assert merged(["x"] * 10_000, ["x"] * 9_000 + ["y"], ["z"] + ["x"] * 10_000)
    # No line is unique: the search for equal lines is limited.
    same = [line for number in range(200) for line in (f"u{number}", *"abaab" * 100)]
    other = [line for number in range(200) for line in (f"u{number}", *"babba" * 100)]
    assert len(matches(same, other)) > 200
    assert time.process_time() - before < 20


def test_text_without_conflict_is_merged_by_lines():
    assert merge_lines(b"a\nb\nc\n", b"A\nb\nc\n", b"a\nb\nC\n", BOTH).data == b"A\nb\nC\n"


def test_text_with_a_conflict_is_left_to_the_caller_unless_a_side_is_chosen():
    versions = (b"a\nb\nc\n", b"a\nX\nc\n", b"a\nY\nc\n")
    assert merge_lines(*versions, BOTH) is None
    assert merge_lines(*versions, OURS).data == versions[1]
    assert merge_lines(*versions, THEIRS).data == versions[2]


def test_what_has_zero_bytes_is_no_text():
    assert merge_lines(b"a\n\0\n", b"A\n\0\n", b"a\n\0\nb\n", BOTH) is None


def test_records_stay_whole_lines_though_a_file_lacks_its_last_line_end():
    result = merge_records(b'{"a":1}\n', b'{"a":1}\n{"b":2}', b'{"a":1}\n{"c":3}', BOTH)
    assert result.data == b'{"a":1}\n{"b":2}\n{"c":3}'
    assert result.conflicts == ((1, 1, 1),)


@given(*[st.binary(max_size=20).map(lambda data: data.replace(b"\0", b"\n"))] * 2)
def test_lines_merge_exactly_when_one_side_changed_nothing(base, side):
    for choice in (BOTH, OURS, THEIRS):
        assert merge_lines(base, base, side, choice).data == merge_lines(base, side, base, choice).data == side
        assert merge_records(base, base, side, choice).data == side
