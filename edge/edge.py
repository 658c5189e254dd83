"""One edge process: what its sockets share, and its own life as far as session_svc must know of it."""

import asyncio
import time
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from secrets import token_hex
from typing import Final

import grpc
import structlog

from chassis.errors import LingocastError, Unavailable
from edge.auth import Verifier
from edge.broadcast import Broadcast
from edge.bus import Bus, LocalBus
from edge.config import Config
from edge.departures import Departures
from edge.hub import Hub
from edge.languages import Languages
from edge.listener import ListenerSeat
from edge.outbox import Laggards
from edge.protocol import server
from edge.protocol.errors import Close
from edge.radio import Radio
from edge.sends import best, one_by_one
from edge.sessions import Held, NewSession, Sessions, SessionView
from edge.socket import Socket
from edge.upstream import BroadcastSettings, Upstream
from edge.watch import Watches

log = structlog.get_logger()

RETRY_SECONDS: Final = 1.0
LOOK_SECONDS: Final = 0.1
CLOSING_SECONDS: Final = 3.0
TAKE_BACK_SECONDS: Final = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
"""Waits before the tries to take back a session whose creation was not answered. Longer, and its grace has ended it."""
_DOWN: Final = {grpc.ChannelConnectivity.TRANSIENT_FAILURE, grpc.ChannelConnectivity.SHUTDOWN}
SEGMENTS_A_SECOND: Final = 4
"""More than anybody speaks: a broadcast taken over from another edge numbers its segments from age times this, so
that none is used twice though the other edge's count is not known here."""


class Edge:
    """The parts, and the tasks that outlive a socket. Made by `open_edge`."""

    def __init__(
        self,
        config: Config,
        *,
        bus: Bus,
        sessions: Sessions,
        languages: Languages,
        verifier: Verifier,
        session: grpc.aio.Channel,
        transcription: grpc.aio.Channel,
        tasks: asyncio.TaskGroup,
    ) -> None:
        self.config = config
        self.sessions = sessions
        self.languages = languages
        self.verifier = verifier
        self.bus = bus
        self.hub = Hub(bus, send=best() if config.native_sends else one_by_one)
        self.laggards = Laggards()
        self.watches = Watches(sessions, tasks)
        self.radio = Radio(bus, self.watches.subscribe, config.tail_seconds)
        self.broadcasts: dict[str, Broadcast] = {}
        self.sockets: dict[str, Socket] = {}
        self.opened = 0
        """How many sockets there were so far."""
        self.seats: dict[str, ListenerSeat] = {}
        self.draining = False
        self.sessions_reachable = False
        self.departures = Departures(sessions)
        self._transcription = transcription
        self._channels = (session, transcription)
        self._tasks = tasks

    @property
    def ready(self) -> bool:
        """New sockets can be served."""
        # The channel knows of a lost peer before the next call does.
        up = all(channel.get_state(try_to_connect=True) not in _DOWN for channel in self._channels)
        return up and not self.draining and self.sessions_reachable and self.languages.reachable and self.bus.ready

    async def until_ready(self) -> None:
        while not self.ready:  # noqa: ASYNC110 - many parts make it true; it is waited for once, at start
            await asyncio.sleep(LOOK_SECONDS)

    def open_broadcast(
        self, view: SessionView, connection_id: str, user_id: str, *, taken_over: bool = False
    ) -> Broadcast:
        """The broadcast of a session whose speaker is here now; it runs until the session is over."""
        age = max(0.0, time.time() - view.created_at) if taken_over else 0.0
        settings = BroadcastSettings(
            session_id=view.session_id,
            source_language=view.source_language,
            quality_tier=view.quality_tier,
            final_only=view.final_only,
            min_stability=view.min_stability,
            max_buffer_seconds=view.max_buffer_seconds,
            first_segment_id=1 + int(age * SEGMENTS_A_SECOND),
        )
        broadcast = Broadcast(
            view,
            connection_id,
            user_id,
            bus=self.bus,
            sessions=self.sessions,
            open_upstream=lambda hear: Upstream(
                self._transcription, settings, hear, self.config.tell_loss_after_seconds
            ),
            watch=self.watches.subscribe,
            tail_seconds=self.config.tail_seconds,
            status_period=self.config.status_period_seconds,
            offset=age,
            taken_over=taken_over,
        )
        self.broadcasts[view.session_id] = broadcast
        self._tasks.create_task(self._run(broadcast))
        return broadcast

    async def _run(self, broadcast: Broadcast) -> None:
        session_id = broadcast.view.session_id
        try:
            await broadcast.run()
        except Exception:
            log.exception("broadcast_failed", session=session_id)
            broadcast.close_socket(Close.INTERNAL, "internal error")
        finally:
            # A store that was down for all of the tail learns of it when it is back: the speaker's departure is kept
            # until then, and its grace ends the session. Else nobody would, and the speaker could open no other.
            if broadcast.end_unsaved:
                self.departures.add(session_id, broadcast.connection_id)
            if self.broadcasts.get(session_id) is broadcast:
                del self.broadcasts[session_id]

    async def keep_lease(self) -> None:
        """Says to session_svc that this process lives. Runs for ever."""
        while True:
            wait = await self.keep_lease_once()
            await asyncio.sleep(wait)

    async def keep_lease_once(self) -> float:
        """Says it once; in how many seconds to say it again."""
        try:
            lease = await self.sessions.renew_lease()
            if lease.lapsed:
                await self._restore()
        except LingocastError as error:
            if self.sessions_reachable:
                log.warning("lease_not_renewed", reason=error.reason)
            self.sessions_reachable = False
            return RETRY_SECONDS
        self.sessions_reachable = True
        for socket in self.sockets.values():
            socket.recovered()
        return lease.renew_in

    async def _restore(self) -> None:
        """The lease had run out, as when session_svc was away: what is connected here is written back."""
        held = [Held(s.session_id, s.connection_id, self._language(s), s.opened_at) for s in self.sockets.values()]
        held += self.radio.held()
        lost = await self.sessions.restore(held)
        if held:
            log.warning("connections_restored", connections=len(held) - len(lost), lost=len(lost))
        for connection in held:
            socket = self.sockets.get(connection.connection_id)
            player = self.radio.listeners.get(connection.connection_id)
            # A session that is over is told by its watch.
            given_up = lost.get(connection.connection_id, "SESSION_NOT_FOUND") != "SESSION_NOT_FOUND"
            if player is not None and given_up:
                player.over.set()
            elif player is None and socket is None:
                # It closed meanwhile, and its departure may have come first.
                self.departures.add(connection.session_id, connection.connection_id)
            elif socket is not None and given_up and not socket.closing:
                socket.tell(server.ConnectionTimeout(reason="the connection was given up while the service was away"))
                socket.close(Close.TIMEOUT, "timeout")

    def _language(self, socket: Socket) -> str:
        seat = self.seats.get(socket.connection_id)
        return seat.language if seat is not None else ""

    def take_back(self, connection_id: str, user_id: str, wanted: NewSession) -> None:
        """A session may have been opened though the answer was lost; its speaker was refused and will not come."""
        self._tasks.create_task(self._take_back(connection_id, user_id, wanted))

    async def _take_back(self, connection_id: str, user_id: str, wanted: NewSession) -> None:
        for wait in TAKE_BACK_SECONDS:
            await asyncio.sleep(wait)
            try:
                # The same connection again: this opens nothing new, it says what was opened.
                view = await self.sessions.create(connection_id, user_id, wanted)
                await self.sessions.end(view.session_id, connection_id, "speaker_gone")
            except Unavailable:
                continue
            except LingocastError as error:
                # Such as MAX_SESSIONS_EXCEEDED: the speaker came again and has another one.
                log.info("session_not_taken_back", reason=error.reason)
            return

    def reclaim(self, broadcast: Broadcast, lost: str) -> None:
        """A refresh was begun, to the connection `lost`, that did not become a socket: the speaker's present one is
        made the session's again, unless another refresh came after it."""
        self._tasks.create_task(self._reclaim(broadcast, lost))

    async def _reclaim(self, broadcast: Broadcast, lost: str) -> None:
        session_id, connection_id = broadcast.view.session_id, broadcast.connection_id
        while broadcast.attached and not broadcast.ended and broadcast.connection_id == connection_id:
            try:
                await self.sessions.refresh_speaker(session_id, lost, connection_id, broadcast.user_id)
            except Unavailable:
                await asyncio.sleep(RETRY_SECONDS)
            except LingocastError as error:
                log.info("session_not_reclaimed", session=session_id, reason=error.reason)
                return
            else:
                return

    async def drain(self) -> None:
        """Asks everyone to move, and returns when they did or `drain_seconds` passed; then closes who is left."""
        self.draining = True
        seconds = self.config.drain_seconds
        for socket in tuple(self.sockets.values()):
            socket.tell(server.ConnectionRefreshRequired(refresh_by=round((time.time() + seconds) * 1000)))
        self.radio.end()  # A plain player cannot be asked.
        await self._until_empty(seconds)
        self.radio.close()
        for socket in tuple(self.sockets.values()):
            socket.close(Close.GOING_AWAY, "this edge is going away")
        await self._until_empty(CLOSING_SECONDS)

    async def _until_empty(self, seconds: float) -> None:
        deadline = asyncio.get_running_loop().time() + seconds
        # Looked at: an event would have to be set wherever a socket or a departure goes.
        while self._busy() and asyncio.get_running_loop().time() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(LOOK_SECONDS)

    def _busy(self) -> bool:
        """Somebody is still here, or is heard to the end though the speaker has moved on."""
        playing_out = any(broadcast.ended for broadcast in self.broadcasts.values())
        # Departures that the store cannot hear of are reaped with our lease.
        leaving = self.sessions_reachable and bool(self.departures)
        return bool(self.sockets) or bool(self.radio.listeners) or leaving or playing_out


@asynccontextmanager
async def open_edge(
    config: Config,
    verifier: Verifier,
    session: grpc.aio.Channel,
    transcription: grpc.aio.Channel,
    bus: Bus | None = None,
) -> AsyncIterator[Edge]:
    """An edge with a lease; on leaving the lease is released, and what it still held with it. `bus`: shared with other
    edges; none, and this one is alone."""
    sessions = Sessions(session, edge_id=f"edge-{token_hex(8)}")
    languages = Languages(transcription, config.languages_period_seconds)
    try:
        async with asyncio.TaskGroup() as tasks:
            edge = Edge(
                config,
                bus=bus or LocalBus(),
                sessions=sessions,
                languages=languages,
                verifier=verifier,
                session=session,
                transcription=transcription,
                tasks=tasks,
            )
            own: list[Coroutine[None, None, None]] = [edge.keep_lease(), edge.departures.run(), languages.keep()]
            for work in own:
                tasks.create_task(work)
            try:
                yield edge
            finally:
                tasks.create_task(_stop())
    except* _Stopped:
        pass
    finally:
        try:
            await sessions.release_lease()
        except LingocastError as error:
            log.warning("lease_not_released", reason=error.reason)


class _Stopped(Exception):
    """Ends the task group: raised in it, it cancels all the rest."""


async def _stop() -> None:
    raise _Stopped
