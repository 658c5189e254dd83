"""Stand-ins for Amazon Transcribe's streaming API on a loopback port, over either of its two interfaces."""

import asyncio
import json
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl

from aiohttp import WSMsgType, web

from tests.amazon import certificates
from tests.amazon.eventstream import Decoder, MalformedFrame
from tests.amazon.signing import Arrived, SignatureRefused, verify
from tests.amazon.transcribe_hearing import Pace, ScriptedWord
from tests.amazon.transcribe_http2 import over_http2
from tests.amazon.transcribe_requests import Refused
from tests.amazon.transcribe_stream import TIMED_OUT, Broken, Fault, Kind, Stream, Transcribe, exception

PATH = "/stream-transcription-websocket"


@dataclass(frozen=True, slots=True)
class Address:
    """Where a stand-in answers, and the file of the CA to trust there; empty: plain."""

    url: str
    ca: str = ""


@asynccontextmanager
async def serve(service: Transcribe, transport: str, folder: Path, port: int = 0) -> AsyncIterator[Address]:
    """`transport`: websocket, which is plain, or one with a CA in `folder`: websocket-tls, http2. `port`: 0 for any."""
    if transport == "http2":
        async with over_http2(service, folder, port) as (url, ca):
            yield Address(url, str(ca))
    elif transport == "websocket-tls":
        ca, context = certificates.make(folder, "http/1.1")
        async with over_websocket(service, port, context) as url:
            yield Address(url, str(ca))
    else:
        async with over_websocket(service, port) as url:
            yield Address(url)


@asynccontextmanager
async def over_websocket(service: Transcribe, port: int = 0, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """The WebSocket interface. Its URL."""
    interface = _WebSocketInterface(service)
    application = web.Application()
    application.router.add_get(PATH, interface.answer)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    listening = socket.create_server(("127.0.0.1", port))
    await web.SockSite(runner, listening, ssl_context=tls).start()
    try:
        yield f"http{'s' if tls else ''}://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        interface.over.set()
        await runner.cleanup()


class _WebSocketInterface:
    def __init__(self, service: Transcribe) -> None:
        self._service = service
        self.over = asyncio.Event()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        fault = self._service.next_fault()
        if fault is not None and fault.kind is Kind.HANG:
            await self.over.wait()
        try:
            if fault is not None and fault.kind is Kind.REFUSE:
                raise Refused(fault.code, fault.status, fault.message)
            arrived = Arrived("GET", request.raw_path, list(request.headers.items()))
            verify(
                arrived,
                service="transcribe",
                credentials=self._service.credentials,
                region=self._service.region,
            )
        except (Refused, SignatureRefused) as refused:
            body = json.dumps({"Message": refused.message})
            return web.Response(status=refused.status, text=body, headers={"x-amzn-ErrorType": refused.code})
        opened = web.WebSocketResponse(compress=False)
        await opened.prepare(request)
        stream: Stream | None = None
        try:
            stream = self._service.open(_parameters(request), fault)
            await self._listen(opened, stream)
            await opened.close(message=b"Streaming completed successfully")
        except Refused as refused:
            await opened.send_bytes(exception(refused))
            await opened.close()
        except Broken as broken:
            await self._break(request, opened, broken.kind)
        except ConnectionError:
            pass  # The client has gone.
        finally:
            if stream is not None:
                self._service.close(stream)
        return opened

    async def _listen(self, opened: web.WebSocketResponse, stream: Stream) -> None:
        """Until the client has ended. Raises Refused and Broken."""
        decoder = Decoder()
        while not stream.ended:
            try:
                message = await opened.receive(timeout=stream.patience)
            except TimeoutError as error:
                raise Refused("BadRequestException", 400, TIMED_OUT) from error
            if message.type in (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED, WSMsgType.ERROR):
                raise ConnectionResetError("the client has gone")
            if message.type is not WSMsgType.BINARY:
                raise Refused("BadRequestException", 400, "Unexpected WebSocket frame received.")
            try:
                for frame in decoder.feed(message.data):
                    for told in stream.take(frame):
                        await opened.send_bytes(told)
            except MalformedFrame as error:
                raise Refused("BadRequestException", 400, "Could not decode the event stream.") from error

    async def _break(self, request: web.Request, opened: web.WebSocketResponse, kind: Kind) -> None:
        match kind:
            case Kind.DEAF:
                await self.over.wait()
            case Kind.GOAWAY:
                await opened.close(code=1001)
            case Kind.END:
                await opened.close()
            case _ if request.transport is not None:
                request.transport.abort()


def _parameters(request: web.Request) -> dict[str, str]:
    query = parse_qsl(request.raw_path.partition("?")[2], keep_blank_values=True)
    return {name: value for name, value in query if not name.startswith("X-Amz-")}


__all__ = ["Address", "Fault", "Kind", "Pace", "ScriptedWord", "Transcribe", "over_http2", "over_websocket", "serve"]
