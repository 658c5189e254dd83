"""Restoring: an edge that was not heard of for a while, and whose connections were reaped, writes back what it holds.

The edge is trusted with it: the connections were let in before, and a record that is gone can prove nothing. What has
changed meanwhile is respected: a session that is over stays over, a speaker's place that was taken stays taken.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import structlog

from session_svc.connections import BATCH
from session_svc.domain.session import Connection, Role, Session, Terms, expired
from session_svc.leases import Leases
from session_svc.records import (
    going_on,
    listeners_come,
    put_connection,
    read_connection,
    read_connections,
    read_session,
    read_sessions,
)
from session_svc.sessions import ATTEMPTS, contended, tell
from session_svc.store import Store
from session_svc.store.writes import Change, Is, Kind, Refused

log = structlog.get_logger()

SESSION_OVER, CONNECTION_OVER, ANOTHERS = "SESSION_NOT_FOUND", "CONNECTION_NOT_FOUND", "CONFLICT"


@dataclass(frozen=True, slots=True)
class Held:
    """A connection that an edge holds. `key` is its fingerprint; `joined_at` 0 stands for now."""

    session_id: str
    key: str
    role: Role
    target_language: str = ""
    joined_at: float = 0.0


class Restoring:
    """Writes connections back over a store. `changed` is told of every session that changed."""

    def __init__(
        self,
        *,
        store: Store,
        leases: Leases,
        terms: Terms,
        clock: Callable[[], float],
        changed: Callable[[Session], None],
    ) -> None:
        self._store, self._leases, self._terms = store, leases, terms
        self._clock, self._changed = clock, changed

    async def restore(self, edge_id: str, held: Sequence[Held], *, more: bool = False) -> dict[str, str]:
        """Sees to it that all of `held` are connected; repeated, changes nothing. `more`: others follow.

        Returns why not, by key, for those that could not be restored.
        """
        await self._leases.need(edge_id)
        now = self._clock()
        stored = await read_connections(self._store, {one.key for one in held}, now)
        sessions = await read_sessions(self._store, {one.session_id for one in held}, now)
        lost, missing = dict[str, str](), dict[str, list[Connection]]()
        for one in {one.key: one for one in held}.values():
            connection = self._connection(one, edge_id, now)
            why = self._why_lost(connection, sessions.get(one.session_id), stored.get(one.key), now)
            if why:
                lost[one.key] = why
            elif one.key not in stored:
                missing.setdefault(one.session_id, []).append(connection)
        for session_id, connections in missing.items():
            lost |= await self._restore_to(session_id, connections)
        if not more:
            await self._leases.restored(edge_id)
        if missing or lost:
            found = sum(map(len, missing.values()))
            log.info("connections_restored", edge=edge_id, held=len(held), missing=found, lost=len(lost))
        return lost

    async def _restore_to(self, session_id: str, missing: Sequence[Connection]) -> Mapping[str, str]:
        lost = dict[str, str]()
        listeners = [connection for connection in missing if connection.role is Role.LISTENER]
        for start in range(0, len(listeners), BATCH):
            batch, now = listeners[start : start + BATCH], self._clock()
            try:
                await self._store.write(listeners_come(session_id, batch, now, self._terms), now)
            except Refused:
                # One of them is back already, or the session is over: each for itself.
                for connection in batch:
                    lost |= await self._restore_one(connection)
        for speaker in missing:
            if speaker.role is Role.SPEAKER:
                lost |= await self._restore_one(speaker)
        await tell(self._store, session_id, self._clock(), self._changed)
        return lost

    async def _restore_one(self, connection: Connection) -> Mapping[str, str]:
        for _ in range(ATTEMPTS):
            now = self._clock()
            stored = await read_connection(self._store, connection.key, now)
            session = await read_session(self._store, connection.session_id, now)
            if why := self._why_lost(connection, session, stored, now):
                return {connection.key: why}
            if stored is not None:
                return {}
            try:
                if connection.role is Role.SPEAKER:
                    await self._write_speaker(connection, now)
                else:
                    await self._store.write(listeners_come(connection.session_id, [connection], now, self._terms), now)
            except Refused:
                continue
            return {}
        raise contended()

    async def _write_speaker(self, connection: Connection, now: float) -> None:
        still_its_place = (Is("speaker_connection", connection.key), Is("speaker_connected", False))
        back = Change(
            Kind.SESSION,
            connection.session_id,
            where=(*going_on(now), *still_its_place),
            set={"speaker_connected": True, "speaker_gone_at": 0.0},
            add={"revision": 1},
        )
        await self._store.write([put_connection(connection, self._terms), back], now)

    def _connection(self, one: Held, edge_id: str, now: float) -> Connection:
        # It joins anew as far as the reaper is concerned, but does not live longer for it.
        lives_from = min(one.joined_at, now) if one.joined_at else now
        return Connection(
            key=one.key,
            session_id=one.session_id,
            role=one.role,
            edge_id=edge_id,
            joined_at=now,
            expires_at=lives_from + self._terms.lifetime,
            target_language=one.target_language,
        )

    def _why_lost(self, connection: Connection, session: Session | None, stored: Connection | None, now: float) -> str:
        """Why it cannot be (or stay) connected; empty when it can."""
        if session is None or not session.live or expired(session, now):
            return SESSION_OVER
        if stored is not None:
            same = (stored.session_id, stored.role) == (connection.session_id, connection.role)
            return "" if same else ANOTHERS
        taken = connection.role is Role.SPEAKER and session.speaker_connection != connection.key
        return CONNECTION_OVER if taken or connection.expires_at <= now else ""
