"""Figures of the source that must be in the translation: what counts as there, and what as lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from translation_svc.domain.figures import figures, lost, mended


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("In 1 Cor 13:4-7 and John 3:16, 24 people.", ["1", "13:4-7", "3:16", "24"]),
        ("At 10:30, 1,000.50 dollars; 3.5%.", ["10:30", "1,000.50", "3.5"]),
        ("Matthew 5:3,5 and 5:17–18.", ["5:3,5", "5:17–18"]),
        ("The 2nd of 20th, MP3, 1990s, B2B", []),
        ("第3章第16节", ["3", "16"]),
        ("يوحنا ٣:١٦", ["٣:١٦"]),
        ("यूहन्ना ३:१६", ["३:१६"]),
        ("1 000 000 and 12 3456", ["1 000 000", "12", "3456"]),
        ("No figures.", []),
    ],
)
def test_figures_are_references_and_numbers(text: str, expected: list[str]) -> None:
    assert [span.rendering for span in figures(text)] == expected
    assert [text[span.start : span.end] for span in figures(text)] == expected


@pytest.mark.parametrize(
    ("text", "translated", "missing"),
    [
        ("There are 42 houses.", "Hay 42 casas.", []),
        ("There are 42 houses.", "Hay cuarenta y dos casas.", ["42"]),
        ("It costs 1,000.50.", "Cuesta 1.000,50.", []),
        ("It costs 1,000,000.", "Il coûte 1 000 000.", []),
        ("It costs 1,000,000.", "Il coûte 1\u202f000\u202f000.", []),
        ("3.5 litres", "3,5 litros", []),
        ("At 7 p.m. and 7:30 PM.", "A las 19:00 y a las 19.30.", []),
        ("At 12 a.m., at 12 pm", "À 0 h, à 12 h", []),
        ("At 7 p.m.", "A las 20:00.", ["7"]),
        ("7 men", "19 hombres", ["7"]),
        ("20 million people", "2000万人", []),
        ("1.5 million people", "150万人", []),
        ("10,000 people", "1万人", []),
        ("20 million people", "2 करोड़ लोग", []),
        ("20 million people", "20 millones de personas", []),
        ("20 million people", "20.000.000 de personas", []),
        ("20 million people", "200万人", ["20"]),
        ("20 millionaires", "2000万人", ["20"]),
        ("3 thousand", "3,000", []),
        ("3.5 litres", "35 mil litros, 3 y 4", []),
        ("20,300 came", "20 300 vinieron", []),
        ("In 20 300 came", "En 20, 300 vinieron", []),
        ("John 3:16.", "Juan 3:16.", []),
        ("John 3:16.", "Juan 3,16.", ["3:16"]),
        ("John 3:16.", "يوحنا ٣:١٦", []),
        ("Read 13:4-7.", "Lea 13:4–7.", []),
        ("Read 13:4-7.", "Lea 13:4.", ["13:4-7"]),
        ("7 and 7", "7", ["7"]),
        ("7 and 77", "77", ["7"]),
        ("यूहन्ना ३:१६", "John 3:16", []),
    ],
)
def test_figures_may_be_written_as_the_language_does(text: str, translated: str, missing: list[str]) -> None:
    assert [span.rendering for span in lost(text, translated)] == missing


@pytest.mark.parametrize(
    ("text", "translated", "expected"),
    [
        ("John 3:16.", "Juan 3: 16.", "Juan 3:16."),
        ("John 3:16.", "Jean 3,16.", "Jean 3:16."),
        ("John 3:16.", "约翰福音3：16。", "约翰福音3:16。"),
        ("Read 13:4-7.", "Lea 13 : 4 - 7.", "Lea 13:4-7."),
        ("John 3:16.", "Juan 13.16 y 3.160.", "Juan 13.16 y 3.160."),
        ("John 3:16.", "3.16 o 3,16", "3.16 o 3,16"),
        ("No reference.", "3: 16", "3: 16"),
    ],
)
def test_a_reference_that_came_apart_is_put_together(text: str, translated: str, expected: str) -> None:
    assert mended(text, translated) == expected


@given(st.text(alphabet="ab 0123456789.,:-'٣३ ", max_size=60))
def test_a_text_loses_no_figure_to_itself(text: str) -> None:
    assert lost(text, text) == []
    assert mended(text, text) == text


@given(st.lists(st.integers(0, 99_999), max_size=8))
def test_numbers_survive_any_order_and_any_separator(numbers: list[int]) -> None:
    text = " and ".join(f"{number:,}" for number in numbers)
    translated = " y ".join(f"{number:,}".replace(",", ".") for number in reversed(numbers))
    assert lost(text, translated) == []
