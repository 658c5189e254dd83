"""One place in which session follows session: a speaker, two witnesses who stay, and guests who come and go.

All connect through a balancer, so that the people of one session are on several edges, and move at each refresh.
"""

import asyncio
import json
import math
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

from yarl import URL

from edge.client import ClientError, Listener, Speaker, pace
from tests.bench.crowd import opened
from tests.e2e.talks import noise, silence
from tests.fakes.raw_socket import TEXT, RawFrame, RawSocket
from tests.soak.account import Disturbance, Heard, Shortfall, shortfall

LANGUAGES: Final = ("es", "pt", "fr")
TALK: Final = (noise(2.5) + silence(0.8)) * 3 + silence(6.0)
"""Three sentences and a rest: half of the time there is speech."""
FOLLOWING_SECONDS: Final = 60.0
PATIENCE_SECONDS: Final = 60.0
STALL_SECONDS: Final = (45.0, 75.0)
READING_SECONDS: Final = 10.0
RECEIVE_BUFFER: Final = 8_192
"""So little that the sound of such a time is more than all buffers on the way and a mailbox hold together."""


@dataclass(slots=True)
class Ledger:
    """What all halls do and find, for the report. `url`: the balancer; `edges`: what is behind it."""

    url: str
    edges: Sequence[str]
    clock: Callable[[], float]
    disturbances: list[Disturbance] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    sessions: list[str] = field(default_factory=list)
    shortfalls: list[tuple[float, str, Shortfall]] = field(default_factory=list)
    failures: list[tuple[float, str]] = field(default_factory=list)

    @contextmanager
    def disturbing(self, what: str, *, loses: bool) -> Iterator[None]:
        """Notes what the block does to the system, from its beginning on."""
        place, began = len(self.disturbances), self.clock()
        self.disturbances.append(Disturbance(what, began, math.inf, loses))
        yield
        self.disturbances[place] = Disturbance(what, began, self.clock(), loses)

    def add(self, heard: Heard) -> None:
        self.counts.update(heard.counts)

    def failed(self, what: str) -> None:
        self.failures.append((self.clock(), what))

    def unexpected(self) -> list[str]:
        """Failures that no disturbance explains."""
        return [
            f"{at:.0f} s: {what}"
            for at, what in self.failures
            if not any(each.excuses(at) for each in self.disturbances)
        ]


class Hall:
    """Sessions one after the other until `until` (the ledger's clock). `slow`: one guest hardly reads."""

    def __init__(self, ledger: Ledger, token: str, chance: random.Random, *, slow: bool) -> None:
        self._ledger = ledger
        self._token = token
        self._chance = chance
        self._slow = slow

    async def run(self, until: float, lengths: tuple[float, float]) -> None:
        """`lengths`: of a session, seconds, from and to."""
        clock = self._ledger.clock
        while clock() < until:
            try:
                await self._session(min(clock() + self._chance.uniform(*lengths), until))
            except* (ClientError, TimeoutError, OSError) as group:
                for error in group.exceptions:
                    self._ledger.failed(f"a session broke: {error!r}")
            await asyncio.sleep(self._chance.uniform(0.5, 2.0))

    async def _session(self, until: float) -> None:
        told, witnesses = Heard(), [Heard(), Heard()]
        clock = self._ledger.clock
        async with Speaker.open(self._ledger.url, self._token) as speaker, asyncio.TaskGroup() as tasks:
            self._ledger.sessions.append(speaker.session_id)
            tasks.create_task(self._read(speaker, told))
            async with asyncio.timeout(PATIENCE_SECONDS) as patience, AsyncExitStack() as stack:
                reading = []
                for heard in witnesses:
                    opening = Listener.open(
                        self._ledger.url, speaker.session_id, LANGUAGES[0], captions_source=True, inbox=1024
                    )
                    witness = await stack.enter_async_context(opening)
                    reading.append(tasks.create_task(self._read(witness, heard)))
                while LANGUAGES[0] not in (await speaker.status()).language_distribution:  # noqa: ASYNC110 - elsewhere
                    await asyncio.sleep(0.1)
                patience.reschedule(None)
                guests = tasks.create_task(self._guests(speaker.session_id))
                while clock() < until:
                    async for chunk in pace(TALK):
                        await speaker.send(chunk)
                guests.cancel()
                await speaker.end()
                async with asyncio.timeout(FOLLOWING_SECONDS):
                    await asyncio.wait(reading)
        self._settle(speaker.session_id, told, witnesses)

    def _settle(self, session_id: str, told: Heard, witnesses: Sequence[Heard]) -> None:
        ledger = self._ledger
        said: dict[int, float] = {}
        for heard in (told, *witnesses):
            ledger.add(heard)
            for segment, at in heard.captions.items():
                said[segment] = min(at, said.get(segment, at))
        for heard in witnesses:
            ledger.counts["witnesses"] += 1
            ledger.shortfalls.append((ledger.clock(), session_id, shortfall(said, heard, ledger.disturbances)))
        ledger.counts["segments said"] += len(said)
        for at, fault in told.faults:
            ledger.failures.append((at, f"a speaker {fault}"))

    async def _read(self, client: Speaker | Listener, heard: Heard) -> None:
        try:
            async for event in client:
                heard.receive(event, self._ledger.clock())
        except ClientError as error:
            self._ledger.failed(f"a client gave up: {error.code}")

    # ------------------------------------------------------------------ guests

    async def _guests(self, session_id: str) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._again(lambda: self._polite(session_id)))
            tasks.create_task(self._again(lambda: self._rough(session_id)))
            if self._slow:
                tasks.create_task(self._again(lambda: self._stalling(session_id)))

    async def _again(self, visit: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await visit()
            except* (ClientError, OSError, TimeoutError) as group:
                self._ledger.failed(f"a guest was not served: {group.exceptions[0]!r}")
            await asyncio.sleep(self._chance.uniform(0.2, 2.0))

    async def _polite(self, session_id: str) -> None:
        """Comes, listens, perhaps changes its language, and says goodbye."""
        chance, heard = self._chance, Heard()
        async with self._visiting(session_id, chance.choice(LANGUAGES)) as listener, asyncio.TaskGroup() as tasks:
            reading = tasks.create_task(self._read(listener, heard))
            await asyncio.sleep(chance.uniform(2.0, 20.0))
            if chance.random() < 0.5:
                await listener.change_language(chance.choice(LANGUAGES))
                self._ledger.counts["languages changed"] += 1
                await asyncio.sleep(chance.uniform(2.0, 20.0))
            reading.cancel()
        self._ledger.add(heard)

    async def _rough(self, session_id: str) -> None:
        """A plain client, that half of the time is gone without a word."""
        language = self._chance.choice(LANGUAGES)
        socket, _ = await opened(
            self._ledger.url, b'"sessionJoined"', sessionId=session_id, targetLanguage=language, action="joinSession"
        )
        self._ledger.counts["joins"] += 1
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._chance.uniform(2.0, 30.0)):
                    await socket.closed.wait()
            if self._chance.random() < 0.5:
                socket.leave()
                self._ledger.counts["leaves"] += 1
                with suppress(TimeoutError):
                    async with asyncio.timeout(5.0):
                        await socket.closed.wait()
            else:
                self._ledger.counts["gone without a word"] += 1
        finally:
            socket.hang_up()

    async def _stalling(self, session_id: str) -> None:
        """Reads nothing for long, then all there is. Straight from an edge: the balancer would keep much for it."""
        port, target = URL(self._chance.choice(self._ledger.edges)).port, f"sessionId={session_id}&targetLanguage=es"
        assert port is not None
        client = await RawSocket.open(port, f"/ws?{target}".encode(), receive_buffer=RECEIVE_BUFFER)
        if client.status != 101:
            raise ConnectionError(f"refused with {client.status}")
        self._ledger.counts["joins"] += 1
        try:
            await asyncio.sleep(self._chance.uniform(*STALL_SECONDS))
            async with asyncio.timeout(READING_SECONDS):
                while True:
                    self._missed(await client.frame())
        except (TimeoutError, asyncio.IncompleteReadError):
            self._ledger.counts["stalls"] += 1
        finally:
            await client.close()
            self._ledger.counts["gone without a word"] += 1

    def _missed(self, frame: RawFrame) -> None:
        if frame.opcode == TEXT:
            message = json.loads(frame.payload)
            if message["type"] == "audioDropped":
                self._ledger.counts["cues dropped for the slow"] += message["cues"]

    @asynccontextmanager
    async def _visiting(self, session_id: str, language: str) -> AsyncIterator[Listener]:
        async with Listener.open(self._ledger.url, session_id, language) as listener:
            self._ledger.counts["joins"] += 1
            yield listener
        self._ledger.counts["leaves"] += 1
