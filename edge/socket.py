"""One WebSocket, either role: reads with limits, writes from a mailbox, watches for silence, says goodbye.

Nothing that is sent ever waits here: it goes into the mailbox, and the socket's own writer takes its time.
"""

import asyncio
import secrets
import time
from typing import Final, Protocol

import structlog
from aiohttp import ClientConnectionResetError, WSMsgType, web

from chassis.errors import Invalid, LingocastError, Unavailable
from chassis.telemetry import Attribute, Metric, meter
from edge.domain.admission import MESSAGE_BYTES
from edge.domain.mailbox import Dropped, Kind, Mailbox, Parcel
from edge.protocol import client, server
from edge.protocol.errors import Close, error_message
from edge.protocol.roles import Role, authorise
from edge.protocol.wire import Flavour, Frame, Post, cue_end, message, milliseconds
from edge.sessions import connection_hash

log = structlog.get_logger()
errors_sent = meter.create_counter(Metric.ERRORS)

GOODBYE_SECONDS: Final = 5.0
"""How long a peer may take to accept what waits and the close frame."""


class Actions(Protocol):
    """What a role does with what it hears. LingocastErrors raised here are told to the peer; the socket lives."""

    async def receive(self, request: client.ClientMessage) -> None: ...

    async def receive_audio(self, audio: bytes) -> None:
        """A binary frame; only for a role that may send audio."""
        ...


class Socket:
    """A connection that was admitted. `run` returns when it is closed, by either side."""

    def __init__(
        self,
        ws: web.WebSocketResponse,
        transport: asyncio.Transport | None,
        *,
        flavour: Flavour,
        role: Role,
        session_id: str,
        connection_id: str,
        heard_within: float,
        mailbox_seconds: float = 10.0,
    ) -> None:
        self.flavour = flavour
        self.role = role
        self.session_id = session_id
        self.connection_id = connection_id
        self._ws = ws
        self._transport = transport
        self._heard_within = heard_within
        self._mailbox: Mailbox[Frame] = Mailbox(mailbox_seconds)
        self._wake = asyncio.Event()
        self._closing: tuple[int, str] | None = None
        self._heard_at = asyncio.get_running_loop().time()
        self._too_large_in_a_row = 0
        self._log = log.bind(session=session_id, connection=connection_hash(connection_id), role=role.value)

    @property
    def closing(self) -> bool:
        return self._closing is not None

    def tell(self, content: server.Message) -> None:
        self.post(message(content))

    def post(self, post: Post) -> None:
        """Into the mailbox. After `close` nothing is taken any more."""
        if self._closing is not None:
            return
        self._mailbox.put(post)
        self._wake.set()
        if self._mailbox.overflowed:
            self._log.warning("socket_overflowed")
            self.close(Close.POLICY, "does not read")
            self._abort()

    def refuse(self, error: LingocastError) -> None:
        """Tells what was wrong; the connection lives."""
        told = error_message(error, self.session_id)
        errors_sent.add(1, {Attribute.REASON: told.code})
        self._log.info("refused", code=told.code, correlation=told.correlation_id)
        self.tell(told)

    def close(self, code: int, reason: str) -> None:
        """Closes after what waits in the mailbox, which gets GOODBYE_SECONDS. The first code stays."""
        if self._closing is None:
            self._closing = code, reason
            self._wake.set()
            # A peer that does not read cannot keep us.
            asyncio.get_running_loop().call_later(GOODBYE_SECONDS, self._abort)

    def change_feed(self) -> None:
        """Forgets what waits of the old language; a cue under way ends here."""
        cut = self._mailbox.change_feed()
        if cut is not None:
            end = cue_end(cut.cue_id, milliseconds(cut.seconds), self.flavour)
            self.post(Parcel(Kind.MESSAGE, end))

    async def run(self, actions: Actions) -> None:
        async with asyncio.TaskGroup() as tasks:
            reader = tasks.create_task(self._read(actions))
            writer = tasks.create_task(self._write())
            watchdog = tasks.create_task(self._watch_for_silence())
            await asyncio.wait({reader, writer}, return_when=asyncio.FIRST_COMPLETED)
            # Our own close frame needs the reader gone: aiohttp then waits for the peer's answer, as RFC 6455 asks,
            # and a peer that is still reading loses nothing to a reset.
            for task in (reader, watchdog, writer):
                task.cancel()
        if self._closing is not None:
            code, reason = self._closing
            await self._ws.close(code=code, message=reason.encode())

    async def _read(self, actions: Actions) -> None:
        async for frame in self._ws:
            if frame.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
                return
            self._heard_at = asyncio.get_running_loop().time()
            try:
                await self._handle(frame.data, frame.type is WSMsgType.BINARY, actions)
            except LingocastError as error:
                self.refuse(error)
            except Exception:  # noqa: BLE001 - the border: the peer gets a code, the log the traceback
                correlation = secrets.token_hex(8)
                self._log.exception("message_failed", correlation=correlation)
                self.refuse(Unavailable("INTERNAL", f"this failed on our side (reference {correlation})"))
                self.close(Close.INTERNAL, "internal error")

    async def _handle(self, data: bytes, binary: bool, actions: Actions) -> None:
        if len(data) > MESSAGE_BYTES:
            self._too_large(len(data))
            return
        self._too_large_in_a_row = 0
        if binary:
            authorise(self.role, "sendAudio")
            await actions.receive_audio(data)
            return
        request = client.parse(data, self.role)
        if isinstance(request, client.Heartbeat):
            self.tell(server.HeartbeatAck(timestamp=now_ms()))
            return
        await actions.receive(request)

    def _too_large(self, size: int) -> None:
        self._too_large_in_a_row += 1
        self.refuse(Invalid("MESSAGE_TOO_LARGE", f"a message has at most {MESSAGE_BYTES} bytes, this one {size}"))
        if self._too_large_in_a_row >= 2:
            self.close(Close.TOO_LARGE, "too large twice in a row")

    async def _write(self) -> None:
        try:
            while True:
                item = self._mailbox.take()
                if item is not None:
                    await self._send(item)
                elif self._closing is not None:
                    return
                else:
                    self._wake.clear()
                    await self._wake.wait()
        except (ClientConnectionResetError, ConnectionResetError):
            return  # The peer is gone; the reader learns of it by itself.

    async def _send(self, item: Post | Dropped) -> None:
        if isinstance(item, Dropped):
            frame = message(server.AudioDropped(cues=item.cues, seconds=round(item.seconds, 3))).content
        else:
            frame = item.content
        if frame.payload:
            await self._ws.send_frame(frame.payload, WSMsgType.BINARY if frame.binary else WSMsgType.TEXT)
        if frame.receipt is not None:
            frame.receipt.written()

    async def _watch_for_silence(self) -> None:
        loop = asyncio.get_running_loop()
        # Looked at, not waited for: an event for each frame would cost more.
        while (left := self._heard_at + self._heard_within - loop.time()) > 0:  # noqa: ASYNC110
            await asyncio.sleep(left)
        seconds = round(self._heard_within)
        self.tell(server.ConnectionTimeout(reason=f"nothing was heard for {seconds} s"))
        self.close(Close.TIMEOUT, "timeout")

    def _abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()


def now_ms() -> int:
    """Milliseconds since the epoch."""
    return milliseconds(time.time())
