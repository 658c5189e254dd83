"""One WebSocket, either role: reads with limits, writes through an outbox, watches for silence, says goodbye.

It lives in the task of its request and has no other: nothing that is sent ever waits here, and time is a timer's.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Final, Protocol

import structlog
from aiohttp import WSMsgType

from chassis.errors import Invalid, LingocastError, Unavailable
from edge.domain.admission import MESSAGE_BYTES
from edge.domain.lifetime import ClosesSoon, LifeSpan, Lifetime, Notice, RefreshDue, TooOld
from edge.domain.limits import Verdict
from edge.domain.mailbox import Cut, Kind, Parcel
from edge.gate import Gate, too_fast
from edge.outbox import Outbox
from edge.protocol import client, server
from edge.protocol.errors import CODES, Close, Internal, error_message
from edge.protocol.roles import Role, authorise
from edge.protocol.wire import Flavour, Post, cue_end, message, milliseconds
from edge.refusals import RefusalLog
from edge.sessions import connection_hash
from edge.upgrade import WebSocket

log = structlog.get_logger()

GOODBYE_SECONDS: Final = 5.0
"""How long a peer may take to accept what waits and the close frame."""


_TEXT: Final = WSMsgType.TEXT
_BINARY: Final = WSMsgType.BINARY
"""By these names they are found at once; as members of an enumeration they are searched for, for every frame."""


class Actions(Protocol):
    """What a role does with what it hears. LingocastErrors raised here are told to the peer; the socket lives."""

    async def receive(self, request: client.ClientMessage) -> None: ...

    async def receive_audio(self, audio: bytes) -> None:
        """A binary frame; only for a role that may send audio."""
        ...


class Socket:
    """A connection that was admitted. `run` returns when it is closed, by either side."""

    __slots__ = (
        "__weakref__",
        "_all_sent",
        "_closing",
        "_failed_it",
        "_gate",
        "_heard_at",
        "_heard_within",
        "_lifetime",
        "_reading",
        "_refusals",
        "_said_goodbye",
        "_timer",
        "_too_large_in_a_row",
        "_transport",
        "_ws",
        "connection_id",
        "flavour",
        "opened_at",
        "outbox",
        "role",
        "session_id",
    )

    def __init__(
        self,
        ws: WebSocket,
        outbox: Outbox,
        *,
        flavour: Flavour,
        role: Role,
        session_id: str,
        connection_id: str,
        gate: Gate,
        heard_within: float,
        span: LifeSpan | None = None,
    ) -> None:
        self.flavour = flavour
        self.role = role
        self.session_id = session_id
        self.connection_id = connection_id
        self.opened_at = time.time()
        self.outbox = outbox
        self._transport = outbox.transport
        outbox.when_overflowed(self._overflowed)
        self._ws = ws
        ws.before_close(outbox.shut)
        self._gate = gate
        self._heard_within = heard_within
        self._reading: asyncio.Timeout | None = None
        self._all_sent = False  # After `close`: nothing waits any more.
        self._timer: asyncio.TimerHandle | None = None
        self._closing: tuple[int, str] | None = None
        self._heard_at = asyncio.get_running_loop().time()
        self._lifetime = Lifetime(self._heard_at, span or LifeSpan())
        self._said_goodbye = False
        self._failed_it = False
        self._too_large_in_a_row = 0
        self._refusals: RefusalLog | None = None  # Few ever need one.

    @property
    def closing(self) -> bool:
        return self._closing is not None

    @property
    def lost(self) -> bool:
        """After `run`: it broke, without a close frame from either side."""
        return not self._said_goodbye and not self.closing

    def tell(self, content: server.Message) -> None:
        self.post(message(content))

    def post(self, post: Post) -> None:
        """Into the outbox. After `close` nothing is taken any more."""
        if self._closing is None:
            self.outbox.put(post)

    def refuse(self, error: LingocastError) -> None:
        """Tells what was wrong; the connection lives."""
        told = error_message(error, self.session_id)
        self._refusals = self._refusals or RefusalLog(self._log(), rate=0.1, burst=10)
        self._refusals.note(told)
        # Such as STORE_UNAVAILABLE or a deadline: what stands behind us; SERVICE_UNAVAILABLE itself is our own word.
        self._failed_it = self._failed_it or (isinstance(error, Unavailable) and error.reason not in CODES)
        self.tell(told)

    def recovered(self) -> None:
        """What stands behind us answers: told if something was refused for want of it."""
        if self._failed_it:
            self._failed_it = False
            self.tell(server.SystemRecovered(code="SERVICE_UNAVAILABLE", message="this works again"))

    def close(self, code: int, reason: str) -> None:
        """Closes after what waits in the outbox, which gets GOODBYE_SECONDS. The first code stays."""
        if self._closing is None:
            self._closing = code, reason
            # A peer that does not read cannot keep us.
            self._set_timer(GOODBYE_SECONDS, self._abort)
            self.outbox.finish(self._stop_reading)

    def cut_short(self, cut: Cut) -> None:
        """A cue under way ends here."""
        self.post(Parcel(Kind.MESSAGE, cue_end(cut.cue_id, milliseconds(cut.seconds), self.flavour)))

    async def run(self, actions: Actions) -> None:
        """Reads until the peer is gone or `close` was called, and everything that waited was sent."""
        if self._closing is None:
            self._watch_time()
        try:
            # Our own close frame needs the reader gone: aiohttp then waits for the peer's answer, as RFC 6455 asks,
            # and a peer that is still reading loses nothing to a reset.
            if not self._all_sent:
                async with asyncio.timeout(None) as self._reading:
                    await self._read(actions)
        except TimeoutError:
            if not self._all_sent:
                raise
        finally:
            self._reading = None
            if self._closing is None:
                self._let_go()
        if self._closing is not None:
            code, reason = self._closing
            try:
                await self._ws.close(code=code, message=reason.encode())
            finally:
                self._let_go()

    def _let_go(self) -> None:
        """Nothing more is done here. What a peer does not take would keep its transport open for ever: it is cut."""
        self.outbox.shut()
        broken = self._ws.exception()
        if broken is not None:
            # The socket keeps it, and its frames keep the socket, until the garbage collector comes along.
            broken.__traceback__ = broken.__context__ = None
        if self._transport is None or not self._transport.get_write_buffer_size():
            self._stop_timer()
        elif self._closing is None:
            self._set_timer(GOODBYE_SECONDS, self._abort)

    def _stop_reading(self) -> None:
        self._all_sent = True
        if self._reading is not None:
            self._reading.reschedule(asyncio.get_running_loop().time())

    def _overflowed(self) -> None:
        if self._closing is None:
            self._log().warning("socket_overflowed")
            self.close(Close.POLICY, "does not read")
            self._abort()

    async def _read(self, actions: Actions) -> None:
        clock = asyncio.get_running_loop().time
        while True:
            frame = await self._ws.receive()
            binary = frame.type is _BINARY
            if not binary and frame.type is not _TEXT:
                self._said_goodbye = frame.type is WSMsgType.CLOSE
                return
            self._heard_at = clock()
            try:
                await self._handle(frame.data, binary, actions)
            except Exception:  # noqa: BLE001 - the border: the peer gets a code, the log the traceback
                failure = Internal()
                self._log().exception("message_failed", correlation=failure.correlation_id)
                self.refuse(failure)
                self.close(Close.INTERNAL, "internal error")

    async def _handle(self, data: bytes, binary: bool, actions: Actions) -> None:
        """One frame. All but audio passes the gate; audio that is refused passes it to be told of."""
        passed = False
        try:
            request = self._understood(data, binary)
            if isinstance(request, bytes):
                await actions.receive_audio(request)
                return
            if not isinstance(request, client.SendAudio):
                if not await self._passes():
                    return
                passed = True
            await self._obey(request, actions)
        except LingocastError as error:
            if passed or await self._passes():
                self.refuse(error)
            if self._too_large_in_a_row >= 2:
                self.close(Close.TOO_LARGE, "too large twice in a row")

    def _understood(self, data: bytes, binary: bool) -> client.ClientMessage | bytes:
        """The message in a frame; bytes: audio. Raises as `client.parse` does, and Invalid(MESSAGE_TOO_LARGE)."""
        if len(data) > MESSAGE_BYTES:
            self._too_large_in_a_row += 1
            raise Invalid("MESSAGE_TOO_LARGE", f"a message has at most {MESSAGE_BYTES} bytes, this one {len(data)}")
        self._too_large_in_a_row = 0
        if not binary:
            return client.parse(data, self.role)
        authorise(self.role, "sendAudio")
        return data

    async def _obey(self, request: client.ClientMessage, actions: Actions) -> None:
        if isinstance(request, client.Heartbeat):
            await self._gate.admit_heartbeat()
            self.tell(server.HeartbeatAck(timestamp=now_ms()))
        else:
            await actions.receive(request)

    async def _passes(self) -> bool:
        verdict = await self._gate.admit()
        if verdict in (Verdict.WARN, Verdict.CLOSE) and not self.closing:
            self.refuse(too_fast("too many messages a second; those beyond the limit are dropped", 1.0))
        if verdict is Verdict.CLOSE:
            self.close(Close.RATE_LIMITED, "rate limited")
        return verdict is Verdict.ADMIT

    def _log(self) -> "structlog.stdlib.BoundLogger":
        name = connection_hash(self.connection_id)
        bound: structlog.stdlib.BoundLogger = log.bind(session=self.session_id, connection=name, role=self.role.value)
        return bound

    def _watch_time(self) -> None:
        """Silence and age."""
        now = asyncio.get_running_loop().time()
        # Looked at, not set anew by every frame: that would cost more.
        if now >= self._heard_at + self._heard_within:
            self._time_out(f"nothing was heard for {round(self._heard_within)} s")
        else:
            self._grow_old(self._lifetime.tick(now))
        if self._closing is None:
            silent_at = self._heard_at + self._heard_within
            due = min(silent_at, self._lifetime.deadline() or silent_at)
            self._set_timer(max(0.0, due - now), self._watch_time)

    def _grow_old(self, notice: Notice | None) -> None:
        match notice:
            case RefreshDue(seconds_left):
                self.tell(server.ConnectionRefreshRequired(refresh_by=milliseconds(time.time() + seconds_left)))
            case ClosesSoon(minutes_left):
                self.tell(server.ConnectionWarning(remaining_minutes=minutes_left))
            case TooOld():
                self._time_out("this connection was not refreshed in time")

    def _time_out(self, reason: str) -> None:
        self.tell(server.ConnectionTimeout(reason=reason))
        self.close(Close.TIMEOUT, "timeout")

    def _abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def _set_timer(self, seconds: float, act: Callable[[], None]) -> None:
        self._stop_timer()
        self._timer = asyncio.get_running_loop().call_later(seconds, act)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()


def now_ms() -> int:
    """Milliseconds since the epoch."""
    return milliseconds(time.time())
