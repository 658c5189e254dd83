"""One edge process: what its sockets share, and its own life as far as session_svc must know of it."""

import asyncio
import time
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from secrets import token_hex
from typing import Final

import grpc
import structlog

from chassis.errors import LingocastError, NotFound
from edge.auth import Verifier
from edge.broadcast import Broadcast
from edge.bus import Bus, LocalBus
from edge.config import Config
from edge.hub import Hub
from edge.languages import Languages
from edge.protocol import server
from edge.protocol.errors import Close
from edge.sessions import Sessions, SessionView
from edge.socket import Socket
from edge.upstream import BroadcastSettings, Upstream
from edge.watch import Watches

log = structlog.get_logger()

RETRY_SECONDS: Final = 1.0
LOOK_SECONDS: Final = 0.1
CLOSING_SECONDS: Final = 3.0
_DOWN: Final = {grpc.ChannelConnectivity.TRANSIENT_FAILURE, grpc.ChannelConnectivity.SHUTDOWN}
SEGMENTS_A_SECOND: Final = 4
"""More than anybody speaks: a broadcast taken over from another edge numbers its segments from age times this, so
that none is used twice though the other edge's count is not known here."""


@dataclass(slots=True)
class Departures:
    """Connections that are gone here and must be taken out of the store, until it has answered for each. Holds one
    small entry for each socket that closed while the store was down."""

    pending: dict[str, str] = field(default_factory=dict)
    wake: asyncio.Event = field(default_factory=asyncio.Event)

    def add(self, session_id: str, connection_id: str) -> None:
        self.pending[connection_id] = session_id
        self.wake.set()


class Edge:
    """The parts, and the tasks that outlive a socket. Made by `open_edge`."""

    def __init__(
        self,
        config: Config,
        *,
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
        self.bus: Bus = LocalBus()
        self.hub = Hub(self.bus)
        self.watches = Watches(sessions, tasks)
        self.broadcasts: dict[str, Broadcast] = {}
        self.sockets: dict[str, Socket] = {}
        self.draining = False
        self.sessions_reachable = False
        self.departures = Departures()
        self._transcription = transcription
        self._channels = (session, transcription)
        self._tasks = tasks

    @property
    def ready(self) -> bool:
        """New sockets can be served."""
        # The channel knows of a lost peer before the next call does.
        up = all(channel.get_state(try_to_connect=True) not in _DOWN for channel in self._channels)
        return up and not self.draining and self.sessions_reachable and self.languages.reachable

    async def until_ready(self) -> None:
        while not self.ready:  # noqa: ASYNC110 - many parts make it true; it is waited for once, at start
            await asyncio.sleep(LOOK_SECONDS)

    def open_broadcast(self, view: SessionView, connection_id: str, taken_over: bool = False) -> Broadcast:
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
            bus=self.bus,
            sessions=self.sessions,
            open_upstream=lambda hear: Upstream(
                self._transcription, settings, hear, self.config.tell_loss_after_seconds
            ),
            watch=self.watches.subscribe,
            tail_seconds=self.config.tail_seconds,
            status_period=self.config.status_period_seconds,
            offset=age,
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
            try:
                wait = await self.sessions.renew_lease()
                self.sessions_reachable = True
            except LingocastError as error:
                if self.sessions_reachable:
                    log.warning("lease_not_renewed", reason=error.reason)
                self.sessions_reachable = False
                wait = RETRY_SECONDS
            await asyncio.sleep(wait)

    async def keep_leaving(self) -> None:
        """Takes closed connections out of the store. Runs for ever."""
        departures = self.departures
        while True:
            departures.wake.clear()
            for connection_id, session_id in tuple(departures.pending.items()):
                if await self._leave(session_id, connection_id):
                    departures.pending.pop(connection_id, None)
            if departures.pending:
                await asyncio.sleep(RETRY_SECONDS)
            else:
                await departures.wake.wait()

    async def _leave(self, session_id: str, connection_id: str) -> bool:
        try:
            await self.sessions.leave(session_id, connection_id)
        except NotFound:
            return True
        except LingocastError as error:
            log.warning("departure_not_stored", session=session_id, reason=error.reason)
            return False
        return True

    async def drain(self) -> None:
        """Asks everyone to move, and returns when they did or `drain_seconds` passed; then closes who is left."""
        self.draining = True
        seconds = self.config.drain_seconds
        for socket in tuple(self.sockets.values()):
            socket.tell(server.ConnectionRefreshRequired(refresh_by=round((time.time() + seconds) * 1000)))
        await self._until_empty(seconds)
        for socket in tuple(self.sockets.values()):
            socket.close(Close.GOING_AWAY, "this edge is going away")
        await self._until_empty(CLOSING_SECONDS)

    async def _until_empty(self, seconds: float) -> None:
        deadline = asyncio.get_running_loop().time() + seconds
        # Looked at: an event would have to be set wherever a socket or a departure goes.
        while (self.sockets or self.departures.pending) and asyncio.get_running_loop().time() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(LOOK_SECONDS)


@asynccontextmanager
async def open_edge(
    config: Config, verifier: Verifier, session: grpc.aio.Channel, transcription: grpc.aio.Channel
) -> AsyncIterator[Edge]:
    """An edge with a lease; on leaving the lease is released, and what it still held with it."""
    sessions = Sessions(session, edge_id=f"edge-{token_hex(8)}")
    languages = Languages(transcription, config.languages_period_seconds)
    try:
        async with asyncio.TaskGroup() as tasks:
            edge = Edge(
                config,
                sessions=sessions,
                languages=languages,
                verifier=verifier,
                session=session,
                transcription=transcription,
                tasks=tasks,
            )
            own: list[Coroutine[None, None, None]] = [edge.keep_lease(), edge.keep_leaving(), languages.keep()]
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
