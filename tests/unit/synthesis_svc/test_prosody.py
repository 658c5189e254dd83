"""V2: what the speaker's dynamics and lag control's tempo ask of a voice."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthesis_svc.domain.prosody import FASTEST, SLOWEST, Dynamics, Emotion, Emphasis, Rate, Volume, deliver


@pytest.mark.parametrize(
    ("rate", "tempo", "joint"),
    [
        (Rate.MEDIUM, 1.0, 1.0),
        (Rate.MEDIUM, 1.25, 1.25),
        (Rate.FAST, 1.0, 1.12),
        (Rate.FAST, 1.25, 1.4),
        (Rate.VERY_FAST, 1.25, 1.5),
        (Rate.VERY_SLOW, 1.0, 0.85),
        (Rate.VERY_SLOW, 0.9, 0.85),
        (Rate.VERY_SLOW, 1.25, 1.0625),
        (Rate.MEDIUM, 9.0, 1.5),
    ],
)
def test_tempo_and_the_speakers_own_rate_are_clamped_jointly(rate: Rate, tempo: float, joint: float) -> None:
    assert deliver(Dynamics(rate=rate), tempo).tempo == pytest.approx(joint)


@given(st.sampled_from(Rate), st.sampled_from(Emotion), st.floats(0.01, 100.0))
def test_no_voice_is_ever_slower_or_faster_than_the_bounds(rate: Rate, emotion: Emotion, tempo: float) -> None:
    assert SLOWEST <= deliver(Dynamics(rate=rate, emotion=emotion), tempo).tempo <= FASTEST


def test_volume_classes_get_the_keywords_of_the_requirement() -> None:
    keywords = {volume.name: deliver(Dynamics(volume=volume)).volume.value for volume in Volume}
    assert keywords == {"LOUD": "x-loud", "MEDIUM": "medium", "SOFT": "soft", "WHISPER": "x-soft"}


def test_louder_classes_have_more_gain() -> None:
    gains = [deliver(Dynamics(volume=volume)).gain_db for volume in (Volume.WHISPER, Volume.SOFT, Volume.MEDIUM)]
    assert [*gains, deliver(Dynamics(volume=Volume.LOUD)).gain_db] == [-12.0, -6.0, 0.0, 6.0]


@pytest.mark.parametrize(
    ("emotion", "intensity", "emphasis"),
    [
        (Emotion.ANGRY, 0.71, Emphasis.STRONG),
        (Emotion.EXCITED, 0.9, Emphasis.STRONG),
        (Emotion.SURPRISED, 0.7, Emphasis.MODERATE),
        (Emotion.EXCITED, 0.4, Emphasis.MODERATE),
        (Emotion.EXCITED, 0.39, Emphasis.NONE),
        (Emotion.SAD, 0.9, Emphasis.NONE),
        (Emotion.NEUTRAL, 1.0, Emphasis.NONE),
    ],
)
def test_strong_feelings_are_stressed(emotion: Emotion, intensity: float, emphasis: Emphasis) -> None:
    assert deliver(Dynamics(emotion=emotion, intensity=intensity)).emphasis is emphasis


@pytest.mark.parametrize("emotion", [Emotion.SAD, Emotion.FEARFUL])
def test_sad_and_fearful_voices_are_slower_with_pauses(emotion: Emotion) -> None:
    delivery = deliver(Dynamics(emotion=emotion))
    assert delivery.tempo < 1.0
    assert delivery.pause_seconds > 0


def test_haste_leaves_less_of_the_pauses() -> None:
    sad = Dynamics(emotion=Emotion.SAD)
    assert deliver(sad, 1.25).pause_seconds < deliver(sad, 1.0).pause_seconds


@pytest.mark.parametrize(("rate", "tempo"), [(Rate.VERY_SLOW, 1.0), (Rate.MEDIUM, 1.0), (Rate.VERY_FAST, 1.0)])
def test_the_keyword_of_a_rate_comes_back_from_its_tempo(rate: Rate, tempo: float) -> None:
    assert deliver(Dynamics(rate=rate), tempo).rate is rate
