"""What all instances remember together: a DynamoDB table behind the layer in the process (L2, S13).

It may be slow or gone, and nobody must notice: a look-up has a short bound and its failure is a miss; writes go in the
background; a table that fails is left alone for a while. A translation is kept for its time from when it was made, and
reading it does not prolong it.
"""

import asyncio
import math
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import structlog

from chassis.drive import Inbox
from chassis.dynamodb import DynamoDB, Value, from_attributes, open_dynamodb, to_attributes
from chassis.errors import Conflict, LingocastError, Unavailable
from chassis.guarding import Guard
from chassis.tables import check
from translation_svc.cache import Remembered, counted
from translation_svc.config import Config
from translation_svc.tables import CACHED_TRANSLATIONS, TABLES

log = structlog.get_logger()

# What is still unwritten at the end has so long.
_DRAIN_SECONDS = 1.0


@asynccontextmanager
async def open_shared(
    config: Config, now: Callable[[], float], clock: Callable[[], float]
) -> AsyncIterator["SharedCache"]:
    """`now`: monotonic seconds, `clock`: since the epoch.

    Raises Misconfigured without an AWS region. A table that is not there is warned of, once, and missed.
    """
    async with open_dynamodb(config) as database:
        await _warn_unless_there(database)
        shared = SharedCache(database, config, now, clock)
        async with asyncio.TaskGroup() as tasks:
            writing = tasks.create_task(shared.run())
            try:
                yield shared
            finally:
                shared.close()
                await asyncio.wait([writing], timeout=_DRAIN_SECONDS)
                writing.cancel()


class SharedCache:
    """The table. `run` writes what `put` was given, one after the other.

    At most `cache_writes_waiting` wait to be written; when full, the newest is dropped and counted: it will be
    translated once more.
    """

    def __init__(
        self, database: DynamoDB, config: Config, now: Callable[[], float], clock: Callable[[], float]
    ) -> None:
        self._database, self._table = database, database.table(CACHED_TRANSLATIONS.name)
        self._read_seconds, self._ttl, self._clock = config.cache_read_seconds, config.cache_ttl_seconds, clock
        self._guard = Guard("translation cache", "CACHE_UNAVAILABLE", config.cache_breaker, now, _judged)
        self._unwritten: Inbox[tuple[str, Remembered, float]] = Inbox(config.cache_writes_waiting)
        self._waiting = set[str]()

    async def get(self, key: str) -> Remembered | None:
        """What is remembered, found within `cache_read_seconds`; else None. Never raises for the table's faults."""
        try:
            with self._guard.call():
                answer = await self._database.request(
                    "get_item",
                    timeout=self._read_seconds,
                    TableName=self._table,
                    Key=to_attributes({CACHED_TRANSLATIONS.key: key}),
                )
        except Unavailable as error:
            counted("table", "left_alone" if error.reason == "CACHE_UNAVAILABLE" else "fault")
            return None
        item = from_attributes(answer.get("Item", {}))
        # Until DynamoDB deletes it, which may take days, it lies there.
        fresh = bool(item) and float(item["ttl"]) > self._clock()
        counted("table", "hit" if fresh else "miss")
        return Remembered(str(item["translation"]), str(item["engine"])) if fresh else None

    async def put(self, key: str, translation: Remembered) -> None:
        """Has it written soon, or not at all. Does not wait."""
        if key in self._waiting:
            return
        if self._unwritten.put_nowait((key, translation, self._clock() + self._ttl)):
            self._waiting.add(key)
        else:
            counted("table", "dropped")

    def close(self) -> None:
        """Takes no more; `run` ends when all is written."""
        self._unwritten.close()

    async def run(self) -> None:
        """Writes until closed. What cannot be written is dropped and counted."""
        async for key, translation, until in self._unwritten:
            self._waiting.discard(key)
            try:
                await self._write(key, translation, until)
            except LingocastError:
                counted("table", "dropped")
            except Exception as fault:  # noqa: BLE001 - whatever it is, the next one is written
                counted("table", "dropped")
                log.error("cache_fault", operation="write", fault=type(fault).__name__)
            else:
                counted("table", "written")

    async def _write(self, key: str, translation: Remembered, until: float) -> None:
        item: dict[str, Value] = {
            CACHED_TRANSLATIONS.key: key,
            "translation": translation.text,
            "engine": translation.engine,
            # Whole seconds, as DynamoDB wants it; never longer than promised.
            "ttl": math.floor(until),
        }
        with self._guard.call():
            await self._database.request("put_item", TableName=self._table, Item=to_attributes(item))


async def _warn_unless_there(database: DynamoDB) -> None:
    try:
        await check(database, TABLES, "translation_svc")
    except Unavailable as error:
        log.warning("cache_table_unusable", reason=error.message)


def _judged(error: Exception) -> bool | None:
    match error:
        case Unavailable() | TimeoutError():
            return True
        case Conflict():
            return False
    return None
