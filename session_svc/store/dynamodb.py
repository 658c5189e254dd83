"""The store in DynamoDB: any number of instances share it.

Reads by key are strongly consistent. One write is a conditional request, several are a transaction. DynamoDB refuses a
transaction while another is at one of its records, and everything about a session meets at the session's record:
within this process such writes take turns, so that a crowd that joins does not compete with itself, and what collides
with another instance is tried again a few times, quickly. Everything else that fails is for `Guarded` to try again.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import Any
from weakref import WeakValueDictionary

from chassis.dynamodb import CONDITION_FAILED, TRANSACTION_CONFLICT, Cancelled, DynamoDB, open_dynamodb
from chassis.errors import Unavailable
from chassis.tables import check
from session_svc.config import Config
from session_svc.store.requests import HOMES, batches, can_be_key, exists, found, key_of, record_of, written
from session_svc.store.writes import Contended, Item, Kind, Once, Refused, Write, check_writes
from session_svc.tables import TABLES

# DynamoDB's bound for one request.
_BATCH = 100
# Reading an answer of this many records holds up the event loop for some 5 ms; DynamoDB's own pages are 1 MB.
_PAGE = 200
# A transaction takes some 10 ms, so colliding ones are apart after a few.
_TRIES = 5
_APART_SECONDS = 0.01
# Of the time for all tries of a write, so much may be spent on waiting for the session's record.
_WAITING = 0.6
# Reasons for which a cancelled transaction is our mistake: a record too large, a sum with text.
_MISTAKES = {"ValidationError", "ItemCollectionSizeLimitExceeded"}


@asynccontextmanager
async def open_store(config: Config) -> AsyncIterator["DynamoStore"]:
    """Connects, and looks whether the tables are there. Raises Unavailable(STORE_UNAVAILABLE) with what to do."""
    async with open_dynamodb(config) as database:
        await check(database, TABLES, "session_svc")
        turn_seconds = config.store_patience_seconds * _WAITING
        yield DynamoStore(database, config.store_waiting, turn_seconds, connections=config.dynamodb_connections)


class DynamoStore:
    """Implements `Store`.

    At most `waiting` operations are under way, and a write waits at most `turn_seconds`, in all its tries, for others
    to the same session; then it is Contended. `page`: records that one answer to a search holds at most. At most
    `connections` requests are with the database; the time that a request has begins when its turn has come, or the
    database would seem not to answer to a crowd that keeps this process busy.
    """

    def __init__(
        self, database: DynamoDB, waiting: int, turn_seconds: float, page: int = _PAGE, connections: int = 100
    ) -> None:
        self._database, self._waiting, self._turn_seconds, self._page = database, waiting, turn_seconds, page
        self._under_way, self._connections = 0, asyncio.Semaphore(connections)
        # Gone with the last who waits.
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def read(self, kind: Kind, keys: Collection[str], now: float) -> Mapping[str, Item]:
        with self._room():
            return await self._read(kind, keys, now, consistent=True)

    async def find(self, kind: Kind, field: str, value: str, now: float) -> AsyncIterator[Item]:
        home = HOMES[kind]
        query = found(kind, field, value, self._database.table(home.table.name), now)
        # Of an index of keys no more than can be read by them at once.
        query["Limit"] = self._page if home.indexes[field].whole else min(self._page, _BATCH)
        while True:
            with self._room():
                answer = await self._request("query", **query)
                records = await self._found(kind, field, answer["Items"], now)
            for item in records:
                # The index lags: a record read by its key may have changed since.
                if item.get(field) == value:
                    yield item
            if "LastEvaluatedKey" not in answer:
                return
            query["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    async def write(self, writes: Sequence[Write], now: float) -> None:
        once = writes if isinstance(writes, Once) else Once(writes, asyncio.get_running_loop().time())
        check_writes(once)
        said = [written(write, self._database.table(HOMES[write.kind].table.name), now) for write in once]
        with self._room():
            async with self._turn(once):
                if len(once) > 1:
                    items = [{action: parameters} for action, parameters in said]
                    await self._try("transact_write_items", TransactItems=items, ClientRequestToken=once.token)
                for action, parameters in said if len(once) == 1 else ():
                    await self._try(f"{action.lower()}_item", **parameters)

    async def sweep(self, now: float) -> int:
        """DynamoDB deletes by itself what has expired."""
        return 0

    async def _read(self, kind: Kind, keys: Collection[str], now: float, *, consistent: bool) -> dict[str, Item]:
        home = HOMES[kind]
        table = self._database.table(home.table.name)
        records = dict[str, Item]()
        for batch in batches((key for key in keys if can_be_key(kind, key)), _BATCH):
            wanted = [home.key(key) for key in batch]
            if len(wanted) == 1:
                answer = await self._request("get_item", TableName=table, Key=wanted[0], ConsistentRead=consistent)
                there = [answer["Item"]] if "Item" in answer else []
            else:
                there = await self._read_batch(table, wanted, consistent)
            records |= {key_of(kind, attributes): record_of(kind, attributes) for attributes in there}
        return {key: item for key, item in records.items() if exists(item, now)}

    async def _read_batch(self, table: str, keys: list[Any], consistent: bool) -> list[Mapping[str, Any]]:
        there = list[Mapping[str, Any]]()
        for attempt in range(_TRIES):
            wanted = {table: {"Keys": keys, "ConsistentRead": consistent}}
            answer = await self._request("batch_get_item", RequestItems=wanted)
            there += answer["Responses"].get(table, [])
            # What did not fit into the answer, or was more than the table serves at once.
            keys = answer.get("UnprocessedKeys", {}).get(table, {}).get("Keys", [])
            if not keys:
                return there
            await _apart(attempt)
        raise Unavailable("STORE_UNAVAILABLE", "DynamoDB does not answer for all records")

    async def _found(self, kind: Kind, field: str, there: list[Mapping[str, Any]], now: float) -> list[Item]:
        """The records of a page of an index that may hold keys only."""
        if HOMES[kind].indexes[field].whole:
            return [record_of(kind, attributes) for attributes in there]
        keys = [key_of(kind, attributes) for attributes in there]
        # As fresh as the index, at half the price.
        return list((await self._read(kind, keys, now, consistent=False)).values())

    async def _try(self, operation: str, **parameters: Any) -> None:
        for attempt in range(_TRIES):
            try:
                await self._request(operation, **parameters)
            except Cancelled as cancelled:
                _raise_unless_conflict(cancelled)
            else:
                return
            await _apart(attempt)
        raise Contended

    async def _request(self, operation: str, **parameters: Any) -> dict[str, Any]:
        async with self._connections:
            return await self._database.request(operation, **parameters)

    @contextmanager
    def _room(self) -> Iterator[None]:
        if self._under_way >= self._waiting:
            raise Contended("too many operations are waiting")
        self._under_way += 1
        try:
            yield
        finally:
            self._under_way -= 1

    @asynccontextmanager
    async def _turn(self, writes: Once) -> AsyncIterator[None]:
        keys = sorted(write.key for write in writes if write.kind is Kind.SESSION)
        # Named here, for the dictionary alone would not keep them.
        locks = [self._turns.setdefault(key, asyncio.Lock()) for key in keys]
        async with AsyncExitStack() as held:
            try:
                # Tried again, they have no new time to wait: it would be cut off from outside, as if by the database.
                async with asyncio.timeout_at(writes.given_at + self._turn_seconds):
                    for lock in locks:
                        await held.enter_async_context(lock)
            except TimeoutError:
                raise Contended("too many change the session at once") from None
            yield


def _raise_unless_conflict(cancelled: Cancelled) -> None:
    """Raises Refused or Contended; returns where the same again at once may do."""
    reasons = set(cancelled.reasons)
    if _MISTAKES & reasons:
        raise ValueError(f"DynamoDB cannot do this: {', '.join(sorted(reasons))}") from cancelled
    if reasons <= {CONDITION_FAILED, "None"}:
        failed = [at for at, reason in enumerate(cancelled.reasons) if reason == CONDITION_FAILED]
        raise Refused(frozenset(failed)) from None
    # With a conflict among them, refusals are not all known: who is refused must know exactly where.
    if not reasons <= {CONDITION_FAILED, TRANSACTION_CONFLICT, "None"}:
        # One record is asked for more than DynamoDB serves: not at once again.
        raise Contended from cancelled


async def _apart(attempt: int) -> None:
    await asyncio.sleep(random.uniform(0.0, _APART_SECONDS * 2**attempt))
