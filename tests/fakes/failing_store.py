"""A store that fails as told, before or after it did what was asked."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from enum import Enum, auto
from typing import TypeVar

from chassis.errors import Unavailable
from session_svc.store import Store
from session_svc.store.writes import Contended, Item, Kind, Refused, Write

T = TypeVar("T")


class Fault(Enum):
    """What may happen to one operation."""

    NONE = auto()
    BEFORE = auto()  # Not done, and an error.
    LOST = auto()  # Done, and an error: the answer was lost.
    CONTENDED = auto()  # Not done: others were at it.
    HANGS = auto()  # Not done, and no answer ever.


class FailingStore:
    """Implements `Store` over another. `next_fault` says what happens to each operation, in the order asked.

    `find` fails at its first record, or, with `find_fails_after`, once after so many. `asked` counts every operation;
    `happened` lists those that suffered a fault.
    """

    def __init__(self, store: Store, next_fault: Callable[[], Fault] = lambda: Fault.NONE) -> None:
        self.store, self.next_fault = store, next_fault
        self.find_fails_after: int | None = None
        self.asked = 0
        self.happened: list[tuple[str, Fault]] = []

    async def read(self, kind: Kind, keys: Collection[str], now: float) -> Mapping[str, Item]:
        return await self._ask("read", lambda: self.store.read(kind, keys, now))

    async def find(self, kind: Kind, field: str, value: str, now: float) -> AsyncIterator[Item]:
        await self._ask("find", _nothing)
        given = 0
        async for item in self.store.find(kind, field, value, now):
            if given == self.find_fails_after:
                self.find_fails_after = None
                raise Unavailable("STORE_UNAVAILABLE", "the next page did not come")
            yield item
            given += 1

    async def write(self, writes: Sequence[Write], now: float) -> None:
        # The harder case: tried again, the database does not know it for the same (as it may, by `Once`).
        await self._ask("write", lambda: self.store.write(tuple(writes), now))

    async def sweep(self, now: float) -> int:
        return await self._ask("sweep", lambda: self.store.sweep(now))

    async def _ask(self, name: str, operation: Callable[[], Awaitable[T]]) -> T:
        self.asked += 1
        fault = self.next_fault()
        if fault is not Fault.NONE:
            self.happened.append((name, fault))
        match fault:
            case Fault.BEFORE:
                raise Unavailable("STORE_UNAVAILABLE", "not done")
            case Fault.CONTENDED:
                raise Contended
            case Fault.HANGS:
                await asyncio.Event().wait()
            case Fault.LOST:
                try:
                    await operation()
                except Refused:
                    # Whether it was done or refused, the answer is lost.
                    raise Unavailable("STORE_UNAVAILABLE", "the answer was lost") from None
                raise Unavailable("STORE_UNAVAILABLE", "the answer was lost")
        return await operation()


async def _nothing() -> None:
    return None
