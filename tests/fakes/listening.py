"""Listeners of a hub without a network: the real seat, socket and outbox over a transport played by hand."""

import asyncio
from collections.abc import Callable
from typing import cast

from aiohttp import WSMessage, WSMsgType
from aiohttp.http_websocket import WSCloseCode

from edge.domain.limits import MessagePace
from edge.gate import Gate
from edge.hub import Hub
from edge.listener import ListenerSeat
from edge.outbox import Laggards, Outbox
from edge.protocol import client
from edge.protocol.roles import Role
from edge.protocol.wire import Rendering
from edge.socket import Socket
from edge.upgrade import WebSocket
from tests.fakes.raw_socket import CLOSE
from tests.fakes.transport import FakeTransport

ANSWER_SECONDS = 2.0


class FakeWebSocket:
    """aiohttp's end of a connection, as far as a socket uses it. The peer never answers a close frame."""

    def __init__(self, transport: FakeTransport) -> None:
        self._transport = transport
        self._inbox: asyncio.Queue[WSMessage] = asyncio.Queue()
        self._before_close: Callable[[], None] = lambda: None
        self._closed = False
        transport.when_lost(lambda: self._inbox.put_nowait(WSMessage(WSMsgType.CLOSED, None, None)))

    def before_close(self, act: Callable[[], None]) -> None:
        self._before_close = act

    def peer_closes(self) -> None:
        """It says goodbye."""
        self._inbox.put_nowait(WSMessage(WSMsgType.CLOSE, WSCloseCode.OK, None))

    def peer_errs(self) -> None:
        """It sends what is no frame."""
        self._inbox.put_nowait(WSMessage(WSMsgType.ERROR, None, None))

    def exception(self) -> BaseException | None:
        return None

    async def receive(self) -> WSMessage:
        frame = await self._inbox.get()
        if frame.type is WSMsgType.CLOSE:
            self._say_closed(WSCloseCode.OK)
            self._transport.close()
        elif frame.type is WSMsgType.ERROR:
            await self.close(code=WSCloseCode.PROTOCOL_ERROR)
        return frame

    async def close(self, *, code: int = WSCloseCode.OK, message: bytes = b"", drain: bool = True) -> bool:
        if self._closed:
            return False
        self._say_closed(code, message)
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await self._inbox.get()
        except TimeoutError:
            self._transport.close()
        return True

    def _say_closed(self, code: int, message: bytes = b"") -> None:
        self._closed = True
        self._before_close()
        if not self._transport.is_closing():
            payload = code.to_bytes(2, "big") + message
            self._transport.append(bytes([0x80 | CLOSE, len(payload)]) + payload)


class FakeListener:
    """In the hub from the beginning; `run` opens its socket and returns when that is closed."""

    def __init__(self, hub: Hub, language: str, rendering: Rendering, *, source: bool, deferred: bool) -> None:
        self.rendering = rendering
        self.transport = FakeTransport(deferred=deferred)
        self.ws = FakeWebSocket(self.transport)
        self.seat = ListenerSeat(hub, "s", language, rendering, source=source)
        self.socket: Socket | None = None
        self.done = False

    async def run(self, laggards: Laggards) -> None:
        self.socket = Socket(
            cast(WebSocket, self.ws),
            Outbox(self.transport, laggards, 10.0),
            flavour=self.rendering.flavour,
            role=Role.LISTENER,
            session_id="s",
            connection_id="c",
            gate=Gate(MessagePace(100.0, 100.0, 30.0), _admitted, "c"),
            heard_within=1e6,
        )
        try:
            self.seat.open(self.socket)
            await self.socket.run(_Deaf())
        finally:
            self.seat.leave()
            self.done = True


class _Deaf:
    """Nothing that a peer says matters here."""

    async def receive(self, request: client.ClientMessage) -> None:
        return

    async def receive_audio(self, audio: bytes) -> None:
        return


async def _admitted(_: str) -> None:
    return
