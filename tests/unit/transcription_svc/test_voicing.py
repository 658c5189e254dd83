"""What is asked of the voice when, what is given up, what plays (T9)."""

import pytest

from transcription_svc.domain.playout import Cue, EndCue, PlayAudio, StartCue
from transcription_svc.domain.speaking import (
    LAG_LIMIT,
    SYNTHESIS_FAILED,
    SYNTHESIS_TIMEOUT,
    Action,
    Ask,
    CutShort,
    Finished,
    Forget,
    GiveUp,
    NobodyListens,
    Stop,
    TextReady,
    TextsEnded,
    VoiceFailed,
    VoiceGrew,
    VoiceMade,
)
from transcription_svc.domain.voicing import Voicing


def text(number: int, *, characters: int = 40, speech_end: float | None = None) -> TextReady:
    """A segment of 2.6 s that ended when its number of threes of seconds had passed."""
    end = number * 3.0 if speech_end is None else speech_end
    return TextReady(Cue(f"{number}-es", number, "es", end - 3.0, end, 1.0, end), characters)


def asked(actions: list[Action]) -> list[Ask]:
    return [action for action in actions if isinstance(action, Ask)]


def spoken(voicing: Voicing, ask: Ask, now: float, seconds: float = 2.6) -> list[Action]:
    """All of what was asked for, made at once."""
    out = voicing.receive(VoiceGrew(ask.attempt, ask.tempo, b"..", seconds), now)
    return out + voicing.receive(VoiceMade(ask.attempt), now)


def test_a_text_is_asked_for_at_once_and_played_as_it_comes() -> None:
    voicing = Voicing()
    (ask,) = voicing.receive(text(1), 4.0)
    assert isinstance(ask, Ask)
    assert (ask.segment_id, ask.tempo, ask.hurried) == (1, 1.0, False)
    start, audio = voicing.receive(VoiceGrew(ask.attempt, 1.1, b"..", 0.2), 4.5)
    assert isinstance(start, StartCue)
    assert start.cue.tempo == 1.1  # What the voice was granted, not what was asked.
    assert start.lag_seconds == pytest.approx(1.5)
    assert isinstance(audio, PlayAudio)
    (end,) = voicing.receive(VoiceMade(ask.attempt), 5.0)
    assert isinstance(end, EndCue)


def test_one_cue_is_made_at_a_time() -> None:
    voicing = Voicing()
    (first,) = asked(voicing.receive(text(1), 4.0))
    assert asked(voicing.receive(text(2), 4.1)) == []
    (second,) = asked(spoken(voicing, first, 4.5))
    assert second.segment_id == 2


def test_the_next_is_made_when_four_seconds_are_left_to_play() -> None:
    voicing = Voicing()
    (first,) = asked(voicing.receive(text(1, characters=100), 4.0))
    voicing.receive(text(2), 4.0)
    assert asked(spoken(voicing, first, 4.0, seconds=6.0)) == []
    assert asked(voicing.tick(5.9)) == []
    assert asked(voicing.tick(6.0))[0].segment_id == 2


def test_the_deadline_is_when_there_is_room_again() -> None:
    voicing = Voicing()
    (first,) = asked(voicing.receive(text(1, characters=100), 4.0))
    spoken(voicing, first, 4.0, seconds=6.0)  # As one block, released at once: nothing else is due.
    voicing.receive(text(2), 4.5)
    assert voicing.deadline() == pytest.approx(6.0)


def test_voice_that_waits_beyond_eight_seconds_is_given_up_unspoken_oldest_first() -> None:
    voicing = Voicing()
    gone = [action for number in range(1, 7) for action in voicing.receive(text(number, characters=50), 20.0)]
    lost = [action for action in gone if isinstance(action, GiveUp)]
    assert [(each.segment_id, each.reason) for each in lost] == [(2, LAG_LIMIT), (3, LAG_LIMIT), (4, LAG_LIMIT)]
    assert lost[0].seconds == pytest.approx(50 * 0.065)


def test_the_newest_text_is_kept_however_long_it_is() -> None:
    voicing = Voicing()
    voicing.receive(text(1), 4.0)
    assert voicing.receive(text(2, characters=600), 7.0) == []


def test_texts_behind_a_voice_that_is_made_too_slowly_are_given_up_sooner() -> None:
    """What counts is how long they would wait, not how long they sound."""

    def given_up(making: float) -> list[int]:
        voicing, now = Voicing(), 0.0
        for number in range(1, 11):
            (ask,) = asked(voicing.receive(text(number), now))
            voicing.receive(VoiceGrew(ask.attempt, 1.0, b"..", 2.6), now)
            voicing.receive(VoiceMade(ask.attempt), now + making)
            now += 10.0
            voicing.tick(now)
        out = [action for number in range(11, 15) for action in voicing.receive(text(number), now)]
        return [action.segment_id for action in out if isinstance(action, GiveUp)]

    assert given_up(making=1.0) == []
    assert given_up(making=5.0) == [12, 13]


def test_a_voice_that_does_not_begin_is_asked_for_once_more_in_a_hurry_and_then_given_up() -> None:
    voicing = Voicing()
    (first,) = asked(voicing.receive(text(1), 4.0))
    assert voicing.deadline() == pytest.approx(7.0)
    (again,) = asked(voicing.tick(7.0))
    assert (again.segment_id, again.hurried) == (1, True)
    assert again.attempt != first.attempt
    stopped, also_stopped, lost = voicing.tick(10.0)
    assert {stopped, also_stopped} == {Stop(first.attempt), Stop(again.attempt)}
    assert isinstance(lost, GiveUp)
    assert lost.reason == SYNTHESIS_TIMEOUT


def test_a_cue_that_is_missing_for_a_second_while_others_wait_is_asked_for_again_and_then_skipped() -> None:
    voicing = Voicing()
    voicing.receive(text(1), 4.0)
    voicing.receive(text(2), 4.2)
    assert voicing.deadline() == pytest.approx(5.0)
    assert asked(voicing.tick(5.0))[0].hurried
    assert voicing.deadline() == pytest.approx(6.5)
    out = voicing.tick(6.5)
    assert [action.segment_id for action in out if isinstance(action, GiveUp)] == [1]
    (following,) = asked(out)
    assert (following.segment_id, following.hurried) == (2, True)
    assert asked(voicing.tick(9.5))[0].segment_id == 2  # Who hurries already is asked twice as well.


def test_a_cue_is_not_missing_while_the_one_before_it_still_plays() -> None:
    voicing = Voicing()
    (first,) = asked(voicing.receive(text(1), 4.0))
    spoken(voicing, first, 4.0, seconds=2.5)
    voicing.receive(text(2), 4.0)
    voicing.receive(text(3), 4.0)
    voicing.tick(5.5)
    assert voicing.deadline() == pytest.approx(7.0)  # Three seconds after it was asked for, before 6.5 + 1.


def test_an_engine_that_always_takes_its_time_is_not_missing() -> None:
    voicing, now = Voicing(), 0.0
    for number in range(1, 21):
        (ask,) = asked(voicing.receive(text(number), now))
        spoken(voicing, ask, now + 1.5, seconds=1.0)
        now += 4.0
    voicing.receive(text(21), now)
    voicing.receive(text(22), now)
    assert voicing.deadline() == pytest.approx(now + 3.0, abs=0.1)


def test_the_first_answer_of_two_is_heard() -> None:
    voicing = Voicing()
    (slow,) = asked(voicing.receive(text(1), 4.0))
    (quick,) = asked(voicing.tick(7.0))
    stop, start, _ = voicing.receive(VoiceGrew(slow.attempt, 1.0, b"..", 1.0), 7.1)
    assert stop == Stop(quick.attempt)
    assert isinstance(start, StartCue)
    assert voicing.receive(VoiceGrew(quick.attempt, 1.0, b"..", 1.0), 7.2) == []
    assert voicing.receive(VoiceFailed(quick.attempt), 7.2) == []


def test_one_of_two_may_fail() -> None:
    voicing = Voicing()
    (slow,) = asked(voicing.receive(text(1), 4.0))
    (quick,) = asked(voicing.tick(7.0))
    assert voicing.receive(VoiceFailed(slow.attempt), 7.1) == []
    assert isinstance(voicing.receive(VoiceGrew(quick.attempt, 1.0, b"..", 1.0), 7.2)[0], StartCue)


def test_a_voice_that_fails_is_given_up_and_the_next_is_asked_for() -> None:
    voicing = Voicing()
    (first,) = asked(voicing.receive(text(1), 4.0))
    voicing.receive(text(2), 4.1)
    lost, following = voicing.receive(VoiceFailed(first.attempt), 4.2)
    assert isinstance(lost, GiveUp)
    assert lost.reason == SYNTHESIS_FAILED
    assert isinstance(following, Ask)


def test_half_a_cue_is_heard_and_ended_and_counted() -> None:
    voicing = Voicing()
    (ask,) = asked(voicing.receive(text(1), 4.0))
    voicing.receive(VoiceGrew(ask.attempt, 1.0, b"..", 0.4), 4.5)
    short, end = voicing.receive(VoiceFailed(ask.attempt), 4.6)
    assert short == CutShort(SYNTHESIS_FAILED)
    assert isinstance(end, EndCue)
    assert end.seconds == pytest.approx(0.4)


def test_a_voice_that_goes_silent_half_way_does_not_hold_up_the_next() -> None:
    voicing = Voicing()
    (ask,) = asked(voicing.receive(text(1), 4.0))
    voicing.receive(VoiceGrew(ask.attempt, 1.0, b"..", 0.4), 4.5)
    voicing.receive(text(2), 4.6)
    assert voicing.tick(7.8) == []
    stop, short, end, following = voicing.tick(7.9)
    assert short == CutShort(SYNTHESIS_TIMEOUT)
    assert stop == Stop(ask.attempt)
    assert isinstance(end, EndCue)
    assert isinstance(following, Ask)
    assert voicing.receive(VoiceGrew(ask.attempt, 1.0, b"..", 0.4), 8.0) == []


def test_a_text_with_nothing_to_say_is_forgotten() -> None:
    voicing = Voicing()
    (ask,) = asked(voicing.receive(text(1), 4.0))
    assert voicing.receive(VoiceMade(ask.attempt), 4.5) == [Forget(1)]


def test_a_tempo_that_nobody_heard_is_not_stepped_from() -> None:
    """The engine failed for some cues: the next one heard is still within a step of the last one heard."""
    voicing = Voicing()
    (ask,) = asked(voicing.receive(text(1), 4.0))
    for number in range(2, 5):
        voicing.receive(text(number, characters=36), 4.0)
    (ask,) = asked(spoken(voicing, ask, 4.0))
    tempos = [ask.tempo]
    for _ in range(2):
        (ask,) = asked(voicing.receive(VoiceFailed(ask.attempt), 4.1))
        tempos.append(ask.tempo)
    assert tempos == [pytest.approx(1.05)] * 3


def test_when_nobody_listens_what_waits_is_forgotten_and_the_cue_under_way_goes_on() -> None:
    voicing = Voicing()
    (ask,) = asked(voicing.receive(text(1), 4.0))
    voicing.receive(text(2), 4.1)
    assert voicing.receive(NobodyListens(), 4.2) == [Forget(2)]
    assert isinstance(spoken(voicing, ask, 4.5)[0], StartCue)


def test_whoever_comes_back_hears_the_voice_at_its_own_pace() -> None:
    voicing, now = Voicing(), 0.0
    for number in range(1, 30):
        (ask,) = asked(voicing.receive(text(number, characters=80), now)) or asked(voicing.tick(now))
        spoken(voicing, ask, now, seconds=4.0)
        now += 4.0
    assert ask.tempo > 1.1
    voicing.receive(NobodyListens(), now)
    (ask,) = asked(voicing.receive(text(30), now + 60.0))
    assert ask.tempo <= 1.05


def test_the_lag_is_that_of_the_last_cue_or_of_what_has_waited_longer() -> None:
    voicing = Voicing()
    assert voicing.lag_seconds(3.0) is None
    (ask,) = asked(voicing.receive(text(1), 4.0))
    spoken(voicing, ask, 4.5, seconds=1.0)
    assert voicing.lag_seconds(9.0) == pytest.approx(1.5)
    voicing.receive(text(2), 7.0)
    assert voicing.lag_seconds(9.9) == pytest.approx(3.9)


def test_it_is_finished_when_the_last_audio_is_released() -> None:
    voicing = Voicing()
    (ask,) = asked(voicing.receive(text(1), 4.0))
    assert voicing.receive(TextsEnded(), 4.1) == []
    for _ in range(20):
        voicing.receive(VoiceGrew(ask.attempt, 1.0, b"..", 0.1), 4.5)
    assert Finished() not in voicing.receive(VoiceMade(ask.attempt), 4.5)
    out: list[Action] = []
    while (due := voicing.deadline()) is not None:
        assert due < 6.0
        out += voicing.tick(due)
    assert isinstance(out[-1], Finished)
    assert isinstance(out[-2], EndCue)


def test_without_any_text_it_is_finished_at_once() -> None:
    assert Voicing().receive(TextsEnded(), 1.0) == [Finished()]


def test_a_cue_that_begins_when_nobody_listens_any_more_leaves_neither_tempo_nor_lag() -> None:
    voicing = Voicing()
    for number in range(1, 13):
        for ask in asked(voicing.receive(text(number, characters=90), number * 3.0)):
            spoken(voicing, ask, number * 3.0, seconds=3.6)
    (under_way,) = asked(voicing.receive(text(13), 200.0))
    assert under_way.tempo > 1.1
    voicing.receive(NobodyListens(), 200.1)
    spoken(voicing, under_way, 200.5)
    assert voicing.lag_seconds(200.6) is None
    (back,) = asked(voicing.receive(text(90, speech_end=800.0), 801.0))
    assert back.tempo <= 1.05
