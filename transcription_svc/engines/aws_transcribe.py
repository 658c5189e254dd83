"""Amazon Transcribe over HTTP/2, through Amazon's SDK `amazon-transcribe`, with what it needs to be used in a service.

The SDK, as it is: its reader of outgoing audio polls (70 to 90 % of a core as soon as one stream is open); it waits
for ever where a connection dies before its headers; it ends its results without an error where one is reset later; it
takes any amount of audio; it forgets the names of errors that it does not know. So each stream has a client of its own
on an event loop of its own, whose reader waits up to 10 ms for audio, and events are read by our own parser. The
SDK has no settings for that: its private attributes are set, and its version is pinned.
"""

import asyncio
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from concurrent.futures import Future, InvalidStateError
from contextlib import asynccontextmanager, suppress
from functools import partial
from types import SimpleNamespace
from typing import Any, Final, NamedTuple

from amazon_transcribe.auth import CredentialResolver, Credentials
from amazon_transcribe.client import TranscribeStreamingClient
from amazon_transcribe.endpoints import StaticEndpointResolver
from amazon_transcribe.eventstream import ParserError
from amazon_transcribe.exceptions import SDKError, ServiceException
from amazon_transcribe.serialize import TranscribeStreamingSerializer
from amazon_transcribe.structures import BufferableByteStream
from awscrt.exceptions import AwsCrtError
from awscrt.http import HttpClientConnection
from awscrt.io import (
    ClientBootstrap,
    ClientTlsContext,
    DefaultHostResolver,
    EventLoopGroup,
    TlsContextOptions,
)

from chassis.pcm import SAMPLE_RATE, byte_count
from transcription_svc.config import Config
from transcription_svc.domain.sending import AHEAD_SECONDS
from transcription_svc.domain.transcript import Result
from transcription_svc.engines.aws import Connect, Request
from transcription_svc.engines.aws_failures import Refusal, credentials, interrupted, results_in
from transcription_svc.engines.aws_stream import CLOSE_SECONDS

# How long the reader of outgoing audio waits before it looks again: a tenth of what a piece plays.
PATIENCE_SECONDS: Final = 0.010
_WAITING_BYTES: Final = byte_count(AHEAD_SECONDS)


@asynccontextmanager
async def open_wires(config: Config, region: str) -> AsyncIterator[Connect]:
    """What connects streams; they share the TLS settings and the cache of addresses, whose thread outlives a stream."""
    options = TlsContextOptions()
    if config.aws_ca_bundle:
        options.override_default_trust_store_from_path(None, config.aws_ca_bundle)
    shared = _Shared(ClientTlsContext(options), DefaultHostResolver(EventLoopGroup(1)))
    yield partial(_wire, shared, config.aws_endpoint, region)


class _Shared(NamedTuple):
    tls: ClientTlsContext
    resolver: DefaultHostResolver


@asynccontextmanager
async def _wire(shared: _Shared, endpoint: str, region: str, request: Request) -> AsyncIterator["Http2Wire"]:
    body, connections = Outgoing(), _Connections()
    resolver = StaticEndpointResolver(endpoint) if endpoint else None  # type: ignore[no-untyped-call]
    client = TranscribeStreamingClient(region=region, endpoint_resolver=resolver, credential_resolver=_Resolver())
    client._session_manager._client_bootstrap = ClientBootstrap(EventLoopGroup(1), shared.resolver)
    client._session_manager._tls_ctx = shared.tls
    client._session_manager.HTTP_CONNECTION_CLS = connections
    client._serializer = _Serializer(body)
    try:
        yield Http2Wire(await _started(client, request), connections, body)
    finally:
        body.close()
        client._session_manager._connections.clear()
        await connections.close()


async def _started(client: TranscribeStreamingClient, request: Request) -> Any:
    """The SDK's open stream. May hang (see above): who calls has a deadline. Raises as a Wire does."""
    try:
        return await client.start_stream_transcription(
            language_code=request.language,
            media_sample_rate_hz=SAMPLE_RATE,
            media_encoding="pcm",
            enable_partial_results_stabilization=True,
            partial_results_stability=request.stability,
            vocabulary_name=request.vocabulary or None,
            vocab_filter_name=request.vocabulary_filter or None,
            vocab_filter_method=request.vocabulary_filter_method or None,
            language_model_name=request.language_model or None,
        )
    except ServiceException as error:
        # The known ones carry their name as class; the unknown ones in a field.
        code = getattr(error, "error_code", None) or type(error).__name__
        status = int(getattr(error, "status_code", 0) or getattr(error, "error", 0) or 0)
        raise Refusal(str(code), status, str(getattr(error, "message", ""))) from error
    except (SDKError, AwsCrtError, OSError) as error:
        raise interrupted("cannot be reached") from error


class _Connections:
    """In place of awscrt's class of connections: those of one stream, also one that is made after its deadline."""

    def __init__(self) -> None:
        self._open: list[HttpClientConnection] = []
        self._closed = False

    def new(self, **arguments: Any) -> "Future[HttpClientConnection]":
        """See awscrt. Where the deadline passes first, awscrt must not find its future cancelled."""
        connecting: Future[HttpClientConnection] = HttpClientConnection.new(**arguments)
        if not connecting.done():
            with suppress(InvalidStateError, RuntimeError):
                connecting.set_running_or_notify_cancel()
        connecting.add_done_callback(self._take)
        return connecting

    def _take(self, connecting: "Future[HttpClientConnection]") -> None:
        """In awscrt's thread."""
        if connecting.exception() is not None:
            return
        connection = connecting.result()
        _outlive_shutdown(connection)
        self._open.append(connection)
        if self._closed:
            connection.close()

    async def close(self) -> None:
        """Cuts the connection, if there is one, and waits for its end, 1 s at most."""
        self._closed = True
        for connection in self._open:
            await asyncio.wait([asyncio.wrap_future(connection.close())], timeout=CLOSE_SECONDS)
        self._open.clear()


def _outlive_shutdown(connection: HttpClientConnection) -> None:
    """Keeps a connection until awscrt has done with telling of its shutdown.

    It frees what it works on where the last reference goes meanwhile, in another thread: a segmentation fault (awscrt
    0.26.1, s_on_connection_shutdown). What it calls then holds the future and nothing else, so the future holds the
    connection, and from then on not the other way round: both go together, and without a collector.
    """
    future = connection.shutdown_future
    future.connection = connection

    future.add_done_callback(partial(_let_go, connection))


def _let_go(connection: HttpClientConnection, done: "Future[None]") -> None:
    copy: Future[None] = Future()
    if error := done.exception():
        copy.set_exception(error)
    else:
        copy.set_result(None)
    connection._shutdown_future = copy


class Outgoing(BufferableByteStream):
    """Signed audio on its way to awscrt's thread, which reads it. What waits is bounded by who writes: see `room`."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._some = threading.Event()
        self._loop = asyncio.get_running_loop()
        self._room = asyncio.Event()
        self._wanted = False
        self._written = 0  # By the loop's thread.
        self._taken = 0  # By awscrt's.

    async def room(self) -> None:
        """Waits while 2 s have not been taken."""
        while self._written - self._taken > _WAITING_BYTES and not self.closed:
            self._wanted = True
            self._room.clear()
            if self._written - self._taken > _WAITING_BYTES:
                await self._room.wait()

    def write(self, b: Any) -> int:
        """See the SDK."""
        count = int(super().write(b))
        self._written += count
        self._some.set()
        return count

    def read(self, size: int | None = -1) -> bytes:
        """In awscrt's thread. Waits a little for audio; raises BlockingIOError when there is none."""
        if not self._byte_chunks:
            self._some.wait(PATIENCE_SECONDS)
        self._some.clear()
        data = super().read(-1 if size is None else size) or b""
        self._taken += len(data)
        if self._wanted and self._written - self._taken <= _WAITING_BYTES:
            self._wanted = False
            self._tell_room()
        return data

    def end_stream(self) -> None:
        """See the SDK."""
        super().end_stream()  # type: ignore[no-untyped-call]
        self._some.set()

    def close(self) -> None:
        """Ends the reading, and whoever waits for room."""
        super().close()  # type: ignore[no-untyped-call]
        self._some.set()
        self._tell_room()

    def _tell_room(self) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._room.set)


class Http2Wire:
    """See Wire."""

    def __init__(self, stream: Any, connections: _Connections, body: Outgoing) -> None:
        self._stream = stream
        self._connections = connections
        self._body = body
        stream.output_stream._parser = _Parser()
        self._response = stream.output_stream._raw_stream
        # Of awscrt: done when the HTTP/2 stream has ended, with what ended it.
        self._done = self._response._stream.completion_future

    async def send(self, audio: bytes) -> None:
        """See Wire."""
        await self._body.room()
        try:
            await self._stream.input_stream.send_audio_event(audio_chunk=audio)
        except (SDKError, OSError, ValueError) as error:
            raise interrupted("is not connected any more") from error
        if self._done.done():
            raise interrupted("is not connected any more")

    async def end(self) -> None:
        """See Wire."""
        try:
            await self._stream.input_stream.end_stream()
        except (SDKError, OSError, ValueError) as error:
            raise interrupted("is not connected any more") from error

    async def results(self) -> AsyncGenerator[Sequence[Result], None]:
        """See Wire."""
        try:
            async for results in self._stream.output_stream:
                yield results
        except (ParserError, AwsCrtError) as error:
            raise interrupted("sent what cannot be read") from error
        # The SDK ends without a word however the stream ended; awscrt knows.
        if self._done.done() and self._done.exception() is not None:
            raise interrupted("closed the connection") from self._done.exception()

    async def close(self) -> None:
        """See Wire."""
        self._body.close()
        await self._connections.close()
        # The SDK's response and awscrt's stream hold each other; the event loop's thread would live until they are
        # collected. What is still read of the stream is whether it has ended.
        self._response._stream = SimpleNamespace(completion_future=self._done)


class _Parser:
    """In place of the SDK's, which makes objects of everything and forgets the names of errors."""

    def parse(self, event: Any) -> list[Result]:
        return results_in(event.headers, event.payload)


class _Serializer(TranscribeStreamingSerializer):
    """The SDK's, with our byte stream as the body."""

    def __init__(self, body: Outgoing) -> None:
        self._body = body

    def serialize_start_stream_transcription_request(self, endpoint: str, request_shape: Any) -> Any:
        request = super().serialize_start_stream_transcription_request(endpoint=endpoint, request_shape=request_shape)
        request.body = self._body
        return request


class _Resolver(CredentialResolver):
    """Asked for each piece of audio, so that a stream outlives its first credentials."""

    async def get_credentials(self) -> Credentials:
        found = await credentials()
        return Credentials(found.access_key, found.secret_key, found.token)
