"""Measures sessions against their goals, over real sockets, and what each action asks of the store.

All five processes are real, with scripted engines; session_svc runs with a meter on its store. Times are taken at the
client, which is as light as can be (`crowd`); searches of the store are timed beside the service, over the same store,
and joins a second by calling session_svc alone. Each store has at most STORE_SECONDS.
"""

import asyncio
import gc
import json
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from time import perf_counter, process_time, time

import aiohttp

from chassis.calling import connect
from chassis.probing import free_port
from chassis.settings import variable
from chassis.supervision import cpu_seconds
from chassis.system import PARTS, System, launched
from protos.session.v1.session_pb2_grpc import SessionServiceStub
from session_svc.config import Config
from session_svc.store import Store, open_store
from session_svc.store.writes import Kind
from session_svc.tables import TABLES
from tests.bench.burst import burst
from tests.bench.crowd import Socket, asked, left, opened, told
from tests.bench.session_report import Costs, Findings, written
from tests.bench.tally import Tally
from tests.databases import settings_of, stop_all, tables_of

STORES = ("sqlite", "dynamodb")
STORE_SECONDS = 180.0
LOAD = {
    # Each socket says that it comes from an address of its own, so that limits cost what they cost, and refuse nobody.
    "EDGE_TRUSTED_PROXIES": "1",
    # Requests are sent as soon as the last was answered.
    "EDGE_MESSAGES_PER_SECOND": "10000",
    "EDGE_DRAIN_SECONDS": "1",
}


@dataclass(frozen=True)
class Sizes:
    """How much of each is measured. `at_once`: joins under way at a time; `burst_seconds`: of joins without an edge."""

    creates: int = 100
    listeners: int = 500
    at_once: int = 5
    statuses: int = 200
    controls: int = 40
    searches: int = 200
    moves: int = 50
    quiet_seconds: float = 60.0
    burst_seconds: float = 5.0
    burst_sessions: int = 20


async def run(out: Path, stores: Sequence[str], sizes: Sizes | None = None) -> None:
    """Writes `bench-sessions.md` and `bench-sessions.json` into the folder."""
    found, report = [], ""
    try:
        for store in stores:
            async with asyncio.timeout(STORE_SECONDS):
                found.append(await measured(store, sizes or Sizes()))
            # After each: what was measured stays, whatever comes of the next.
            report = written(found)
            figures = json.dumps([one.as_json() for one in found], indent=1)
            (out / "bench-sessions.md").write_text(report, "utf-8")
            (out / "bench-sessions.json").write_text(figures + "\n", "utf-8")
    finally:
        stop_all()
        print(report)


async def measured(store: str, sizes: Sizes) -> Findings:
    """All of one store."""
    began = perf_counter()
    tally = f"127.0.0.1:{free_port()}"
    parts = [replace(part, module="tests.bench.counted_session") if part.name == "session" else part for part in PARTS]
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        config, environment = await stack.enter_async_context(prepared(store, folder))
        env = {**LOAD, **environment, "BENCH_TALLY_LISTEN": tally}
        launching = launched(data=folder, engines="scripted", env=env, parts=parts, report=print)
        system = await stack.enter_async_context(launching)
        http = await stack.enter_async_context(aiohttp.ClientSession())
        beside = await stack.enter_async_context(open_store(config))
        bench = Bench(system, Tally(http, f"http://{tally}"), beside, sizes, Findings(store, sizes.listeners))
        await bench.room()
        await bench.creates()
        async with connect(system.addresses["session"]) as channel:
            pid = system.pids["session"]
            for count in (1, sizes.burst_sessions):
                rate = await burst(SessionServiceStub(channel), pid, count, sizes.listeners, sizes.burst_seconds)
                bench.found.rates.append(rate)
        bench.found.seconds = perf_counter() - began
        return bench.found


@asynccontextmanager
async def prepared(store: str, folder: Path) -> AsyncIterator[tuple[Config, dict[str, str]]]:
    """The store's settings: for this process, and as an environment for session_svc."""
    if store == "sqlite":
        yield Config(LINGOCAST_DATA=folder, store=store), {}
        return
    settings = settings_of("dynamodb-local")
    config = Config(LINGOCAST_DATA=folder, store=store, **settings)
    # What is patient here, while tables are made and much is searched, is in the service as it is by default.
    settings = {name: value for name, value in settings.items() if name != "dynamodb_timeout_seconds"}
    environment = {variable(Config, name, Config.model_fields[name]): str(value) for name, value in settings.items()}
    async with tables_of(config, *TABLES):
        yield config, {"SESSION_STORE": store, **environment}


@dataclass
class Bench:
    """One run. Its methods measure in the order in which they stand."""

    system: System
    tally: Tally
    beside: Store
    sizes: Sizes
    found: Findings
    sockets: list[Socket] = field(default_factory=list)

    async def room(self) -> None:
        """A session full of listeners."""
        token = self.system.speaker_token
        speaker, _ = await self.speaker(token)
        session_id = str(speaker.welcome["sessionId"])
        async with self.costs("join", self.sizes.listeners):
            await self.fill(session_id)
        async with self.costs("status", self.sizes.statuses):
            for _ in range(self.sizes.statuses):
                self.found.times("status", [await asked(speaker, b'"sessionStatus"', action="getSessionStatus")])
        async with self.costs("heartbeat", self.sizes.listeners):
            for socket in self.sockets:
                self.found.times("heartbeat", [await asked(socket, b'"heartbeatAck"', action="heartbeat")])
        async with self.costs("control", self.sizes.controls):
            await self.controls(speaker)
        await self.searches(session_id)
        await self.quiet(speaker)
        await self.moves(session_id)
        async with self.costs("refresh of the speaker", 1):
            again, _ = await opened(
                *(self.system.url, b'"stateRestored"'),
                action="refreshConnection",
                sessionId=session_id,
                role="speaker",
                token=token,
            )
            await speaker.closed.wait()
        async with self.costs(f"end with {len(self.sockets)} listeners", 1):
            again.send(action="endSession")
            await asyncio.gather(*(socket.closed.wait() for socket in self.sockets))

    async def fill(self, session_id: str) -> None:
        gate = asyncio.Semaphore(self.sizes.at_once)

        async def join(number: int) -> None:
            async with gate:
                language = ("es", "pt", "fr")[number % 3]
                socket, seconds = await opened(
                    self.system.url, b'"sessionJoined"', sessionId=session_id, targetLanguage=language
                )
            self.sockets.append(socket)
            self.found.times("join", [seconds])

        async with asyncio.TaskGroup() as tasks:
            for number in range(self.sizes.listeners):
                tasks.create_task(join(number))

    async def controls(self, speaker: Socket) -> None:
        """Pause and resume: until the speaker is told, and until the last listener is."""
        switches = (("pauseBroadcast", b'"broadcastPaused"'), ("resumeBroadcast", b'"broadcastResumed"'))
        own, edge = process_time(), cpu_seconds([self.system.pids["edge"]])
        for number in range(self.sizes.controls):
            action, answer = switches[number % 2]
            ack, *listeners = await told([speaker, *self.sockets], answer, partial(speaker.send, action=action))
            self.found.times("control: speaker told", [ack])
            self.found.times("control: last listener told", [max(listeners)])
            # Nobody's finger is quicker; and what is stored of several at once is stored as one.
            await asyncio.sleep(0.1)
        own, edge = process_time() - own, cpu_seconds([self.system.pids["edge"]]) - edge
        self.found.client_ms, self.found.edge_ms = (1000 * each / self.sizes.controls for each in (own, edge))

    async def searches(self, session_id: str) -> None:
        """All connections of the session, found by the index."""
        # The crowd's own objects are not the store's to look through.
        gc.collect()
        gc.freeze()
        try:
            for _ in range(self.sizes.searches):
                start = perf_counter()
                connections = [
                    item async for item in self.beside.find(Kind.CONNECTION, "session_id", session_id, time())
                ]
                self.found.times("find the connections", [perf_counter() - start])
                self.found.largest = max(len(json.dumps(item)) for item in connections)
                if len(connections) != len(self.sockets) + 1:
                    raise AssertionError(f"{len(connections)} connections were found, not {len(self.sockets) + 1}")
        finally:
            gc.unfreeze()

        session = (await self.beside.read(Kind.SESSION, [session_id], time()))[session_id]
        self.found.largest = max(self.found.largest, len(json.dumps(session)))

    async def quiet(self, speaker: Socket) -> None:
        """Nobody comes or goes; everybody's heart beats as the protocol asks."""
        await self.tally.mark()
        end = perf_counter() + self.sizes.quiet_seconds
        while (left_seconds := end - perf_counter()) > 0:
            await asyncio.sleep(min(30.0, left_seconds))
            for socket in (speaker, *self.sockets):
                socket.send(action="heartbeat")
        self.found.quiet_seconds = self.sizes.quiet_seconds
        self.found.quiet = {asker: Costs.of(counts, 1) for asker, counts in (await self.tally.since()).items()}

    async def moves(self, session_id: str) -> None:
        """Some listeners change their language, some refresh, some leave."""
        count = self.sizes.moves
        async with self.costs("change of language", count):
            for socket in self.sockets[:count]:
                # From any of three to a fourth.
                await asked(socket, b'"languageChanged"', action="changeLanguage", targetLanguage="it")
        async with self.costs("refresh of a listener", count):
            for at, former in enumerate(self.sockets[:count]):
                self.sockets[at], seconds = await opened(
                    *(self.system.url, b'"stateRestored"'),
                    action="refreshConnection",
                    sessionId=session_id,
                    role="listener",
                    targetLanguage="it",
                    connectionId=str(former.welcome["connectionId"]),
                )
                await former.closed.wait()
                self.found.times("refresh", [seconds])
        async with self.costs("leave", count):
            await left(self.sockets[:count])
            await self.tally.until("LeaveSession", count)
        del self.sockets[:count]

    async def creates(self) -> None:
        """Sessions opened one after the other, each ended at once; no user opens more than the limit of an hour."""
        users = -(-self.sizes.creates // 50)
        tokens = [await self.system.mint(f"creates-{number}") for number in range(users)]
        async with self.costs("create", self.sizes.creates, **{"end with no listener": "EndSession"}):
            for number in range(self.sizes.creates):
                speaker, seconds = await self.speaker(tokens[number % users])
                self.found.times("create", [seconds])
                await asked(speaker, b'"sessionEnded"', action="endSession")
                await speaker.closed.wait()

    def costs(self, name: str, actions: int, **apart: str) -> AbstractAsyncContextManager[None]:
        return self.tally.costs(self.found.costs, name, actions, **apart)

    async def speaker(self, token: str) -> tuple[Socket, float]:
        created = opened(self.system.url, b'"sessionCreated"', action="createSession", sourceLanguage="en", token=token)
        return await created
