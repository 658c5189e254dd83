"""Whether an edge process lives: it renews a lease; a lapsed one lets its connections be reaped.

Times are wall-clock seconds since the epoch. `answering_since` is the time since which renewals could have arrived:
after a restart or an outage of the store every edge gets one whole lease before it is judged.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LeaseTerms:
    """How often edges renew, and how long a lease lasts without; seconds.

    `kept`: how long the record of a lease that ran out is kept at least. As long as a connection's: whenever this
    service looks again, be it after an hour in which all was switched off, it must find whose connections are left.
    """

    renew_every: float = 10.0
    expires_after: float = 30.0
    kept: float = 10_800.0


@dataclass(frozen=True, slots=True)
class Lease:
    """One edge's. `released`: the edge said that it goes.

    `unrestored`: its connections may have been reaped, and it has not said since what it still holds.
    """

    edge_id: str
    expires_at: float
    released: bool = False
    unrestored: bool = False


def held(lease: Lease | None, now: float) -> bool:
    """Whether it has not run out yet. One that has may be reaped at any moment."""
    return lease is not None and not lease.released and now < lease.expires_at


def renewed(edge_id: str, now: float, terms: LeaseTerms, before: Lease | None = None) -> Lease:
    """The lease after a sign of life; `before` is what it was, None for an edge never heard of."""
    unrestored = before.unrestored if before is not None and held(before, now) else True
    return Lease(edge_id, now + terms.expires_after, unrestored=unrestored)


def released(edge_id: str, now: float) -> Lease:
    """The lease of an edge that goes: over at once."""
    return Lease(edge_id, now, released=True)


def lapsed(lease: Lease, now: float, answering_since: float, terms: LeaseTerms) -> bool:
    """True: its connections are to be reaped."""
    if lease.released:
        return now >= lease.expires_at
    return now >= max(lease.expires_at, answering_since + terms.expires_after)


def gone_since(lease: Lease, terms: LeaseTerms) -> float:
    """When a dead edge's speakers count as gone: at the renewal that did not come, not at the lapse.

    The edge had died by then, so a speaker is never ended before its grace; and a speaker's place is free again
    `renew_every` + grace after the last renewal (40 s), within the 60 s that are promised.
    """
    return lease.expires_at if lease.released else lease.expires_at - terms.expires_after + terms.renew_every


def forgettable(lease: Lease, now: float, answering_since: float, terms: LeaseTerms) -> bool:
    """True: the record itself may go. A lease later than the lapse, because a join that still saw it alive may commit
    after the first reaping; the second one catches it."""
    return lapsed(lease, now - terms.expires_after, answering_since, terms)
