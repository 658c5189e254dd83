"""Sizes, rates and order of what a speaker sends, by themselves."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.domain.admission import RateWindow, Reorder, audio_flaw
from edge.domain.limits import Verdict


@pytest.mark.parametrize(
    ("size", "flaw"),
    [
        (99, "AUDIO_CHUNK_TOO_SMALL"),
        (100, None),
        (32_768, None),
        (32_769, "AUDIO_CHUNK_TOO_LARGE"),
        (32_770, "AUDIO_CHUNK_TOO_LARGE"),
        (3_201, "INVALID_AUDIO_FORMAT"),
    ],
)
def test_a_chunk_has_100_bytes_to_32_kilobytes_and_whole_samples(size: int, flaw: str | None) -> None:
    assert audio_flaw(size) == flaw


def test_fifty_chunks_a_second_pass_though_the_network_jitters() -> None:
    window = RateWindow()
    arrivals = [number / 50 + (0.09 if number % 7 == 0 else 0.0) for number in range(500)]
    assert {window.take(now=now) for now in sorted(arrivals)} == {Verdict.ADMIT}


@pytest.mark.parametrize("stall", [0.2, 0.5, 0.9])
def test_chunks_that_a_stall_held_up_pass_when_they_come_all_at_once(stall: float) -> None:
    window = RateWindow()
    sent = [number / 50 for number in range(1_500)]
    arrivals = [now - now % 10 + stall if now > 9 and now % 10 < stall else now for now in sent]
    assert {window.take(now=now) for now in sorted(arrivals)} == {Verdict.ADMIT}
    assert window.dropped == 0


def test_whoever_sends_too_fast_gets_no_more_through_for_having_been_silent_than_a_second_holds() -> None:
    window = RateWindow()
    window.take(now=0.0)
    passed = [window.take(now=60.0 + number / 500) is Verdict.ADMIT for number in range(5_000)]
    assert sum(passed[:50]) == 50
    assert sum(passed) <= 50 + 10 * 50 / 0.9 + 1


def test_the_fifty_first_chunk_of_a_second_is_dropped_and_counted() -> None:
    window = RateWindow()
    assert [window.take(now=0.0) for _ in range(51)] == [Verdict.ADMIT] * 50 + [Verdict.DROP]
    assert window.dropped == 1
    assert window.take(now=1.0) is Verdict.ADMIT


def test_a_violation_is_warned_of_once_after_five_seconds_and_closed_after_thirty() -> None:
    window = RateWindow()
    verdicts = [(number / 100, window.take(now=number / 100)) for number in range(3_200)]
    assert [round(now) for now, verdict in verdicts if verdict is Verdict.WARN] == [6]
    first_close = next(now for now, verdict in verdicts if verdict is Verdict.CLOSE)
    assert 30.0 <= first_close <= 31.0


def test_a_second_without_excess_ends_the_violation() -> None:
    window = RateWindow()
    for number in range(400):
        window.take(now=number / 100)
    for number in range(100):
        assert window.take(now=5.1 + number / 10) is Verdict.ADMIT
    verdicts = [window.take(now=20.0 + number / 100) for number in range(400)]
    assert Verdict.WARN not in verdicts


def test_numbers_in_order_pass_at_once() -> None:
    order: Reorder[str] = Reorder()
    assert [order.receive(seq, str(seq), 0.0) for seq in (5, 6, 7)] == [["5"], ["6"], ["7"]]
    assert order.deadline() is None


def test_a_swap_is_mended() -> None:
    order: Reorder[str] = Reorder()
    assert order.receive(0, "a", 0.0) == ["a"]
    assert order.receive(2, "c", 0.1) == []
    assert order.receive(1, "b", 0.2) == ["b", "c"]
    assert order.deadline() is None


def test_a_gap_is_waited_for_two_seconds_and_then_given_up() -> None:
    order: Reorder[str] = Reorder()
    order.receive(0, "a", 0.0)
    order.receive(2, "c", 1.0)
    assert order.deadline() == 3.0
    assert order.tick(2.9) == []
    assert order.tick(3.0) == ["c"]
    assert order.receive(1, "b", 3.1) == []
    assert order.dropped == 1
    assert order.receive(3, "d", 3.2) == ["d"]


def test_a_second_gap_has_two_seconds_of_its_own() -> None:
    order: Reorder[int] = Reorder()
    order.receive(0, 0, 0.0)
    order.receive(2, 2, 1.0)
    order.receive(4, 4, 2.0)
    assert order.tick(3.0) == [2]
    assert order.deadline() == 5.0
    assert order.tick(5.0) == [4]


def test_repeated_numbers_are_dropped() -> None:
    order: Reorder[str] = Reorder()
    order.receive(0, "a", 0.0)
    assert order.receive(0, "a", 0.1) == []
    order.receive(2, "c", 0.2)
    assert order.receive(2, "c", 0.3) == []
    assert order.dropped == 2


def test_what_has_no_number_passes_behind_what_waits() -> None:
    order: Reorder[str] = Reorder()
    order.receive(0, "a", 0.0)
    order.receive(2, "c", 0.1)
    assert order.receive(None, "x", 0.2) == ["c", "x"]


def test_a_full_queue_gives_up_the_gap() -> None:
    order: Reorder[int] = Reorder(size=3)
    order.receive(0, 0, 0.0)
    assert order.receive(2, 2, 0.1) == []
    assert order.receive(3, 3, 0.1) == []
    assert order.receive(4, 4, 0.1) == [2, 3, 4]


def test_a_client_that_numbers_anew_far_behind_is_heard_at_once() -> None:
    order: Reorder[int] = Reorder()
    for seq in range(500):
        order.receive(seq, seq, seq / 10)
    order.receive(501, 501, 50.0)
    assert order.receive(0, 0, 50.1) == [501, 0]
    assert [order.receive(seq, seq, 50.2) for seq in (1, 2, 3)] == [[1], [2], [3]]
    assert order.dropped == 0


def test_a_client_that_numbers_anew_soon_after_its_start_is_heard_within_two_seconds() -> None:
    order: Reorder[int] = Reorder()
    for seq in range(50):
        order.receive(seq, seq, seq / 10)
    heard = [order.receive(seq, seq, 5.0 + seq / 10) for seq in range(50)]
    assert heard[:20] == [[]] * 20
    assert heard[20:] == [[seq] for seq in range(20, 50)]
    assert order.dropped == 20


def test_repeats_among_fresh_numbers_are_never_taken_for_a_new_start() -> None:
    order: Reorder[int] = Reorder()
    out = [item for seq in range(100) for _ in range(2) for item in order.receive(seq, seq, seq / 10)]
    assert out == list(range(100))


def test_a_lone_repeat_after_a_silence_is_still_a_repeat() -> None:
    order: Reorder[int] = Reorder()
    order.receive(7, 7, 0.0)
    assert order.receive(7, 7, 60.0) == []
    assert order.receive(8, 8, 60.1) == [8]


def test_one_number_far_ahead_by_mistake_does_not_silence_what_follows() -> None:
    order: Reorder[int] = Reorder()
    order.receive(0, 0, 0.0)
    assert order.receive(10**12, -1, 0.1) == []
    assert order.tick(2.1) == [-1]
    assert order.receive(1, 1, 2.2) == [1]


@given(st.permutations(range(20)))
def test_whatever_the_order_nothing_comes_out_of_order_or_twice(numbers: list[int]) -> None:
    order: Reorder[int] = Reorder()
    out = [item for number in numbers for item in order.receive(number, number, 0.0)] + order.finish()
    assert out == sorted(set(out))
    assert set(out) == {number for number in numbers if number >= numbers[0]}
