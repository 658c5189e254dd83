"""A connection's age: asked, warned, closed."""

from edge.domain.lifetime import ClosesSoon, LifeSpan, Lifetime, RefreshDue, TooOld

MINUTE = 60.0


def test_a_connection_is_asked_at_100_warned_from_105_and_closed_at_120_minutes() -> None:
    lifetime = Lifetime(1000.0, LifeSpan())
    told = []
    while (due := lifetime.deadline()) is not None:
        assert lifetime.tick(due - 1.0) is None
        told.append(((due - 1000.0) / MINUTE, lifetime.tick(due)))
    assert told == [
        (100, RefreshDue(1200.0)),
        (105, ClosesSoon(15)),
        (110, ClosesSoon(10)),
        (115, ClosesSoon(5)),
        (120, TooOld()),
    ]


def test_a_clock_that_was_late_tells_only_the_latest() -> None:
    lifetime = Lifetime(0.0, LifeSpan())
    assert lifetime.tick(112 * MINUTE) == ClosesSoon(10)
    assert lifetime.deadline() == 115 * MINUTE


def test_spans_of_seconds_work_as_well() -> None:
    lifetime = Lifetime(0.0, LifeSpan(refresh=2.0, warn=3.0, close=3.5))
    assert [lifetime.tick(at) for at in (2.0, 3.0, 3.5)] == [RefreshDue(1.5), ClosesSoon(1), TooOld()]
    assert lifetime.tick(9.0) is None
