"""What goes to a voice of a text."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthesis_svc.domain.borrowed import lender, respelled
from synthesis_svc.domain.speakable import has_something_to_say, tidy


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Hello 👋🏽 world 🇧🇷!", "Hello world !"),
        ("Family 👨‍👩‍👧 day", "Family day"),
        ("**Bold** and _slanted_ and `code`", "Bold and slanted and code"),
        ("# Title\n- one\n- two", "Title one two"),
        ("See [the book](https://example.org/a?b) now", "See the book now"),
        ("Go to https://www.example.org/path?q=1 today", "Go to example.org today"),
        ("[[h@l'oU]]", "h@l'oU"),
        ("It costs $25 or €3.50", "It costs 25 $ or 3.50 €"),
        ("20 °C & 50 % < 3", "20 °C & 50 % < 3"),
        ("snake_case stays", "snake_case stays"),
        ("می‌خواهم", "می‌خواهم"),
        ("tab\tand\x07bell", "tab and bell"),
        ("don't  change", "don't change"),
    ],
)
def test_only_what_is_said_is_left(text: str, said: str) -> None:
    assert tidy(text) == said


@given(st.text())
def test_what_is_left_is_one_line_without_emoji_and_controls(text: str) -> None:
    said = tidy(text)
    assert said == " ".join(said.split())
    assert not {unicodedata.category(character) for character in said} & {"Cc", "Cs", "Co", "Sk"}


@given(st.text(alphabet=st.characters(categories=["Lu", "Ll", "Lo", "Nd"])))
def test_no_letter_and_no_digit_is_lost(text: str) -> None:
    def letters(of: str) -> int:
        return sum(character.isalnum() for character in of)

    assert letters(tidy(text)) >= 0.5 * letters(text)
    assert has_something_to_say(text) == has_something_to_say(tidy(text))


@pytest.mark.parametrize("text", ["...", "?!", "—", "“”", "🙂", "* * *", ""])
def test_punctuation_is_nothing_to_say(text: str) -> None:
    assert not has_something_to_say(tidy(text))


@pytest.mark.parametrize("text", ["a", "7", "é", "你", "ש"])
def test_one_letter_or_digit_is_something_to_say(text: str) -> None:
    assert has_something_to_say(text)


def test_galician_is_respelled_for_the_spanish_voice_that_it_borrows() -> None:
    assert lender("gl") == "es"
    assert respelled("Xente de hoxe", "gl") == "Shente de hoshe"


def test_a_language_with_voices_of_its_own_keeps_its_spelling() -> None:
    assert lender("pt-BR") == "pt-BR"
    assert respelled("xícara", "pt-BR") == "xícara"
