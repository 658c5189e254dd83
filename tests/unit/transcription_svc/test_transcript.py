"""Amazon Transcribe's results become hypotheses as the port promises them."""

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.hypotheses import check, spoken
from transcription_svc.domain.hypothesis import Hypothesis, Word
from transcription_svc.domain.transcript import Item, MalformedTranscript, Result, Transcript, results_of

MARKS = frozenset(".,?!;:¿¡")


def result(text: str, stable: int = 0, *, final: bool = False, id_: str = "a", start: float = 0.0) -> Result:
    """Items apart by spaces, each of 0.5 s, the first `stable` of them stable; marks take no time."""
    items, now = [], start
    for index, content in enumerate(text.split()):
        is_mark = content in MARKS
        end = now if is_mark else now + 0.5
        items.append(Item(content, now, end, is_mark, index < stable))
        now = end
    return Result(id_, tuple(items), start, now, not final)


def told(*results: Result) -> list[Hypothesis]:
    transcript = Transcript()
    return [hypothesis for each in results for hypothesis in transcript.receive([each])]


def read(hypothesis: Hypothesis) -> str:
    """The words; after `|` those that are not stable; `.` at the end of a final's number."""
    stable = " ".join(word.text for word in hypothesis.words if word.stable)
    rest = " ".join(word.text for word in hypothesis.words if not word.stable)
    return f"{hypothesis.utterance_id}{'.' * hypothesis.is_final} {stable}|{rest}"


def test_marks_are_attached_to_their_words() -> None:
    words = told(result("¿ Qué tal , amigo ?", final=True))[0].words
    assert words == (
        Word("¿Qué", 0.0, 0.5, stable=True),
        Word("tal,", 0.5, 1.0, stable=True),
        Word("amigo?", 1.0, 1.5, stable=True),
    )


@pytest.mark.parametrize(
    ("stable", "expected"),
    [
        (0, "1 |We go home. Then we sleep"),
        (1, "1 |We go home. Then we sleep"),
        (2, "1 We|go home. Then we sleep"),
        (3, "1 We go|home. Then we sleep"),
        (4, "1 We go home.|Then we sleep"),
        (5, "1 We go home.|Then we sleep"),
        (6, "1 We go home. Then|we sleep"),
        (7, "1 We go home. Then we|sleep"),
    ],
)
def test_a_word_is_stable_when_nothing_can_be_attached_to_it_any_more(stable: int, expected: str) -> None:
    assert [read(each) for each in told(result("We go home . Then we sleep", stable))] == [expected]


def test_a_stable_word_after_an_unstable_one_waits_for_it() -> None:
    items = result("We go home now", 4).items
    shaky = (items[0], Item("go", 0.5, 1.0, is_mark=False, stable=False), *items[2:])
    assert [read(each) for each in told(Result("a", shaky, 0, 2, is_partial=True))] == ["1 |We go home now"]


def test_what_was_told_as_stable_stands_whatever_a_later_result_says() -> None:
    hypotheses = told(result("We go home now", 3), result("We stay here now , yes .", final=True))
    assert [read(each) for each in hypotheses] == ["1 We go|home now", "1. We go here now, yes.|"]
    check(hypotheses)


def test_stable_words_that_a_later_result_joins_are_told_apart_by_their_time() -> None:
    joined = (Item("Wego", 0.0, 1.0, is_mark=False, stable=True), *result("home now", start=1.0).items)
    hypotheses = told(result("We go home", 3), Result("a", joined, 0.0, 2.0, is_partial=False))
    assert [read(each) for each in hypotheses] == ["1 We go|home", "1. We go home now|"]


def test_a_mark_that_comes_late_does_not_double_the_word() -> None:
    assert [read(each) for each in told(result("We go now", 3), result("We , go now .", final=True))] == [
        "1 We go|now",
        "1. We go now.|",
    ]


def test_utterances_are_counted_and_apart() -> None:
    hypotheses = told(
        result("One two", final=True),
        result("Three", id_="b", start=0.5),  # Amazon places it inside the one before.
        result("Three .", final=True, id_="b", start=0.5),
    )
    assert [read(each) for each in hypotheses] == ["1. One two|", "2 |Three", "2. Three.|"]
    check(hypotheses)


def test_a_result_that_begins_before_the_one_before_is_final_waits_for_it() -> None:
    hypotheses = told(
        result("One two", 2),
        result("Four", id_="b", start=3),
        result("One two three .", final=True),
        result("Four five .", final=True, id_="b", start=3),
    )
    assert [read(each) for each in hypotheses] == ["1 One|two", "1. One two three.|", "2 |Four", "2. Four five.|"]


def test_a_result_whose_final_does_not_come_is_final_as_believed_once_a_later_one_is() -> None:
    assert [read(each) for each in told(result("One two"), result("Four .", final=True, id_="b", start=3))] == [
        "1 |One two",
        "1. One two|",
        "2. Four.|",
    ]


def test_a_result_whose_final_does_not_come_is_overtaken_after_five_seconds_of_speech() -> None:
    later = [result("Four " + "so " * count, id_="b", start=3) for count in range(12)]
    assert [read(each) for each in told(result("One two"), *later)][:3] == [
        "1 |One two",
        "1. One two|",
        "2 |Four so so so so so so",
    ]


def test_a_final_that_comes_too_late_is_dropped() -> None:
    hypotheses = told(
        result("One"), result("Four .", final=True, id_="b", start=3), result("One two", final=True, id_="a")
    )
    assert spoken(hypotheses) == "One Four."


def test_a_final_without_words_takes_back_what_was_believed() -> None:
    hypotheses = told(result("Hm"), result("", final=True), result("Well .", final=True, id_="b", start=1))
    assert [read(each) for each in hypotheses] == ["1 |Hm", "1. |", "2. Well.|"]


def test_nothing_said_is_nothing_told() -> None:
    assert told(result(""), result("", final=True), result(". .", id_="b"), result(".", final=True, id_="b")) == []


def test_the_same_again_is_not_told_again() -> None:
    assert len(told(result("One two", 1), result("One two", 1))) == 1


def test_an_end_without_a_final_makes_what_was_believed_final() -> None:
    transcript = Transcript()
    transcript.receive([result("One two", 1)])
    assert transcript.has_open
    assert [read(each) for each in transcript.finish()] == ["1. One two|"]
    assert not transcript.has_open
    assert transcript.finish() == []


def test_a_second_channel_is_not_heard() -> None:
    def on(channel: str, each: Result) -> Result:
        return Result(each.id, each.items, each.start, each.end, each.is_partial, channel)

    hypotheses = told(on("ch_0", result("One", final=True)), on("ch_1", result("Uno", final=True, id_="b")))
    assert [read(each) for each in hypotheses] == ["1. One|"]


def test_a_phrase_of_a_vocabulary_is_several_words() -> None:
    item = Item("Los Angeles", 1.0, 2.0, is_mark=False, stable=True)
    (hypothesis,) = told(Result("a", (item,), 1, 2, is_partial=False))
    assert [word.text for word in hypothesis.words] == ["Los", "Angeles"]
    assert [word.start for word in hypothesis.words] == [1.0, 1.3]
    assert hypothesis.words[-1].end == 2.0


EVENT = {
    "Transcript": {
        "Results": [
            {
                "ResultId": "a",
                "StartTime": 0.1,
                "EndTime": 0.9,
                "IsPartial": True,
                "ChannelId": "ch_0",
                "Alternatives": [
                    {
                        "Transcript": "Go.",
                        "Items": [
                            {
                                "StartTime": 0.1,
                                "EndTime": 0.8,
                                "Type": "pronunciation",
                                "Content": "Go",
                                "VocabularyFilterMatch": False,
                                "Stable": True,
                                "Confidence": 0.9,
                            },
                            {"StartTime": 0.8, "EndTime": 0.8, "Type": "punctuation", "Content": ".", "Stable": False},
                        ],
                    }
                ],
            }
        ]
    }
}


def test_an_event_is_read_as_amazon_describes_it() -> None:
    items = (Item("Go", 0.1, 0.8, is_mark=False, stable=True), Item(".", 0.8, 0.8, is_mark=True, stable=False))
    assert results_of(EVENT) == [Result("a", items, 0.1, 0.9, is_partial=True, channel="ch_0")]
    assert results_of({"Transcript": {"Results": []}}) == []


@pytest.mark.parametrize("event", [{}, {"Transcript": None}, {"Transcript": {"Results": [{}]}}, [], {"Transcript": 1}])
def test_an_event_of_another_shape_is_refused(event: Any) -> None:
    with pytest.raises(MalformedTranscript):
        results_of(event)


contents = st.sampled_from(["one", "Two", "three", ".", ",", "¿", "", "New York"])


@st.composite
def streams(draw: st.DrawFn) -> list[Result]:
    """Anything: results in any order, words rewritten, flags and times that contradict each other."""
    found = []
    for _ in range(draw(st.integers(1, 12))):
        texts = draw(st.lists(contents, max_size=6))
        flags = draw(st.lists(st.booleans(), min_size=len(texts), max_size=len(texts)))
        steps = draw(st.lists(st.floats(0, 2), min_size=len(texts), max_size=len(texts)))
        ends = list(accumulate(steps, initial=draw(st.floats(0, 20))))
        items = tuple(
            Item(text, ends[index], ends[index + 1], text in MARKS, flags[index]) for index, text in enumerate(texts)
        )
        found.append(Result(draw(st.sampled_from("abcd")), items, ends[0], ends[-1], draw(st.booleans())))
    return found


@given(streams())
def test_the_ports_promises_hold_whatever_arrives(results: Sequence[Result]) -> None:
    transcript = Transcript()
    hypotheses = [hypothesis for each in results for hypothesis in transcript.receive([each])]
    check(hypotheses + transcript.finish())


@given(st.lists(st.lists(st.sampled_from(["so", "we", "go", "home.", "then,"]), min_size=1, max_size=8), max_size=5))
def test_no_word_of_a_well_behaved_stream_is_lost_or_doubled(utterances: list[list[str]]) -> None:
    transcript, hypotheses, now = Transcript(), list[Hypothesis](), 0.0
    for number, words in enumerate(utterances):
        text = " ".join(words).replace(".", " .").replace(",", " ,")
        whole = text.split()
        for count in range(1, len(whole) + 1):
            grown = result(" ".join(whole[:count]), count - 2, id_=str(number), start=now)
            hypotheses += transcript.receive([grown])
        final = result(text, final=True, id_=str(number), start=now)
        hypotheses += transcript.receive([final])
        now = final.end
    check(hypotheses)
    assert spoken(hypotheses) == " ".join(word for words in utterances for word in words)
