"""Opening, steering and ending sessions: reads, lets the domain decide, writes on condition of what was read."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import structlog

from chassis.errors import Conflict, Exhausted
from session_svc.domain.ids import Vocabulary, short
from session_svc.domain.session import (
    MOVES,
    Connection,
    Move,
    Role,
    Session,
    State,
    Terms,
    check_may_end,
    check_may_steer,
    found,
    found_live,
)
from session_svc.leases import Leases
from session_svc.records import (
    IS_LIVE,
    put_connection,
    read_connection,
    read_session,
    session_item,
)
from session_svc.store import Store
from session_svc.store.writes import (
    MAX_WRITES,
    Change,
    Condition,
    Contended,
    Delete,
    Is,
    Kind,
    Put,
    Refused,
    Value,
    Write,
)

log = structlog.get_logger()

ID_ATTEMPTS = 10
# Writes refused in a row because others changed the same session; each round someone got through.
ATTEMPTS = 20


@dataclass(frozen=True, slots=True)
class Opening:
    """What a speaker asks for. `speaker` and `connection` are fingerprints; 0 and "" stand for defaults."""

    connection: str
    speaker: str
    edge_id: str
    source_language: str
    quality_tier: str
    final_only: bool = False
    min_stability: float = 0.0
    max_buffer_seconds: float = 0.0
    pin_hash: str = ""


@dataclass(frozen=True, slots=True)
class Steering:
    """A change of the broadcast state; None leaves as it is."""

    active: bool | None = None
    paused: bool | None = None
    muted: bool | None = None
    volume: float | None = None


class Sessions:
    """The life of sessions over a store. `changed` is told of every change; `below(n)` gives a random number < n."""

    def __init__(
        self,
        *,
        store: Store,
        leases: Leases,
        terms: Terms,
        vocabulary: Vocabulary,
        clock: Callable[[], float],
        below: Callable[[int], int],
        changed: Callable[[Session], None],
    ) -> None:
        self._store, self._leases, self._terms, self._clock = store, leases, terms, clock
        self._vocabulary, self._below, self._changed = vocabulary, below, changed

    async def open(self, opening: Opening) -> Session:
        """Opens a session, or returns the one that this connection has opened before.

        Raises Exhausted(MAX_SESSIONS_EXCEEDED, NO_SESSION_ID), Conflict(CONFLICT).
        """
        await self._leases.need(opening.edge_id)
        for _ in range(ID_ATTEMPTS):
            now = self._clock()
            # Places first: when the same request, sent twice, takes the place in between, the second look finds it.
            place = await self._free_place(opening.speaker, now)
            if earlier := await self._opened_before(opening, now):
                return earlier
            if place is None:
                # If nobody speaks in it any more, its place is free by then.
                freed = timedelta(seconds=max(1.0, self._terms.speaker_grace))
                raise Exhausted("MAX_SESSIONS_EXCEEDED", "the speaker has a live session already", retry_after=freed)
            session = self._new(opening, place, now)
            try:
                await self._store.write(self._opening_writes(session, opening), now)
            except Refused:
                # The id is taken, or the same request or another of the speaker's came first (or this very one, its
                # answer lost): look again.
                continue
            log.info("session_opened", session=session.session_id, speaker_connection=short(opening.connection))
            return session
        if earlier := await self._opened_before(opening, self._clock()):
            return earlier
        raise Exhausted("NO_SESSION_ID", "no free session id was found; try again")

    async def get(self, session_id: str) -> Session:
        """Raises NotFound(SESSION_NOT_FOUND)."""
        now = self._clock()
        return found(await read_session(self._store, session_id, now), now)

    async def steer(self, session_id: str, connection: str, steering: Steering) -> Session:
        """Changes the broadcast state. Raises NotFound(SESSION_NOT_FOUND), Denied(NOT_THE_SPEAKER)."""
        for _ in range(ATTEMPTS):
            now = self._clock()
            session = found_live(await read_session(self._store, session_id, now), now)
            check_may_steer(session, connection)
            fields = _changes(session, steering)
            if not fields:
                return session
            still_speaks = (IS_LIVE, Is("speaker_connection", connection), Is("speaker_connected", True))
            change = Change(
                Kind.SESSION, session_id, still_speaks, set={**fields, "changed_at": now}, add={"revision": 1}
            )
            try:
                await self._store.write([change], now)
            except Refused:
                continue
            return await self._published(session_id)
        raise contended()

    async def end(self, session_id: str, connection: str, reason: str) -> Session:
        """Ends a session for everybody; repeated, changes nothing.

        Raises NotFound(SESSION_NOT_FOUND), Denied(NOT_THE_SPEAKER).
        """
        session = await self.get(session_id)
        check_may_end(session, connection)
        if session.live:
            await self.finish(session, reason)
        return await self.get(session_id)

    async def finish(self, session: Session, reason: str, *only_if: Condition) -> bool:
        """Ends a live session and deletes its connections. False when it was over, or `only_if` did not hold."""
        for _ in range(ATTEMPTS):
            now = self._clock()
            ending: dict[str, Value] = {
                "state": MOVES[State.LIVE][Move.END],
                "ended_at": now,
                "end_reason": reason,
                "active": False,
                "changed_at": now,
                "ttl": now + self._terms.grace,
            }
            end = Change(Kind.SESSION, session.session_id, where=(IS_LIVE, *only_if), set=ending, add={"revision": 1})
            try:
                await self._store.write([end, *await self._free_slot(session, now)], now)
            except Refused as refused:
                if 0 not in refused.positions:
                    continue
                # Perhaps it is our own end that refuses: its answer may have been lost.
                ended = await tell(self._store, session.session_id, self._clock(), self._changed)
                if ended is not None and ended.state is State.ENDING:
                    await self.clear(session.session_id)
                return False
            log.info("session_ended", session=session.session_id, reason=reason)
            await tell(self._store, session.session_id, self._clock(), self._changed)
            await self.clear(session.session_id)
            return True
        raise contended()

    async def clear(self, session_id: str) -> int:
        """Deletes the connections of a session that is over; says how many. None can be added after its end."""
        now, keys = self._clock(), list[str]()
        async for item in self._store.find(Kind.CONNECTION, "session_id", session_id, now):
            keys.append(str(item["key"]))
        for start in range(0, len(keys), MAX_WRITES):
            await self._store.write([Delete(Kind.CONNECTION, key) for key in keys[start : start + MAX_WRITES]], now)
        return len(keys)

    async def _opened_before(self, opening: Opening, now: float) -> Session | None:
        connection = await read_connection(self._store, opening.connection, now)
        if connection is None:
            return None
        session = await read_session(self._store, connection.session_id, now)
        if session is None or connection.role is not Role.SPEAKER or session.speaker != opening.speaker:
            raise Conflict("CONFLICT", "the connection is in use")
        return found_live(session, now)

    async def _free_place(self, speaker: str, now: float) -> str | None:
        places = [f"{speaker}#{number}" for number in range(self._terms.sessions_per_speaker)]
        taken = await self._store.read(Kind.SPEAKER, places, now)
        return next((place for place in places if place not in taken), None)

    def _new(self, opening: Opening, slot: str, now: float) -> Session:
        return Session(
            session_id=self._vocabulary.draw(self._below),
            speaker=opening.speaker,
            slot=slot,
            speaker_connection=opening.connection,
            source_language=opening.source_language,
            quality_tier=opening.quality_tier,
            created_at=now,
            expires_at=now + self._terms.lifetime,
            changed_at=now,
            final_only=opening.final_only,
            min_stability=opening.min_stability,
            max_buffer_seconds=opening.max_buffer_seconds,
            pin_hash=opening.pin_hash,
            revision=1,
        )

    def _opening_writes(self, session: Session, opening: Opening) -> list[Write]:
        connection = Connection(
            key=opening.connection,
            session_id=session.session_id,
            role=Role.SPEAKER,
            edge_id=opening.edge_id,
            joined_at=session.created_at,
            expires_at=session.expires_at,
        )
        # Without grace: the speaker's place is free the moment the session expires.
        place = Put(Kind.SPEAKER, session.slot, {"session_id": session.session_id, "ttl": session.expires_at})
        return [
            Put(Kind.SESSION, session.session_id, session_item(session, self._terms)),
            place,
            put_connection(connection, self._terms),
        ]

    async def _free_slot(self, session: Session, now: float) -> list[Write]:
        item = (await self._store.read(Kind.SPEAKER, [session.slot], now)).get(session.slot)
        if item is None or item["session_id"] != session.session_id:
            return []
        return [Delete(Kind.SPEAKER, session.slot, where=(Is("session_id", session.session_id),))]

    async def _published(self, session_id: str) -> Session:
        return await published(self._store, session_id, self._clock(), self._changed)


async def published(store: Store, session_id: str, now: float, changed: Callable[[Session], None]) -> Session:
    """The session as it stands after a write, told to those who watch. Raises NotFound(SESSION_NOT_FOUND)."""
    return found(await tell(store, session_id, now, changed), now)


async def tell(store: Store, session_id: str, now: float, changed: Callable[[Session], None]) -> Session | None:
    """Tells those who watch how a session stands after a write; None when it has no record any more."""
    session = await read_session(store, session_id, now)
    if session is not None:
        changed(session)
    return session


def _changes(session: Session, steering: Steering) -> dict[str, Value]:
    wanted = {
        "active": steering.active,
        "paused": steering.paused,
        "muted": steering.muted,
        "volume": steering.volume,
    }
    now_is = {"active": session.active, "paused": session.paused, "muted": session.muted, "volume": session.volume}
    return {name: value for name, value in wanted.items() if value is not None and value != now_is[name]}


def contended() -> Contended:
    """What is raised after ATTEMPTS: the same call may go the next time."""
    return Contended("too many change the session at once")
