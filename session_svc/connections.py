"""Joining, leaving, moving and refreshing: each connection and its session's counters change in one transaction."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog

from chassis.errors import Conflict, Exhausted, LingocastError, NotFound
from session_svc.domain.ids import short
from session_svc.domain.session import Connection, Role, Session, Terms, found_live
from session_svc.leases import Leases
from session_svc.pins import Pins
from session_svc.records import (
    IS_LIVE,
    counter,
    delete_as_read,
    going_on,
    listeners_leave,
    put_connection,
    read_connection,
    read_session,
)
from session_svc.sessions import ATTEMPTS, contended, published, tell
from session_svc.store import Store
from session_svc.store.writes import Below, Change, Delete, Is, Kind, Refused, Write

log = structlog.get_logger()

# Removed in one transaction, with the session's own write well below MAX_WRITES.
BATCH = 50


@dataclass(frozen=True, slots=True)
class Joining:
    """What a listener asks for. `connection` is a fingerprint; `pin` empty when none was given."""

    session_id: str
    connection: str
    edge_id: str
    target_language: str
    pin: str = ""


class Connections:
    """Who is connected to which session, over a store. `changed` is told of every session that changed."""

    def __init__(
        self,
        *,
        store: Store,
        leases: Leases,
        pins: Pins,
        terms: Terms,
        clock: Callable[[], float],
        changed: Callable[[Session], None],
    ) -> None:
        self._store, self._leases, self._pins, self._terms = store, leases, pins, terms
        self._clock, self._changed = clock, changed

    async def join(self, joining: Joining) -> Session:
        """Adds a listener; repeated, changes nothing.

        Raises NotFound(SESSION_NOT_FOUND), Denied(WRONG_PIN), Exhausted(SESSION_FULL), Conflict(CONFLICT).
        """
        session = await self._live(joining.session_id)
        await self._pins.check(session.pin_hash, joining.pin)
        await self._leases.need(joining.edge_id)
        for _ in range(ATTEMPTS):
            now = self._clock()
            try:
                await self._store.write(self._joining_writes(joining, now), now)
            except Refused:
                if await self._joined_before(joining, now):
                    # Perhaps by ourselves: the answer to a write may be lost.
                    return found_live(await self._published(joining.session_id), now)
                session = await self._live(joining.session_id)
                if session.listener_count >= self._terms.capacity:
                    raise Exhausted("SESSION_FULL", "the session takes no more listeners") from None
                continue
            return await self._published(joining.session_id)
        raise contended()

    async def leave(self, session_id: str, key: str) -> bool:
        """Removes a connection; False when there was none. A speaker's leaves the session live for its grace."""
        connection = await read_connection(self._store, key, self._clock())
        if connection is None or connection.session_id != session_id:
            return False
        if connection.role is Role.SPEAKER:
            return await self.speaker_goes(connection, self._clock())
        return await self.remove_listeners(session_id, [connection]) > 0

    async def change_language(self, session_id: str, key: str, language: str) -> Session:
        """Moves a listener. Raises NotFound(SESSION_NOT_FOUND, CONNECTION_NOT_FOUND)."""
        for _ in range(ATTEMPTS):
            now = self._clock()
            session = await self._live(session_id)
            connection = await listener_of(self._store, session_id, key, now)
            if connection.target_language == language:
                self._changed(session)
                return session
            move = Change(
                Kind.CONNECTION,
                key,
                where=(Is("target_language", connection.target_language),),
                set={"target_language": language},
            )
            count = recount(session_id, connection.target_language, language, now)
            try:
                await self._store.write([move, count], now)
            except Refused:
                continue
            return await self._published(session_id)
        raise contended()

    async def speaker_goes(self, connection: Connection, gone_at: float, *only_with: Write) -> bool:
        """Removes a speaker's connection and notes since when the speaker is gone. False when it was gone before.

        Raises Refused where one of `only_with`, written in the same transaction, was refused.
        """
        drop = Delete(Kind.CONNECTION, connection.key, where=(Is("session_id", connection.session_id),))
        note = Change(
            Kind.SESSION,
            connection.session_id,
            where=(IS_LIVE, Is("speaker_connection", connection.key), Is("speaker_connected", True)),
            set={"speaker_connected": False, "speaker_gone_at": gone_at},
            add={"revision": 1},
        )
        now = self._clock()
        try:
            await self._store.write([drop, note, *only_with], now)
        except Refused as refused:
            _pass_on(refused, 2)
            if 0 in refused.positions:
                # Gone; if it is our own write that was made although its answer was lost, nobody was told yet.
                await self._tell(connection.session_id)
                return False
            # The session is over or another connection speaks: nothing to note.
            await self._store.write([Delete(Kind.CONNECTION, connection.key), *only_with], now)
            return True
        log.info("speaker_gone", session=connection.session_id, speaker_connection=short(connection.key))
        await self._tell(connection.session_id)
        return True

    async def remove_listeners(self, session_id: str, leaving: Sequence[Connection], *only_with: Write) -> int:
        """Removes listeners of one session, many in one transaction; says how many were still there.

        Raises Refused where one of `only_with`, written in each transaction, was refused. After an answer that was lost
        the number may be too small; the records and counters are right.
        """
        removed = 0
        for start in range(0, len(leaving), BATCH):
            batch = leaving[start : start + BATCH]
            now = self._clock()
            try:
                await self._store.write([*listeners_leave(session_id, batch), *only_with], now)
            except Refused as refused:
                _pass_on(refused, len(batch) + 1)
                # One of them left or moved meanwhile, or the session is over: each for itself.
                for connection in batch:
                    removed += await self._remove_listener(connection, *only_with)
            else:
                removed += len(batch)
        if leaving:
            await self._tell(session_id)
        return removed

    async def _remove_listener(self, connection: Connection, *only_with: Write) -> bool:
        for _ in range(ATTEMPTS):
            now = self._clock()
            stored = await read_connection(self._store, connection.key, now)
            if stored is None:
                return False
            session = await read_session(self._store, stored.session_id, now)
            counted = session is not None and session.live
            leave = listeners_leave(stored.session_id, [stored]) if counted else [delete_as_read(stored)]
            try:
                await self._store.write([*leave, *only_with], now)
            except Refused as refused:
                _pass_on(refused, len(leave))
                continue
            return True
        raise contended()

    def _joining_writes(self, joining: Joining, now: float) -> list[Write]:
        connection = Connection(
            key=joining.connection,
            session_id=joining.session_id,
            role=Role.LISTENER,
            edge_id=joining.edge_id,
            joined_at=now,
            expires_at=now + self._terms.lifetime,
            target_language=joining.target_language,
        )
        count = Change(
            Kind.SESSION,
            joining.session_id,
            where=(*going_on(now), Below("listener_count", self._terms.capacity)),
            add={"listener_count": 1, "revision": 1, counter(joining.target_language): 1},
        )
        return [put_connection(connection, self._terms), count]

    async def _joined_before(self, joining: Joining, now: float) -> bool:
        connection = await read_connection(self._store, joining.connection, now)
        if connection is None:
            return False
        if connection.session_id != joining.session_id or connection.role is not Role.LISTENER:
            raise in_use()
        return True

    async def _live(self, session_id: str) -> Session:
        now = self._clock()
        return found_live(await read_session(self._store, session_id, now), now)

    async def _tell(self, session_id: str) -> None:
        await tell(self._store, session_id, self._clock(), self._changed)

    async def _published(self, session_id: str) -> Session:
        return await published(self._store, session_id, self._clock(), self._changed)


def _pass_on(refused: Refused, own: int) -> None:
    """Raises it again when it is about a write that came after our own."""
    if any(position >= own for position in refused.positions):
        raise refused


def recount(session_id: str, old: str, new: str, now: float) -> Change:
    """Moves one listener from one language's counter to another's (or the same: only the revision grows)."""
    moved = {counter(old): -1, counter(new): 1} if old != new else {}
    return Change(Kind.SESSION, session_id, where=going_on(now), add={**moved, "revision": 1})


def in_use() -> LingocastError:
    """What is raised when a connection id is another's already."""
    return Conflict("CONFLICT", "the connection id is in use")


async def listener_of(store: Store, session_id: str, key: str, now: float) -> Connection:
    """A session's listener. Raises NotFound(CONNECTION_NOT_FOUND)."""
    connection = await read_connection(store, key, now)
    if (
        connection is None
        or connection.expires_at <= now
        or connection.session_id != session_id
        or connection.role is not Role.LISTENER
    ):
        raise NotFound("CONNECTION_NOT_FOUND", "no such listener in this session")
    return connection
