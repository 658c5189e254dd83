"""The bus of edges in several processes or on several machines: NATS carries between them what each publishes.

An edge hears the topics that somebody receives there, and those that it published in lately, which another edge may
have taken over. What it publishes its own receivers get directly, so that it serves them while NATS is away.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from secrets import token_hex
from typing import Final

from edge.bus import Bus, LocalBus, Receiver
from edge.domain.feed import BusEvent, LanguageStatusChanged, Topic
from edge.interest import Interest
from edge.memory import Memory
from edge.nats_link import Link

ANSWER_SECONDS: Final = 0.3
"""How long others are asked what they remember. They answer within milliseconds, or not at all."""

LINGER_SECONDS: Final = 5.0
"""How long a topic that nobody receives any more is still heard: somebody may come in a moment."""

SWEEP_SECONDS: Final = 2.0
CLOSING_SECONDS: Final = 2.0


class NatsBus:
    """One edge's. `run` is to run as long as it is used; see `nats_bus`."""

    def __init__(
        self,
        servers: Sequence[str],
        *,
        answer_seconds: float = ANSWER_SECONDS,
        linger_seconds: float = LINGER_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._link = Link(servers, f"lingocast edge {token_hex(4)}", self._connected)
        self._memory = Memory(clock)
        self._interests: dict[Topic, Interest] = {}
        self._answer_seconds = answer_seconds
        self._linger_seconds = linger_seconds

    @property
    def ready(self) -> bool:
        return self._link.ready

    @property
    def connected(self) -> bool:
        """Other edges can be heard now."""
        return self._link.connected

    def publish(self, topic: Topic, event: BusEvent) -> None:
        interest = self._interests.get(topic) or self._begin(topic, "", hold=False)
        interest.publish(event)

    def subscribe(self, topic: Topic, receive: Receiver) -> Callable[[], None]:
        interest = self._interests.get(topic) or self._begin(topic, "", hold=True)
        interest.receivers.append(receive)

        def unsubscribe() -> None:
            if receive in interest.receivers:
                interest.receivers.remove(receive)
                interest.needed_until = max(interest.needed_until, _now() + self._linger_seconds)

        return unsubscribe

    async def follow(self, topic: Topic, last_cue: str) -> None:
        interest = self._interests.get(topic) or self._begin(topic, last_cue, hold=True)
        interest.needed_until = max(interest.needed_until, _now() + self._linger_seconds)
        if interest.ask is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(2 * self._answer_seconds):
                    await interest.ask.done.wait()

    def missed(self, topic: Topic, last_cue: str) -> Sequence[BusEvent]:
        return self._memory.missed(topic, last_cue)

    def trouble(self, topic: Topic) -> LanguageStatusChanged | None:
        return self._memory.trouble(topic)

    async def run(self) -> None:
        """Runs for ever: keeps the connection."""
        await self._link.run()

    async def sweep(self) -> None:
        """Runs for ever: lets go of topics that nobody needs here."""
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            now = _now()
            for topic, interest in tuple(self._interests.items()):
                if not interest.receivers and interest.ask is None and interest.needed_until < now:
                    interest.end()
                    del self._interests[topic]

    async def sent(self) -> None:
        """Returns when all that was published has been sent, or after CLOSING_SECONDS."""
        await self._link.sent(_now() + CLOSING_SECONDS)

    def _begin(self, topic: Topic, last_cue: str, *, hold: bool) -> Interest:
        interest = self._interests[topic] = Interest(self._link, self._memory, topic, self._ended)
        interest.begin(last_cue, self._answer_seconds, hold=hold)
        return interest

    def _connected(self) -> None:
        for interest in self._interests.values():
            interest.catch_up(self._answer_seconds)

    def _ended(self, session_id: str) -> None:
        for topic, interest in self._interests.items():
            if topic.session_id == session_id:
                interest.session_over(_now() + self._linger_seconds)


@asynccontextmanager
async def nats_bus(
    servers: Sequence[str], *, answer_seconds: float = ANSWER_SECONDS, linger_seconds: float = LINGER_SECONDS
) -> AsyncIterator[NatsBus]:
    """A bus that is connected, or tries to be, while the block runs. `servers`: URLs."""
    bus = NatsBus(servers, answer_seconds=answer_seconds, linger_seconds=linger_seconds)
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(bus.run()), tasks.create_task(bus.sweep())]
        try:
            yield bus
            await bus.sent()
        finally:
            for task in running:
                task.cancel()


@asynccontextmanager
async def open_bus(servers: Sequence[str]) -> AsyncIterator[Bus]:
    """`servers`: URLs of NATS; none: a bus for an edge that is alone."""
    if not servers:
        yield LocalBus()
        return
    async with nats_bus(servers) as bus:
        yield bus


def _now() -> float:
    return asyncio.get_running_loop().time()
