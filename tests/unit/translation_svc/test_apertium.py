"""Apertium's pipelines and stream format."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from translation_svc.domain.apertium import from_stream, stages, to_stream


def test_every_program_of_a_mode_flushes_at_null_characters_and_marks_unknown_words() -> None:
    mode = "lt-proc -w '/data/a b.bin' | apertium-tagger -g $2 '/data/t.prob' | lt-proc $1 '/data/g.bin'"
    assert stages(mode) == [
        ["lt-proc", "-z", "-w", "/data/a b.bin"],
        ["apertium-tagger", "-z", "-g", "/data/t.prob"],
        ["lt-proc", "-z", "-g", "/data/g.bin"],
    ]


@pytest.mark.parametrize(
    ("text", "stream"),
    [
        ("Olá.", "Olá.[]"),
        ("and then", "and then.[]"),
        ("a [b] {c} ^d$ / \\ <e>.", r"a \[b\] \{c\} \^d\$ \/ \\ \<e\>.[]"),
        ("to me@x.org now!", r"to [me\@x.org] now![]"),
        ("a * b", "a [*] b.[]"),
        ("see https://x.org/y.", r"see [https:\/\/x.org\/y.][]"),
        ("the speech-to-text way.", "the [speech-to-text] way.[]"),
        ("two\nlines\0", "two lines\0.[]"),
    ],
)
def test_a_text_is_escaped_and_closed(text: str, stream: str) -> None:
    assert to_stream(text) == stream


@pytest.mark.parametrize(
    ("text", "stream", "expected"),
    [
        ("Olá.", "Hola.[]", "Hola."),
        ("e então", "y entonces.[]", "y entonces"),
        ("xyz #a b", "*xyz [#a] #b \\@c.[]", "xyz #a b c"),
        ("[a] (b)", r"\[a\] (b).[]", "[a] (b)"),
    ],
)
def test_escapes_marks_and_the_added_point_go(text: str, stream: str, expected: str) -> None:
    assert from_stream(stream, text) == expected


def test_an_unknown_word_becomes_what_it_is_told_to() -> None:
    assert from_stream("un *áudio-livro [*x].[]", "um", str.upper) == "un ÁUDIO-LIVRO *x"


@given(st.text(alphabet=st.sampled_from("ab [].{}^$/\\<>@*#~:"), max_size=60))
def test_a_pipeline_that_changes_nothing_gives_the_text_back(text: str) -> None:
    text = " ".join(text.split())
    assert from_stream(to_stream(text), text) == text
