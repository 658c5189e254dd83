"""NATS that dies again and again under load: every edge comes back each time."""

import asyncio
from contextlib import AsyncExitStack
from typing import NoReturn

from edge.domain.feed import CueAudio, Topic
from edge.nats_bus import NatsBus, nats_bus
from tests.fakes.nats import nats_server

EDGES, FEEDS, DEATHS = 10, 20, 5


async def test_every_edge_comes_back_however_often_nats_dies() -> None:
    """nats-py, closing a connection that broke while much was written, sometimes cancelled what the bus waited for;
    that edge then stayed alone for good (about one in 30 losses)."""
    feeds = [Topic(f"session-{number}", "es") for number in range(FEEDS)]
    async with nats_server() as server, AsyncExitStack() as stack:
        edges = [await stack.enter_async_context(nats_bus([server.url])) for _ in range(EDGES)]
        for edge in edges:
            for feed in feeds:
                edge.subscribe(feed, lambda _: None)
        async with asyncio.timeout(90), asyncio.TaskGroup() as tasks:
            talking = [tasks.create_task(talk(edge, feeds)) for edge in edges]
            for _ in range(DEATHS):
                await all_connected(edges)
                await server.restart()
            await all_connected(edges)
            for task in talking:
                task.cancel()


async def all_connected(edges: list[NatsBus]) -> None:
    while not all(edge.connected for edge in edges):  # noqa: ASYNC110 - the bus tells nobody
        await asyncio.sleep(0.05)
    # Until each has something to write.
    await asyncio.sleep(0.2)


async def talk(edge: NatsBus, feeds: list[Topic]) -> NoReturn:
    number = 0
    while True:
        for feed in feeds:
            number += 1
            edge.publish(feed, CueAudio("1-es", "es", bytes(3200), 0.1, number))
        await asyncio.sleep(0.1)
