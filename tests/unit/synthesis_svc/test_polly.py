"""What Amazon Polly is told and how it is asked again, without a wire."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthesis_svc.domain.polly import (
    BILLED_CHARACTERS,
    KNOWN,
    TOTAL_CHARACTERS,
    TRIES,
    marked_up,
    parts,
    pause_before_try,
    speakers,
)
from synthesis_svc.domain.prosody import Delivery, Dynamics, Emotion, Rate, Volume, deliver
from synthesis_svc.domain.voices import PREMIUM, STANDARD, Casting, Grade
from tests.amazon.polly_speech import read
from tests.amazon.polly_voices import VOICES


def listed(voice_id: str, code: str, *engines: str, **more: Any) -> dict[str, Any]:
    return {"Id": voice_id, "LanguageCode": code, "SupportedEngines": list(engines), **more}


def test_the_leading_voices_come_first() -> None:
    found = speakers([listed("Kevin", "en-US", "neural"), listed("Ruth", "en-US", "neural", "generative")])
    assert [voice.name for voice in found] == [
        "aws-polly/Ruth:neural",
        "aws-polly/Ruth:generative",
        "aws-polly/Kevin:neural",
    ]


def test_nobodys_voice_changes_when_amazon_has_told_its_voices_at_last() -> None:
    listed_later = speakers(VOICES)
    assert KNOWN.items() <= listed_later.items()
    first, later = Casting(list(KNOWN), {}), Casting(list(listed_later), {})
    for language in {voice.language for voice in listed_later}:
        for tier in (STANDARD, PREMIUM):
            assert first.default(language, tier) == later.default(language, tier)


def test_a_language_with_voices_of_its_own_borrows_none() -> None:
    spanish = listed("Lucia", "es-ES", "neural")
    assert {voice.language for voice in speakers([spanish])} == {"es-ES", "ca", "gl"}
    assert {voice.language for voice in speakers([spanish, listed("Arlet", "ca-ES", "neural")])} == {
        "es-ES",
        "ca-ES",
        "gl",
    }


@pytest.mark.parametrize("grade", Grade)
@pytest.mark.parametrize("volume", Volume)
@pytest.mark.parametrize("rate", Rate)
@pytest.mark.parametrize("emotion", Emotion)
def test_every_class_makes_markup_that_every_engine_takes(
    grade: Grade, volume: Volume, rate: Rate, emotion: Emotion
) -> None:
    for intensity in (0.0, 0.5, 1.0):
        for tempo in (1.0, 1.25):
            delivery = deliver(Dynamics(volume, rate, emotion, intensity), tempo)
            said = read(marked_up("First <one>, then & two. Third.", delivery, grade), grade.value)
            assert "".join(run.text for run in said) == "First <one>, then & two. Third."
            assert {run.rate for run in said if run.text} != set()


@given(st.text(min_size=1, max_size=12_000), st.sampled_from([Delivery(), Delivery(1.2, pause_seconds=0.3)]))
def test_no_request_is_longer_than_amazon_takes(text: str, delivery: Delivery) -> None:
    cut = parts(text, delivery, Grade.STANDARD)
    assert "".join(cut) == text
    assert all(0 < len(part) <= BILLED_CHARACTERS for part in cut)
    assert all(len(marked_up(part, delivery, Grade.STANDARD)) <= TOTAL_CHARACTERS for part in cut)


def test_text_that_grows_by_escaping_is_cut_shorter() -> None:
    cut = parts('"' * 2_900, Delivery(), Grade.NEURAL)
    assert len(cut) > 2


@pytest.mark.parametrize("chance", [0.0, 0.999])
def test_three_tries_with_pauses_that_double(chance: float) -> None:
    pauses = [pause_before_try(tried, 60.0, True, chance) for tried in range(1, TRIES + 1)]
    assert pauses[-1] is None
    first, second = pauses[0], pauses[1]
    assert first is not None
    assert second == pytest.approx(2 * first)
    assert 0.07 < first < 0.23


def test_throttled_ones_do_not_come_back_together() -> None:
    assert pause_before_try(1, 0.0, True, 0.0) != pause_before_try(1, 0.0, True, 0.9)


def test_after_other_failures_a_late_try_is_spared() -> None:
    assert pause_before_try(1, 0.2, False, 0.5) is not None
    assert pause_before_try(1, 1.5, False, 0.5) is None
    assert pause_before_try(3, 0.2, False, 0.5) is None
