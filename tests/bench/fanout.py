"""Measures fan-out against its goals: what a delivery costs, when the last listener has it, what a listener weighs.

Ours is the real edge (tests/load/ours.py); beside it run a floor in C and what others would take. Each server has one
core and its load client the other. All of a figure's servers are up together and take turns in random order, so that
what the machine does otherwise befalls all; ratios are taken within a round. Everything is bounded in time.
"""

import asyncio
import json
import os
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Final

from edge.descriptors import as_many_as_allowed
from tests.bench.fanout_report import Findings, Sample, Stuck, draw, written
from tests.fakes.nats import nats_server
from tests.load.compiling import compiled
from tests.load.contenders import PEERS, Contender, contenders, floor, ours
from tests.load.control import Order
from tests.load.crowd import Crowd, Heard, crowd
from tests.load.program import Program, started

WARM_UP_FRAMES: Final = 5
FIGURE_SECONDS: Final = 600.0
ROUND_SECONDS: Final = 240.0
"""Deadline of each figure: what its servers take to start and to be joined, and what a round takes at most."""

PATIENCE_SECONDS: Final = 60.0
"""With a server that should be done."""

SERVER_CORE, CLIENT_CORE = 0, 1
WAYS: Final = {
    contender.name: contender
    for contender in (
        ours(name="as it is"),
        ours("--loop", "asyncio", name="on asyncio's own loop"),
        ours("--plain-gc", name="with Python's own garbage collection"),
        ours(protocol="plain", name="plain flavour"),
    )
}


@dataclass(frozen=True)
class Sizes:
    """How much of each is measured.

    `counts`: listeners, growing; the last are paced like speech, ten frames a second. `compared`: of them, at which the
    figures against others are taken. `rate`: deliveries a second at the others. `javascript`: also the servers that npm
    has to install.
    """

    counts: Sequence[int] = (100, 300, 1_000, 3_000, 10_000)
    compared: int = 1_000
    rounds: int = 5
    rate: int = 100_000
    seconds: float = 2.0
    paced_seconds: float = 5.0
    languages: Sequence[int] = (1, 2, 4, 8)
    ways: Sequence[str] = tuple(WAYS)
    sessions: tuple[int, int] = (5, 500)
    stuck: tuple[int, int] = (100, 300)
    stuck_seconds: float = 6.0
    stuck_interval: float = 0.02
    javascript: bool = True


QUICK: Final = Sizes(
    counts=(30, 100),
    compared=30,
    rounds=2,
    rate=20_000,
    seconds=0.2,
    paced_seconds=0.5,
    languages=(1, 2),
    sessions=(2, 20),
    stuck=(5, 15),
    stuck_seconds=0.5,
)


@dataclass
class Running:
    """A server, and who listens to it."""

    contender: Contender
    program: Program
    crowd: Crowd
    source: Program | None = None
    """Where to publish, when not there: another edge."""

    async def grow(self, count: int) -> None:
        """To so many listeners, spread over the feeds that the server has told of."""
        paths = self.program.hello.get("paths", ["/ws?feed=0"])
        more = count - self.crowd.size
        for feed, path in enumerate(paths):
            share = more // len(paths) + (feed < more % len(paths))
            await self.crowd.open(share, path, self.contender.protocol, feed=feed)
        await self.sample("", Order(WARM_UP_FRAMES, 0.05, feeds=len(paths)), 0)

    async def sample(self, figure: str, order: Order, number: int) -> Sample:
        """Publishes, waits until everyone has it, and says what it cost."""
        await self.crowd.mark()
        used = self.program.cpu()
        await (self.source or self.program).ask(order.written(), within=PATIENCE_SECONDS + 10 * order.seconds)
        heard = await self.crowd.heard(self.crowd.size * order.frames, within=PATIENCE_SECONDS)
        cost = (self.program.cpu() - used) / heard.frames
        return _sample(figure, self, number, cost, heard)


def _sample(figure: str, running: Running, number: int, cost: float, heard: Heard) -> Sample:
    return Sample(
        figure=figure,
        name=running.contender.name,
        listeners=running.crowd.size,
        round=number,
        microseconds=cost * 1e6,
        first=heard.first,
        middle=heard.middle,
        last=heard.last,
        p99=heard.arrival_p99,
    )


async def run(out: Path, sizes: Sizes | None = None) -> Findings:
    """Writes `bench/fanout.md`, `.json` and `.png` into the folder."""
    as_many_as_allowed()  # The programs inherit it.
    folder = out / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    found = Findings(sizes=asdict(sizes or Sizes()))
    bench = Bench(sizes or Sizes(), found)
    compiled("listeners")
    try:
        for figure in (bench.grow, bench.ours_apart, bench.edges, bench.stuck):
            began = perf_counter()
            async with asyncio.timeout(FIGURE_SECONDS + bench.sizes.rounds * ROUND_SECONDS):
                await figure()
            print(f"{figure.__name__}: {perf_counter() - began:.0f} s", flush=True)
    finally:
        # What was measured stays, whatever failed.
        (folder / "fanout.json").write_text(json.dumps(asdict(found), indent=1) + "\n", "utf-8")
        (folder / "fanout.md").write_text(written(found), "utf-8")
        draw(found, folder / "fanout.png")
        print(written(found))
    return found


@dataclass
class Bench:
    """One run."""

    sizes: Sizes
    found: Findings
    _chance: random.Random = field(default_factory=lambda: random.Random(7))

    async def grow(self) -> None:
        """All servers, over the number of listeners."""
        sizes = self.sizes
        candidates, self.found.missing = contenders(sizes.javascript)
        async with AsyncExitStack() as stack:
            servers = [await stack.enter_async_context(running(each)) for each in candidates]
            empty = {each.contender.name: each.program.rss() for each in servers}
            for each in servers:
                self.found.versions[each.contender.name] = each.program.hello.get("version", "")
            for count in sizes.counts:
                for each in servers:
                    await each.grow(count)
                if count == sizes.counts[-1]:
                    order = Order(round(sizes.paced_seconds * 10), 0.1)
                    self.found.weights = {
                        each.contender.name: (each.program.rss() - empty[each.contender.name]) / count
                        for each in servers
                    }
                else:
                    order = self._order(count)
                await self._rounds("listeners", servers, order)
                if count == sizes.compared:
                    await self._rounds("backlog", servers, self._order(count, at_once=8))

    async def ours_apart(self) -> None:
        """Ours in other ways of use."""
        sizes = self.sizes
        count = sizes.compared
        in_languages = [ours("--languages", str(number), name=f"{number} languages") for number in sizes.languages]
        ways = [WAYS[name] for name in sizes.ways]
        many, each_has = sizes.sessions
        for figure, group, listeners in (
            ("languages", in_languages, count),
            ("ways", ways, count),
            ("sessions", [ours("--sessions", str(many)), floor()], many * each_has),
        ):
            async with AsyncExitStack() as stack:
                servers = [await stack.enter_async_context(running(contender)) for contender in group]
                for server in servers:
                    if figure == "sessions":
                        server.program.hello.setdefault("paths", [f"/ws?feed={feed}" for feed in range(many)])
                    await server.grow(listeners)
                await self._rounds(figure, servers, self._order(listeners))

    async def edges(self) -> None:
        """What it costs the listeners' edge that the speaker is at another."""
        count = self.sizes.compared
        async with AsyncExitStack() as stack:
            nats = await stack.enter_async_context(nats_server())
            one = await stack.enter_async_context(running(ours(name="the speaker's own edge")))
            joined = ours("--nats", nats.url, name="another edge, through NATS")
            other = await stack.enter_async_context(running(joined))
            starting = started("the speaker's edge", joined.command, core=_core(CLIENT_CORE))
            other.source = await stack.enter_async_context(starting)
            for server in (one, other):
                await server.grow(count)
            await self._rounds("edges", [one, other], self._order(count))

    async def stuck(self) -> None:
        """Listeners that never read among others, against the others alone."""
        sizes = self.sizes
        silent, reading = sizes.stuck
        order = Order(round(sizes.stuck_seconds / sizes.stuck_interval), sizes.stuck_interval)
        result = self.found.stuck = Stuck(silent, reading)
        async with AsyncExitStack() as stack:
            alone = await stack.enter_async_context(running(ours()))
            beside = await stack.enter_async_context(running(ours(name="with stuck listeners")))
            for server in (alone, beside):
                await server.grow(reading)
            path = beside.program.hello["paths"][0]
            idle = await stack.enter_async_context(crowd(beside.program.hello["port"], core=_core(CLIENT_CORE)))
            await idle.open(silent, path, beside.contender.protocol, mode="stuck")
            # Until the kernel's buffers and the mailboxes of those who do not read are full.
            await beside.sample("", Order(round(12 / sizes.stuck_interval * sizes.stuck_seconds / 6), 0.02), 0)
            for number in range(sizes.rounds):
                pair = [(alone, result.alone), (beside, result.beside)]
                self._chance.shuffle(pair)
                for server, into in pair:
                    into.append((await server.sample("stuck", order, number)).p99)
                result.megabytes.append(beside.program.rss() / 1e6)

    def _order(self, listeners: int, at_once: int = 1) -> Order:
        interval = max(0.002, listeners * at_once / self.sizes.rate)
        ticks = max(2, round(self.sizes.seconds / interval))
        return Order(ticks * at_once, interval, at_once=at_once)

    async def _rounds(self, figure: str, servers: list[Running], order: Order) -> None:
        for number in range(self.sizes.rounds):
            for server in self._chance.sample(servers, len(servers)):
                feeds = len(server.program.hello.get("paths", [""]))
                told = Order(order.frames, order.interval, feeds, order.at_once, order.size)
                try:
                    self.found.samples.append(await server.sample(figure, told, number))
                except (TimeoutError, RuntimeError, AssertionError) as failure:
                    if server.contender.name not in PEERS:
                        raise
                    # Another's failure is not ours. Its figures so far stay, and it takes no further part.
                    said = f"{type(failure).__name__} {failure}".strip()[:300]
                    self.found.missing[server.contender.name] = f"it failed with {server.crowd.size} listeners: {said}"
                    servers.remove(server)


@asynccontextmanager
async def running(contender: Contender) -> AsyncIterator[Running]:
    """A server with a core of its own, and its load client on another."""
    starting = started(contender.name, contender.command, core=_core(SERVER_CORE), environment=contender.environment)
    async with starting as program, crowd(program.hello["port"], core=_core(CLIENT_CORE)) as listeners:
        yield Running(contender, program, listeners)


def _core(number: int) -> int:
    cores = sorted(os.sched_getaffinity(0))
    return cores[number % len(cores)]
