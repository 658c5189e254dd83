"""Loudness, pace and colour of a voice (T7), on signals made for it and on a real voice."""

import wave
from pathlib import Path

import numpy as np
import pytest

from chassis.pcm import SAMPLE_RATE, Samples, samples
from transcription_svc.domain.dynamics import (
    NEUTRAL,
    Dynamics,
    DynamicsMeter,
    Emotion,
    Rate,
    Volume,
    onsets,
    rate_of,
    volume_of,
)


def voice(seconds: float, syllables_per_second: float, level: float = 0.1, pitch: float = 120.0) -> Samples:
    """A voiced tone whose envelope opens and closes for each syllable; `level`: amplitude, 0.0 to 1.0."""
    at = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    tone = sum(np.sin(2 * np.pi * pitch * harmonic * at) / harmonic for harmonic in (1, 2, 3))
    envelope = 0.05 + 0.95 * np.sin(np.pi * syllables_per_second * at) ** 2
    return np.asarray(level * tone * envelope, np.float32)


def feed(meter: DynamicsMeter, wave: Samples, offset: float) -> None:
    for start in range(0, len(wave), 1600):
        meter.add(wave[start : start + 1600], offset + start / SAMPLE_RATE)


def measured(wave: Samples, language: str = "en") -> Dynamics:
    meter = DynamicsMeter(language)
    feed(meter, wave, 0.0)
    return meter.measure(0.0, len(wave) / SAMPLE_RATE)


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


@pytest.mark.parametrize("syllables", [2.0, 3.0, 4.0, 5.0])
def test_onsets_count_the_syllables(syllables: float) -> None:
    frames = voice(10.0, syllables).reshape(-1, 160)
    levels = (10 * np.log10((frames**2).mean(axis=1) + 1e-12)).astype(np.float32)
    assert onsets(levels) == pytest.approx(10 * syllables, rel=0.1)


def test_faster_speech_has_more_words_per_minute() -> None:
    slow, fast = measured(voice(8.0, 2.5)), measured(voice(8.0, 5.0))
    assert slow.words_per_minute == pytest.approx(100, rel=0.15)
    assert fast.words_per_minute == pytest.approx(200, rel=0.15)


def test_the_gain_of_a_microphone_makes_nobody_soft() -> None:
    for gain in (0.02, 0.2, 0.8):
        assert measured(voice(6.0, 4.0, level=gain)).volume is Volume.MEDIUM


@pytest.mark.parametrize(("gain_db", "volume"), [(9.0, Volume.LOUD), (-8.0, Volume.SOFT), (-18.0, Volume.WHISPER)])
def test_a_change_of_loudness_is_heard_against_the_speakers_own_level(gain_db: float, volume: Volume) -> None:
    meter, usual = DynamicsMeter("en"), voice(20.0, 4.0, level=0.1)
    changed = voice(3.0, 4.0, level=0.1 * 10 ** (gain_db / 20))
    feed(meter, usual, 0.0)
    feed(meter, changed, 20.0)
    assert meter.measure(20.0, 23.0).volume is volume
    assert meter.measure(20.0, 23.0).level == pytest.approx(-16.0 + gain_db, abs=1.5)


def test_louder_faster_and_livelier_speech_is_excited() -> None:
    meter = DynamicsMeter("en")
    feed(meter, voice(20.0, 3.0), 0.0)
    meter.measure(0.0, 20.0)
    feed(meter, voice(4.0, 5.0, level=0.3), 20.0)
    excited = meter.measure(20.0, 24.0)
    assert excited.emotion is Emotion.EXCITED
    assert excited.intensity > 0.4


def test_quieter_and_slower_speech_is_sad() -> None:
    meter = DynamicsMeter("en")
    feed(meter, voice(20.0, 4.0), 0.0)
    meter.measure(0.0, 20.0)
    feed(meter, voice(4.0, 2.0, level=0.03), 20.0)
    assert meter.measure(20.0, 24.0).emotion is Emotion.SAD


def test_a_word_too_short_to_have_a_rate_is_not_sad() -> None:
    meter = DynamicsMeter("en")
    feed(meter, voice(20.0, 4.0), 0.0)
    usual = meter.measure(0.0, 20.0)
    for second in range(5):
        feed(meter, voice(0.4, 4.0, level=0.06), 20.0 + second)
        word = meter.measure(20.0 + second, 20.4 + second)
        assert (word.words_per_minute, word.emotion) == (0.0, Emotion.NEUTRAL)
    feed(meter, voice(6.0, 4.0), 25.0)
    assert meter.measure(25.0, 31.0).intensity == pytest.approx(usual.intensity, abs=0.1)


def test_memory_is_bounded() -> None:
    meter = DynamicsMeter("en", keep_seconds=5.0)
    for second in range(60):
        feed(meter, voice(1.0, 4.0), float(second))
    assert len(meter._chunks) <= 52


def test_a_real_voice_has_the_pace_of_its_transcript(speech_data: Path) -> None:
    with wave.open(str(speech_data / "talk-en" / "audio1.wav")) as file:
        real = samples(file.readframes(file.getnframes()))
    dynamics = measured(real)
    assert dynamics.volume is Volume.MEDIUM
    # 96 words in 35 s, pauses included: 163 a minute; articulated speech is faster.
    assert 140 < dynamics.words_per_minute < 215
