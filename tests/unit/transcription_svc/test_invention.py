"""What the recogniser invents is cut off; what people say twice for effect is not."""

import pytest

from tests.unit.transcription_svc.test_agreement import said
from transcription_svc.domain.hypothesis import Word
from transcription_svc.domain.invention import plausible


def kept(words: list[Word], voiced_until: float = 100.0) -> str:
    return " ".join(word.text for word in plausible(words, voiced_until))


@pytest.mark.parametrize(
    ("heard", "believed"),
    [
        ("never never never give up", "never never never give up"),
        ("no no no no no no no", "no"),
        ("we will rise again we will rise again my friends", "we will rise again we will rise again my friends"),
        ("and so we go on and so we go on and so we go on", "and so we go on"),
        ("first we wait Then we go, then we go. then we go then", "first we wait Then we go,"),
        ("", ""),
    ],
)
def test_a_loop_is_cut_to_one_turn(heard: str, believed: str) -> None:
    assert kept(said(heard)) == believed


def test_words_piled_up_on_one_moment_were_not_heard() -> None:
    piled = [Word(text, 0.8, 0.82, stable=False) for text in ("tests", "and", "endpoints")]
    assert kept([*said("data models"), *piled]) == "data models"


def test_words_after_the_voice_were_not_heard() -> None:
    assert kept([*said("that is all"), *said("Thank you.", start=2.0)], voiced_until=1.2) == "that is all"


def test_a_word_that_starts_as_the_voice_fades_is_kept() -> None:
    assert kept(said("that is all"), voiced_until=0.7) == "that is all"
