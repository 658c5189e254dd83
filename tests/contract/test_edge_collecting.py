"""The garbage collector of an edge: it does not look at what stays, and what has gone goes."""

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from socket import SHUT_RDWR

import pytest

from edge.collecting import LOOK_SECONDS, keep_pauses_short
from edge.domain.freezing import Freezing
from edge.edge import Edge
from tests.fakes.edge import running_edge


@asynccontextmanager
async def collecting(edge: Edge, freezing: Freezing) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as tasks:
        work = tasks.create_task(keep_pauses_short(edge, freezing))
        yield
        work.cancel()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - the collector tells nobody
            await asyncio.sleep(LOOK_SECONDS)


def frozen(references: list[weakref.ref[object]]) -> bool:
    """The collector does not see them."""
    seen = {id(thing) for thing in gc.get_objects()}
    return not any(id(reference()) in seen for reference in references)


def gone(references: list[weakref.ref[object]]) -> bool:
    return all(reference() is None for reference in references)


async def test_sockets_that_closed_are_gone_though_they_were_frozen() -> None:
    async with running_edge(resume_seconds=0.0) as running, collecting(running.edge, Freezing(batch=1, left=10)):
        edge = running.edge
        _, created = await running.speaker()
        for _ in range(3):
            before = set(edge.sockets)
            listeners = [await running.listener(created["sessionId"]) for _ in range(10)]
            names = set(edge.sockets) - before
            closed: list[weakref.ref[object]] = [
                weakref.ref(kept[name]) for name in names for kept in (edge.sockets, edge.seats)
            ]
            assert len(closed) == 20
            await until(partial(frozen, closed))
            for listener in listeners:
                await listener.ws.close()
            await until(partial(gone, closed))


@pytest.mark.parametrize("polite", [True, False])
async def test_a_socket_that_closed_is_gone_without_the_collector(polite: bool) -> None:
    async with running_edge(resume_seconds=0.0) as running:
        edge = running.edge
        _, created = await running.speaker()
        before = set(edge.sockets)
        listeners = [await running.listener(created["sessionId"]) for _ in range(5)]
        names = set(edge.sockets) - before
        closed: list[weakref.ref[object]] = [
            weakref.ref(kept[name]) for name in names for kept in (edge.sockets, edge.seats)
        ]
        gc.disable()
        try:
            for listener in listeners:
                if polite:
                    await listener.ws.close()
                else:
                    listener.ws.get_extra_info("socket").shutdown(SHUT_RDWR)
            await until(partial(gone, closed))
        finally:
            gc.enable()


async def test_an_edge_that_stops_leaves_nothing_frozen() -> None:
    async with running_edge() as running:
        async with collecting(running.edge, Freezing()):
            await until(lambda: gc.get_freeze_count() > 0)
        assert gc.get_freeze_count() == 0
