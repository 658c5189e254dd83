"""Switches, offsets, framing and the backlog of a speaker, by themselves."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.domain.backlog import Backlog
from edge.domain.speaker import Chunk, Framer, OffsetClock, Switches

SECOND = 16_000


def chunk(start: float, seconds: float = 0.1, fill: int = 0) -> Chunk:
    return Chunk(bytes([fill]) * round(seconds * SECOND) * 2, start, received_at=1_000.0 + start)


def spans(chunks: list[Chunk]) -> list[tuple[float, float]]:
    """Where each begins and how long it is, to the microsecond."""
    return [(round(each.start, 6), round(each.seconds, 6)) for each in chunks]


@pytest.mark.parametrize(
    ("switches", "held"),
    [
        (Switches(), False),
        (Switches(paused=True), True),
        (Switches(muted=True), True),
        (Switches(volume=0.0), True),
        (Switches(volume=0.01), False),
        (Switches(active=False), True),
    ],
)
def test_paused_muted_or_silent_audio_is_held(switches: Switches, held: bool) -> None:
    assert switches.held is held


def test_a_switch_that_moves_notes_when_and_one_that_does_not_notes_nothing() -> None:
    paused = Switches().changed(5.0, paused=True)
    assert (paused.paused, paused.changed_at) == (True, 5.0)
    assert paused.changed(9.0, paused=True) is paused
    assert paused.changed(9.0, volume=0.5) == Switches(paused=True, volume=0.5, changed_at=9.0)


def test_offsets_count_samples_whatever_the_clock_says() -> None:
    clock = OffsetClock()
    assert [clock.stamp(1_600, now) for now in (10.0, 10.3, 10.3, 10.31)] == [0.0, 0.1, 0.2, 0.3]


def test_a_pause_moves_offsets_on_by_its_length() -> None:
    clock = OffsetClock()
    clock.stamp(1_600, 10.0)
    clock.hold(10.0)
    # Spoken from 12.9 to 13.0: 2.9 s after the end of what came before.
    assert clock.stamp(1_600, 13.0) == pytest.approx(0.1 + 2.9)
    assert clock.stamp(1_600, 13.1) == pytest.approx(3.1)


def test_audio_discarded_during_a_pause_does_not_shift_the_time_after_it() -> None:
    clock = OffsetClock()
    clock.stamp(1_600, 10.0)
    for tenth in range(1, 30):
        clock.hold(10.0 + tenth / 10)
    assert clock.stamp(1_600, 13.0) == pytest.approx(3.0, abs=0.11)


def test_a_short_stall_of_the_network_moves_nothing_and_a_long_one_is_a_loss() -> None:
    clock = OffsetClock()
    clock.stamp(1_600, 10.0)
    assert clock.stamp(1_600, 14.0) == pytest.approx(0.1)
    assert clock.stamp(1_600, 24.0) == pytest.approx(0.2 + 9.9)


@given(st.lists(st.tuples(st.integers(1, 4_000), st.floats(0, 20), st.booleans()), max_size=30))
def test_offsets_never_go_back(steps: list[tuple[int, float, bool]]) -> None:
    clock, now, end = OffsetClock(), 0.0, 0.0
    for samples, wait, held in steps:
        now += wait
        if held:
            clock.hold(now)
        start = clock.stamp(samples, now)
        assert start >= end - 1e-9
        end = start + samples / SECOND


def test_small_audio_is_joined_and_none_waits_for_more_than_two_further_frames() -> None:
    framer = Framer()
    ready = [framer.receive(chunk(number * 0.02, 0.02, number), number * 0.02) for number in range(6)]
    assert [[(part.start, part.seconds) for part in parts] for parts in ready] == [
        [],
        [],
        [(0.0, 0.06)],
        [],
        [],
        [(pytest.approx(0.06), pytest.approx(0.06))],
    ]
    assert [part.received_at for parts in ready for part in parts] == pytest.approx([1_000.0, 1_000.06])
    assert ready[2][0].audio == bytes(640) + b"\1" * 640 + b"\2" * 640


@pytest.mark.parametrize("seconds", [0.04, 0.064, 0.1])
def test_audio_of_a_usual_size_goes_on_as_it_is(seconds: float) -> None:
    framer = Framer()
    for number in range(3):
        whole = chunk(number * seconds, seconds, number)
        assert framer.receive(whole, 0.0) == [whole]
        assert framer.deadline() is None


def test_large_audio_is_cut_to_tenths_and_too_short_a_rest_waits() -> None:
    framer = Framer()
    ready = framer.receive(chunk(0.0, 0.35), 0.0)
    assert spans(ready) == [(0.0, 0.1), (0.1, 0.1), (0.2, 0.1), (0.3, 0.05)]
    ready = framer.receive(chunk(0.35, 0.22), 7.0)
    assert [part.seconds for part in ready] == [0.1, 0.1]
    assert framer.deadline() == 7.05
    assert spans(framer.finish()) == [(0.55, 0.02)]


def test_what_is_too_short_waits_a_twentieth_of_a_second() -> None:
    framer = Framer()
    assert framer.receive(chunk(0.0, 0.03), now=5.0) == []
    assert framer.deadline() == 5.05
    assert framer.tick(5.04) == []
    assert [part.seconds for part in framer.tick(5.05)] == [0.03]
    assert framer.deadline() is None


def test_a_jump_closes_the_chunk_before_it() -> None:
    framer = Framer()
    framer.receive(chunk(0.0, 0.03), 0.0)
    assert [part.start for part in framer.receive(chunk(7.0, 0.1), 0.0)] == [0.0, 7.0]


@given(st.lists(st.integers(1, 5_000), max_size=20))
def test_framing_loses_no_sample(sizes: list[int]) -> None:
    framer, offset, out = Framer(), 0, b""
    sent = b"".join(bytes([index % 256]) * size * 2 for index, size in enumerate(sizes))
    position = 0
    for size in sizes:
        audio = Chunk(sent[position * 2 : (position + size) * 2], offset / SECOND, 0.0)
        out += b"".join(part.audio for part in framer.receive(audio, 0.0))
        position += size
        offset += size
    assert out + b"".join(part.audio for part in framer.finish()) == sent


def test_the_backlog_keeps_five_seconds_and_drops_the_oldest() -> None:
    backlog = Backlog()
    assert sum(backlog.put(chunk(number / 10)) for number in range(60)) == 10
    assert backlog.dropped_seconds == pytest.approx(1.0)
    first = backlog.take()
    assert first is not None
    assert first.start == pytest.approx(1.0)
    assert backlog.seconds == pytest.approx(4.9)


def test_who_takes_late_takes_what_follows_directly_along() -> None:
    backlog = Backlog()
    for start in (0.0, 0.04, 0.08, 0.5, 0.54):
        backlog.put(chunk(start, 0.04, round(start * 100)))
    taken = [backlog.take() for _ in range(4)]
    assert spans([each for each in taken if each]) == [(0.0, 0.08), (0.08, 0.04), (0.5, 0.08)]
    assert taken[0] is not None
    assert (taken[0].audio, taken[0].received_at) == (bytes(1_280) + b"\4" * 1_280, 1_000.0)
    assert backlog.seconds == pytest.approx(0.0)
    # One who keeps up gets each as it is.
    backlog.put(chunk(0.58, 0.04))
    last = backlog.take()
    assert last is not None
    assert spans([last]) == [(0.58, 0.04)]
    backlog.confirm(0.58)
    backlog.rewind()
    assert backlog.seconds == pytest.approx(0.04)


def test_after_a_loss_only_what_was_not_confirmed_comes_again() -> None:
    backlog = Backlog()
    for number in range(6):
        backlog.put(chunk(number / 10))
    for _ in range(5):
        backlog.take()
    backlog.confirm(0.25)
    backlog.rewind()
    again = [part.start for part in iter(backlog.take, None)]
    assert again == pytest.approx([0.2, 0.3, 0.4, 0.5])


def test_what_is_said_again_counts_towards_the_five_seconds() -> None:
    backlog = Backlog()
    for number in range(40):
        backlog.put(chunk(number / 10))
    for _ in range(40):
        backlog.take()
    for number in range(40, 70):
        backlog.put(chunk(number / 10))
    assert backlog.rewind() == 20
    first = backlog.take()
    assert first is not None
    assert first.start == pytest.approx(2.0)
