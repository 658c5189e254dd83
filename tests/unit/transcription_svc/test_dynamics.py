"""Loudness, pace and colour of a voice (T7), on signals made for it."""

from dataclasses import replace

import numpy as np
import pytest

from chassis.pcm import SAMPLE_RATE, Samples
from tests.alterations import gain, voice
from transcription_svc.domain.dynamics import (
    NEUTRAL,
    Dynamics,
    DynamicsMeter,
    Emotion,
    Rate,
    Volume,
    rate_of,
    volume_of,
)
from transcription_svc.domain.frames import Blocks
from transcription_svc.domain.syllables import syllable_rate


def feed(meter: DynamicsMeter, wave: Samples, offset: float) -> None:
    for block in Blocks().add(wave, offset):
        meter.add(block)


def measured(wave: Samples, language: str = "en") -> Dynamics:
    meter = DynamicsMeter(language)
    feed(meter, wave, 0.0)
    return meter.measure(0.0, len(wave) / SAMPLE_RATE)


def used_to(wave: Samples) -> DynamicsMeter:
    """A meter that has measured this speaker for a while."""
    meter = DynamicsMeter("en")
    feed(meter, wave, 0.0)
    for start in range(0, round(len(wave) / SAMPLE_RATE), 5):
        meter.measure(start, start + 5.0)
    return meter


@pytest.mark.parametrize(
    ("level", "volume"),
    [
        (-9.9, Volume.LOUD),
        (-10.0, Volume.MEDIUM),
        (-19.9, Volume.MEDIUM),
        (-20.0, Volume.SOFT),
        (-30.0, Volume.WHISPER),
    ],
)
def test_volume_classes_have_the_limits_of_the_requirements(level: float, volume: Volume) -> None:
    assert volume_of(level) is volume


@pytest.mark.parametrize(
    ("words", "rate"),
    [
        (0.0, Rate.MEDIUM),
        (99.9, Rate.VERY_SLOW),
        (100.0, Rate.SLOW),
        (130.0, Rate.MEDIUM),
        (160.0, Rate.FAST),
        (190.0, Rate.VERY_FAST),
    ],
)
def test_rate_classes_have_the_limits_of_the_requirements(words: float, rate: Rate) -> None:
    assert rate_of(words) is rate


def test_silence_is_neutral() -> None:
    assert measured(np.zeros(32_000, np.float32)) == NEUTRAL
    assert DynamicsMeter("en").measure(0.0, 1.0) == NEUTRAL


@pytest.mark.parametrize("syllables", [2.0, 3.0, 4.0, 5.0, 6.0])
def test_peaks_of_the_contour_are_the_syllables(syllables: float) -> None:
    bands = np.concatenate([block.bands for block in Blocks().add(voice(10.0, syllables), 0.0)])
    assert syllable_rate(bands) == pytest.approx(syllables, rel=0.12)


def test_faster_speech_has_more_words_per_minute() -> None:
    slow, fast = measured(voice(8.0, 2.5)), measured(voice(8.0, 5.0))
    assert slow.words_per_minute == pytest.approx(100, rel=0.15)
    assert fast.words_per_minute == pytest.approx(200, rel=0.15)
    assert (slow.rate, fast.rate) == (Rate.VERY_SLOW, Rate.VERY_FAST)


def test_languages_with_longer_words_have_fewer_of_them() -> None:
    english, spanish = (measured(voice(8.0, 5.0), language).words_per_minute for language in ("en", "es-MX"))
    assert english / spanish == pytest.approx(2.1 / 1.5)


def test_the_words_recognised_teach_how_long_this_speakers_are() -> None:
    """Two syllables each where English usually has 1.5."""
    meter = DynamicsMeter("en", keep_seconds=120.0)
    feed(meter, voice(120.0, 4.0), 0.0)
    rates = [meter.measure(start, start + 5.0, words=10).words_per_minute for start in range(0, 120, 5)]
    assert rates[0] == pytest.approx(160, rel=0.1)
    assert rates[-1] == pytest.approx(120, rel=0.1)


def test_a_number_of_words_that_cannot_be_is_not_believed() -> None:
    """Japanese is written without spaces."""
    meter = DynamicsMeter("ja")
    feed(meter, voice(50.0, 4.0), 0.0)
    rates = [meter.measure(start, start + 5.0, words=1).words_per_minute for start in range(0, 50, 5)]
    assert max(rates) == pytest.approx(min(rates), rel=0.15)


def test_the_gain_of_a_microphone_changes_nothing() -> None:
    usual = measured(voice(6.0, 4.0))
    assert usual.volume is Volume.MEDIUM
    for decibels in (-30.0, -12.0, 12.0):
        other = measured(gain(voice(6.0, 4.0), decibels))
        assert other.level == pytest.approx(usual.level, abs=0.01)
        assert other.words_per_minute == pytest.approx(usual.words_per_minute)
        assert (other.volume, other.emotion, other.intensity) == (usual.volume, usual.emotion, usual.intensity)


@pytest.mark.parametrize(("gain_db", "volume"), [(9.0, Volume.LOUD), (-8.0, Volume.SOFT), (-18.0, Volume.WHISPER)])
def test_a_change_of_loudness_is_heard_against_the_speakers_own_level(gain_db: float, volume: Volume) -> None:
    usual = voice(20.0, 4.0)
    meter = used_to(usual)
    feed(meter, gain(usual[: 3 * SAMPLE_RATE], gain_db), 20.0)
    changed = meter.measure(20.0, 23.0)
    assert changed.volume is volume
    assert changed.level == pytest.approx(-16.0 + gain_db, abs=0.5)


def test_the_second_segment_is_compared_with_the_first_however_short_that_was() -> None:
    meter, usual = DynamicsMeter("en"), voice(8.0, 4.0)
    feed(meter, usual[:16_000], 0.0)
    meter.measure(0.0, 1.0)
    feed(meter, gain(usual, 9.0), 1.0)
    assert meter.measure(1.0, 9.0).volume is Volume.LOUD


def test_who_stays_louder_is_no_longer_loud() -> None:
    meter = used_to(voice(60.0, 4.0))
    feed(meter, voice(60.0, 4.0, level=0.3), 60.0)
    volumes = [meter.measure(start, start + 5.0).volume for start in range(60, 120, 5)]
    assert (volumes[0], volumes[-1]) == (Volume.LOUD, Volume.MEDIUM)


def test_a_level_is_never_above_full_scale() -> None:
    meter = used_to(voice(10.0, 4.0, level=0.01))
    feed(meter, voice(3.0, 4.0, level=0.3), 10.0)
    assert meter.measure(10.0, 13.0).level == 0.0


def test_asking_twice_gives_the_same_answer_and_teaches_nothing() -> None:
    meter = used_to(voice(20.0, 4.0))
    feed(meter, voice(4.0, 5.0, level=0.3), 20.0)
    meter.measure(20.0, 24.0)
    again = [meter.measure(20.0, 24.0) for _ in range(50)]
    assert set(again) == {again[0]}
    assert meter.measure(15.0, 20.0).volume is Volume.MEDIUM


def test_pauses_within_a_segment_do_not_make_it_soft() -> None:
    meter, usual = used_to(voice(20.0, 4.0)), voice(2.0, 4.0)
    feed(meter, np.concatenate([usual, np.zeros(SAMPLE_RATE, np.float32), usual]), 20.0)
    assert meter.measure(20.0, 25.0).level == pytest.approx(-16.0, abs=0.3)


def test_what_was_said_is_measured_where_it_was_said() -> None:
    """A loud second among soft ones, found by its offsets, across a pause in which no audio came."""
    meter = used_to(voice(20.0, 4.0))
    feed(meter, voice(2.0, 4.0, level=0.04), 300.0)
    feed(meter, voice(1.0, 4.0, level=0.4), 302.0)
    feed(meter, voice(2.0, 4.0, level=0.04), 303.0)
    levels = [meter.measure(*span).volume for span in ((300.0, 302.0), (302.0, 303.0), (303.0, 305.0))]
    assert levels == [Volume.SOFT, Volume.LOUD, Volume.SOFT]


def test_a_segment_that_has_not_closed_can_be_measured_up_to_now() -> None:
    """What is asked for at the close is known before: the last block was measured as it came."""
    meter = used_to(voice(20.0, 4.0))
    feed(meter, voice(2.0, 4.0, level=0.3), 20.0)
    early = meter.measure(20.0, 22.0)
    feed(meter, np.zeros(SAMPLE_RATE, np.float32), 22.0)
    assert early.volume is Volume.LOUD
    assert meter.measure(20.0, 22.0).volume is Volume.LOUD


def test_louder_faster_and_livelier_speech_is_excited() -> None:
    meter = used_to(voice(20.0, 3.0))
    feed(meter, voice(4.0, 5.0, level=0.3), 20.0)
    excited = meter.measure(20.0, 24.0)
    assert excited.emotion is Emotion.EXCITED
    assert excited.intensity > 0.4


def test_quieter_and_slower_speech_is_sad() -> None:
    meter = used_to(voice(20.0, 4.0))
    feed(meter, voice(4.0, 2.0, level=0.03), 20.0)
    assert meter.measure(20.0, 24.0).emotion is Emotion.SAD


def test_quieter_speech_at_the_usual_pace_is_calm() -> None:
    meter = used_to(voice(20.0, 4.0))
    feed(meter, voice(4.0, 4.0, level=0.04), 20.0)
    assert meter.measure(20.0, 24.0).emotion is Emotion.CALM


def test_a_word_too_short_to_have_a_rate_is_not_sad() -> None:
    meter = used_to(voice(20.0, 4.0))
    for second in range(5):
        feed(meter, voice(0.4, 4.0, level=0.06), 20.0 + second)
        word = meter.measure(20.0 + second, 20.4 + second)
        assert (word.words_per_minute, word.emotion) == (0.0, Emotion.NEUTRAL)
    feed(meter, voice(6.0, 4.0), 25.0)
    assert meter.measure(25.0, 31.0).intensity < 0.2


@pytest.mark.parametrize(("syllables", "rate"), [(2.9, Rate.SLOW), (5.5, Rate.VERY_FAST)])
def test_a_word_too_short_to_have_a_rate_is_said_at_the_speakers_own(syllables: float, rate: Rate) -> None:
    """A voice that follows the speaker would otherwise change its pace by a quarter for one word, and back."""
    meter = used_to(voice(20.0, syllables))
    feed(meter, voice(0.4, syllables), 20.0)
    word = meter.measure(20.0, 20.4)
    assert (word.words_per_minute, word.rate) == (0.0, rate)


def test_memory_is_bounded_over_hours() -> None:
    meter, minute = DynamicsMeter("en", keep_seconds=5.0), Blocks().add(voice(60.0, 4.0), 0.0)
    for number in range(180):
        for block in minute[:: 1 if number > 177 else 100]:
            meter.add(replace(block, offset=block.offset + number * 60.0))
        meter.measure(number * 60.0 + 55.0, number * 60.0 + 60.0)
    assert len(meter._heard) <= 52
    assert (len(meter._levels), len(meter._rates), len(meter._pitches)) <= (60, 20, 600)


def test_a_span_that_is_forgotten_is_neutral() -> None:
    meter = DynamicsMeter("en", keep_seconds=5.0)
    feed(meter, voice(30.0, 4.0), 0.0)
    assert meter.measure(1.0, 4.0) == NEUTRAL
