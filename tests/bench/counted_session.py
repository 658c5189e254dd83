"""session_svc with a meter between it and its store: `python -m tests.bench.counted_session` in its place.

What is counted is what the store is asked, tries included, by who asks: the API's method, or the reaper or the watches
by themselves. With DynamoDB also the request units: of reads as the database states them, of writes by Amazon's rules,
for what DynamoDB Local states of a transaction is not the sum of its records. BENCH_TALLY_LISTEN (host:port) is where
the tally is read, as JSON.
"""

import asyncio
import functools
import os
import secrets
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Any

import grpc
import uvloop
from aiohttp import web

from chassis.dynamodb import DynamoDB, open_dynamodb
from chassis.serving import serve
from chassis.settings import load
from chassis.tables import check
from chassis.telemetry import telemetry
from protos.session.v1 import session_pb2, session_pb2_grpc
from session_svc.config import Config
from session_svc.service import open_service
from session_svc.servicer import SERVICE
from session_svc.store import Store, open_store
from session_svc.store.dynamodb import DynamoStore
from session_svc.store.requests import HOMES
from session_svc.store.writes import Change, Item, Kind, Put, Write
from session_svc.tables import TABLES

asker: ContextVar[str] = ContextVar("asker", default="start")
tally: defaultdict[str, Counter[str]] = defaultdict(Counter)
"""By who asks: calls, reads, finds, writes, records of each, readUnits, writeUnits."""

_READING = {"get_item", "batch_get_item", "query"}


def count(what: str, amount: float = 1) -> None:
    tally[asker.get()][what] += amount  # type: ignore[assignment]  # Units come in halves.


class Counted:
    """Implements `Store` over another."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def read(self, kind: Kind, keys: Collection[str], now: float) -> Mapping[str, Item]:
        count("reads")
        count("recordsRead", len(keys))
        return await self._store.read(kind, keys, now)

    async def find(self, kind: Kind, field: str, value: str, now: float) -> AsyncIterator[Item]:
        count("finds")
        async for item in self._store.find(kind, field, value, now):
            count("recordsFound")
            yield item

    async def write(self, writes: Sequence[Write], now: float) -> None:
        count("writes")
        count("recordsWritten", len(writes))
        count("writeUnits", write_units(writes))
        await self._store.write(writes, now)

    async def sweep(self, now: float) -> int:
        return await self._store.sweep(now)


def write_units(writes: Sequence[Write]) -> int:
    """For records of at most 1 KB: one for a record, two in a transaction; and for an index one when the record comes,
    goes, or changes in what the index holds, two when it moves in the index. Refused writes cost the same."""
    return sum((2 if len(writes) > 1 else 1) + _index_units(write) for write in writes)


def _index_units(write: Write) -> int:
    indexes = HOMES[write.kind].indexes
    match write:
        case Change(set=fields):
            # The index of a session's connections is sorted by language.
            moving = {"session_id": {"session_id", "target_language"}}
            moved = {field for field in indexes if fields.keys() & moving.get(field, {field})}
            return sum(2 if field in moved else int(index.whole) for field, index in indexes.items())
        case Put(fresh=False):
            # A lease that is renewed: its index holds keys only, and they stay.
            return 0
        case _:
            return len(indexes)


class CountedDynamoDB(DynamoDB):
    """Asks with each read what it cost."""

    def __init__(self, database: DynamoDB) -> None:
        self._database = database

    def table(self, name: str) -> str:
        return self._database.table(name)

    async def request(self, operation: str, *, timeout: float | None = None, **parameters: Any) -> dict[str, Any]:
        if operation not in _READING:
            return await self._database.request(operation, timeout=timeout, **parameters)
        answer = await self._database.request(operation, timeout=timeout, ReturnConsumedCapacity="TOTAL", **parameters)
        consumed = answer["ConsumedCapacity"]
        count(
            "readUnits", sum(one["CapacityUnits"] for one in (consumed if isinstance(consumed, list) else [consumed]))
        )
        return answer


@asynccontextmanager
async def counted_store(config: Config) -> AsyncIterator[Store]:
    if config.store == "dynamodb":
        async with open_dynamodb(config) as database:
            await check(database, TABLES, "session_svc")
            yield Counted(DynamoStore(CountedDynamoDB(database), config.store_waiting, 1.0))
    else:
        async with open_store(config) as store:
            yield Counted(store)


class Named:
    """The servicer; what a call asks of the store is counted under its method."""

    def __init__(self, servicer: session_pb2_grpc.SessionServiceServicer) -> None:
        for method in session_pb2.DESCRIPTOR.services_by_name["SessionService"].methods:
            name = method.name
            # Not the watch: it sits on the polls, which are counted by themselves, and must stay a generator.
            own = getattr(servicer, name)
            setattr(self, name, own if method.server_streaming else _named(name, own))


def _named(name: str, own: Callable[..., Coroutine[Any, Any, Any]]) -> Callable[..., Coroutine[Any, Any, Any]]:
    @functools.wraps(own)
    async def call(*arguments: Any) -> Any:
        asker.set(name)
        count("calls")
        return await own(*arguments)

    return call


async def told(_: web.Request) -> web.Response:
    return web.json_response(tally)


@asynccontextmanager
async def telling(listen: str) -> AsyncIterator[None]:
    app = web.Application()
    app.router.add_get("/", told)
    runner = web.AppRunner(app)
    await runner.setup()
    host, _, port = listen.rpartition(":")
    await web.TCPSite(runner, host, int(port)).start()
    try:
        yield
    finally:
        await runner.cleanup()


async def main(config: Config) -> None:
    async with (
        telling(os.environ["BENCH_TALLY_LISTEN"]),
        counted_store(config) as store,
        asyncio.TaskGroup() as tasks,
    ):
        with open_service(config, store, time.time, secrets.randbelow) as service:

            def register(server: grpc.aio.Server) -> None:
                session_pb2_grpc.add_SessionServiceServicer_to_server(Named(service.servicer), server)  # type: ignore[arg-type]

            asker.set("reaper")
            reaping = tasks.create_task(service.reaper.run(config.reap_seconds, config.sweep_seconds))
            asker.set("watches")
            polling = tasks.create_task(service.watching.run())
            asker.set("WatchSession")
            await serve(config.listen, register, [SERVICE], drain_seconds=2.0)
            reaping.cancel()
            polling.cancel()


if __name__ == "__main__":
    settings = load(Config)
    with telemetry("session_svc", settings.otlp_endpoint, settings.log_level):
        uvloop.run(main(settings))
