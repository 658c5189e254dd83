"""A recogniser's time, the session's offsets and the clock, across pauses and added silence."""

import pytest

from transcription_svc.domain.timeline import Anchor, Timeline


def test_without_gaps_the_stream_and_the_session_run_together() -> None:
    timeline = Timeline()
    timeline.add(Anchor(0.0, 5.0, 1.0, arrived=100.0, received_at=1000.0))
    timeline.add(Anchor(1.0, 6.0, 1.0, arrived=101.0, received_at=1001.0))
    assert timeline.offset(1.5) == 6.5
    assert timeline.arrived(6.5) == 101.0
    assert timeline.received_at(5.2) == 1000.0


def test_a_pause_lies_between_offsets_but_not_in_the_stream() -> None:
    timeline = Timeline()
    timeline.add(Anchor(0.0, 0.0, 1.0, arrived=1.0, received_at=1.0))
    timeline.add(Anchor(1.0, 60.0, 1.0, arrived=61.0, received_at=61.0))
    assert timeline.offset(0.9) == pytest.approx(0.9)
    assert timeline.offset(1.1) == pytest.approx(60.1)


def test_the_end_of_a_run_belongs_to_it_and_not_to_what_follows_the_pause() -> None:
    timeline = Timeline()
    timeline.add(Anchor(0.0, 0.0, 1.0, arrived=1.0, received_at=1.0))
    timeline.add(Anchor(1.0, 60.0, 1.0, arrived=61.0, received_at=61.0))
    assert timeline.offset(1.0) == pytest.approx(1.0)


def test_what_begins_where_two_runs_meet_belongs_to_the_later_one() -> None:
    timeline = Timeline()
    timeline.add(Anchor(0.0, 0.0, 1.0, arrived=1.0, received_at=1.0))
    timeline.add(Anchor(1.0, 60.0, 1.0, arrived=61.0, received_at=61.0))
    assert timeline.onset(1.0) == pytest.approx(60.0)
    assert timeline.received_at(60.0) == 61.0
    assert timeline.onset(0.4) == pytest.approx(0.4)


def test_what_begins_in_added_silence_begins_with_the_audio_after_it() -> None:
    timeline = Timeline()
    timeline.add(Anchor(0.0, 0.0, 1.0, arrived=1.0, received_at=1.0))
    timeline.add(Anchor(1.0, 1.0, 0.0, arrived=1.5, received_at=1.5))
    assert timeline.onset(1.7) == pytest.approx(1.0)
    timeline.add(Anchor(2.2, 60.0, 1.0, arrived=61.0, received_at=61.0))
    assert timeline.onset(1.7) == pytest.approx(60.0)


def test_added_silence_takes_no_time_of_the_session() -> None:
    timeline = Timeline()
    timeline.add(Anchor(0.0, 0.0, 1.0, arrived=1.0, received_at=1.0))
    timeline.add(Anchor(1.0, 1.0, 0.0, arrived=1.5, received_at=1.5))
    assert timeline.offset(1.7) == pytest.approx(1.0)


def test_the_memory_is_bounded() -> None:
    timeline = Timeline(keep_seconds=10.0)
    for second in range(10_000):
        timeline.add(Anchor(float(second), float(second), 1.0, arrived=float(second), received_at=0.0))
    assert timeline.arrived(0.0) is not None
    assert len(timeline._anchors) <= 22
