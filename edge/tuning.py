"""How a plain player comes to a stream: `GET /listen/{sessionId}/{language}`.

To the session it is a listener like any other: it has its place in the store, counts, and is translated for. What it
cannot do is refresh, so the edge does that for it.
"""

import asyncio
import socket as sockets
from secrets import token_hex
from typing import Final

import structlog
from aiohttp import ClientConnectionResetError, web

from chassis.errors import Denied, Invalid, LingocastError, Unavailable
from chassis.telemetry import Attribute, Metric, meter
from edge.connect import Entrance
from edge.edge import Edge
from edge.muxing import Form, offered
from edge.protocol.streams import ListenStream, read_stream
from edge.radio import RadioListener, Station
from edge.sessions import SessionView, connection_hash
from edge.upgrade import UPGRADED, json_refusal

log = structlog.get_logger()
sockets_opened = meter.create_counter(Metric.SOCKETS)

SEND_BUFFER_BYTES: Final = 8 * 1024
"""Of the kernel, which doubles it: some seconds of sound. What is more is stale, and no slow listener is ever seen."""

TRIES_A_REFRESH: Final = 20

_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Accept-Ranges": "none",
    # For nginx, which else keeps what it reads until a buffer is full.
    "X-Accel-Buffering": "no",
}


class Tuning:
    """The handler. HEAD asks the same, and does not join."""

    def __init__(self, edge: Edge, entrance: Entrance) -> None:
        self._edge = edge
        self._entrance = entrance
        self._forms = {form.value for form in Form if offered(form)}  # Now: the first look takes a moment.

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        try:
            await self._entrance.count(request)
            where = request.match_info
            accept = ",".join(request.headers.getall("Accept", ()))
            wanted = read_stream(where["id"], where["language"], request.query, accept)
            if wanted.format not in self._forms:
                raise Invalid("INVALID_PARAMETER", f"format: {wanted.format} is not offered here")
            view, language = await self._entrance.find(wanted.session_id, wanted.target_language)
            if request.method == "HEAD":
                return self._answer(wanted, view)
            connection_id = token_hex(16)
            view = await self._entrance.join(request, view, connection_id, language=language, pin=wanted.pin)
        except LingocastError as error:
            return json_refusal(error)
        return await self._listen(request, wanted, view, language=language, connection_id=connection_id)

    def _answer(self, wanted: ListenStream, view: SessionView) -> web.StreamResponse:
        # Only joining tells whether a PIN is right; who gives none needs no joining to be told.
        if view.has_pin and not wanted.pin:
            raise Denied("WRONG_PIN", "this session has a PIN")
        return _response(wanted)

    async def _listen(
        self, request: web.Request, wanted: ListenStream, view: SessionView, *, language: str, connection_id: str
    ) -> web.StreamResponse:
        listener = RadioListener(
            request.transport,
            chunked=request.version >= (1, 1),
            session_id=view.session_id,
            connection_id=connection_id,
            language=language,
        )
        response, listeners = _response(wanted), self._edge.radio.listeners
        listeners[connection_id] = listener
        sockets_opened.add(1, {Attribute.REASON: "stream"})
        log.info("stream_opened", session=view.session_id, form=wanted.format)
        session_over = False
        try:
            with self._edge.radio.station(view, language, Form(wanted.format)) as station:
                try:
                    await self._play(request, response, station, listener)
                finally:
                    session_over = station.session_over
        except (ClientConnectionResetError, ConnectionResetError):
            log.debug("stream_peer_was_gone")
        finally:
            del listeners[listener.connection_id]
            if not session_over:
                self._edge.departures.add(view.session_id, listener.connection_id)
            name = connection_hash(listener.connection_id)
            log.info("stream_closed", session=view.session_id, connection=name)
        return response

    async def _play(
        self, request: web.Request, response: web.StreamResponse, station: Station, listener: RadioListener
    ) -> None:
        raw = None if request.transport is None else request.transport.get_extra_info("socket")
        if raw is not None:
            raw.setsockopt(sockets.SOL_SOCKET, sockets.SO_SNDBUF, SEND_BUFFER_BYTES)
        request[UPGRADED] = True
        await response.prepare(request)
        if station.muxer.head:
            await response.write(station.muxer.head)
        station.enter(listener)
        try:
            await self._stay(listener)
        finally:
            station.leave(listener)
        await response.write_eof()

    async def _stay(self, listener: RadioListener) -> None:
        """Until it is over; or, which should not be, the store does not take it on for longer."""
        config = self._edge.config
        patience = config.close_after_seconds - config.refresh_after_seconds
        successor, tries = token_hex(16), 0
        try:
            while tries < TRIES_A_REFRESH:
                try:
                    async with asyncio.timeout(patience / TRIES_A_REFRESH if tries else config.refresh_after_seconds):
                        await listener.over.wait()
                    return
                except TimeoutError:
                    # The same until it is answered: one that was written though its answer was lost is no other then.
                    if await self._refreshed(listener, successor):
                        successor, tries = token_hex(16), 0
                    else:
                        tries += 1
        finally:
            if tries:
                self._edge.departures.add(listener.session_id, successor)

    async def _refreshed(self, listener: RadioListener, new: str) -> bool:
        try:
            await self._edge.sessions.refresh_listener(
                listener.session_id, listener.connection_id, new, listener.language
            )
        except Unavailable:
            return False
        except LingocastError as error:
            log.info("stream_not_refreshed", session=listener.session_id, reason=error.reason)
            listener.over.set()
            return True
        self._edge.radio.rename(listener, new)
        return True


def _response(wanted: ListenStream) -> web.StreamResponse:
    response = web.StreamResponse(headers={**_HEADERS, "Content-Type": Form(wanted.format).media_type})
    response.force_close()  # Its socket was made for streaming.
    return response
