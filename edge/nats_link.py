"""A connection to NATS that comes back for ever: what is wanted from it is stated once and holds over all connections.

nats-py's own reconnection is not used. It keeps what was published meanwhile however old it is, gives up for good after
some errors, and does not say when subscriptions hold again; here each connection is a new client, and what waits is
ours: bounded, and dropped when it is too old to be of use.
"""

import asyncio
import random
import ssl
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Protocol

import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error, MaxPayloadError, NoServersError, SlowConsumerError

from chassis.telemetry import Attribute, Metric, meter
from edge.domain.outgoing import Outgoing, Parting

log = structlog.get_logger()

CONNECT_SECONDS: Final = 5.0
PING_SECONDS: Final = 5
"""A server that does not answer two of them is given up."""

SETTLE_SECONDS: Final = 0.5
"""After a reconnection nothing is sent for so long: others connect again in these moments, and would not hear it."""

LONGEST_WAIT_SECONDS: Final = 0.2
"""Between two tries. Shorter than others wait in SETTLE_SECONDS, with time for the try itself."""

LOOK_SECONDS: Final = 0.2
"""nats-py does not always say that a connection is closed."""

PENDING_BYTES: Final = 8 * 1024 * 1024
"""What waits to be taken of one subscription: minutes of a feed. Full: the newest goes, and is said to be lost."""

WRITING_BYTES: Final = 64 * 1024

_dropped = meter.create_counter(Metric.BUS_DROPPED)
_connections = meter.create_counter(Metric.BUS_CONNECTIONS)


class Handler(Protocol):
    """Must not wait; what it raises is logged. Nobody there to answer a request: its reply has no data."""

    def __call__(self, data: bytes, reply: str) -> None: ...


@dataclass(frozen=True, slots=True)
class _Wanted:
    handler: Handler
    last: bool
    group: str


class Link:
    """`connected`: now. `ready`: it was, once. `on_connected` is called after each connection, once all subscriptions
    hold."""

    def __init__(self, servers: Sequence[str], name: str, on_connected: Callable[[], None]) -> None:
        self.connected = False
        self.ready = False
        self._servers = list(servers)
        self._name = name
        self._on_connected = on_connected
        self._wanted: dict[str, _Wanted] = {}
        self._wants_changed = False
        self._out = Outgoing()
        self._wake = asyncio.Event()
        self._told = False  # The warning of the present outage.

    def want(self, subject: str, handler: Handler, *, last: bool = False, group: str = "") -> None:
        """From now on calls `handler` with each message of a subject, in order. `last`: among messages of different
        subjects that arrive together, after those of the others that arrived before it. `group`: of those who name the
        same, each message reaches only one."""
        self._wanted[subject] = _Wanted(handler, last, group)
        self._wants_changed = True
        self._wake.set()

    def unwant(self, subject: str) -> None:
        """No more of these."""
        if self._wanted.pop(subject, None) is not None:
            self._wants_changed = True
            self._wake.set()

    def publish(self, subject: str, data: bytes, *, patience: float, reply: str = "") -> None:
        """Never waits. After what was wanted and published before. Dropped, and counted, if it cannot be sent within
        `patience` seconds, or too much waits already."""
        now = asyncio.get_running_loop().time()
        self._drop(self._out.put(Parting(subject, data, reply, now + patience)), "FULL")
        self._wake.set()

    async def sent(self, deadline: float) -> None:
        """Returns when nothing waits any more that could be sent, or at `deadline` (the loop's time)."""
        # Looked at: it is asked once, at the end.
        while len(self._out) and self.connected and asyncio.get_running_loop().time() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(LOOK_SECONDS / 10)

    async def run(self) -> None:
        """Runs until it is cancelled."""
        wait = 0.0
        while not _cancelled():
            # Not all at the same moment, when a server has come back.
            await asyncio.sleep(wait * random.uniform(0.5, 1.0))
            wait = min(LONGEST_WAIT_SECONDS, 2 * wait or 0.1)
            try:
                served = await self._serve()
            except asyncio.CancelledError:
                # Or only what nats-py waited for was: its closing tasks cancel a future that they share with us.
                if _cancelled():
                    raise
                served = True
            except Exception:
                # Whatever nats-py meets: the edge serves its own listeners without it.
                log.exception("bus_failed")
                served = False
            if served:
                wait = 0.0

    async def _serve(self) -> bool:
        """One connection, from its begin to its end. False: there was none."""
        client = Client()
        try:
            try:
                await self._connect(client)
            except (Error, OSError, TimeoutError) as error:
                self._warn(_reason(error))
                return False
            with suppress(Error, OSError):
                await self._work(client)
            self._warn("CLOSED")
            return True
        finally:
            self.connected = False
            await _finish(client)

    async def _connect(self, client: Client) -> None:
        async with asyncio.timeout(CONNECT_SECONDS):
            await client.connect(
                self._servers,
                name=self._name,
                no_echo=True,
                allow_reconnect=False,
                # Each server is tried twice; waits are ours.
                max_reconnect_attempts=1,
                reconnect_time_wait=0,
                connect_timeout=2,
                ping_interval=PING_SECONDS,
                max_outstanding_pings=2,
                pending_size=2 * PENDING_BYTES,
                flush_timeout=CONNECT_SECONDS,
                error_cb=self._heard_error,
                closed_cb=self._closed,
            )

    def _begin(self) -> None:
        self.connected = self.ready = True
        if self._told:
            log.info("bus_connected")
        self._told = False
        _connections.add(1)
        self._on_connected()

    async def _work(self, client: Client) -> None:
        """Does what is wanted, until the connection is closed."""
        subscriptions: dict[str, Subscription] = {}
        self._wants_changed = True  # Nothing holds on this connection.
        await self._subscribe(client, subscriptions)
        if self.ready:
            await asyncio.sleep(SETTLE_SECONDS)
        if not client.is_closed:
            self._begin()
        while not client.is_closed and not _cancelled():
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._wake.wait()
            self._wake.clear()
            await self._subscribe(client, subscriptions)
            while not client.is_closed and (parting := self._next()) is not None:
                try:
                    await client.publish(parting.subject, parting.data, parting.reply)
                except MaxPayloadError:
                    self._drop(1, "TOO_LARGE")
                await self._written(client)
                # What was wanted meanwhile goes before what was published after it: else answers come to nobody.
                await self._subscribe(client, subscriptions)

    async def _written(self, client: Client) -> None:
        """Returns when nats-py does not hold much that is not written. What waits must wait here, where it may be
        dropped for being late."""
        while (  # noqa: ASYNC110 - nats-py tells nobody
            client.pending_data_size > WRITING_BYTES and not client.is_closed and not _cancelled()
        ):
            await asyncio.sleep(0.005)

    def _next(self) -> Parting | None:
        parting, late = self._out.take(asyncio.get_running_loop().time())
        self._drop(late, "LATE")
        return parting

    async def _subscribe(self, client: Client, subscriptions: dict[str, Subscription]) -> None:
        while self._wants_changed:  # Looked at only then: there may be thousands.
            self._wants_changed = False
            for subject in [subject for subject in subscriptions if subject not in self._wanted]:
                await subscriptions.pop(subject).unsubscribe()
            for subject, wanted in [wish for wish in self._wanted.items() if wish[0] not in subscriptions]:
                subscriptions[subject] = await client.subscribe(
                    subject, queue=wanted.group, cb=self._handling(subject), pending_bytes_limit=PENDING_BYTES
                )

    def _handling(self, subject: str) -> Callable[[Msg], Coroutine[None, None, None]]:
        async def handle(message: Msg) -> None:
            wanted = self._wanted.get(subject)
            if wanted is not None and wanted.last:
                await asyncio.sleep(0)  # nats-py has a queue and a task for each subject; those woken before go first.
                wanted = self._wanted.get(subject)
            if wanted is None:
                return
            wanted.handler(message.data, message.reply)

        return handle

    async def _heard_error(self, error: Exception) -> None:
        if isinstance(error, SlowConsumerError):
            self._drop(1, "SLOW_CONSUMER")
        elif not isinstance(error, Error | OSError):
            log.error("bus_message_failed", reason=type(error).__name__)

    async def _closed(self) -> None:
        self._wake.set()

    def _drop(self, count: int, reason: str) -> None:
        if count:
            _dropped.add(count, {Attribute.REASON: reason})
            self._warn(reason)

    def _warn(self, reason: str) -> None:
        """Once for each outage."""
        if not self._told:
            self._told = True
            log.warning("bus_disturbed", reason=reason)


async def _finish(client: Client) -> None:
    """Closes it, whatever state it is in."""
    if client.is_closed:
        # Nobody takes it any more, and to write it would stop the close in the middle.
        client._pending, client._pending_data_size = [], 0
    # Where nats-py's own close met a broken connection it stopped in the middle, and would not do the rest.
    client._status = Client.DISCONNECTED
    with suppress(Error, OSError, TimeoutError):
        async with asyncio.timeout(CONNECT_SECONDS):
            await client.close()
    for task in (client._reading_task, client._ping_interval_task, client._flusher_task):
        if task is not None and task.done() and not task.cancelled():
            task.exception()  # What stopped it was such a connection; nobody else asks, and asyncio would complain.


def _reason(error: Exception) -> str:
    match error:
        case NoServersError():
            return "NO_SERVER"
        case TimeoutError():
            return "TIMEOUT"
        case ssl.SSLError():
            return "TLS_FAILED"
        case _:
            return "REFUSED" if "Authorization" in str(error) else "BROKEN"


def _cancelled() -> bool:
    """Somebody ended this task: nats-py may have caught that, and gone on."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
