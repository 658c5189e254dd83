"""Drafts of the open segment: when they are asked for, and what a listener sees of them."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcription_svc.domain.draft import (
    INTERVAL,
    MASK_WORDS,
    Ask,
    DraftEnded,
    Drafts,
    Event,
    FinalBegan,
    FinalEnded,
    Shown,
    WantedChanged,
)
from transcription_svc.domain.segmenter import SegmentClosed, SegmentGrew


def grew(text: str, segment: int = 1, likely: str = "") -> SegmentGrew:
    return SegmentGrew(segment, text, 0, 0.0, 1.0, len(likely))


def closed(text: str, segment: int = 1) -> SegmentClosed:
    return SegmentClosed(segment, text, 0.0, 1.0)


def wanted(*languages: str) -> Drafts:
    drafts = Drafts()
    drafts.receive(WantedChanged(frozenset(languages)), 0.0)
    return drafts


def asked(asks: list[Ask]) -> list[str]:
    return [ask.text for ask in asks]


LONG = "it starts small in the hills"


def test_the_open_segment_is_drafted_in_all_wanted_languages() -> None:
    [ask] = wanted("es", "pt").receive(grew(LONG), 1.0)
    assert (ask.text, ask.languages, ask.segment.segment_id) == (LONG, frozenset({"es", "pt"}), 1)


def test_nothing_is_drafted_for_nobody_and_nothing_where_drafts_are_off() -> None:
    assert Drafts().receive(grew(LONG), 1.0) == []
    off = Drafts(off=True)
    off.receive(WantedChanged(frozenset({"es"})), 0.0)
    assert off.receive(grew(LONG), 1.0) == []
    assert off.deadline() is None


def test_too_few_words_are_not_drafted_unless_they_are_likely_a_segment() -> None:
    drafts = wanted("es")
    assert drafts.receive(grew("it starts small"), 1.0) == []
    assert asked(drafts.receive(grew("Yes. And", likely="Yes."), 1.1)) == ["Yes."]


def test_one_draft_at_a_time_half_a_second_apart_and_the_newest_text_wins() -> None:
    drafts = wanted("es")
    drafts.receive(grew(LONG), 1.0)
    assert drafts.receive(grew(LONG + " and"), 1.1) == []
    assert drafts.deadline() is None
    assert drafts.receive(DraftEnded(1, 0.05), 1.2) == []
    assert drafts.receive(grew(LONG + " and nobody"), 1.3) == []
    assert drafts.deadline() == 1.5
    assert asked(drafts.tick(1.5)) == [LONG + " and nobody"]


def test_a_likely_end_waits_only_for_what_the_draft_before_it_cost() -> None:
    drafts = wanted("es")
    drafts.receive(grew(LONG), 1.0)
    drafts.receive(DraftEnded(1, 0.03), 1.03)
    assert drafts.receive(grew(LONG + ". And", likely=LONG + "."), 1.05) == []
    assert drafts.deadline() == pytest.approx(1.1)
    assert asked(drafts.tick(1.1)) == [LONG + "."]
    assert drafts.receive(grew(LONG + ". And then", likely=LONG + "."), 1.2) == []


def test_a_dear_draft_is_followed_by_a_longer_rest() -> None:
    drafts = wanted("es")
    drafts.receive(grew(LONG), 1.0)
    drafts.receive(DraftEnded(1, 0.6), 1.6)
    drafts.receive(grew(LONG + " and nobody"), 1.7)
    assert drafts.deadline() == pytest.approx(3.0)


def test_drafts_wait_for_finals() -> None:
    drafts = wanted("es")
    drafts.receive(FinalBegan(), 0.5)
    assert drafts.receive(grew(LONG), 1.0) == []
    assert drafts.deadline() is None
    assert asked(drafts.receive(FinalEnded(), 1.3)) == [LONG]


def test_the_same_text_is_not_drafted_twice_unless_languages_change() -> None:
    drafts = wanted("es")
    drafts.receive(grew(LONG), 1.0)
    drafts.receive(DraftEnded(1, 0.05), 1.1)
    assert drafts.receive(grew(LONG), 2.0) == []
    assert len(drafts.receive(WantedChanged(frozenset({"es", "pt"})), 2.1)) == 1


def test_a_segment_that_closes_frees_the_place_of_its_draft() -> None:
    drafts = wanted("es")
    drafts.receive(grew(LONG), 1.0)
    drafts.receive(closed(LONG), 1.2)
    assert asked(drafts.receive(grew("nobody knows its name", 2), 1.6)) == ["nobody knows its name"]
    assert drafts.receive(DraftEnded(1, 0.4), 1.7) == []
    assert drafts.receive(grew("nobody knows its name yet", 2), 2.2) == [], "the second is still under way"


def test_words_that_were_taken_back_are_not_drafted() -> None:
    drafts = wanted("es")
    drafts.receive(grew(LONG), 1.0)
    drafts.receive(grew(""), 1.2)
    assert drafts.deadline() is None
    assert asked(drafts.receive(grew(LONG + " again"), 1.6)) == [LONG + " again"]


EVENTS = st.one_of(
    st.builds(grew, st.sampled_from(["", LONG, LONG + " and", "Yes. And"]), st.integers(1, 3), st.just("")),
    st.builds(closed, st.just(LONG), st.integers(1, 3)),
    st.builds(WantedChanged, st.sampled_from([frozenset[str](), frozenset({"es"}), frozenset({"es", "pt"})])),
    st.just(FinalBegan()),
    st.just(FinalEnded()),
    st.builds(DraftEnded, st.integers(1, 5), st.sampled_from([0.0, 0.1, 2.0])),
)


@given(st.lists(st.tuples(EVENTS, st.floats(0.0, 1.0)), max_size=40))
def test_whatever_happens_drafts_are_apart_and_never_beside_a_final(steps: list[tuple[Event, float]]) -> None:
    drafts, now, finals, languages = Drafts(), 0.0, 0, frozenset[str]()
    times: list[float] = []
    for event, pause in steps:
        now += pause
        if isinstance(event, FinalEnded) and finals == 0:
            continue
        while (due := drafts.deadline()) is not None and due <= now:
            asks = drafts.tick(max(due, times[-1] if times else due))
            assert len(asks) == 1, "a deadline means that something is due"
            assert finals == 0
            assert languages
            times.append(due)
        finals += isinstance(event, FinalBegan) - isinstance(event, FinalEnded)
        languages = event.languages if isinstance(event, WantedChanged) else languages
        for ask in drafts.receive(event, now):
            assert finals == 0
            assert ask.languages == languages != frozenset()
            times.append(now)
    assert all(after - before >= INTERVAL - 1e-9 for before, after in pairwise(times))


def shown(*translations: str, language: str = "es") -> list[str | None]:
    lane = Shown(language)
    return [lane.receive(1, each) for each in translations]


@pytest.mark.parametrize(
    ("translations", "wanted"),
    [
        (["a b c d"], [None]),
        (["a b c d e f"], ["a b"]),
        (["a b c d e f", "a b c d e f g"], ["a b", "a b c"]),
        (["a b c d e f", "a b c d e"], ["a b", None]),
        # It begins differently, once: perhaps it comes back.
        (["a b c d e f g", "a x c d e f g", "a b c d e f g h"], ["a b c", None, "a b c d"]),
        # Twice: it is believed, as far as both say so.
        (["a b c d e f g", "a x c d e f g", "a x c d y f g h i"], ["a b c", None, "a x c d"]),
        (["a b c d e f g", "x b c d e f g", "y b c d e f g"], ["a b c", None, None]),
        # All that is shown is still there; what follows changed.
        (["a b c d e f", "a b x y z u v"], ["a b", "a b x"]),
    ],
)
def test_the_last_words_are_hidden_and_what_is_shown_jumps_rarely(
    translations: list[str], wanted: list[str | None]
) -> None:
    assert shown(*translations) == wanted


def test_a_language_without_spaces_is_masked_by_characters() -> None:
    assert shown("川は丘の中で小さく始まる", language="ja") == ["川は丘の"]


def test_another_segment_begins_anew_and_what_was_taken_back_is_cleared() -> None:
    lane = Shown("es")
    assert lane.receive(1, "a b c d e") == "a"
    assert lane.receive(2, "x y z u v w") == "x y"
    assert lane.clear(1) is None
    assert lane.receive(2, "x y z u v w") == "x y"
    assert lane.clear(2) == ""
    assert lane.clear(2) is None


@given(st.lists(st.lists(st.sampled_from("ab"), max_size=9), max_size=12))
def test_what_is_shown_was_translated_and_its_last_words_are_hidden(drafts: list[list[str]]) -> None:
    lane = Shown("es")
    for words in drafts:
        seen = lane.receive(1, " ".join(words))
        if seen is not None:
            assert seen.split() == words[: len(seen.split())]
            assert len(seen.split()) <= max(len(words) - MASK_WORDS, 0)
