"""The HTTP/2 interface of the stand-in for Amazon Transcribe: TLS, signed requests, and every chunk of audio signed."""

import asyncio
import json
import math
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import DataReceived, Event, RequestReceived, StreamEnded, StreamReset, WindowUpdated
from h2.exceptions import ProtocolError

from tests.amazon import certificates
from tests.amazon.eventstream import Decoder, Frame, MalformedFrame
from tests.amazon.signing import Arrived, EventChain, SignatureRefused, verify
from tests.amazon.transcribe_requests import Refused
from tests.amazon.transcribe_stream import TIMED_OUT, Broken, Fault, Kind, Stream, Transcribe, exception

PATH = "/stream-transcription"
PREFIX = "x-amzn-transcribe-"


@asynccontextmanager
async def over_http2(service: Transcribe, folder: Path, port: int = 0) -> AsyncIterator[tuple[str, Path]]:
    """The URL, and the file in `folder` with the CA to trust."""
    ca, context = certificates.make(folder)
    connections: set[_Connection] = set()
    idle = asyncio.Event()
    idle.set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = _Connection(service, reader, writer)
        connections.add(connection)
        idle.clear()
        try:
            await connection.run()
        finally:
            writer.transport.abort()
            connections.discard(connection)
            if not connections:
                idle.set()

    server = await asyncio.start_server(connected, "127.0.0.1", port, ssl=context)
    try:
        yield f"https://localhost:{server.sockets[0].getsockname()[1]}", ca
    finally:
        server.close()
        for connection in list(connections):
            connection.cut()
        async with asyncio.timeout(10):
            await idle.wait()


class _Call:
    """One HTTP/2 stream on a connection."""

    def __init__(self, fault: Fault | None) -> None:
        self.fault = fault
        self.stream: Stream | None = None
        self.chain: EventChain | None = None
        self.decoder = Decoder()
        self.unsent = bytearray()
        self.is_over = False  # All that is to be told is in `unsent`.
        self.heard_at = asyncio.get_running_loop().time()


class _Connection:
    def __init__(self, service: Transcribe, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._service = service
        self._reader = reader
        self._writer = writer
        self._h2 = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
        self._calls: dict[int, _Call] = {}
        self._clock = asyncio.get_running_loop().time

    def cut(self) -> None:
        """Ends it without a word."""
        self._writer.transport.abort()

    async def run(self) -> None:
        """Until either side ends it."""
        self._h2.initiate_connection()
        try:
            while True:
                self._writer.write(self._h2.data_to_send())
                await self._writer.drain()
                data = await self._read()
                if data == b"":
                    return
                for event in self._h2.receive_data(data) if data else ():
                    self._on(event)
        except _Cut:
            pass
        except (ConnectionError, ssl.SSLError, ProtocolError):
            pass  # The client has gone, or is none.
        finally:
            for call in self._calls.values():
                self._end_stream(call)

    async def _read(self) -> bytes | None:
        """What comes; None when a stream has waited too long for audio, which is then told."""
        patience = (call.heard_at + call.stream.patience for call in self._calls.values() if call.stream is not None)
        until = min(patience, default=math.inf)
        try:
            async with asyncio.timeout_at(None if until == math.inf else until):
                return await self._reader.read(65_536)
        except TimeoutError:
            for number, call in list(self._calls.items()):
                if call.stream is not None and call.heard_at + call.stream.patience <= self._clock():
                    self._refuse(number, call, Refused("BadRequestException", 400, TIMED_OUT))
            return None

    def _on(self, event: Event) -> None:
        match event:
            case RequestReceived():
                self._begin(event.stream_id, [(str(name), str(value)) for name, value in event.headers])
            case DataReceived(stream_id=number) if number in self._calls:
                self._hear(number, self._calls[number], event)
            case DataReceived():
                # Of a stream that has ended; it still counts for the connection.
                self._h2.acknowledge_received_data(event.flow_controlled_length or 0, event.stream_id or 0)
            case StreamEnded(stream_id=number) if number in self._calls:
                self._calls[number].heard_at = math.inf
            case StreamReset(stream_id=number) if number in self._calls:
                self._end_stream(self._calls.pop(number))
            case WindowUpdated():
                for number in list(self._calls):
                    self._flush(number)

    def _begin(self, number: int, headers: list[tuple[str, str]]) -> None:
        fault = self._service.next_fault()
        call = self._calls[number] = _Call(fault)
        if fault is not None and fault.kind is Kind.HANG:
            return
        fields = dict(headers)
        try:
            if fault is not None and fault.kind is Kind.REFUSE:
                raise Refused(fault.code, fault.status, fault.message)
            if (fields[":method"], fields[":path"]) != ("POST", PATH):
                raise Refused("UnknownOperationException", 404, "no such operation")
            shown = [(name.replace(":authority", "host"), value) for name, value in headers]
            signed = verify(
                Arrived("POST", PATH, [(name, value) for name, value in shown if name[0] != ":"]),
                service="transcribe",
                credentials=self._service.credentials,
                region=self._service.region,
            )
            call.chain = EventChain(signed, self._service.credentials)
            parameters = {name[len(PREFIX) :]: value for name, value in headers if name.startswith(PREFIX)}
            call.stream = self._service.open(parameters, fault)
        except (Refused, SignatureRefused) as refused:
            answer = [(":status", str(refused.status)), ("x-amzn-errortype", refused.code)]
            self._h2.send_headers(number, [*answer, ("content-type", "application/json")])
            call.unsent += json.dumps({"Message": refused.message}).encode()
            call.is_over = True
            self._flush(number)
            return
        answer = [(":status", "200"), ("content-type", "application/vnd.amazon.eventstream")]
        answer += [("x-amzn-request-id", str(uuid4()))] + [(PREFIX + name, each) for name, each in parameters.items()]
        self._h2.send_headers(number, answer)

    def _hear(self, number: int, call: _Call, event: DataReceived) -> None:
        assert event.data is not None
        if call.fault is None or call.fault.kind is not Kind.HANG:
            self._h2.acknowledge_received_data(event.flow_controlled_length or 0, number)
        if call.stream is None or call.chain is None or call.is_over:
            return
        call.heard_at = self._clock()
        try:
            for outer in call.decoder.feed(event.data):
                for told in self._unwrapped(call.chain, call.stream, outer):
                    call.unsent += told
        except Refused as refused:
            self._refuse(number, call, refused)
        except (MalformedFrame, SignatureRefused) as error:
            code = getattr(error, "code", "BadRequestException")
            self._refuse(number, call, Refused(code, 400, "Could not decode the event stream."))
        except Broken as broken:
            self._break(number, call, broken.kind)
        else:
            call.is_over = call.is_over or call.stream.ended
            self._flush(number)

    def _unwrapped(self, chain: EventChain, stream: Stream, outer: Frame) -> list[bytes]:
        """What follows from one signed chunk; its payload is a message of its own, or nothing: the end."""
        date, signature = outer.headers.get(":date"), outer.headers.get(":chunk-signature")
        if set(outer.headers) != {":date", ":chunk-signature"} or not isinstance(date, datetime):
            raise Refused("BadRequestException", 400, "A chunk is not signed.")
        assert isinstance(signature, bytes)
        chain.credentials = self._service.credentials
        chain.check(date, outer.encoded[":date"], outer.payload, signature, datetime.now(UTC))
        if not outer.payload:
            return stream.end()
        frames = list(Decoder().feed(outer.payload))
        if len(frames) != 1:
            raise Refused("BadRequestException", 400, "A signed chunk carries one message.")
        return stream.take(frames[0])

    def _refuse(self, number: int, call: _Call, refused: Refused) -> None:
        call.unsent += exception(refused)
        call.is_over = True
        call.heard_at = math.inf
        self._flush(number)

    def _break(self, number: int, call: _Call, kind: Kind) -> None:
        match kind:
            case Kind.DEAF:
                # Its window is not opened again: `_hear` acknowledges no more.
                call.fault = Fault(Kind.HANG)
                call.heard_at = math.inf
            case Kind.RESET_STREAM:
                self._h2.reset_stream(number, ErrorCodes.INTERNAL_ERROR)
                self._end_stream(self._calls.pop(number))
            case Kind.GOAWAY:
                self._h2.close_connection()
                self._writer.write(self._h2.data_to_send())
                self._writer.close()
                raise _Cut
            case Kind.END:
                call.is_over = True
                self._flush(number)
            case _:
                self.cut()
                raise _Cut

    def _flush(self, number: int) -> None:
        """Sends what the client's window takes; the rest when it opens."""
        call = self._calls[number]
        while call.unsent and (room := min(self._h2.local_flow_control_window(number), 16_384)) > 0:
            piece = bytes(call.unsent[:room])
            del call.unsent[:room]
            self._h2.send_data(number, piece)
        if call.is_over and not call.unsent:
            self._h2.end_stream(number)
            self._end_stream(self._calls.pop(number))

    def _end_stream(self, call: _Call) -> None:
        if call.stream is not None:
            self._service.close(call.stream)


class _Cut(Exception):
    """The connection is over."""
