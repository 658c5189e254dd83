"""Amazon Transcribe over its WebSocket interface: one signed request, then event-stream messages both ways.

Only the request is signed, so credentials matter once, however long the stream is.
"""

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Final
from urllib.parse import urlencode
from zlib import crc32

import aiohttp
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.eventstream import EventStreamBuffer, ParserError
from yarl import URL

from chassis.pcm import SAMPLE_RATE
from transcription_svc.config import Config
from transcription_svc.domain.transcript import Result
from transcription_svc.engines.aws import Connect, Request
from transcription_svc.engines.aws_failures import Refusal, credentials, interrupted, results_in
from transcription_svc.engines.aws_stream import CLOSE_SECONDS

PATH: Final = "/stream-transcription-websocket"
# How long the signed address may be used: for one connection, at once.
EXPIRES_SECONDS: Final = 300
# Unacknowledged for so long, a connection is dead. The kernel would wait for a quarter of an hour.
LOST_SECONDS: Final = 10
_AUDIO_HEADERS: Final = b"".join(
    bytes([len(name)]) + name + struct.pack(">BH", 7, len(value)) + value
    for name, value in (
        (b":message-type", b"event"),
        (b":event-type", b"AudioEvent"),
        (b":content-type", b"application/octet-stream"),
    )
)


@asynccontextmanager
async def open_wires(config: Config, region: str) -> AsyncIterator[Connect]:
    """What connects streams; they share nothing but the settings."""
    endpoint = config.aws_endpoint or _endpoint(region)
    trust = ssl.create_default_context(cafile=config.aws_ca_bundle) if config.aws_ca_bundle else True
    connector = aiohttp.TCPConnector(ssl=trust, limit=0, force_close=True, socket_factory=_socket)
    # Proxies are found as by every AWS SDK.
    async with aiohttp.ClientSession(connector=connector, trust_env=True) as session:
        yield partial(_wire, session, endpoint, region)


def _endpoint(region: str) -> str:
    return f"https://transcribestreaming.{region}.amazonaws.com{'.cn' * region.startswith('cn-')}:8443"


def _socket(address: Any) -> socket.socket:
    opened = socket.socket(*address[:3])
    opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, LOST_SECONDS * 1000)
    return opened


@asynccontextmanager
async def _wire(
    session: aiohttp.ClientSession, endpoint: str, region: str, request: Request
) -> AsyncIterator["WebSocketWire"]:
    url = signed(f"{endpoint.rstrip('/')}{PATH}", parameters(request), await credentials(), region)
    timeout = aiohttp.ClientWSTimeout(ws_close=CLOSE_SECONDS)
    try:
        # Encoded already, and signed like that.
        opened = await session.ws_connect(URL(url, encoded=True), timeout=timeout)
    except aiohttp.WSServerHandshakeError as error:
        code = error.headers.get("x-amzn-ErrorType", "") if error.headers else ""
        raise Refusal(code, error.status, error.message) from error
    except (aiohttp.ClientError, OSError) as error:
        raise interrupted("cannot be reached") from error
    wire = WebSocketWire(opened)
    try:
        yield wire
    finally:
        await wire.close()


def parameters(request: Request) -> dict[str, str]:
    """The query of a stream, unsigned."""
    found = {
        "language-code": request.language,
        "media-encoding": "pcm",
        "sample-rate": str(SAMPLE_RATE),
        "enable-partial-results-stabilization": "true",
        "partial-results-stability": request.stability,
        "vocabulary-name": request.vocabulary,
        "vocabulary-filter-name": request.vocabulary_filter,
        "vocabulary-filter-method": request.vocabulary_filter_method,
        "language-model-name": request.language_model,
    }
    return {name: value for name, value in found.items() if value}


def signed(address: str, query: dict[str, str], who: Any, region: str) -> str:
    """The address with its query and Signature Version 4 in it."""
    # botocore knows the usual ports of http and https only.
    address = address.replace("wss://", "https://", 1).replace("ws://", "http://", 1)
    request = AWSRequest("GET", f"{address}?{urlencode(query)}")
    SigV4QueryAuth(who, "transcribe", region, expires=EXPIRES_SECONDS).add_auth(request)
    return str(request.url)


def audio_event(audio: bytes) -> bytes:
    """The message that carries audio; without any it says that no more comes."""
    prelude = struct.pack(">II", 16 + len(_AUDIO_HEADERS) + len(audio), len(_AUDIO_HEADERS))
    message = b"".join((prelude, struct.pack(">I", crc32(prelude)), _AUDIO_HEADERS, audio))
    return message + struct.pack(">I", crc32(message))


class WebSocketWire:
    """See Wire. aiohttp waits in `send` while more than 64 KiB, 2 s, have not left."""

    def __init__(self, opened: aiohttp.ClientWebSocketResponse[bool]) -> None:
        self._socket = opened

    async def send(self, audio: bytes) -> None:
        """See Wire."""
        try:
            await self._socket.send_bytes(audio_event(audio))
        except (aiohttp.ClientError, ConnectionError) as error:
            raise interrupted("is not connected any more") from error

    async def end(self) -> None:
        """See Wire."""
        await self.send(b"")

    async def results(self) -> AsyncGenerator[Sequence[Result], None]:
        """See Wire."""
        buffer = EventStreamBuffer()
        async for message in self._socket:
            if message.type is aiohttp.WSMsgType.ERROR:
                raise interrupted("sent what cannot be read")
            if message.type is not aiohttp.WSMsgType.BINARY:
                continue
            try:
                buffer.add_data(message.data)
                for event in buffer:
                    yield results_in(event.headers, event.payload)
            except ParserError as error:
                raise interrupted("sent what cannot be read") from error
        if self._socket.close_code != aiohttp.WSCloseCode.OK:
            raise interrupted(f"closed the connection: {self._socket.close_code}")

    async def close(self) -> None:
        """See Wire."""
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._socket.close()
        except (TimeoutError, aiohttp.ClientError, ConnectionError):
            pass  # Cut off by aiohttp, which is what was wanted.
