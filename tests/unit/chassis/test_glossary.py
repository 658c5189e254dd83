"""A session's glossary: what may be in it, and the version that stands for it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.errors import Invalid
from chassis.glossary import LONGEST_TERM, MOST_TERMS, NONE, Term, glossary

WORDS = st.text(alphabet="abcשא我ि é", min_size=1, max_size=6).map(lambda text: f"a{text}")
TERMS = st.builds(Term, WORDS, WORDS | st.just(""), st.sampled_from(["", "es", "pt-BR"]))


def test_terms_are_put_in_order() -> None:
    made = glossary([Term("  ark of\n the  covenant ", " arca\0 ", "pt_br")])
    assert made.terms == (Term("ark of the covenant", "arca", "pt-BR"),)


def test_of_two_that_contradict_each_other_the_later_holds() -> None:
    made = glossary([Term("grace", "gracia"), Term("Zion"), Term("grace", "favor"), Term("grace", "graça", "pt")])
    assert made.terms == (Term("grace", "favor"), Term("Zion"), Term("grace", "graça", "pt"))


def test_no_terms_have_no_version() -> None:
    assert glossary([]) == NONE
    assert glossary([]).version == ""


@pytest.mark.parametrize(
    ("terms", "reason"),
    [
        ([Term("")], "INVALID_PARAMETER"),
        ([Term(" \n")], "INVALID_PARAMETER"),
        ([Term("!?")], "INVALID_PARAMETER"),
        ([Term("a" * (LONGEST_TERM + 1))], "INVALID_PARAMETER"),
        ([Term("a", "b" * (LONGEST_TERM + 1))], "INVALID_PARAMETER"),
        ([Term("a", "b", "spanish")], "INVALID_LANGUAGE"),
        ([Term(f"a{number}") for number in range(MOST_TERMS + 1)], "INVALID_PARAMETER"),
    ],
)
def test_what_no_glossary_can_hold_is_refused_by_name(terms: list[Term], reason: str) -> None:
    with pytest.raises(Invalid) as refusal:
        glossary(terms)
    assert refusal.value.reason == reason


def test_the_bounds_themselves_are_allowed() -> None:
    assert len(glossary([Term(f"a{number}") for number in range(MOST_TERMS)]).terms) == MOST_TERMS
    assert glossary([Term("a" * LONGEST_TERM)]).version


def test_the_version_is_the_same_in_every_process() -> None:
    assert glossary([Term("grace", "gracia", "es"), Term("Zion")]).version == "29a6dfa844c7965c"


@given(st.lists(TERMS, max_size=8, unique_by=lambda term: (" ".join(term.source.split()), term.language)), st.randoms())
def test_the_order_of_terms_does_not_change_the_version(terms: list[Term], random: object) -> None:
    shuffled = sorted(terms, key=lambda _: random.random())  # type: ignore[attr-defined]
    assert glossary(shuffled).version == glossary(terms).version


@given(st.lists(TERMS, max_size=5), TERMS)
def test_another_term_is_another_version(terms: list[Term], more: Term) -> None:
    before, after = glossary(terms), glossary([*terms, more])
    assert (before.version == after.version) is (set(before.terms) == set(after.terms))


def test_where_a_term_ends_is_part_of_the_version() -> None:
    assert glossary([Term("ab", "c")]).version != glossary([Term("a", "bc")]).version
