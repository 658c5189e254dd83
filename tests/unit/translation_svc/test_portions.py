"""Texts cut into portions that an engine takes, by bytes."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from translation_svc.domain.portions import portions, utf8

SPEECH = st.text(
    alphabet=st.sampled_from([*"ab .!?,;é", "。", "、", "我", "😀", "\N{COMBINING ACUTE ACCENT}", "ि", "\u200d", "ש"]),
    max_size=200,
)


@pytest.mark.parametrize(
    ("text", "most", "expected"),
    [
        ("One. Two. Three.", 20, ["One. Two. Three."]),
        ("One. Two. Three.", 10, ["One. Two.", "Three."]),
        ("One. Two. Three.", 9, ["One.", "Two.", "Three."]),
        ("He came, he saw, and won it", 12, ["He came,", "he saw,", "and won it"]),
        ("no marks at all here", 9, ["no marks", "at all", "here"]),
        ("一二三。四五六。", 12, ["一二三。", "四五六。"]),
        ("一二三四五六", 7, ["一二", "三四", "五六"]),
        ("Mr. Smith went. He ran.", 16, ["Mr. Smith went.", "He ran."]),
        ("नमस्ते", 7, ["नम", "स्ते"[:2], "स्ते"[2:]]),
        ("", 5, []),
    ],
)
def test_a_text_is_cut_where_it_hurts_least(text: str, most: int, expected: list[str]) -> None:
    assert portions(text, most) == expected


@given(SPEECH, st.integers(8, 60))
def test_nothing_is_lost_and_nothing_is_too_long(text: str, most: int) -> None:
    found = portions(text, most)
    assert "".join("".join(found).split()) == "".join(text.split())
    assert all(portion and utf8(portion) <= most for portion in found)


@given(st.lists(st.sampled_from(["e\N{COMBINING ACUTE ACCENT}", "कि", "a", "我"]), max_size=60), st.integers(12, 40))
def test_a_letter_keeps_its_marks(letters: list[str], most: int) -> None:
    for portion in portions("".join(letters), most):
        assert not unicodedata.category(portion[0]).startswith("M")


@given(SPEECH, st.integers(40, 60))
def test_what_a_text_takes_is_the_engines_to_say(text: str, most: int) -> None:
    def dressed(portion: str) -> int:
        return utf8(portion) + 9 * portion.count("a") + 4

    assert all(dressed(portion) <= most for portion in portions(text, most, dressed))
