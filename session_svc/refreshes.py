"""Refreshing: a new connection takes an old one's place, with nothing counted twice or lost in between."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from chassis.errors import NotFound
from session_svc.connections import in_use, listener_of, recount
from session_svc.domain.session import Connection, Role, Session, Terms, check_may_take_over, found_live
from session_svc.leases import Leases
from session_svc.records import delete_as_read, going_on, put_connection, read_connection, read_session
from session_svc.sessions import ATTEMPTS, contended, published
from session_svc.store import Store
from session_svc.store.writes import Change, Delete, Is, Kind, Refused, Value, Write


@dataclass(frozen=True, slots=True)
class Refreshing:
    """A new connection for an old one; fingerprints.

    A listener's `target_language` empty: as before. A speaker's `old` empty: whichever there is. `speaker` empty for
    a listener.
    """

    session_id: str
    role: Role
    old: str
    new: str
    edge_id: str
    speaker: str = ""
    target_language: str = ""


class Refreshes:
    """Swaps connections over a store. `changed` is told of every session that changed."""

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

    async def refresh(self, refreshing: Refreshing) -> Session:
        """Puts a new connection in an old one's place; repeated, changes nothing. A speaker's extends the session.

        Raises NotFound(SESSION_NOT_FOUND, CONNECTION_NOT_FOUND), Denied(NOT_THE_SPEAKER), Conflict(CONFLICT).
        """
        await self._leases.need(refreshing.edge_id)
        decide = self._speaker_swap if refreshing.role is Role.SPEAKER else self._listener_swap
        for _ in range(ATTEMPTS):
            now = self._clock()
            session = await self._live(refreshing.session_id)
            if await self._refreshed_before(refreshing, session, now):
                # Perhaps by ourselves: the answer to a write may be lost, and then nobody was told yet.
                self._changed(session)
                return session
            try:
                writes = await decide(refreshing, session, now)
                await self._store.write(writes, now)
            except Refused:
                continue
            except NotFound:
                # The same request, sent twice, may have come first since we looked.
                if await self._refreshed_before(refreshing, session, now):
                    continue
                raise
            return await self._published(refreshing.session_id)
        raise contended()

    async def _refreshed_before(self, refreshing: Refreshing, session: Session, now: float) -> bool:
        connection = await read_connection(self._store, refreshing.new, now)
        if connection is None:
            return False
        owned = refreshing.role is Role.LISTENER or refreshing.speaker == session.speaker
        if connection.session_id != session.session_id or connection.role is not refreshing.role or not owned:
            raise in_use()
        return True

    async def _listener_swap(self, refreshing: Refreshing, session: Session, now: float) -> list[Write]:
        old = await listener_of(self._store, session.session_id, refreshing.old, now)
        if old.key == refreshing.new:
            # It has come since `_refreshed_before` looked, and is what is asked for.
            raise NotFound("CONNECTION_NOT_FOUND", "the connection came at this moment; try again")
        new = replace(
            old,
            key=refreshing.new,
            edge_id=refreshing.edge_id,
            joined_at=now,
            expires_at=now + self._terms.lifetime,
            target_language=refreshing.target_language or old.target_language,
        )
        count = recount(session.session_id, old.target_language, new.target_language, now)
        return [delete_as_read(old), put_connection(new, self._terms), count]

    async def _speaker_swap(self, refreshing: Refreshing, session: Session, now: float) -> list[Write]:
        check_may_take_over(session, refreshing.speaker, refreshing.old)
        expires_at = now + self._terms.lifetime
        new = Connection(
            key=refreshing.new,
            session_id=session.session_id,
            role=Role.SPEAKER,
            edge_id=refreshing.edge_id,
            joined_at=now,
            expires_at=expires_at,
        )
        swap: dict[str, Value] = {
            "speaker_connection": new.key,
            "speaker_connected": True,
            "speaker_gone_at": 0.0,
            "expires_at": expires_at,
            "ttl": expires_at + self._terms.grace,
        }
        # Owner and connection are those that were read: of two refreshes at once one is refused, and reads anew.
        as_read = (Is("speaker", refreshing.speaker), Is("speaker_connection", session.speaker_connection))
        writes: list[Write] = [
            put_connection(new, self._terms),
            Change(Kind.SESSION, session.session_id, (*going_on(now), *as_read), set=swap, add={"revision": 1}),
            Change(Kind.SPEAKER, session.slot, (Is("session_id", session.session_id),), set={"ttl": expires_at}),
        ]
        if session.speaker_connection != new.key:
            writes.append(Delete(Kind.CONNECTION, session.speaker_connection))
        return writes

    async def _live(self, session_id: str) -> Session:
        now = self._clock()
        return found_live(await read_session(self._store, session_id, now), now)

    async def _published(self, session_id: str) -> Session:
        return await published(self._store, session_id, self._clock(), self._changed)
