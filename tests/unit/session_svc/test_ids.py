"""Session ids: sayable, distinct, and never rude."""

import re
from collections import defaultdict
from importlib import resources
from itertools import combinations, product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rapidfuzz.distance import Levenshtein

from chassis.errors import Invalid
from session_svc import words
from session_svc.domain import ids


def read(name: str) -> tuple[str, ...]:
    return ids.words((resources.files("session_svc.words") / name).read_text(encoding="utf-8"))


ADJECTIVES, NOUNS, BLOCKLIST = read("adjectives.txt"), read("nouns.txt"), read("blocklist.txt")


VOCABULARY = words.load()


def sound(word: str) -> str:
    """What is left of a word when it is misheard: its consonants, as they sound."""
    for spelled, heard in (("ph", "f"), ("ck", "k"), ("gh", ""), ("wr", "r"), ("kn", "n"), ("wh", "w"), ("mb", "m")):
        word = word.replace(spelled, heard)
    word = re.sub(r"c(?=[eiy])", "s", word).replace("c", "k").replace("z", "s")
    word = re.sub(r"(.)\1+", r"\1", word)
    return word[0] + re.sub("[aeiouyhw]", "", word[1:])


def looks_alike(one: str, other: str) -> bool:
    """One letter differs, or two of a long word: `bright` and `upright`, `field` and `shield`."""
    return Levenshtein.distance(one, other) <= (2 if min(len(one), len(other)) >= 5 else 1)


@pytest.mark.parametrize("listed", [ADJECTIVES, NOUNS], ids=["adjectives", "nouns"])
def test_there_are_at_least_a_hundred_words_each_once(listed: tuple[str, ...]) -> None:
    assert len(listed) >= 100
    assert len(set(listed)) == len(listed)
    assert all(re.fullmatch(r"[a-z]{3,14}", word) for word in listed)


def test_no_word_is_both_adjective_and_noun_or_nearly() -> None:
    assert [pair for pair in product(ADJECTIVES, NOUNS) if Levenshtein.distance(*pair) <= 1] == []


@pytest.mark.parametrize("listed", [ADJECTIVES, NOUNS], ids=["adjectives", "nouns"])
def test_no_two_words_look_or_sound_alike(listed: tuple[str, ...]) -> None:
    assert [pair for pair in combinations(listed, 2) if looks_alike(*pair)] == []
    alike = defaultdict(list)
    for word in listed:
        alike[sound(word)].append(word)
    assert [group for group in alike.values() if len(group) > 1] == []


def test_the_shipped_lists_keep_clear_of_the_blocklist() -> None:
    pairs = VOCABULARY.pairs
    assert not set(BLOCKLIST) & set(pairs)
    assert not set(BLOCKLIST) & {word for pair in pairs for word in pair.split("-")}
    assert len(pairs) > 10_000
    assert len(set(pairs)) == len(pairs)


def test_the_blocklist_applies_to_words_to_pairs_and_to_what_words_say_where_they_meet() -> None:
    made = ids.vocabulary(["great", "silly", "rude"], ["exodus", "lamp", "city"], ["rude", "silly-city", "tex"])
    assert made.pairs == ("great-lamp", "great-city", "silly-exodus", "silly-lamp")


def test_an_entry_inside_one_word_blocks_nothing() -> None:
    assert ids.vocabulary(["compassionate"], ["lamp"], ["ass"]).pairs == ("compassionate-lamp",)


def test_words_that_cannot_be_part_of_an_id_are_named() -> None:
    with pytest.raises(ValueError, match="Great"):
        ids.vocabulary(["Great"], ["lamp"], [])


def test_a_blocklist_that_leaves_nothing_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="leaves no words"):
        ids.vocabulary(["great"], ["lamp"], ["lamp"])


def test_comments_and_empty_lines_are_no_words() -> None:
    assert ids.words("# head\n\nlamp  # a light\n lion\n") == ("lamp", "lion")


@given(st.data())
def test_every_drawn_id_parses_to_itself(data: st.DataObject) -> None:
    session_id = VOCABULARY.draw(lambda bound: data.draw(st.integers(0, bound - 1)))
    assert ids.parse(session_id) == session_id
    assert 100 <= int(session_id.rsplit("-", 1)[1]) <= 999


def test_case_and_surrounding_space_do_not_matter() -> None:
    assert ids.parse("  Faithful-Shepherd-427\n") == "faithful-shepherd-427"


@pytest.mark.parametrize(
    "text",
    ["", "faithful", "faithful-shepherd", "faithful-shepherd-42", "faithful-shepherd-0427", "faithful-shepherd-4270",
     "faithful-shepherd-042", "faithful shepherd 427", "faithful--427", "a-b-100-200", "fäithful-shepherd-427",
     "faithful-shepherd-٤٢٧", "x" * 10_000],
)  # fmt: skip
def test_malformed_ids_are_refused(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        ids.parse(text)
    assert refused.value.reason == "INVALID_SESSION_ID"


def test_a_fingerprint_is_the_sha_256_whose_head_others_see() -> None:
    whole = ids.fingerprint("abc")
    assert whole == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert ids.short(whole) == "ba7816bf8f01cfea"
