"""Texts cut into sentences."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from translation_svc.domain.sentences import LONGEST, sentences


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two! Three? Four", ["One.", "Two!", "Three?", "Four"]),
        ("  spaced \n out.   Twice. ", ["spaced out.", "Twice."]),
        ("It costs 3.14 today. Fine.", ["It costs 3.14 today.", "Fine."]),
        ("Read John 3:16. Amen.", ["Read John 3:16.", "Amen."]),
        ("Dr. Smith and Mrs. Jones came. All left.", ["Dr. Smith and Mrs. Jones came.", "All left."]),
        ("J. F. Kennedy spoke. We listened.", ["J. F. Kennedy spoke.", "We listened."]),
        ("He and I. Then she.", ["He and I.", "Then she."]),
        ("He said no. Then he left.", ["He said no.", "Then he left."]),
        ("At 3 p.m. we meet, e.g. here.", ["At 3 p.m. we meet, e.g. here."]),
        ("Well... I think so.", ["Well...", "I think so."]),
        ("Well... maybe so.", ["Well... maybe so."]),
        ('"Come in." She did.', ['"Come in."', "She did."]),
        ("(It is so.) Is it?", ["(It is so.)", "Is it?"]),
        ("¿Qué es? ¡Hola! Sí.", ["¿Qué es?", "¡Hola!", "Sí."]),
        ("O Sr. Silva chegou. Bom dia.", ["O Sr. Silva chegou.", "Bom dia."]),
        ("私は行く。彼も。", ["私は行く。", "彼も。"]),
        ("See lingo.example.org now.", ["See lingo.example.org now."]),
        ("", []),
        (" . ", ["."]),
    ],
)
def test_a_text_is_cut_at_the_ends_of_its_sentences(text: str, expected: list[str]) -> None:
    assert sentences(text) == expected


def test_a_sentence_too_long_is_cut_at_its_last_comma_in_reach() -> None:
    clause = "word " * 20 + "word, "
    pieces = sentences(clause * 6)
    assert all(piece.endswith("word,") and len(piece) <= LONGEST for piece in pieces)


def test_a_word_without_end_is_cut_anywhere() -> None:
    assert [len(piece) for piece in sentences("x" * (2 * LONGEST + 5))] == [LONGEST, LONGEST, 5]


@given(st.text(alphabet=st.sampled_from("aB .,!?;:\"'()1é"), max_size=900))
def test_no_word_is_lost_and_no_piece_is_too_long(text: str) -> None:
    pieces = sentences(text)
    assert "".join("".join(pieces).split()) == "".join(text.split())
    assert all(piece.strip() == piece and 0 < len(piece) <= LONGEST for piece in pieces)
