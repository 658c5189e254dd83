"""Rate limits are exact in every window."""

from hypothesis import given
from hypothesis import strategies as st

from session_svc.domain.limits import Limit, take

THREE_A_MINUTE = Limit(3, 60.0)


def test_the_limit_passes_and_one_more_waits_for_the_oldest_to_leave_the_window() -> None:
    times: tuple[float, ...] = ()
    for now in (0.0, 10.0, 20.0):
        taken = take(times, THREE_A_MINUTE, now)
        assert taken.allowed
        times = taken.times
    refused = take(times, THREE_A_MINUTE, 25.0)
    assert not refused.allowed
    assert refused.retry_after == 35.0


def test_after_retry_after_it_goes_and_just_before_it_does_not() -> None:
    times = (0.0, 10.0, 20.0)
    assert not take(times, THREE_A_MINUTE, 59.999).allowed
    assert take(times, THREE_A_MINUTE, 60.0).allowed


def test_a_refusal_takes_nothing() -> None:
    refused = take((0.0, 10.0, 20.0), THREE_A_MINUTE, 30.0)
    assert refused.times == (0.0, 10.0, 20.0)


def test_a_burst_at_the_edge_of_a_clock_minute_does_not_pass_twice() -> None:
    assert not take((59.7, 59.8, 59.9), THREE_A_MINUTE, 60.1).allowed


def test_a_limit_that_was_lowered_waits_until_enough_have_left() -> None:
    refused = take((0.0, 10.0, 20.0, 30.0), Limit(2, 60.0), 40.0)
    assert refused.retry_after == 40.0  # Until 80.0, when 20.0 has left.


def test_another_instances_clock_ahead_of_ours_locks_nobody_out_for_long() -> None:
    refused = take((1000.0,), Limit(1, 60.0), 10.0)
    assert refused.retry_after == 60.0


@given(
    gaps=st.lists(st.floats(0, 50), max_size=60),
    limit=st.builds(Limit, st.integers(1, 8), st.floats(1, 100)),
)
def test_no_window_ever_holds_more_than_the_limit_and_retry_after_is_kept(gaps: list[float], limit: Limit) -> None:
    now, passed = 0.0, list[float]()
    times: tuple[float, ...] = ()
    for gap in gaps:
        now += gap
        taken = take(times, limit, now)
        if taken.allowed:
            times = taken.times
            passed.append(now)
        else:
            assert 0 < taken.retry_after <= limit.window + 1e-9
            assert take(times, limit, now + taken.retry_after + 1e-9).allowed
    for first, last in zip(passed, passed[limit.count :], strict=False):
        assert last - first >= limit.window - 1e-9
