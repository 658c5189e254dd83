"""Results come back in the order in which they were asked for, and none holds the others for ever."""

from hypothesis import given
from hypothesis import strategies as st

from transcription_svc.domain.reorder import Arrived, Expected, Failed, Released, Reorder, Skipped


def test_a_result_that_overtakes_waits_for_its_turn() -> None:
    reorder = Reorder[str](wait_seconds=4.0)
    reorder.receive(Expected(1), 0.0)
    reorder.receive(Expected(2), 0.1)
    assert reorder.receive(Arrived(2, "two"), 0.2) == []
    assert reorder.receive(Arrived(1, "one"), 0.3) == [Released(1, "one"), Released(2, "two")]


def test_a_result_that_fails_is_skipped_at_once_when_its_turn_has_come() -> None:
    reorder = Reorder[str](wait_seconds=4.0)
    reorder.receive(Expected(1), 0.0)
    reorder.receive(Expected(2), 0.1)
    assert reorder.receive(Failed(2), 0.2) == []
    assert reorder.receive(Arrived(1, "one"), 0.3) == [Released(1, "one"), Skipped(2, late=False)]


def test_a_result_that_is_late_is_skipped_and_does_not_come_back() -> None:
    reorder = Reorder[str](wait_seconds=4.0)
    reorder.receive(Expected(1), 0.0)
    assert reorder.deadline() == 4.0
    assert reorder.tick(4.0) == [Skipped(1, late=True)]
    assert reorder.receive(Arrived(1, "one"), 4.1) == []


def test_finishing_releases_what_is_there() -> None:
    reorder = Reorder[str](wait_seconds=4.0)
    for key in (1, 2):
        reorder.receive(Expected(key), 0.0)
    reorder.receive(Arrived(2, "two"), 0.1)
    assert reorder.finish(0.2) == [Skipped(1, late=False), Released(2, "two")]


@given(st.permutations(range(8)))
def test_whatever_order_results_come_in_they_leave_in_order(order: list[int]) -> None:
    reorder = Reorder[int](wait_seconds=100.0)
    for key in range(8):
        reorder.receive(Expected(key), 0.0)
    out = [result for key in order for result in reorder.receive(Arrived(key, key), 1.0)]
    assert out == [Released(key, key) for key in range(8)]
    assert len(reorder) == 0
