"""Sizes, rates and order of what a speaker sends, by themselves."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.domain.admission import RateWindow, Reorder, Verdict, audio_flaw


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


@given(st.permutations(range(20)))
def test_whatever_the_order_nothing_comes_out_of_order_or_twice(numbers: list[int]) -> None:
    order: Reorder[int] = Reorder()
    out = [item for number in numbers for item in order.receive(number, number, 0.0)] + order.finish()
    assert out == sorted(set(out))
    assert set(out) == {number for number in numbers if number >= numbers[0]}
