"""Text into pieces, audio into chunks: cut where it should be, and nothing lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthesis_svc.domain.framing import (
    CLAUSE_PAUSE_SECONDS,
    MAX_CHUNK_BYTES,
    SENTENCE_PAUSE_SECONDS,
    Framer,
    Limits,
    clauses,
    paced,
    pieces,
)

LIMITS = Limits(first=16, first_most=56, most=140)


def texts(text: str, limits: Limits = LIMITS) -> list[str]:
    return [piece.text for piece in pieces(text, limits)]


@given(st.text(), st.integers(1, 30), st.integers(1, 60), st.integers(1, 200), st.booleans())
def test_pieces_joined_are_the_text(text: str, first: int, first_most: int, most: int, every_clause: bool) -> None:
    limits = Limits(first, min(first_most, most), most, every_clause)
    cut = texts(text, limits)
    assert "".join(cut) == text
    assert all(0 < len(piece) <= most for piece in cut)


@given(st.text(alphabet="ab .,;?!。、\n"))
def test_clauses_joined_are_the_text(text: str) -> None:
    assert "".join(clause.text for clause in clauses(text)) == text


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        ("One came. Two went, three stayed.", ["One came. ", "Two went, ", "three stayed."]),
        ("Dr. Smith paid 3.50, at 10:30.", ["Dr. Smith paid 3.50, ", "at 10:30."]),
        ("O Sr. Silva chegou.", ["O Sr. Silva chegou."]),
        ("At 9 a.m. and later.", ["At 9 a.m. and later."]),
        ("Read John 3:16 now.", ["Read John 3:16 now."]),
        ("J. R. Tolkien wrote.", ["J. R. Tolkien wrote."]),
        ("“Stop!” he said.", ["“Stop!” ", "he said."]),
        ("你好，世界。再见。", ["你好，", "世界。", "再见。"]),
        ("مرحبا، كيف حالك؟ بخير.", ["مرحبا، ", "كيف حالك؟ ", "بخير."]),
    ],
)
def test_clauses_end_where_a_reader_pauses(text: str, cut: list[str]) -> None:
    assert [clause.text for clause in clauses(text)] == cut


def test_sentences_call_for_longer_pauses_than_clauses_and_the_last_for_none() -> None:
    pauses = [clause.pause_seconds for clause in clauses("First, then. Last.")]
    assert pauses == [CLAUSE_PAUSE_SECONDS, SENTENCE_PAUSE_SECONDS, 0.0]


def test_the_first_piece_ends_at_the_first_clause() -> None:
    assert (
        texts("Good morning everyone, and thank you for coming to this meeting today.")[0] == "Good morning everyone, "
    )


def test_a_clause_too_short_to_sound_alone_goes_with_the_next() -> None:
    assert texts("Yes, of course I will.") == ["Yes, of course I will."]


def test_a_long_first_clause_is_cut_at_a_space_so_that_audio_leaves_early() -> None:
    text = "The city is full of people who walk through the streets and who speak with loud voices all day long"
    first, *rest = texts(text)
    assert len(first) <= 56
    assert first.endswith(" ")
    assert len(rest) == 1


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("The city is full of people who walk through the streets", "The city is full of people "),
        ("A cidade está cheia de gente que anda pelas ruas da cidade", "A cidade está cheia de gente "),
        ("Esta mañana hemos hablado de las cosas que no cambian", "Esta mañana hemos hablado "),
    ],
)
def test_a_clause_is_cut_where_a_phrase_begins(text: str, first: str) -> None:
    assert texts(text, Limits(first=16, first_most=34, most=140))[0] == first


def test_a_text_without_spaces_is_cut_anyway() -> None:
    assert [len(piece) for piece in texts("x" * 300)] == [56, 140, 104]


def test_a_voice_that_pauses_between_pieces_gets_one_a_clause() -> None:
    limits = Limits(first=4, first_most=56, most=140, every_clause=True)
    assert texts("He came, he saw, he left.", limits) == ["He came, ", "he saw, ", "he left."]


@pytest.mark.parametrize(
    ("seconds_per_character", "first_most", "most"), [(0.005, 80, 140), (0.015, 40, 140), (0.03, 32, 69), (0.5, 32, 40)]
)
def test_a_slower_voice_gets_shorter_pieces(seconds_per_character: float, first_most: int, most: int) -> None:
    limits = paced(seconds_per_character)
    assert (limits.first_most, limits.most) == (first_most, most)


@given(st.lists(st.binary(max_size=20_000), max_size=6))
def test_chunks_are_bounded_whole_samples_and_nothing_but_half_a_sample_is_kept(blocks: list[bytes]) -> None:
    framer = Framer()
    chunks = [chunk for block in blocks for chunk in framer.push(block)]
    sent, given_ = b"".join(chunks), b"".join(blocks)
    assert all(0 < len(chunk) <= MAX_CHUNK_BYTES and len(chunk) % 2 == 0 for chunk in chunks)
    assert sent == given_[: len(given_) // 2 * 2]
    assert framer.sent_bytes == len(sent)
