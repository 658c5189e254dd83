"""How a socket comes to be: floods are turned away, then a session is created, joined, or a connection refreshed.

Everything that can be refused is decided before the upgrade.
"""

import asyncio
import hashlib
import hmac
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from secrets import token_hex
from typing import TypeAlias

import structlog
from aiohttp import web

from chassis.errors import Conflict, Denied, Exhausted, Invalid, LingocastError, NotFound, Unavailable
from chassis.telemetry import Attribute, Metric, meter
from edge import opus
from edge.address import address_of
from edge.broadcast import Broadcast
from edge.domain.admission import RateWindow
from edge.domain.feed import NOTICES, SOURCE
from edge.domain.limits import Buckets, MessagePace
from edge.edge import Edge
from edge.gate import Gate, too_fast
from edge.listener import ListenerActions, ListenerSeat
from edge.outbox import Outbox
from edge.protocol import connect, server
from edge.protocol.client import glossary_of
from edge.protocol.errors import GoingAway, Internal
from edge.protocol.roles import Role
from edge.protocol.wire import SUBPROTOCOL, Audio, Flavour, Rendering, milliseconds, state_message
from edge.sessions import CONNECT, CREATE, HEARTBEAT, JOIN, Limit, NewSession, SessionView, connection_hash
from edge.socket import Actions, Socket
from edge.speaker import SpeakerActions
from edge.upgrade import UPGRADED, Caller, WebSocket, json_refusal, refuse, upgrade

log = structlog.get_logger()
sockets_opened = meter.create_counter(Metric.SOCKETS)

ListenerQuery = connect.JoinSession | connect.RefreshListener


Visit: TypeAlias = Coroutine[None, None, web.StreamResponse]
"""The rest of a request: until the socket is closed. Of what led to it nothing is kept meanwhile."""


class Entrance:
    """The handler of `GET /ws`."""

    def __init__(self, edge: Edge) -> None:
        self._edge = edge
        self._config = edge.config
        # Made once, for what each of thousands keeps counts.
        self._match = self._target
        self._change = self._change_language
        self._take_heartbeat = partial(edge.sessions.take, HEARTBEAT)
        self._life_span = edge.config.life_span
        self._offers_opus = opus.offered()  # Now: the first look takes a moment.
        a_minute = edge.config.wrong_pins_per_minute
        self._wrong_pins = Buckets(rate=a_minute / 60, burst=a_minute)

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        caller = Caller.of(request)
        if not web.WebSocketResponse(protocols=(SUBPROTOCOL,)).can_prepare(request).ok:
            return json_refusal(Invalid("INVALID_MESSAGE", "this address is for WebSockets"))
        try:
            await self._take_address(CONNECT, request)
        except Exhausted as flood:
            return json_refusal(flood)
        try:
            if self._edge.draining:
                raise GoingAway
            visit = await self._admit(connect.read(request.query), caller)
            return await visit
        except LingocastError as error:
            return await refuse(error, caller)
        except Exception as error:
            if caller.request.get(UPGRADED):
                if isinstance(error, ConnectionResetError):
                    log.info("client_gone_before_the_upgrade")
                    return web.Response()  # Nobody gets it.
                raise  # Nothing is left but to cut the connection, which aiohttp does.
            failure = Internal()
            log.exception("connection_failed", correlation=failure.correlation_id)
            return await refuse(failure, caller)

    async def _admit(self, query: connect.Query, caller: Caller) -> Visit:
        match query:
            case connect.CreateSession():
                return await self._create(query, caller)
            case connect.RefreshSpeaker():
                return await self._refresh_speaker(query, caller)
            case _:
                if query.audio_format == "opus" and not self._offers_opus:
                    raise Invalid("INVALID_PARAMETER", "audioFormat: opus is not offered here; use pcm")
                return await self._listen(query, caller)

    async def _create(self, query: connect.CreateSession, caller: Caller) -> Visit:
        speaker = await self._edge.verifier.verify(caller.token(query.token))
        source = self._edge.languages.source(query.source_language)
        glossary = glossary_of(query.glossary)
        await self._edge.sessions.take(CREATE, self._hashed(speaker.user_id))
        connection_id = token_hex(16)
        wanted = NewSession(
            source_language=source,
            quality_tier=query.quality_tier,
            final_only=not query.partial_results,
            min_stability=query.min_stability or 0.0,
            max_buffer_seconds=query.max_buffer_seconds or 0.0,
            pin=query.pin,
        )
        try:
            view = await self._edge.sessions.create(connection_id, speaker.user_id, wanted)
        except Unavailable:
            self._edge.take_back(connection_id, speaker.user_id, wanted)
            raise
        created = server.SessionCreated(
            session_id=view.session_id,
            source_language=view.source_language,
            quality_tier=view.quality_tier,
            connection_id=connection_id,
            expires_at=milliseconds(view.expires_at),
            join_url=join_url(self._config.public_url, caller.request, view.session_id),
        )
        broadcast = self._edge.open_broadcast(view, connection_id, speaker.user_id)
        broadcast.set_glossary(glossary)
        return self._speak(query, caller, broadcast, view, connection_id, [created])

    async def _refresh_speaker(self, query: connect.RefreshSpeaker, caller: Caller) -> Visit:
        speaker = await self._edge.verifier.verify(caller.token(query.token))
        connection_id = token_hex(16)
        present = self._edge.broadcasts.get(query.session_id)
        if present is not None:
            present.expect(connection_id)
        try:
            view = await self._edge.sessions.refresh_speaker(
                query.session_id, query.connection_id or "", connection_id, speaker.user_id
            )
        except (Conflict, Denied, Exhausted, Invalid, NotFound):
            # Refused for sure: anybody with a token may ask, and nothing of it is to be kept.
            if present is not None:
                present.forget(connection_id)
            raise
        except Unavailable:
            self._not_refreshed(present, query.session_id, connection_id)
            raise
        broadcast = self._edge.broadcasts.get(view.session_id)
        if broadcast is not None and broadcast.end_unsaved:
            # The speaker's last word on it. The store takes it from the connection that it knows now.
            broadcast.connection_id = connection_id
            raise NotFound("SESSION_NOT_FOUND", "this session has ended")
        if broadcast is None or broadcast.over:
            broadcast = self._edge.open_broadcast(view, connection_id, speaker.user_id, taken_over=True)
        broadcast.refreshed(view)
        first = [
            server.ConnectionRefreshComplete(
                session_id=view.session_id, new_connection_id=connection_id, role="speaker"
            ),
            server.StateRestored(broadcast_state=state_message(broadcast.switches)),
        ]
        return self._speak(query, caller, broadcast, view, connection_id, first)

    async def _speak(  # noqa: PLR0917 - what `_hear` takes, and the broadcast
        self,
        query: connect.CreateSession | connect.RefreshSpeaker,
        caller: Caller,
        broadcast: Broadcast,
        view: SessionView,
        connection_id: str,
        first: Sequence[server.Message],
    ) -> web.StreamResponse:
        session_id = view.session_id
        socket = None
        try:
            ws = await upgrade(caller)
            socket = self._socket(caller, ws, Role.SPEAKER, session_id, connection_id)
            for content in first:
                socket.tell(content)
            broadcast.attach(socket, connection_id, view)
            actions = SpeakerActions(
                socket,
                broadcast,
                sample_rate=int(query.sample_rate),
                ack=query.ack and caller.flavour is Flavour.PLAIN,
                rate_window=self._rate_window(),
            )
            try:
                await self._run(socket, actions)
            finally:
                actions.finish()
            return ws
        finally:
            if socket is None:
                self._not_refreshed(broadcast, session_id, connection_id)
            # A socket that another replaced is not the session's any more, and leaves nothing behind in the store.
            elif broadcast.detach(socket) and not broadcast.ended:
                self._edge.departures.add(session_id, connection_id)

    def _not_refreshed(self, broadcast: Broadcast | None, session_id: str, connection_id: str) -> None:
        """The store has, or may have, a speaker's connection that did not become a socket."""
        if broadcast is not None and broadcast.attached:
            self._edge.reclaim(broadcast, connection_id)
        else:
            self._edge.departures.add(session_id, connection_id)

    async def _listen(self, query: ListenerQuery, caller: Caller) -> Visit:
        session = await self._live(query.session_id)
        language = self._edge.languages.target(session.source_language, query.target_language)
        if isinstance(query, connect.RefreshListener) and query.connection_id is not None:
            return await self._resume(query, query.connection_id, caller, language)
        return await self._join(query, caller, language, session)

    async def _join(self, query: ListenerQuery, caller: Caller, language: str, session: SessionView) -> Visit:
        await self._take_address(JOIN, caller.request)
        await self._follow(query, language)
        connection_id = token_hex(16)
        seat = self._seat(query, caller, language)
        try:
            # At once after taking the seat: what comes from here on is kept for after what was missed.
            if isinstance(query, connect.RefreshListener) and query.last_cue is not None:
                seat.resume(query.last_cue)
            with self._guess(session), self._departed_if_unsure(query.session_id, connection_id):
                view = await self._edge.sessions.join(query.session_id, connection_id, language, query.pin)
            if isinstance(query, connect.RefreshListener):
                return self._hear(seat, view, caller, connection_id, _refreshed(view, connection_id, language))
            joined = server.SessionJoined(
                session_id=view.session_id,
                source_language=view.source_language,
                target_language=language,
                connection_id=connection_id,
                listener_count=view.listener_count,
                quality_tier=view.quality_tier,
                broadcast_state=state_message(view.switches),
            )
            return self._hear(seat, view, caller, connection_id, [joined])
        except BaseException:
            seat.leave()
            raise

    async def _resume(self, query: connect.RefreshListener, former_id: str, caller: Caller, language: str) -> Visit:
        """A listener's next socket. No seat is taken before the store agrees: until then the former one has it."""
        connection_id = token_hex(16)
        with self._departed_if_unsure(query.session_id, connection_id):
            view = await self._edge.sessions.refresh_listener(query.session_id, former_id, connection_id, language)
        await self._follow(query, language)
        # From here to the end of the swap nothing waits, so that no event falls between the seats or into both.
        seat = self._seat(query, caller, language)
        former = self._edge.seats.get(former_id)
        if former is not None and query.last_cue in (None, former.cue):
            former.give_way(at_once=False)
        else:
            if query.last_cue is not None:
                seat.resume(query.last_cue)
            if former is not None:
                former.give_way(at_once=True)
        return self._hear(seat, view, caller, connection_id, _refreshed(view, connection_id, language))

    async def _change_language(self, session_id: str, connection_id: str, language: str) -> None:
        await self._edge.sessions.change_language(session_id, connection_id, language)
        await self._edge.hub.follow(session_id, "", language)

    async def _follow(self, query: ListenerQuery, language: str) -> None:
        """Lets this edge hear what the listener will, and learn what came before: it may have been at another."""
        last_cue = query.last_cue if isinstance(query, connect.RefreshListener) else None
        source = (SOURCE,) if query.captions == "source" else ()
        await self._edge.hub.follow(query.session_id, last_cue or "", language, NOTICES, *source)

    def _target(self, source: str, wanted: str) -> str:
        return self._edge.languages.target(source, wanted)

    def _seat(self, query: ListenerQuery, caller: Caller, language: str) -> ListenerSeat:
        return ListenerSeat(
            self._edge.hub,
            query.session_id,
            language,
            Rendering(caller.flavour, Audio(query.audio_format) if query.audio == "on" else Audio.OFF),
            source=query.captions == "source",
        )

    @contextmanager
    def _guess(self, session: SessionView) -> Iterator[None]:
        """A PIN is about to be tried: of wrong ones a session takes only so many, from all addresses together. Raises
        Exhausted(RATE_LIMIT_EXCEEDED) unasked, for else who tries often enough would still learn the right one."""
        if not session.has_pin:
            yield
            return
        if wait := self._wrong_pins.take(session.session_id, asyncio.get_running_loop().time()):
            raise too_fast("too many wrong PINs were tried for this session; try again in a moment", wait)
        wrong = True
        try:
            yield
            wrong = False
        except LingocastError as error:
            wrong = isinstance(error, Denied)
            raise
        finally:
            if not wrong:
                self._wrong_pins.give_back(session.session_id)

    @contextmanager
    def _departed_if_unsure(self, session_id: str, connection_id: str) -> Iterator[None]:
        """The store may have counted a listener though its answer was lost; a departure too many changes nothing."""
        try:
            yield
        except Unavailable:
            self._edge.departures.add(session_id, connection_id)
            raise

    async def _hear(
        self,
        seat: ListenerSeat,
        view: SessionView,
        caller: Caller,
        connection_id: str,
        first: Sequence[server.Message],
    ) -> web.StreamResponse:
        """The seat is left at the end."""
        session_id = view.session_id
        ended = partial(seat.watched, self._config.tail_seconds)
        unwatch = self._edge.watches.subscribe(view, ended, only_end=True)
        self._edge.seats[connection_id] = seat
        lost = False
        try:
            ws = await upgrade(caller)
            socket = self._socket(caller, ws, Role.LISTENER, session_id, connection_id)
            for content in first:
                socket.tell(content)
            seat.open(socket)
            source = view.source_language
            del first, content, view  # Thousands wait below.
            actions = ListenerActions(socket, seat, source, self._match, self._change)
            await self._run(socket, actions)
            lost = socket.lost
            return ws
        finally:
            unwatch()
            del self._edge.seats[connection_id]
            # Who was lost without a goodbye may be back in a moment, and then needs its old record to go on from.
            wait = self._config.resume_seconds if lost else 0.0
            if not seat.over:
                self._edge.departures.add(session_id, connection_id, wait)
            seat.leave()

    async def count(self, request: web.Request) -> None:
        """One more connection of a client address. Raises Exhausted(RATE_LIMIT_EXCEEDED)."""
        await self._take_address(CONNECT, request)

    async def find(self, session_id: str, wanted: str) -> tuple[SessionView, str]:
        """A live session, and the language on offer there that serves who wants that one. Raises GoingAway, NotFound
        and NotOffered."""
        if self._edge.draining:
            raise GoingAway
        session = await self._live(session_id)
        return session, self._edge.languages.target(session.source_language, wanted)

    async def join(
        self, request: web.Request, session: SessionView, connection_id: str, *, language: str, pin: str
    ) -> SessionView:
        """Takes a listener into the session who has no WebSocket. Raises as a join by WebSocket is refused."""
        await self._take_address(JOIN, request)
        with self._guess(session), self._departed_if_unsure(session.session_id, connection_id):
            return await self._edge.sessions.join(session.session_id, connection_id, language, pin)

    async def _live(self, session_id: str) -> SessionView:
        view = await self._edge.sessions.get(session_id)
        if not view.live:
            raise NotFound("SESSION_NOT_FOUND", "this session has ended")
        return view

    async def _run(self, socket: Socket, actions: Actions) -> None:
        self._edge.sockets[socket.connection_id] = socket
        self._edge.opened += 1
        sockets_opened.add(1, {Attribute.REASON: socket.role.value})
        log.info("socket_opened", session=socket.session_id, role=socket.role.value, flavour=socket.flavour.value)
        try:
            await socket.run(actions)
        finally:
            del self._edge.sockets[socket.connection_id]
            name = connection_hash(socket.connection_id)
            log.info("socket_closed", session=socket.session_id, role=socket.role.value, connection=name)

    def _socket(
        self,
        caller: Caller,
        ws: WebSocket,
        role: Role,
        session_id: str,
        connection_id: str,
    ) -> Socket:
        return Socket(
            ws,
            Outbox(caller.request.transport, self._edge.laggards, self._config.mailbox_seconds),
            flavour=caller.flavour,
            role=role,
            session_id=session_id,
            connection_id=connection_id,
            gate=self._gate(connection_id),
            heard_within=self._config.heard_within_seconds,
            span=self._life_span,
        )

    def _gate(self, connection_id: str) -> Gate:
        rate = self._config.messages_per_second
        pace = MessagePace(rate, 2 * rate, self._config.rate_violation_seconds)
        return Gate(pace, self._take_heartbeat, connection_id)

    def _rate_window(self) -> RateWindow:
        close_after = self._config.rate_violation_seconds
        return RateWindow(self._config.audio_chunks_per_second, close_after / 6, close_after)

    async def _take_address(self, limit: Limit, request: web.Request) -> None:
        """Raises Exhausted(RATE_LIMIT_EXCEEDED)."""
        if self._config.limit_addresses:
            address = address_of(request, self._config.trusted_proxies)
            await self._edge.sessions.take(limit, self._hashed(address))

    def _hashed(self, subject: str) -> str:
        key = self._config.address_key.get_secret_value().encode()
        return hmac.new(key, subject.encode(), hashlib.sha256).hexdigest()[:32]


def join_url(public_url: str, request: web.Request, session_id: str) -> str:
    """What listeners open."""
    origin = public_url.rstrip("/") or f"{request.scheme}://{request.host}"
    return f"{origin}/s/{session_id}"


def _refreshed(view: SessionView, connection_id: str, language: str) -> list[server.Message]:
    """What a listener is told first whose socket took the place of another."""
    complete = server.ConnectionRefreshComplete(
        session_id=view.session_id, new_connection_id=connection_id, role="listener", target_language=language
    )
    return [complete, server.StateRestored(broadcast_state=state_message(view.switches))]
