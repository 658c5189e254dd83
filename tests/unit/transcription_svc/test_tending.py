"""How long one stays with a stream: tries, stalls, age, and when a change is least felt."""

from transcription_svc.domain.hypothesis import Hypothesis, Word
from transcription_svc.domain.tending import STALLED_SECONDS, STEADY_SECONDS, Tending, Tries


def told(text: str, *, final: bool = False) -> Hypothesis:
    return Hypothesis(1, tuple(Word(word, 0.0, 1.0, stable=final) for word in text.split()), final)


def test_three_tries_in_a_row_and_no_more() -> None:
    tries = Tries()
    waits = [tries.failed() for _ in range(4)]
    assert waits[3] is None
    assert 0 < sum(wait or 0.0 for wait in waits) < 5.0 - 3 * 1.2
    assert tries.failed() is None
    tries.worked()
    assert tries.failed() == waits[0]


def test_an_engine_that_owes_no_words_may_be_silent_for_ever() -> None:
    tending = Tending(opened=0.0)
    assert tending.deadline() is None
    tending.told(told("God is good.", final=True), 1.0)
    assert not tending.stalled(10_000.0)


def test_words_without_a_final_are_owed_news() -> None:
    tending = Tending(opened=0.0)
    tending.told(told("God is"), 1.0)
    assert tending.deadline() == 1.0 + STALLED_SECONDS
    tending.told(told("God is good"), 5.0)
    assert not tending.stalled(4.9 + STALLED_SECONDS)
    assert tending.stalled(5.0 + STALLED_SECONDS)


def test_what_the_stream_before_believed_is_owed_too_once_all_was_heard_again() -> None:
    tending = Tending(opened=0.0, owed=True)
    tending.given(10.0, 8.0, again=True)
    assert tending.deadline() == 8.0 + STALLED_SECONDS
    tending.given(0.1, 9.0, again=False)
    assert tending.deadline() == 8.0 + STALLED_SECONDS


def test_a_change_is_least_felt_after_a_sentence_or_a_breath() -> None:
    tending = Tending(opened=0.0)
    assert tending.at_rest(0.0)
    tending.told(told("God is good."), 1.0)
    assert not tending.at_rest(1.0)
    tending.told(told("God is good.", final=True), 2.0)
    assert tending.at_rest(2.0)
    tending.told(told("and then", final=True), 3.0)
    assert (tending.at_rest(3.4), tending.at_rest(3.5)) == (False, True)


def test_a_stream_is_replaced_at_a_rest_near_its_age_and_at_its_age_anyhow() -> None:
    tending = Tending(opened=0.0, limit_seconds=100.0)
    tending.told(told("on and on"), 1.0)
    assert [tending.is_over(now) for now in (89.0, 95.0, 98.0)] == [False, False, True]
    tending.told(told("on and on.", final=True), 2.0)
    assert [tending.is_over(now) for now in (89.0, 90.0)] == [False, True]


def test_its_age_is_also_what_it_was_given() -> None:
    tending = Tending(opened=0.0, limit_seconds=100.0)
    tending.given(95.0, 10.0, again=True)
    assert tending.is_over(10.0)


def test_a_stream_is_trusted_after_a_while() -> None:
    assert not Tending(opened=5.0).steady(5.0)
    assert Tending(opened=5.0).steady(5.0 + STEADY_SECONDS)
