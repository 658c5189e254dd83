"""Heals what nobody reports: speakers that stay away, sessions that expire, edges that die, records that are left."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog

from chassis.errors import Unavailable
from chassis.telemetry import Metric, meter
from session_svc.connections import Connections
from session_svc.domain.lease import Lease, LeaseTerms, forgettable, gone_since, lapsed
from session_svc.domain.session import (
    ENDED_EXPIRED,
    ENDED_SPEAKER_GONE,
    MOVES,
    Connection,
    Move,
    Role,
    Session,
    State,
    Terms,
    expired,
    speaker_overdue,
)
from session_svc.records import LEASE_HELD, find_connections, lease_of, session_of
from session_svc.sessions import Sessions
from session_svc.store import Store
from session_svc.store.writes import Below, Change, Contended, Delete, Is, Kind, Refused, Write

log = structlog.get_logger()
_reaped = meter.create_counter(Metric.REAPED)

# An index may lag behind; so long after the end, no connection of a session can still come to light.
_SETTLE_SECONDS = 5.0


class Reaper:
    """One in every instance; several do the same work twice without harm, for every step is conditional."""

    def __init__(
        self,
        *,
        store: Store,
        sessions: Sessions,
        connections: Connections,
        terms: Terms,
        lease_terms: LeaseTerms,
        clock: Callable[[], float],
    ) -> None:
        self._store, self._sessions, self._connections = store, sessions, connections
        self._terms, self._lease_terms, self._clock = terms, lease_terms, clock
        self._answering_since = clock()
        self._answering = True

    async def run(self, every: float, sweep_every: float) -> None:
        """Reaps every so many seconds until cancelled; a store that does not answer is tried again."""
        sweep_at = self._clock() + sweep_every
        while True:
            await asyncio.sleep(every)
            try:
                await self.reap()
                if self._clock() >= sweep_at:
                    await self.sweep()
                    sweep_at = self._clock() + sweep_every
            except Unavailable as error:
                self._failed(error.reason)
            else:
                self._answering = True

    async def reap(self) -> None:
        """Does all that is due now. Raises Unavailable(STORE_UNAVAILABLE)."""
        now = self._clock()
        async for item in self._store.find(Kind.LEASE, "state", LEASE_HELD, now):
            lease = lease_of(item)
            if lapsed(lease, now, self._answering_since, self._lease_terms):
                await self._reap_edge(lease, now)
        async for item in self._store.find(Kind.SESSION, "state", State.LIVE, now):
            with _left_while_contended():
                await self._reap_live(session_of(item), now)
        async for item in self._store.find(Kind.SESSION, "state", State.ENDING, now):
            with _left_while_contended():
                await self._settle(session_of(item), now)

    async def sweep(self) -> None:
        """Removes connections that expired (with their counts) and records whose ttl has passed."""
        now = self._clock()
        async for item in self._store.find(Kind.SESSION, "state", State.LIVE, now):
            found = find_connections(self._store, "session_id", str(item["session_id"]), now)
            over = [connection async for connection in found if connection.expires_at <= now]
            with _left_while_contended():
                await self._remove(over, gone_at=now)
        swept = await self._store.sweep(now)
        if swept:
            log.info("records_swept", records=swept)

    async def _reap_live(self, session: Session, now: float) -> None:
        if expired(session, now):
            # Unless it was refreshed since it was read.
            await self._sessions.finish(session, ENDED_EXPIRED, Below("expires_at", now + 1e-3))
        elif speaker_overdue(session, now, self._answering_since, self._terms):
            # Unless it came back since it was read, be it for a moment.
            gone_as_read = Below("speaker_gone_at", session.speaker_gone_at + 1e-3)
            await self._sessions.finish(session, ENDED_SPEAKER_GONE, Is("speaker_connected", False), gone_as_read)

    async def _settle(self, session: Session, now: float) -> None:
        await self._sessions.clear(session.session_id)
        if now < session.ended_at + _SETTLE_SECONDS:
            return
        ended = MOVES[session.state][Move.CLEARED]
        settled = Change(Kind.SESSION, session.session_id, (Is("state", State.ENDING),), set={"state": ended})
        try:
            await self._store.write([settled], now)
        except Refused:
            log.debug("settled_elsewhere", session=session.session_id)

    async def _reap_edge(self, lease: Lease, now: float) -> None:
        found = find_connections(self._store, "edge_id", lease.edge_id, now)
        # Those that came after the lapse are of an edge that is back.
        lapsed_at = max(lease.expires_at, now if lease.released else 0.0)
        theirs = [connection async for connection in found if connection.joined_at <= lapsed_at]
        # In each transaction: of an edge that is back nothing is removed any more, and it learns that something was.
        still_lapsed = Change(Kind.LEASE, lease.edge_id, (_as_read(lease),), set={"unrestored": True})
        removed = 0
        try:
            for batch in _by_session(theirs):
                with _left_while_contended():
                    removed += await self._remove(batch, gone_since(lease, self._lease_terms), still_lapsed)
        except Refused:
            log.info("edge_is_back", edge=lease.edge_id)
            return
        finally:
            if removed:
                log.warning("edge_reaped", edge=lease.edge_id, connections=removed, released=lease.released)
                _reaped.add(removed)
        # Only when a look found nothing more: what was left for the next one must be found by it.
        if not theirs and forgettable(lease, now, self._answering_since, self._lease_terms):
            with _left_while_contended():
                await self._forget(lease, now)

    async def _forget(self, lease: Lease, now: float) -> None:
        try:
            await self._store.write([Delete(Kind.LEASE, lease.edge_id, (_as_read(lease),))], now)
        except Refused:
            log.debug("edge_is_back", edge=lease.edge_id)

    async def _remove(self, of_a_session: list[Connection], gone_at: float, *also: Write) -> int:
        removed, listeners = 0, list[Connection]()
        for connection in of_a_session:
            if connection.role is Role.SPEAKER:
                removed += await self._connections.speaker_goes(connection, gone_at, *also)
            else:
                listeners.append(connection)
        if listeners:
            removed += await self._connections.remove_listeners(listeners[0].session_id, listeners, *also)
        return removed

    def _failed(self, reason: str) -> None:
        if self._answering:
            log.warning("reaper_waits", reason=reason)
        self._answering = False
        # Edges and speakers could not be heard either: their time starts anew.
        self._answering_since = self._clock()


@contextmanager
def _left_while_contended() -> Iterator[None]:
    """Around what concerns one session or lease: the next look finds it again, and the others do not wait for it."""
    try:
        yield
    except Contended as error:
        log.info("reaper_leaves_for_the_next_look", reason=error.message)


def _as_read(lease: Lease) -> Below:
    """The condition that a lease was not renewed since it was read."""
    return Below("expires_at", lease.expires_at + 1e-3)


def _by_session(connections: list[Connection]) -> list[list[Connection]]:
    groups = defaultdict[str, list[Connection]](list)
    for connection in connections:
        groups[connection.session_id].append(connection)
    return list(groups.values())
