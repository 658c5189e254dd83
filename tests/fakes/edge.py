"""The real edge over real sockets, with the services behind it played by hand."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import aiohttp

from chassis.calling import connect
from chassis.errors import Denied
from edge.app import make_app, serve_http
from edge.auth import Speaker
from edge.bus import LocalBus
from edge.config import Config
from edge.edge import Edge, open_edge
from protos.session.v1.session_pb2_grpc import add_SessionServiceServicer_to_server
from protos.transcription.v1.transcription_pb2_grpc import add_TranscriptionServiceServicer_to_server
from tests.fakes.serving import served
from tests.fakes.session import FakeSessions
from tests.fakes.transcription import FakeTranscription

V1 = "lingocast.v1"
Json = dict[str, Any]


class NamedTokens:
    """A token `valid-ada` speaks for ada. Signatures are tested with the real verifier elsewhere."""

    async def verify(self, token: str) -> Speaker:
        if not token:
            raise Denied("MISSING_TOKEN", "a speaker needs a token")
        if token == "expired":
            raise Denied("TOKEN_EXPIRED", "the token has expired")
        if not token.startswith("valid-"):
            raise Denied("INVALID_TOKEN", "the token is not valid")
        return Speaker(token.removeprefix("valid-"))


class Peer:
    """A client's end of a socket."""

    def __init__(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        self.ws = ws
        self.heard: list[Json | bytes] = []

    async def hear(self) -> Json | bytes:
        """The next frame: a message, or the bytes of a binary one."""
        async with asyncio.timeout(30):
            frame = await self.ws.receive()
        assert self._noted(frame), f"closed with {self.ws.close_code}"
        return self.heard[-1]

    def _noted(self, frame: aiohttp.WSMessage) -> bool:
        if frame.type is aiohttp.WSMsgType.TEXT:
            self.heard.append(frame.json())
        elif frame.type is aiohttp.WSMsgType.BINARY:
            self.heard.append(frame.data)
        else:
            return False
        return True

    async def expect(self, kind: str) -> Json:
        """The next message of that type; others before it are skipped."""
        while True:
            heard = await self.hear()
            if isinstance(heard, dict) and heard["type"] == kind:
                return heard

    async def error(self, code: str) -> Json:
        heard = await self.expect("error")
        assert heard["code"] == code, heard
        return heard

    async def say(self, action: str, **fields: Any) -> None:
        await self.ws.send_json({"action": action, **fields})

    async def ask(self, kind: str, action: str, **fields: Any) -> Json:
        await self.say(action, **fields)
        return await self.expect(kind)

    async def alive(self) -> None:
        """The connection answers."""
        await self.ask("heartbeatAck", "heartbeat")

    async def closed(self) -> int:
        """Reads on until the close, and returns its code."""
        async with asyncio.timeout(30):
            while not self.ws.closed:
                self._noted(await self.ws.receive())
        assert self.ws.close_code is not None
        return self.ws.close_code


@dataclass(slots=True)
class RunningEdge:
    """An edge, what stands behind it, and the ways to reach it."""

    url: str
    edge: Edge
    sessions: FakeSessions
    transcription: FakeTranscription
    http: aiohttp.ClientSession
    peers: list[Peer] = field(default_factory=list)

    async def open(
        self, query: Mapping[str, str], *, plain: bool = False, headers: Mapping[str, str] | None = None
    ) -> Peer:
        protocols = () if plain else (V1,)
        ws = await self.http.ws_connect(f"{self.url}/ws", params=query, protocols=protocols, headers=headers)
        # Kept: a socket that nobody refers to is closed by the garbage collector.
        self.peers.append(Peer(ws))
        return self.peers[-1]

    async def speaker(self, plain: bool = False, **query: str) -> tuple[Peer, Json]:
        wanted = {"action": "createSession", "sourceLanguage": "en", "token": "valid-ada", **query}
        peer = await self.open(wanted, plain=plain)
        return peer, await peer.expect("sessionCreated")

    async def listener(self, session_id: str, language: str = "es", plain: bool = False, **query: str) -> Peer:
        wanted = {"sessionId": session_id, "targetLanguage": language, **query}
        peer = await self.open(wanted, plain=plain)
        await peer.expect("sessionJoined")
        return peer

    async def refused(
        self, query: Mapping[str, str], *, plain: bool, headers: Mapping[str, str] | None = None
    ) -> tuple[int, Json]:
        """How a connection is refused: HTTP status (plain) or close code (v1), and the error."""
        if plain:
            answer = await self.http.get(
                f"{self.url}/ws",
                params=query,
                headers={
                    "Upgrade": "websocket",
                    "Connection": "Upgrade",
                    "Sec-WebSocket-Version": "13",
                    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
                    **(headers or {}),
                },
            )
            return answer.status, await answer.json()
        peer = await self.open(query, headers=headers)
        error = await peer.expect("error")
        return await peer.closed(), error

    async def get(self, path: str) -> aiohttp.ClientResponse:
        return await self.http.get(f"{self.url}{path}")


@asynccontextmanager
async def running_edge(**settings: object) -> AsyncIterator[RunningEdge]:
    """`settings`: fields of the edge's Config; short times by default."""
    async with running_edges(1, **settings) as (edge,):
        yield edge


@asynccontextmanager
async def running_edges(count: int, **settings: object) -> AsyncIterator[tuple[RunningEdge, ...]]:
    """Several edges in front of the same services, with one bus."""
    sessions, transcription, bus = FakeSessions(), FakeTranscription(), LocalBus()
    config = Config.model_validate(
        {"host": "127.0.0.1", "tail_seconds": 20.0, "drain_seconds": 0.5, "status_period_seconds": 60.0, **settings}
    )
    async with (
        served(partial(add_SessionServiceServicer_to_server, sessions)) as session_address,
        served(partial(add_TranscriptionServiceServicer_to_server, transcription)) as transcription_address,
        connect(session_address) as session,
        connect(transcription_address) as transcribing,
        AsyncExitStack() as stack,
    ):
        edges = []
        for _ in range(count):
            edge = await stack.enter_async_context(open_edge(config, NamedTokens(), session, transcribing, bus))
            url = await stack.enter_async_context(serve_http(make_app(edge, {"keys": []}), "127.0.0.1", 0))
            async with asyncio.timeout(30):
                await edge.until_ready()
            edges.append((url, edge))
        # No limit of its own: each socket is a listener. Closed first, so that no edge waits for its sockets.
        http = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        await stack.enter_async_context(http)
        yield tuple(RunningEdge(url, edge, sessions, transcription, http) for url, edge in edges)


@asynccontextmanager
async def held(running: AbstractAsyncContextManager[RunningEdge]) -> AsyncIterator[RunningEdge]:
    """For fixtures, whose two halves pytest runs in different tasks: enters and leaves in one task of its own."""
    loop = asyncio.get_running_loop()
    opened: asyncio.Future[RunningEdge] = loop.create_future()
    leave = asyncio.Event()

    async def hold() -> None:
        try:
            async with running as edge:
                opened.set_result(edge)
                await leave.wait()
        except Exception as error:
            if opened.done():
                raise
            opened.set_exception(error)

    task = loop.create_task(hold())
    try:
        yield await opened
    finally:
        leave.set()
        await task
