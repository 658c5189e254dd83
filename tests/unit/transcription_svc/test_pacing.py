"""How fast the next cue is spoken (T9), and what is learned of a voice."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcription_svc.domain.pacing import (
    LONGEST_PAUSE,
    MAX_STEP,
    MAX_TEMPO,
    PRESSED_TEMPO,
    Hurry,
    Load,
    Outlook,
    VoiceRate,
    foresight,
    longest_pause,
)


def outlook(
    tempo: float = 1.0,
    queued: float = 0.0,
    length: float = 3.0,
    waiting: tuple[float, ...] = (),
    *,
    gap: float = 3.5,
    age: float = 0.0,
    load: float = 0.8,
) -> Outlook:
    return Outlook(tempo, queued, length, waiting, gap, age, load)


def settled(found: Outlook) -> float:
    """The tempo after many cues of the same outlook."""
    tempo = found.tempo
    for _ in range(100):
        tempo = foresight(replace(found, tempo=tempo))
    return tempo


def test_a_voice_that_keeps_up_speaks_at_its_own_pace() -> None:
    assert settled(outlook()) == 1.0


def test_a_voice_that_was_fast_comes_back_to_its_own_pace() -> None:
    assert settled(outlook(tempo=1.3)) == pytest.approx(1.0, abs=0.021)


def test_a_language_that_runs_long_is_spoken_steadily_faster_before_anything_waits() -> None:
    assert settled(outlook(load=1.0)) == pytest.approx(1.0 / 0.9, abs=0.021)


def test_what_waits_is_made_up_for() -> None:
    assert settled(outlook(queued=2.0)) > settled(outlook(queued=1.2)) > 1.0


def test_texts_that_wait_count_like_audio_that_waits() -> None:
    assert settled(outlook(waiting=(2.0,))) == pytest.approx(settled(outlook(queued=2.0)), abs=0.05)


def test_a_long_segment_is_spoken_faster_because_the_next_may_be_short() -> None:
    assert foresight(outlook(length=6.0)) > foresight(outlook(length=2.0)) == 1.0


def test_the_comfortable_most_is_passed_only_by_what_falls_behind_for_good_or_is_about_to_be_given_up() -> None:
    assert settled(outlook(queued=4.0)) == pytest.approx(MAX_TEMPO, abs=0.021)
    assert settled(outlook(load=1.3, queued=2.5)) == pytest.approx(1.3, abs=0.021)
    assert settled(outlook(queued=4.0, waiting=(3.0, 3.0))) == pytest.approx(PRESSED_TEMPO, abs=0.021)


def test_pauses_go_before_the_tempo_rises() -> None:
    assert longest_pause(outlook()) == LONGEST_PAUSE
    a_little_late = outlook(queued=0.9)
    assert foresight(a_little_late) == 1.0
    assert longest_pause(a_little_late) < 0.3
    assert longest_pause(outlook(queued=8.0)) == pytest.approx(0.12)


seconds = st.floats(0.0, 60.0)
outlooks = st.builds(
    Outlook,
    tempo=st.floats(1.0, PRESSED_TEMPO),
    queued=seconds,
    length=seconds,
    waiting=st.lists(seconds, max_size=5),
    gap=seconds,
    age=seconds,
    load=st.floats(0.0, 5.0),
)


@given(outlooks)
def test_the_tempo_never_jumps_and_stays_within_its_bounds(found: Outlook) -> None:
    tempo = foresight(found)
    assert abs(tempo - found.tempo) <= MAX_STEP + 1e-9
    assert 1.0 <= tempo <= PRESSED_TEMPO
    assert 0.12 <= longest_pause(found) <= LONGEST_PAUSE


def test_a_voice_is_known_after_its_first_cue() -> None:
    rate = VoiceRate()
    rate.made(characters=20, seconds=4.0, tempo=1.0, took=0.4)  # Chinese: a fifth of a second each.
    assert rate.seconds(10) == pytest.approx(2.0, rel=0.1)


def test_the_tempo_that_was_asked_for_is_taken_out_of_what_is_learned() -> None:
    rate = VoiceRate()
    for _ in range(50):
        rate.made(characters=50, seconds=50 * 0.06 / 1.25, tempo=1.25, took=0.1)
    assert rate.seconds(100) == pytest.approx(6.0, rel=0.01)


def test_a_cue_of_nothing_teaches_nothing() -> None:
    rate = VoiceRate()
    before = rate.seconds(10)
    rate.made(characters=0, seconds=1.0, tempo=1.0, took=0.1)
    rate.made(characters=10, seconds=0.0, tempo=1.0, took=0.1)
    assert rate.seconds(10) == before


def test_making_that_takes_longer_than_playing_is_seen() -> None:
    rate = VoiceRate()
    for _ in range(20):
        rate.made(characters=50, seconds=3.0, tempo=1.0, took=4.5)
    assert rate.slowness == pytest.approx(1.5, rel=0.02)


def test_the_load_is_the_voice_over_the_speech_with_its_pauses() -> None:
    load = Load()
    for number in range(60):
        load.add(number * 4.0, number * 4.0 + 3.5, seconds=4.4)
    assert load.value == pytest.approx(1.1, rel=0.01)
    assert load.gap == pytest.approx(4.0, rel=0.01)


def test_a_long_silence_does_not_hide_a_language_that_runs_long() -> None:
    load = Load()
    for number in range(30):
        load.add(number * 3.0, number * 3.0 + 3.0, seconds=3.6)
    load.add(900.0, 903.0, seconds=3.6)
    assert load.value > 1.0


def test_a_text_that_waited_while_nothing_played_hurries_the_voice() -> None:
    hurry = Hurry()
    assert not hurry.judge(waited=0.1, queued=0.0)
    assert hurry.judge(waited=2.5, queued=0.0)


def test_a_text_that_waited_for_others_to_be_played_hurries_nobody() -> None:
    assert not Hurry().judge(waited=4.0, queued=3.0)


def test_the_hurry_is_over_after_five_cues_in_a_row_that_did_not_wait() -> None:
    hurry = Hurry()
    hurry.judge(waited=2.5, queued=0.0)
    assert [hurry.judge(waited=0.1, queued=1.0) for _ in range(4)] == [True] * 4
    assert hurry.judge(waited=1.0, queued=1.0)
    assert [hurry.judge(waited=0.1, queued=1.0) for _ in range(5)] == [True] * 4 + [False]


def test_a_hurry_that_ended_too_soon_takes_twice_as_long_the_next_time() -> None:
    hurry = Hurry()

    def hurried_cues() -> int:
        """Of a hurry that begins now, until it ends."""
        count = int(hurry.judge(waited=2.5, queued=0.0))
        while hurry.judge(waited=0.1, queued=1.0):
            count += 1
        return count

    assert [hurried_cues() for _ in range(5)] == [5, 10, 20, 40, 40]
    for _ in range(20):
        hurry.judge(waited=0.1, queued=1.0)
    assert hurried_cues() == 5
