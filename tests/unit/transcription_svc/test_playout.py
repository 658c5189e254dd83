"""The playout clock: order, pace, lag (architecture: at most 1 s ahead of real time)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcription_svc.domain.playout import (
    Action,
    Cue,
    CueBegun,
    CueGrew,
    CueMade,
    EndCue,
    PlayAudio,
    Playout,
    StartCue,
)


def cue(number: int, speech_end: float = 0.0) -> Cue:
    return Cue(f"{number}-es", number, "es", 0.0, 1.0, 1.0, speech_end)


def made(playout: Playout, number: int, seconds: float, now: float, speech_end: float = 0.0) -> list[Action]:
    """A whole cue, in chunks of 0.1 s, made at once."""
    out = playout.receive(CueBegun(cue(number, speech_end)), now)
    for _ in range(round(seconds * 10)):
        out += playout.receive(CueGrew(b"..", 0.1), now)
    return out + playout.receive(CueMade(), now)


def played(actions: list[Action]) -> float:
    return 0.1 * sum(isinstance(action, PlayAudio) for action in actions)


def test_audio_leaves_at_most_a_second_before_it_plays() -> None:
    playout = Playout(ahead_seconds=1.0)
    assert played(made(playout, 1, seconds=3.0, now=10.0)) == pytest.approx(1.1)
    assert playout.deadline() == pytest.approx(10.1)
    assert played(playout.tick(11.0)) == pytest.approx(0.9, abs=0.11)


def test_a_cue_starts_plays_and_ends_in_this_order() -> None:
    kinds = [type(action) for action in made(Playout(), 1, seconds=0.3, now=0.0)]
    assert kinds == [StartCue, PlayAudio, PlayAudio, PlayAudio, EndCue]


def test_lag_is_from_the_end_of_speech_to_the_moment_the_audio_plays() -> None:
    playout = Playout()
    first = made(playout, 1, seconds=0.5, now=10.0, speech_end=8.0)[0]
    assert isinstance(first, StartCue)
    assert first.lag_seconds == pytest.approx(2.0)
    second = next(action for action in made(playout, 2, 0.5, now=10.0, speech_end=9.0) if isinstance(action, StartCue))
    assert second.starts_at == pytest.approx(10.5)
    assert second.lag_seconds == pytest.approx(1.5)


def test_a_cue_waits_for_the_one_before_to_be_played() -> None:
    playout = Playout()
    made(playout, 1, seconds=5.0, now=0.0)
    assert made(playout, 2, seconds=1.0, now=0.0) == []
    assert playout.queued_seconds(0.0) == pytest.approx(6.0)


def test_a_voice_that_is_made_too_slowly_goes_on_when_it_comes() -> None:
    playout = Playout()
    playout.receive(CueBegun(cue(1)), 0.0)
    playout.receive(CueGrew(b"..", 0.1), 0.0)
    assert playout.deadline() is None
    assert played(playout.receive(CueGrew(b"..", 0.1), 5.0)) == pytest.approx(0.1)
    assert playout.queued_seconds(5.0) == pytest.approx(0.1)


def test_a_cue_without_audio_leaves_no_trace() -> None:
    playout = Playout()
    assert playout.receive(CueBegun(cue(1)), 0.0) + playout.receive(CueMade(), 0.0) == []
    assert playout.idle


def test_finishing_releases_the_rest_at_once() -> None:
    playout = Playout()
    made(playout, 1, seconds=3.0, now=0.0)
    rest = playout.finish(0.1)
    assert played(rest) == pytest.approx(1.9)
    assert isinstance(rest[-1], EndCue)
    assert rest[-1].seconds == pytest.approx(3.0)


@given(st.lists(st.tuples(st.integers(0, 30), st.floats(0.0, 4.0)), min_size=1, max_size=12))
def test_everything_made_is_played_once_in_order_and_never_early(cues: list[tuple[int, float]]) -> None:
    playout, now, log = Playout(), 0.0, []
    for number, (chunks, pause) in enumerate(cues):
        now += pause
        while (due := playout.deadline()) is not None and due <= now:
            log += [(due, action) for action in playout.tick(due)]
        log += [(now, action) for action in made(playout, number, chunks / 10, now)]
    while (due := playout.deadline()) is not None:
        now = max(now, due)
        log += [(now, action) for action in playout.tick(now)]
    ended = [action.cue.segment_id for _, action in log if isinstance(action, EndCue)]
    assert ended == [number for number, (chunks, _) in enumerate(cues) if chunks]
    assert sum(isinstance(action, PlayAudio) for _, action in log) == sum(chunks for chunks, _ in cues)
    plays_at, sent = 0.0, 0.0
    for moment, action in log:
        if isinstance(action, StartCue):
            assert action.starts_at <= moment + 1.0 + 1e-6
            assert action.starts_at >= plays_at - 1e-6
            plays_at, sent = action.starts_at, 0.0
        elif isinstance(action, PlayAudio):
            assert plays_at + sent - moment <= 1.0 + 1e-6
            sent += 0.1
        elif isinstance(action, EndCue):
            plays_at += sent
