"""LocalAgreement: what makes a word stable."""

import pytest

from transcription_svc.domain.agreement import Agreement
from transcription_svc.domain.hypothesis import Word


def said(text: str, start: float = 0.0) -> list[Word]:
    """Words of 0.4 s each."""
    return [Word(w, start + 0.4 * i, start + 0.4 * (i + 1), stable=False) for i, w in enumerate(text.split())]


def shown(agreement: Agreement) -> str:
    """Stable words, then a bar, then the others."""
    words = agreement.words
    stable = [word.text for word in words if word.stable]
    return " ".join([*stable, "|", *(word.text for word in words[len(stable) :])])


@pytest.mark.parametrize(
    ("transcripts", "expected"),
    [
        (["the river finds"], "| the river finds"),
        (["the river", "the river finds"], "the river | finds"),
        (["the river finds", "the river finds"], "the river | finds"),
        (["the liver", "the river finds"], "the | river finds"),
        (["the river finds", "a river finds"], "| a river finds"),
        (["The River", "the river, finds it"], "the river, | finds it"),
        (["the river finds", ""], "|"),
        (["", "the river", ""], "|"),
    ],
)
def test_words_are_stable_once_two_transcripts_agree_on_them(transcripts: list[str], expected: str) -> None:
    agreement = Agreement()
    for transcript in transcripts:
        agreement.receive(said(transcript))
    assert shown(agreement) == expected


def test_the_last_word_is_never_stable_however_often_it_came() -> None:
    agreement = Agreement()
    for _ in range(5):
        agreement.receive(said("wait"))
    assert shown(agreement) == "| wait"


def test_only_what_follows_the_stable_words_is_received() -> None:
    agreement = Agreement()
    agreement.receive(said("the river finds the"))
    agreement.receive(said("the river finds the sea"))
    agreement.receive(said("sea at last", start=1.6))
    assert shown(agreement) == "the river finds the sea | at last"


def test_words_that_ended_long_ago_are_stable_without_agreement() -> None:
    agreement = Agreement()
    agreement.receive(said("the river finds the sea"))
    agreement.receive(said("a liver finds the sea"), overdue=0.9)
    assert shown(agreement) == "a liver | finds the sea"
    agreement.receive([], overdue=9.0)
    agreement.receive(said("alone", start=0.8), overdue=9.0)
    assert shown(agreement) == "a liver alone |"


def test_three_can_be_asked_to_agree() -> None:
    agreement = Agreement(agreeing=3)
    agreement.receive(said("the river finds"))
    agreement.receive(said("the river finds"))
    assert shown(agreement) == "| the river finds"
    agreement.receive(said("the river finds"))
    assert shown(agreement) == "the river | finds"


def test_settling_makes_every_word_stable() -> None:
    agreement = Agreement()
    agreement.receive(said("the river"))
    agreement.settle(said("the sea"))
    assert shown(agreement) == "the sea |"


def test_a_split_loses_and_doubles_no_word_and_no_vote() -> None:
    agreement = Agreement()
    agreement.receive(said("one two three four"))
    agreement.receive(said("one two three four five"))
    rest = agreement.split(2)
    assert (shown(agreement), shown(rest)) == ("one two |", "three four | five")
    rest.receive(said("five six", start=1.6))
    assert shown(rest) == "three four five | six"


def test_words_that_do_not_count_are_shown_and_agree_later() -> None:
    agreement = Agreement()
    agreement.receive(said("why do you"), voting=0)
    agreement.receive(said("why do you are"))
    assert shown(agreement) == "| why do you are"
    agreement.receive(said("what your country can"))
    assert shown(agreement) == "| what your country can"
    agreement.receive(said("what your country can do"))
    assert shown(agreement) == "what your country can | do"
