"""Placeholders: put in, found again however an engine wrote them, given up when they are gone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from translation_svc.domain.masking import MOST, PLACEHOLDER, Form, Masked, Span, mask, unmask

TEXT = "And Ebenezer went to Zion."
SPANS = (Span(4, 12, "Ebenézer"), Span(21, 25, "Sión"))


@pytest.mark.parametrize(
    ("form", "expected"), [(Form.CODE, "And Xq0x went to Xq1x."), (Form.NAME, "And Zorvak went to Quelvak.")]
)
def test_what_is_masked_has_a_placeholder_of_either_form(form: Form, expected: str) -> None:
    masked = mask(TEXT, SPANS, form)
    assert masked.text == expected
    assert [found[0] for found in PLACEHOLDER.finditer(masked.text)] == [name for name, _ in masked.renderings]


@pytest.mark.parametrize(
    ("answer", "unmasked", "lost"),
    [
        ("Y Xq0x fue a Xq1x.", "Y Ebenézer fue a Sión.", []),
        ("A Xq1x fue Xq0x.", "A Sión fue Ebenézer.", []),
        ("Y xq0x fue a XQ1X.", "Y Ebenézer fue a Sión.", []),
        ("Y Xq 0 x fue a Xq1 x.", "Y Ebenézer fue a Sión.", []),
        ("Y Xq0x Xq0x fue a Xq1x.", "Y Ebenézer fue a Sión.", []),
        ("Xq0xはXq1xへ行った。", "EbenézerはSiónへ行った。", []),
        ("واXq0x ذهب إلى Xq1x.", "واEbenézer ذهب إلى Sión.", []),
        ("Xq1xben volt Xq0x.", "Siónben volt Ebenézer.", []),
        ("Y fue a Xq1x.", "Y fue a Sión.", [0]),
        ("Y Xq0x fue a X.", "Y Ebenézer fue a X.", [1]),
        ("Xq0x fue, Xq0x vio Xq1x.", "Xq0x fue, Xq0x vio Sión.", [0]),
        ("Y Xq10x fue a Xq11x.", "Y Xq10x fue a Xq11x.", [0, 1]),
        ("Y AXq0x fue.", "Y AXq0x fue.", [0, 1]),
    ],
)
def test_placeholders_are_found_however_the_engine_wrote_them(answer: str, unmasked: str, lost: list[int]) -> None:
    assert unmask(mask(TEXT, SPANS), answer) == (unmasked, lost)


def test_a_name_made_up_is_found_whatever_its_case() -> None:
    masked = mask(TEXT, SPANS, Form.NAME)
    assert unmask(masked, "y zorvak fue a QUELVAK.") == ("y Ebenézer fue a Sión.", [])


def test_a_placeholder_that_the_speaker_said_is_not_used() -> None:
    assert mask("xq0x meets Zion", [Span(11, 15, "Zion")]).text == "xq0x meets Xq1x"


def test_a_rendering_may_hold_anything() -> None:
    masked = Masked("Xq0x Xq1x", (("Xq0x", r"\1 Xq1x \g<0>"), ("Xq1x", "$&")))
    assert unmask(masked, "Xq0x Xq1x") == (r"\1 Xq1x \g<0> $&", [])


def test_more_spans_than_placeholders_are_left_to_the_engine() -> None:
    text = "a " * (MOST + 5)
    masked = mask(text, [Span(2 * n, 2 * n + 1, "b") for n in range(MOST + 5)])
    assert len(masked.renderings) == MOST
    assert masked.text.count("a") == 5


@given(
    st.lists(st.tuples(st.text(max_size=8), st.text(min_size=1, max_size=8)), max_size=20),
    st.text(max_size=8),
    st.sampled_from(Form),
)
def test_an_engine_that_changes_nothing_gives_back_the_renderings(
    parts: list[tuple[str, str]], rest: str, form: Form
) -> None:
    text, expected, spans = "", "", []
    for before, word in parts:
        spans.append(Span(len(text + before) + 1, len(text + before) + 1 + len(word), word[::-1]))
        text += f"{before} {word} "
        expected += f"{before} {word[::-1]} "
    masked = mask(text + rest, spans, form)
    assert unmask(masked, masked.text) == (expected + rest, [])
