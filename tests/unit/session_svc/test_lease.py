"""When an edge counts as dead, and since when its speakers are gone."""

from session_svc.domain.lease import LeaseTerms, forgettable, gone_since, lapsed, released, renewed

TERMS = LeaseTerms(renew_every=10.0, expires_after=30.0)
LONG_AGO = -1000.0


def test_a_lease_lapses_thirty_seconds_after_its_last_renewal() -> None:
    lease = renewed("edge", 100.0, TERMS)
    assert not lapsed(lease, 129.9, LONG_AGO, TERMS)
    assert lapsed(lease, 130.0, LONG_AGO, TERMS)


def test_a_released_lease_lapses_at_once() -> None:
    assert lapsed(released("edge", 100.0), 100.0, 99.0, TERMS)


def test_after_a_restart_every_edge_has_a_whole_lease_to_come_back() -> None:
    lease = renewed("edge", 100.0, TERMS)
    assert not lapsed(lease, 500.0, 480.0, TERMS)
    assert lapsed(lease, 510.0, 480.0, TERMS)


def test_speakers_of_a_dead_edge_are_free_within_a_minute_of_the_last_renewal() -> None:
    lease = renewed("edge", 100.0, TERMS)
    speaker_grace = 30.0
    assert gone_since(lease, TERMS) == 110.0  # No later than this the edge had died.
    assert max(lease.expires_at, gone_since(lease, TERMS) + speaker_grace) <= 160.0


def test_speakers_of_an_edge_that_goes_are_gone_from_then() -> None:
    assert gone_since(released("edge", 100.0), TERMS) == 100.0


def test_a_lease_is_remembered_one_lease_longer_than_it_lasts() -> None:
    lease = renewed("edge", 100.0, TERMS)
    assert not forgettable(lease, 159.9, LONG_AGO, TERMS)
    assert forgettable(lease, 160.0, LONG_AGO, TERMS)
