"""Buckets, paces and addresses, by themselves: time is an argument."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.domain.limits import Buckets, HeartbeatPace, MessagePace, TokenBucket, Verdict, Violation, limited_as


def test_a_bucket_gives_its_burst_at_once_and_then_its_rate() -> None:
    bucket = TokenBucket(rate=2.0, burst=3)
    assert [bucket.take(0.0) for _ in range(4)] == [0.0, 0.0, 0.0, 0.5]
    assert bucket.take(0.25) == pytest.approx(0.25)
    assert bucket.take(0.5) == 0.0
    assert bucket.take(0.5) == pytest.approx(0.5)


def test_a_bucket_never_holds_more_than_its_burst() -> None:
    bucket = TokenBucket(rate=10.0, burst=2)
    bucket.take(0.0)
    assert [bucket.take(1_000.0) for _ in range(3)][:2] == [0.0, 0.0]
    assert bucket.take(1_000.0) > 0


def test_a_clock_that_goes_back_gives_nothing() -> None:
    bucket = TokenBucket(rate=1.0, burst=1)
    assert bucket.take(10.0) == 0.0
    assert bucket.take(5.0) == 1.0


@given(
    st.floats(0.1, 100), st.integers(1, 50), st.lists(st.floats(0, 60, allow_subnormal=False), min_size=1, max_size=300)
)
def test_whatever_the_arrivals_no_more_pass_than_rate_and_burst_allow(
    rate: float, burst: int, arrivals: list[float]
) -> None:
    bucket = TokenBucket(rate, burst)
    moments = sorted(arrivals)
    passed = [now for now in moments if bucket.take(now) == 0.0]
    assert len(passed) <= burst + rate * (moments[-1] - moments[0]) + 1e-3
    assert len(passed) >= min(burst, len(moments))


@given(st.floats(0.1, 100), st.integers(1, 20))
def test_who_waits_as_long_as_told_gets_a_token(rate: float, burst: int) -> None:
    bucket = TokenBucket(rate, burst)
    now = 0.0
    for _ in range(burst + 20):
        if wait := bucket.take(now):
            now += wait
            assert bucket.take(now) == 0.0


def test_a_token_that_is_given_back_can_be_taken_again_but_adds_nothing() -> None:
    buckets = Buckets(rate=0.1, burst=1)
    for _ in range(3):
        assert buckets.take("a", 0.0) == 0.0
        buckets.give_back("a")
        buckets.give_back("a")
    assert buckets.take("a", 0.0) == 0.0
    assert buckets.take("a", 0.0) == pytest.approx(10.0)
    buckets.give_back("unknown")
    assert len(buckets) == 1


def test_each_subject_has_a_bucket_of_its_own() -> None:
    buckets = Buckets(rate=0.1, burst=1)
    assert buckets.take("a", 0.0) == 0.0
    assert buckets.take("b", 0.0) == 0.0
    assert buckets.take("a", 1.0) == pytest.approx(9.0)


def test_no_more_buckets_are_kept_than_allowed_and_the_oldest_goes() -> None:
    buckets = Buckets(rate=0.001, burst=1, size=3)
    for subject in ("a", "b", "c", "a", "d"):
        buckets.take(subject, 0.0)
    assert len(buckets) == 3
    assert buckets.take("a", 0.0) > 0  # Asked for again, so it stayed.
    assert buckets.take("b", 0.0) == 0.0


def test_a_violation_lasts_while_its_excesses_are_less_than_a_second_apart() -> None:
    violation = Violation()
    assert [violation.note(now) for now in (5.0, 5.9, 6.8)] == [0.0, pytest.approx(0.9), pytest.approx(1.8)]
    assert violation.note(7.8) == 0.0


def verdicts(pace: MessagePace, per_second: int, seconds: float, start: float = 0.0) -> list[Verdict]:
    return [pace.take(start + number / per_second) for number in range(round(per_second * seconds))]


def test_a_client_within_the_pace_never_notices_it() -> None:
    assert set(verdicts(MessagePace(20, 40, 30), 20, 60)) == {Verdict.ADMIT}


def test_a_burst_passes_and_the_rest_is_dropped_with_one_warning_a_second() -> None:
    pace = MessagePace(20, 40, 30)
    first = verdicts(pace, 1_000, 3.0)
    assert first[:40] == [Verdict.ADMIT] * 40
    assert first.count(Verdict.ADMIT) == pytest.approx(40 + 3 * 20, abs=1)
    assert first.count(Verdict.WARN) == 3
    assert first.count(Verdict.CLOSE) == 0
    assert pace.dropped == len(first) - first.count(Verdict.ADMIT)


def test_who_goes_on_too_fast_for_thirty_seconds_is_closed() -> None:
    pace = MessagePace(20, 40, 30)
    outcome = verdicts(pace, 100, 40)
    assert 30.0 <= outcome.index(Verdict.CLOSE) / 100 <= 31.0


def test_who_pauses_for_a_second_is_not_closed() -> None:
    pace = MessagePace(20, 40, 30)
    outcomes = [verdict for round_ in range(10) for verdict in verdicts(pace, 100, 10, start=round_ * 11.5)]
    assert Verdict.CLOSE not in outcomes
    assert Verdict.DROP in outcomes


def test_heartbeats_of_a_timer_that_jitters_are_all_expected() -> None:
    pace = HeartbeatPace()
    beats = [30.0 * number + (-4.0 if number % 3 == 1 else 2.0) for number in range(1, 200)]
    assert all(pace.expected(now) for now in beats)


def test_heartbeats_beyond_one_in_thirty_seconds_are_not_expected() -> None:
    pace = HeartbeatPace()
    assert [pace.expected(0.0) for _ in range(3)] == [True, True, False]
    assert not pace.expected(29.0)
    assert pace.expected(31.0)


def test_after_a_refusal_nobody_is_asked_until_its_wait_is_over() -> None:
    pace = HeartbeatPace()
    assert pace.wait(10.0) == 0.0
    pace.refused(10.0, 7.0)
    assert pace.wait(12.0) == 5.0
    assert pace.wait(17.0) == 0.0


@pytest.mark.parametrize(
    ("address", "subject"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("::1", "::/64"),
        ("", ""),
        ("unix:", "unix:"),
        ("a proxy's word", "a proxy's word"),
    ],
)
def test_ipv6_is_limited_by_its_network_of_64_bits(address: str, subject: str) -> None:
    assert limited_as(address) == subject
