"""The segmenter: what is committed, where it is cut, and that nothing is said twice (T3, T4)."""

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcription_svc.domain.hypothesis import Hypothesis, Word
from transcription_svc.domain.segmenter import (
    Event,
    Revised,
    SegmentClosed,
    SegmentCorrected,
    Segmenter,
    SegmentGrew,
    Segmenting,
)


def believed(
    text: str, stable: int | None = None, *, utterance: int = 1, final: bool = False, at: float = 0.0
) -> Hypothesis:
    """A hypothesis of `text`, a word every half second from `at`, its first `stable` words stable (all if final)."""
    texts = text.split()
    count = len(texts) if stable is None and final else stable or 0
    words = tuple(
        Word(word, at + index * 0.5, at + index * 0.5 + 0.4, stable=index < count) for index, word in enumerate(texts)
    )
    return Hypothesis(utterance, words, final)


def closed(events: Iterable[Event]) -> list[str]:
    return [event.text for event in events if isinstance(event, SegmentClosed)]


def grown(events: Iterable[Event]) -> list[str]:
    return [event.text for event in events if isinstance(event, SegmentGrew)]


def test_a_partial_shows_the_text_and_how_much_of_it_is_stable() -> None:
    events = Segmenter("en").receive(believed("Hello dear", stable=1), now=0.0)
    assert events == [SegmentGrew(1, "Hello dear", stable_chars=5, start=0.0, end=0.9, shown_chars=5)]


def test_a_sentence_mark_closes_the_segment_as_soon_as_its_word_is_stable() -> None:
    segmenter = Segmenter("en")
    assert closed(segmenter.receive(believed("God is good. And", stable=2), now=0.0)) == []
    events = segmenter.receive(believed("God is good. And he", stable=3), now=0.5)
    assert closed(events) == ["God is good."]
    assert grown(events) == ["And he"]


def test_segments_carry_ids_in_the_order_of_speech_from_the_first_one_asked_for() -> None:
    segmenter = Segmenter("en", first_segment_id=7)
    events = segmenter.receive(believed("One. Two. Three.", final=True), now=0.0)
    assert [event.segment_id for event in events if isinstance(event, SegmentClosed)] == [7, 8, 9]


def test_a_segment_spans_its_words() -> None:
    events = Segmenter("en").receive(believed("One two. Three four.", final=True, at=3.0), now=0.0)
    spans = [(event.start, event.end) for event in events if isinstance(event, SegmentClosed)]
    assert spans == [(3.0, 3.9), (4.0, 4.9)]


def test_a_clause_is_cut_at_its_comma_once_it_is_long_and_more_follows() -> None:
    segmenter = Segmenter("en")
    assert closed(segmenter.receive(believed("When the morning came,", stable=4), now=0.0)) == []
    assert closed(segmenter.receive(believed("When the morning came, they left", stable=4), now=0.5)) == [
        "When the morning came,"
    ]


def test_a_word_or_two_after_a_comma_stay_with_their_clause() -> None:
    segmenter = Segmenter("en")
    events = segmenter.receive(believed("I came all this way to see you, John. Now we go.", final=True), now=0.0)
    assert closed(events) == ["I came all this way to see you, John.", "Now we go."]


def test_words_that_may_yet_leave_the_segment_are_not_promised_to_stay() -> None:
    segmenter = Segmenter("en")
    events = segmenter.receive(believed("When the morning came, they", stable=5), now=0.0)
    [grew] = events
    assert isinstance(grew, SegmentGrew)
    assert (grew.text, grew.stable_chars, grew.shown_chars) == ("When the morning came, they", 22, 27)
    assert closed(segmenter.tick(now=2.0)) == ["When the morning came, they"]


def test_a_clause_that_can_wait_no_longer_is_cut_at_its_comma() -> None:
    segmenter = Segmenter("en", Segmenting(hold_seconds=1.0))
    segmenter.receive(believed("When the morning came, they", stable=5), now=0.0)
    assert segmenter.deadline() == 0.8
    events = segmenter.tick(now=0.8)
    assert closed(events) == ["When the morning came,"]
    assert grown(events) == ["they"]
    assert segmenter.deadline() == 1.0
    assert closed(segmenter.tick(now=1.0)) == ["they"]


def test_no_more_than_ten_seconds_of_text_wait() -> None:
    segmenter = Segmenter("en")
    events = segmenter.receive(believed(" ".join(["on"] * 24), stable=0), now=0.0)
    assert closed(events) == ["on on on on"]
    assert grown(events) == [" ".join(["on"] * 20)]


def test_a_contradiction_is_noted_once_by_the_final() -> None:
    segmenter = Segmenter("en")
    segmenter.receive(believed("I went to sea.", stable=4), now=0.0)
    assert not any(isinstance(event, Revised) for event in segmenter.receive(believed("I want to see"), now=1.0))


def test_words_without_text_are_no_words() -> None:
    words = (Word("", 0.0, 0.1, True), Word("Yes.", 0.1, 0.4, True), Word("", 0.4, 0.5, True))
    events = Segmenter("en").receive(Hypothesis(1, words, is_final=True), now=0.0)
    assert closed(events) == ["Yes."]


def test_a_short_clause_is_not_cut_at_its_comma() -> None:
    assert closed(Segmenter("en").receive(believed("Yes, they came", stable=3), now=0.0)) == []


def test_a_verse_reference_and_a_number_stay_whole() -> None:
    events = Segmenter("en").receive(believed("As John 3:16 says about 1,000.5 people", final=True), now=0.0)
    assert closed(events) == ["As John 3:16 says about 1,000.5 people"]


def test_a_long_run_without_marks_is_cut_at_a_space_before_the_limit() -> None:
    text = " ".join(["wonderful"] * 20)
    events = Segmenter("en").receive(believed(text, final=True), now=0.0)
    assert max(len(text) for text in closed(events)) <= 120
    assert " ".join(closed(events)) == text


def test_the_end_of_an_utterance_closes_what_is_open() -> None:
    segmenter = Segmenter("en")
    segmenter.receive(believed("and then he", stable=2), now=0.0)
    assert closed(segmenter.receive(believed("and then he left", final=True), now=1.0)) == ["and then he left"]
    assert segmenter.deadline() is None


def test_two_seconds_without_change_close_the_segment() -> None:
    segmenter = Segmenter("en")
    segmenter.receive(believed("and then he", stable=2), now=10.0)
    assert segmenter.deadline() == 12.0
    assert closed(segmenter.tick(now=12.0)) == ["and then he"]


def test_what_was_closed_early_is_not_said_again_by_the_final() -> None:
    segmenter = Segmenter("en")
    segmenter.receive(believed("and then he", stable=2), now=10.0)
    segmenter.tick(now=12.0)
    assert closed(segmenter.receive(believed("and then he left", final=True), now=13.0)) == ["left"]


def test_a_final_that_contradicts_spoken_words_is_noted_and_only_its_rest_is_said() -> None:
    segmenter = Segmenter("en")
    segmenter.receive(believed("I went to sea.", stable=4), now=0.0)
    events = segmenter.receive(believed("I want to see. Then home.", final=True), now=1.0)
    assert Revised(1, words=2) in events
    assert closed(events) == ["Then home."]


def test_punctuation_and_case_alone_contradict_nothing() -> None:
    segmenter = Segmenter("en")
    segmenter.receive(believed("well then,", stable=2), now=0.0)
    events = segmenter.receive(believed("Well then we go.", final=True), now=1.0)
    assert not any(isinstance(event, Revised) for event in events)


def test_nothing_is_held_longer_than_five_seconds() -> None:
    segmenter = Segmenter("en")
    for second in range(5):
        said = " ".join(["on"] * (second + 2))
        assert closed(segmenter.receive(believed(said, stable=second + 1), now=float(second))) == []
    assert segmenter.deadline() == 5.0
    assert closed(segmenter.tick(now=5.0)) == ["on on on on on"]


def test_an_engine_without_stability_settles_words_after_three_seconds_of_newer_speech() -> None:
    segmenter = Segmenter("en", gives_stability=False)
    events = segmenter.receive(believed("One. Two three four five six seven eight"), now=0.0)
    assert closed(events) == ["One."]


def test_of_many_partials_the_newest_of_each_fifth_of_a_second_is_used() -> None:
    segmenter = Segmenter("en")
    assert grown(segmenter.receive(believed("a"), now=0.0)) == ["a"]
    assert segmenter.receive(believed("a b"), now=0.05) == []
    assert segmenter.receive(believed("a b c"), now=0.1) == []
    assert segmenter.deadline() == pytest.approx(0.2)
    assert grown(segmenter.tick(now=0.2)) == ["a b c"]


def test_a_final_is_never_held_back() -> None:
    segmenter = Segmenter("en")
    segmenter.receive(believed("a"), now=0.0)
    assert closed(segmenter.receive(believed("a b", final=True), now=0.01)) == ["a b"]


def test_final_only_ignores_partials() -> None:
    segmenter = Segmenter("en", final_only=True)
    assert segmenter.receive(believed("Hello there. Friend", stable=3), now=0.0) == []
    assert closed(segmenter.receive(believed("Hello there.", final=True), now=1.0)) == ["Hello there."]


def test_an_utterance_that_overtakes_waits_for_the_one_before() -> None:
    segmenter = Segmenter("en")
    segmenter.receive(believed("first thing", stable=2), now=0.0)
    assert segmenter.receive(believed("second thing", utterance=2, final=True, at=5.0), now=0.5) == []
    assert closed(segmenter.receive(believed("first thing", final=True), now=0.8)) == ["first thing", "second thing"]


def test_an_utterance_whose_final_never_comes_is_closed_when_the_next_has_waited_a_second() -> None:
    segmenter = Segmenter("en")
    segmenter.receive(believed("first thing", stable=1), now=0.0)
    segmenter.receive(believed("second thing", utterance=2, final=True, at=5.0), now=0.5)
    assert segmenter.deadline() == pytest.approx(1.5)
    assert closed(segmenter.tick(now=1.5)) == ["first thing", "second thing"]


def test_an_utterance_that_comes_before_anything_of_the_one_before_waits_for_it() -> None:
    segmenter = Segmenter("en")
    assert segmenter.receive(believed("second thing", utterance=2, final=True, at=5.0), now=0.0) == []
    assert closed(segmenter.receive(believed("first thing", final=True), now=0.5)) == ["first thing", "second thing"]
    assert segmenter.deadline() is None


def test_an_utterance_is_waited_for_a_second_and_said_when_it_comes_after_all() -> None:
    segmenter = Segmenter("en")
    segmenter.receive(believed("second thing", utterance=2, final=True, at=5.0), now=0.0)
    assert closed(segmenter.tick(now=1.0)) == ["second thing"]
    assert closed(segmenter.receive(believed("first thing", final=True), now=1.5)) == ["first thing"]


def test_a_final_that_waits_is_not_replaced_by_an_older_partial() -> None:
    segmenter = Segmenter("en")
    segmenter.receive(believed("first", stable=1), now=0.0)
    segmenter.receive(believed("second thing", utterance=2, final=True, at=5.0), now=0.1)
    segmenter.receive(believed("second", utterance=2, at=5.0), now=0.2)
    assert closed(segmenter.receive(believed("first", final=True), now=0.5)) == ["first", "second thing"]


def test_final_only_ignores_partials_that_overtake_too() -> None:
    segmenter = Segmenter("en", final_only=True)
    segmenter.receive(believed("second. thing", stable=2, utterance=2, at=5.0), now=0.0)
    assert segmenter.receive(believed("first", final=True), now=0.5) == [SegmentClosed(1, "first", 0.0, 0.4)]


def test_a_final_that_is_repeated_says_nothing_new() -> None:
    segmenter = Segmenter("en")
    segmenter.receive(believed("Yes.", final=True), now=0.0)
    assert segmenter.receive(believed("Yes.", final=True), now=0.1) == []
    assert segmenter.receive(believed("Yes. No", stable=2), now=0.2) == []


def test_a_text_that_was_taken_back_is_shown_empty() -> None:
    segmenter = Segmenter("en")
    segmenter.receive(believed("you"), now=0.0)
    assert grown(segmenter.receive(believed("", final=True), now=1.0)) == [""]


def test_finishing_closes_everything() -> None:
    segmenter = Segmenter("en")
    segmenter.receive(believed("still going", stable=1), now=0.0)
    segmenter.receive(believed("still going on", stable=1), now=0.1)
    assert closed(segmenter.finish(now=0.2)) == ["still going on"]


WORDS = st.lists(
    st.sampled_from(["a", "bee", "cedar,", "dust.", "ember", "Dr.", "fig?", "3:16"]), min_size=1, max_size=40
)


@given(utterances=st.lists(WORDS, min_size=1, max_size=4), data=st.data())
def test_all_that_is_final_is_said_once_and_in_order(utterances: list[list[str]], data: st.DataObject) -> None:
    """Partials of growing length with growing stable prefixes, ticks whenever due, then the final."""
    segmenter, events, now, said = Segmenter("en", Segmenting(hold_seconds=3.0)), [], 0.0, []
    for number, words in enumerate(utterances, start=1):
        said += words
        stable = 0
        for length in sorted(data.draw(st.lists(st.integers(1, len(words)), max_size=8))):
            stable = max(stable, data.draw(st.integers(0, length)))
            now += data.draw(st.floats(0.01, 1.5))
            while (due := segmenter.deadline()) is not None and due <= now:
                events += segmenter.tick(due)
            events += segmenter.receive(believed(" ".join(words[:length]), stable, utterance=number, at=now), now)
        events += segmenter.receive(believed(" ".join(words), final=True, utterance=number, at=now), now)
    events += segmenter.finish(now + 1.0)
    assert " ".join(closed(events)).split() == said
    ids = [event.segment_id for event in events if isinstance(event, SegmentClosed)]
    assert ids == list(range(1, len(ids) + 1))
    assert segmenter.deadline() is None


@st.composite
def rambling(draw: st.DrawFn) -> Hypothesis:
    """Anything: rewritten words, a tail that shrinks, finals repeated, utterances out of order, equal times."""
    texts = draw(st.lists(st.sampled_from(["a", "wonderful", "cedars,", "dust.", "wait...", "and", ""]), max_size=12))
    utterance, stable = draw(st.integers(1, 4)), draw(st.integers(0, len(texts)))
    step = draw(st.sampled_from([0.0, 0.4, 1.5]))
    words = tuple(
        Word(text, utterance * 20 + index * step, utterance * 20 + (index + 1) * step, index < stable)
        for index, text in enumerate(texts)
    )
    return Hypothesis(utterance, words, is_final=draw(st.integers(0, 4)) == 0)


@given(st.lists(st.tuples(rambling(), st.floats(0.0, 1.5)), max_size=30), st.booleans())
def test_what_was_shown_as_stable_begins_all_later_texts_of_its_segment(
    steps: list[tuple[Hypothesis, float]], gives_stability: bool
) -> None:
    segmenter = Segmenter("en", Segmenting(hold_seconds=2.0), gives_stability=gives_stability)
    now, events = 0.0, list[Event]()
    for hypothesis, pause in steps:
        now += pause
        while (due := segmenter.deadline()) is not None and due <= now:
            events += segmenter.tick(due)
            after = segmenter.deadline()
            assert after is None or after > due, "a tick that is due must change something"
        events += segmenter.receive(hypothesis, now)
    events += segmenter.finish(now)
    promised: dict[int, str] = {}
    done: set[int] = set()
    for event in events:
        if isinstance(event, Revised | SegmentCorrected):
            continue
        assert event.segment_id not in done
        assert event.text.startswith(promised.get(event.segment_id, ""))
        if isinstance(event, SegmentGrew):
            assert 0 <= event.stable_chars <= len(event.text)
            promised[event.segment_id] = event.text[: event.stable_chars]
        else:
            assert event.text.strip()
            done.add(event.segment_id)
    assert done == set(range(1, len(done) + 1))
    assert segmenter.deadline() is None


def test_of_partials_that_come_too_fast_the_most_stable_is_used_and_of_those_the_newest() -> None:
    segmenter = Segmenter("en")
    segmenter.receive(believed("a"), now=0.0)
    segmenter.receive(believed("a b c", stable=2), now=0.05)
    segmenter.receive(believed("a b x y", stable=1), now=0.1)
    assert grown(segmenter.tick(now=0.2)) == ["a b c"]


def test_a_partial_that_comes_late_does_not_put_the_clock_back() -> None:
    segmenter = Segmenter("en")
    segmenter.receive(believed("a b c d", stable=3), now=0.0)
    assert segmenter.receive(believed("a b", stable=1), now=1.0) == []


def test_an_engine_that_never_sends_partials_is_served_by_its_finals() -> None:
    segmenter = Segmenter("en")
    events = segmenter.receive(believed("One is here. Two is there", final=True), now=0.0)
    events += segmenter.receive(believed("Three.", utterance=2, final=True, at=5.0), now=5.0)
    assert closed(events) == ["One is here.", "Two is there", "Three."]
    assert segmenter.deadline() is None


def test_words_that_stay_in_doubt_are_taken_as_they_are_after_fifteen_seconds() -> None:
    """Their times stand still and they change all the time: no other rule closes them."""
    segmenter, now, events = Segmenter("en"), 0.0, list[Event]()
    for turn in range(40):
        now = turn * 0.5
        events += segmenter.receive(Hypothesis(1, (Word(f"w{turn}", 0.0, 0.4, stable=False),), is_final=False), now)
        while (due := segmenter.deadline()) is not None and due <= now:
            events += segmenter.tick(due)
    assert closed(events)[:1] == ["w30"]
    assert segmenter.deadline() is not None


def test_punctuation_that_a_later_hypothesis_adds_to_the_last_word_counts_until_the_segment_closes() -> None:
    segmenter = Segmenter("en")
    assert closed(segmenter.receive(believed("the river finds the sea", stable=5), now=0.0)) == []
    events = segmenter.receive(believed("the river finds the sea. At last", stable=5), now=0.5)
    assert closed(events) == ["the river finds the sea."]


def test_the_final_of_an_utterance_that_was_not_waited_for_says_what_was_missing() -> None:
    segmenter = Segmenter("en")
    segmenter.receive(believed("first thing", stable=1), now=0.0)
    segmenter.receive(believed("Second thing. And a third", utterance=2, stable=5, at=5.0), now=0.5)
    events = segmenter.tick(now=1.5)
    assert closed(events) == ["first thing", "Second thing."]
    # It waits for the segment that is open, whose beginning was promised.
    assert closed(segmenter.receive(believed("first thing of all", final=True), now=2.0)) == []
    events = segmenter.receive(believed("Second thing. And a third. Now", utterance=2, stable=6, at=5.0), now=2.5)
    assert closed(events) == ["And a third.", "of all"]


def test_a_final_that_contradicts_a_closed_segment_by_much_corrects_its_caption_and_says_nothing() -> None:
    segmenter = Segmenter("en")
    segmenter.receive(believed("I went to sea. They were glad to come.", stable=9), now=0.0)
    events = segmenter.receive(believed("I want to see it. They were glad to come. Now.", final=True), now=1.0)
    corrected = [event for event in events if isinstance(event, SegmentCorrected)]
    assert [(event.segment_id, event.text) for event in corrected] == [(1, "I want to see it.")]
    assert closed(events) == ["Now."]


def test_a_final_that_contradicts_little_corrects_nothing() -> None:
    segmenter = Segmenter("en")
    segmenter.receive(believed("The mountains of that land are wonderfull.", stable=7), now=0.0)
    events = segmenter.receive(believed("The mountains of that land are wonderful.", final=True), now=1.0)
    assert not any(isinstance(event, SegmentCorrected) for event in events)


def test_words_of_the_open_segment_that_the_final_contradicts_are_closed_as_promised_and_then_corrected() -> None:
    segmenter = Segmenter("en")
    segmenter.receive(believed("we went to sea", stable=4), now=0.0)
    events = segmenter.receive(believed("he wants two seas now", final=True), now=1.0)
    assert closed(events) == ["we went to sea now"]
    corrected = [event.text for event in events if isinstance(event, SegmentCorrected)]
    assert corrected == ["he wants two seas now"]


@pytest.mark.parametrize(
    ("phrases", "text", "wanted"),
    [
        (
            ["Yahoo! Answers"],
            "I asked on Yahoo! Answers yesterday. Nobody came",
            ["I asked on Yahoo! Answers yesterday."],
        ),
        (["Yahoo!"], "I asked Yahoo! for it. Nobody came", ["I asked Yahoo! for it."]),
        (["Yahoo!"], "I asked Yahoo! They knew nothing. Nobody", ["I asked Yahoo!", "They knew nothing."]),
        (["Yahoo!"], "I asked Yahoo Answers yesterday. Nobody", ["I asked Yahoo Answers yesterday."]),
        (["Panic! at the Disco"], "We heard panic! At the disco. Then", ["We heard panic! At the disco."]),
        (["Newton, Massachusetts"], "They live today in Newton, Massachusetts because", []),
        (["Newton, Massachusetts"], "They live today in Newton, where it is cold", ["They live today in Newton,"]),
        ([], "I asked on Yahoo! Answers came", ["I asked on Yahoo!"]),
    ],
)
def test_no_cut_falls_into_a_phrase_of_the_glossary(phrases: list[str], text: str, wanted: list[str]) -> None:
    segmenter = Segmenter("en")
    segmenter.keep_whole(phrases)
    assert closed(segmenter.receive(believed(text, stable=len(text.split())), now=0.0)) == wanted


def test_the_glossary_may_change_while_a_segment_is_open() -> None:
    segmenter = Segmenter("en")
    segmenter.receive(believed("I asked on Yahoo!", stable=3), now=0.0)
    segmenter.keep_whole(["Yahoo! Answers"])
    assert closed(segmenter.receive(believed("I asked on Yahoo! Answers", stable=5), now=0.5)) == []
    segmenter.keep_whole([])
    events = segmenter.receive(believed("I asked on Yahoo! Answers. Why", stable=5), now=1.0)
    assert closed(events) == ["I asked on Yahoo! Answers."], "what was shown as certain stays in its segment"


def test_half_a_phrase_is_left_for_the_next_segment_when_time_is_up() -> None:
    segmenter = Segmenter("en")
    segmenter.keep_whole(["Holy Spirit"])
    for second, said in enumerate(["on", "on the", "on the day", "on the day of", "on the day of Holy"]):
        segmenter.receive(believed(said, stable=second + 1), now=float(second))
    assert closed(segmenter.tick(now=5.0)) == ["on the day of"]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Il dit : « Venez. » Puis il partit", ["Il dit : « Venez. »"]),
        ("Comment allez-vous ? Bien", ["Comment allez-vous ?"]),
        ("Il y avait une fois : un roi et une reine", ["Il y avait une fois :"]),
    ],
)
def test_marks_that_stand_alone_stay_with_their_word(text: str, wanted: list[str]) -> None:
    assert closed(Segmenter("fr").receive(believed(text, stable=len(text.split())), now=0.0)) == wanted


@pytest.mark.parametrize(
    ("text", "stable", "shown"),
    [
        ("God is goo", 2, "God is"),
        ("God is good", 3, "God is good"),
        ("God is good. And he", 1, "God is good."),
        ("God is good. And he", 4, "And"),
        ("God", 0, ""),
    ],
)
def test_neither_half_a_word_nor_the_next_segments_words_are_worth_showing(text: str, stable: int, shown: str) -> None:
    event = Segmenter("en").receive(believed(text, stable=stable), now=0.0)[-1]
    assert isinstance(event, SegmentGrew)
    assert event.text[: event.shown_chars] == shown


def test_what_would_be_closed_if_all_were_certain_is_told() -> None:
    segmenter = Segmenter("en")
    [event] = segmenter.receive(believed("God is good. And", stable=1), now=0.0)
    assert isinstance(event, SegmentGrew)
    assert event.text[: event.likely_chars] == "God is good."


def test_an_end_is_foreseen_before_enough_has_followed_it() -> None:
    segmenter = Segmenter("en")
    [event] = segmenter.receive(believed("When the morning came, they", stable=3), now=0.0)
    assert isinstance(event, SegmentGrew)
    assert event.text[: event.likely_chars] == "When the morning came,"
    [event] = segmenter.receive(believed("When the morning came, they went away", stable=3), now=0.5)
    assert isinstance(event, SegmentGrew)
    assert event.text[: event.likely_chars] == "When the morning came,"


@pytest.mark.parametrize(
    ("language", "text", "wanted"),
    [
        (
            "en",
            "You can make a project for all the call centers that use English in the United States and elsewhere",
            ["You can make a project for all the call centers", "that use English in the United States"],
        ),
        (
            "es",
            "Puede crear un proyecto nuevo para todos los centros de llamadas españoles que utilizan esta lengua hoy",
            ["Puede crear un proyecto nuevo para todos los centros", "de llamadas españoles que utilizan"],
        ),
        ("en", "You can make a project for all the call centers in it.", []),
    ],
)
def test_a_long_clause_is_cut_where_its_next_part_begins_if_enough_follows(
    language: str, text: str, wanted: list[str]
) -> None:
    events = Segmenter(language).receive(believed(text, stable=len(text.split()) - 1), now=0.0)
    assert closed(events) == wanted


def test_a_sentence_that_is_known_to_its_near_end_is_not_cut() -> None:
    text = "In the beginning God created the heaven and the earth."
    assert closed(Segmenter("en").receive(believed(text, stable=len(text.split())), now=0.0)) == [text]


def test_a_cut_that_is_forced_falls_before_a_word_that_leads_on() -> None:
    segmenter, said = (
        Segmenter("en"),
        "Follow everything written afterwards with it",
    )
    for count in range(1, len(said.split()) + 1):
        segmenter.receive(believed(" ".join(said.split()[:count]), stable=count), now=count * 0.8)
    assert closed(segmenter.tick(now=5.8)) == ["Follow everything written afterwards"]


TEXTS = st.lists(
    st.sampled_from(["a", "wonderful", "cedars,", "Dust.", "wait...", "and", "fig?", "3:16", "Dr.", "Then"]),
    min_size=1,
    max_size=14,
)


@st.composite
def arrivals(draw: st.DrawFn) -> tuple[list[list[str]], list[tuple[Hypothesis, float]]]:
    """Utterances, and their hypotheses in any order: late, doubled, wrong, retracted; times overlap a little."""
    utterances = draw(st.lists(TEXTS, min_size=1, max_size=4))
    told: list[Hypothesis] = []
    for number, texts in enumerate(utterances, start=1):
        at = number * 20 - draw(st.sampled_from([0.0, 0.3]))
        final = believed(" ".join(texts), final=True, utterance=number, at=at)
        told.append(final)
        for _ in range(draw(st.integers(0, 6))):
            length = draw(st.integers(0, len(texts)))
            stable = draw(st.integers(0, length))
            guess = draw(st.sampled_from(["other", "Words."]))
            text = " ".join(
                [*texts[:stable], *([guess] * (length - stable) if draw(st.booleans()) else texts[stable:length])]
            )
            told.append(believed(text, stable, utterance=number, at=at))
        told += [final] * draw(st.integers(0, 1))
    order = draw(st.permutations(told)) if draw(st.booleans()) else told
    return utterances, [(each, draw(st.sampled_from([0.0, 0.05, 0.3, 1.2, 2.5, 6.0]))) for each in order]


@given(arrivals(), st.booleans(), st.booleans())
def test_whatever_comes_in_whatever_order_is_said_once_and_in_time(
    arrived: tuple[list[list[str]], list[tuple[Hypothesis, float]]], gives_stability: bool, final_only: bool
) -> None:
    utterances, steps = arrived
    numbers = Segmenting()
    segmenter = Segmenter("en", numbers, gives_stability=gives_stability, final_only=final_only)
    now, events, shown = 0.0, list[Event](), list[tuple[float, Event]]()
    for hypothesis, pause in steps:
        now += pause
        while (due := segmenter.deadline()) is not None and due <= now:
            shown += [(due, event) for event in segmenter.tick(due)]
            after = segmenter.deadline()
            assert after is None or after > due, "a deadline lies in the future"
        shown += [(now, event) for event in segmenter.receive(hypothesis, now)]
    shown += [(now, event) for event in segmenter.finish(now)]
    events = [event for _, event in shown]
    ids = [event.segment_id for event in events if isinstance(event, SegmentClosed)]
    assert ids == list(range(1, len(ids) + 1)), "each segment is closed once"
    said = " ".join(closed(events)).split()
    # Wrong guesses may have been committed when time was up; of what is true nothing is lost.
    contradicted = any(isinstance(event, Revised) for event in events)
    if not contradicted:
        assert sorted(said) == sorted(word for texts in utterances for word in texts)
    if not contradicted and all(pause < 0.2 for _, pause in steps):
        assert said == [word for texts in utterances for word in texts], "in the order of the audio"
    opened: dict[int, float] = {}
    for at, event in shown:
        if isinstance(event, SegmentGrew) and event.stable_chars:
            opened.setdefault(event.segment_id, at)
        elif isinstance(event, SegmentClosed):
            held = at - opened.get(event.segment_id, at)
            assert held <= numbers.hold_seconds + 1e-6, "nothing is held too long"
