"""Where speech begins and ends."""

import pytest

from transcription_svc.domain.endpoint import END_POINT, PRE_ROLL, WINDOW, Endpointer, Window


def windows(seconds: float, voice: float = 0.0, level: float = -60.0) -> list[Window]:
    return [Window(voice, level)] * round(seconds / WINDOW)


def test_speech_begins_a_little_before_the_detector_believes_it() -> None:
    ear = Endpointer()
    assert ear.hear(windows(1.024)) == []
    [speech] = ear.hear(windows(0.512, voice=0.9))
    assert speech.start == pytest.approx(1.024 - PRE_ROLL)


def test_a_click_is_no_speech() -> None:
    ear = Endpointer()
    assert ear.hear([*windows(1.0), *windows(2 * WINDOW, voice=1.0), *windows(1.0)]) == []


def test_a_short_pause_goes_on() -> None:
    ear = Endpointer()
    [speech] = ear.hear([*windows(1.0, voice=0.9), *windows(END_POINT - 0.1), *windows(1.0, voice=0.9)])
    assert not speech.ended
    assert speech.voiced_until == pytest.approx(ear.heard)


def test_the_end_point_ends_speech_where_the_voice_was_last() -> None:
    ear = Endpointer()
    [speech] = ear.hear([*windows(0.96, voice=0.9), *windows(END_POINT + WINDOW)])
    assert speech.ended
    assert speech.voiced_until == pytest.approx(0.96)


def test_a_soft_syllable_between_the_thresholds_keeps_speech_going() -> None:
    ear = Endpointer()
    [speech] = ear.hear([*windows(0.96, voice=0.9), *windows(2.0, voice=0.4)])
    assert not speech.ended


def test_speeches_do_not_overlap() -> None:
    ear = Endpointer()
    pause = windows(END_POINT + WINDOW)
    first, second = ear.hear([*windows(0.96, voice=0.9), *pause, *windows(0.96, voice=0.9)])
    assert first.voiced_until <= second.start


def test_finishing_ends_what_goes_on() -> None:
    ear = Endpointer()
    [speech] = ear.hear(windows(0.96, voice=0.9))
    ear.finish()
    assert speech.ended
    assert speech.voiced_until == pytest.approx(0.96)


def test_the_quietest_window_is_found_by_its_time() -> None:
    ear = Endpointer()
    ear.hear([*windows(60.8, level=-20.0), Window(0.0, -70.0), *windows(0.96, level=-20.0)])
    assert ear.quietest(60.5, 61.5) == pytest.approx(60.8 + WINDOW / 2)
    assert ear.quietest(61.0, 61.0) == 61.0
