"""Edges' leases as this process knows them."""

from collections.abc import Callable

from cachetools import LRUCache

from session_svc.domain.lease import Lease, LeaseTerms, released, renewed
from session_svc.records import put_lease
from session_svc.store import Store


class Leases:
    """Renews leases, and sees to it that no connection is written without one.

    A lease is remembered here for as long as it surely holds (it only ever grows), so that a join need not read it.
    """

    def __init__(self, store: Store, terms: LeaseTerms, clock: Callable[[], float]) -> None:
        self._store, self._terms, self._clock = store, terms, clock
        self._held_until: LRUCache[str, float] = LRUCache(10_000)

    @property
    def renew_every(self) -> float:
        """How often edges are to renew, seconds."""
        return self._terms.renew_every

    async def renew(self, edge_id: str) -> Lease:
        """Notes a sign of life."""
        now = self._clock()
        return await self._write(renewed(edge_id, now, self._terms), now)

    async def release(self, edge_id: str) -> Lease:
        """The edge goes; what it still holds is reaped at the next look."""
        now = self._clock()
        return await self._write(released(edge_id, now), now)

    async def need(self, edge_id: str) -> None:
        """Called before a connection of the edge is written: what it asks for is a sign of life too."""
        if self._held_until.get(edge_id, 0.0) <= self._clock() + self._terms.renew_every:
            await self.renew(edge_id)

    async def _write(self, lease: Lease, now: float) -> Lease:
        await self._store.write([put_lease(lease, self._terms)], now)
        self._held_until[lease.edge_id] = lease.expires_at
        return lease
