"""What an engine hears while the speaker's audio stays away."""

import math
from itertools import pairwise

import pytest

from transcription_svc.domain.pauses import IDLE_SECONDS, Idle, Pauses, Silence


def through(pauses: Pauses, until: float) -> list[tuple[float, float]]:
    """When how much silence is added, from time 0 on; idleness is 0 s of it."""
    added: list[tuple[float, float]] = []
    while (deadline := pauses.deadline()) is not None and deadline <= until:
        due = pauses.tick(deadline)
        added.append((round(deadline, 3), due.seconds if isinstance(due, Silence) else 0.0))
    return added


def test_nothing_is_added_before_there_is_any_audio() -> None:
    pauses = Pauses(5.0)
    assert pauses.deadline() is None
    assert pauses.paused(1.0) is None


def test_missing_audio_becomes_silence_at_the_speed_of_speech_until_an_utterance_has_ended() -> None:
    pauses = Pauses(math.inf)
    pauses.heard(0.0)
    added = through(pauses, 30.0)
    assert added[0] == (0.5, 0.1)
    assert len(added) == 12
    assert added[-1][0] == pytest.approx(1.6)


def test_afterwards_an_engine_hears_as_much_as_it_needs_for_a_minute() -> None:
    pauses = Pauses(5.0)
    pauses.heard(0.0)
    late = through(pauses, 100.0)[12:]
    assert [seconds for _, seconds in late] == [0.1] * (len(late) - 1) + [0.0]
    assert all(after - before == pytest.approx(5.0) for (before, _), (after, _) in pairwise(late[:-1]))
    assert late[-1][0] == IDLE_SECONDS
    assert pauses.deadline() is None


def test_a_pause_that_is_told_is_silence_at_once_and_once() -> None:
    pauses = Pauses(math.inf)
    pauses.heard(0.0)
    assert pauses.paused(0.1) == Silence(1.2)
    assert pauses.paused(0.2) is None
    assert pauses.tick(59.0) is None
    assert pauses.tick(60.0) == Idle()


def test_audio_begins_it_all_anew() -> None:
    pauses = Pauses(math.inf)
    pauses.heard(0.0)
    through(pauses, 60.0)
    pauses.heard(70.0)
    assert pauses.deadline() == 70.5
    assert pauses.paused(70.1) == Silence(1.2)
