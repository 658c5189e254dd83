"""Edges' leases as this process knows them."""

from collections.abc import Callable

import structlog
from cachetools import LRUCache

from session_svc.domain.lease import Lease, LeaseTerms, held, released, renewed
from session_svc.records import prolong_lease, put_lease, read_lease
from session_svc.store import Store
from session_svc.store.writes import Above, Change, Is, Kind, Refused

log = structlog.get_logger()


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
        """Notes a sign of life. The lease tells by `unrestored` whether it had lapsed."""
        now = self._clock()
        before = await read_lease(self._store, edge_id, now)
        lease = renewed(edge_id, now, self._terms, before)
        if held(before, now):
            try:
                await self._store.write([prolong_lease(lease, now, self._terms)], now)
            except Refused:
                # It ran out or was released since it was read.
                lease = renewed(edge_id, now, self._terms)
            else:
                return self._remembered(lease)
        return await self._write(lease, now)

    async def release(self, edge_id: str) -> Lease:
        """The edge goes; what it still holds is reaped at the next look."""
        now = self._clock()
        return await self._write(released(edge_id, now), now)

    async def restored(self, edge_id: str) -> None:
        """The edge has said all that it holds."""
        now = self._clock()
        said = Change(
            Kind.LEASE, edge_id, where=(Above("expires_at", now), Is("unrestored", True)), set={"unrestored": False}
        )
        try:
            await self._store.write([said], now)
        except Refused:
            log.debug("nothing_was_to_be_restored", edge=edge_id)

    async def need(self, edge_id: str) -> None:
        """Called before a connection of the edge is written: what it asks for is a sign of life too."""
        if self._held_until.get(edge_id, 0.0) <= self._clock() + self._terms.renew_every:
            await self.renew(edge_id)

    async def _write(self, lease: Lease, now: float) -> Lease:
        await self._store.write([put_lease(lease, self._terms)], now)
        return self._remembered(lease)

    def _remembered(self, lease: Lease) -> Lease:
        self._held_until[lease.edge_id] = lease.expires_at
        return lease
