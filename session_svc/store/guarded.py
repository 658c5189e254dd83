"""Stands before a store that may fail: tries again, and stops asking a store that is down.

Every operation may be tried again, the writes too, although the answer that was lost may have been to a write that was
made: what is written under a connection's id is refused the second time, and whoever writes then looks and finds it.

Each try counts for the breaker, not each operation: the breaker's business is whether the store answers. A refusal is
an answer. Contention and a full queue of our own say nothing of the store and count neither way.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from typing import TypeVar

from chassis.breaker import BreakerTerms
from chassis.errors import Unavailable
from chassis.guarding import Guard
from chassis.telemetry import Attribute, Metric, meter
from session_svc.domain.patience import Patience
from session_svc.store import Store
from session_svc.store.writes import Contended, Item, Kind, Once, Refused, Write

T = TypeVar("T")

_retries = meter.create_counter(Metric.STORE_RETRIES)

# Nobody waits for a sweep; it only must not hang for ever.
_SWEEP_SECONDS = 30.0


class Guarded:
    """Implements `Store` over another. `now`: monotonic seconds; `random()`: from 0.0 to 1.0.

    While the breaker is open, everything raises Unavailable(STORE_UNAVAILABLE) at once, with `retry_after`.
    """

    def __init__(
        self,
        store: Store,
        patience: Patience,
        breaker: BreakerTerms,
        now: Callable[[], float],
        random: Callable[[], float],
    ) -> None:
        self._store, self._patience, self._random = store, patience, random
        self._guard = Guard("store", "STORE_UNAVAILABLE", breaker, now, _judged)

    async def read(self, kind: Kind, keys: Collection[str], now: float) -> Mapping[str, Item]:
        return await self._tried(lambda: self._store.read(kind, keys, now))

    async def find(self, kind: Kind, field: str, value: str, now: float) -> AsyncIterator[Item]:
        """Until the first record the search is tried again; after it, an error passes on.

        Where it was cannot be said through the port, and starting over would give again what was given; all who search
        do so anew by themselves (the reaper at its next look).
        """
        opened = await self._tried(lambda: _begun(self._store.find(kind, field, value, now)))
        if opened is None:
            return
        first, rest = opened
        following: Item | None = first
        while following is not None:
            yield following
            following = await self._once(lambda: _next(rest), self._patience.seconds)

    async def write(self, writes: Sequence[Write], now: float) -> None:
        once = Once(writes, asyncio.get_running_loop().time())
        await self._tried(lambda: self._store.write(once, now))

    async def sweep(self, now: float) -> int:
        """Not tried again: the next sweep comes."""
        return await self._once(lambda: self._store.sweep(now), _SWEEP_SECONDS)

    async def _tried(self, operation: Callable[[], Awaitable[T]]) -> T:
        loop = asyncio.get_running_loop()
        until = loop.time() + self._patience.seconds
        failures = 0
        while True:
            try:
                return await self._once(operation, until - loop.time())
            except Unavailable as error:
                failures += 1
                wait = self._patience.wait(failures, until - loop.time(), self._random())
                # With `retry_after` the breaker refused: no use before then.
                if wait is None or error.retry_after or not error.retryable:
                    raise
                reason = "contended" if isinstance(error, Contended) else "unanswered"
                _retries.add(1, {Attribute.REASON.value: reason})
            await asyncio.sleep(wait)

    async def _once(self, operation: Callable[[], Awaitable[T]], seconds: float) -> T:
        try:
            with self._guard.call():
                async with asyncio.timeout(seconds):
                    return await operation()
        except TimeoutError as error:
            raise Unavailable("STORE_UNAVAILABLE", "the store took too long to answer") from error


async def _begun(records: AsyncIterator[Item]) -> tuple[Item, AsyncIterator[Item]] | None:
    """The first record and the rest; None when there is none."""
    first = await _next(records)
    return (first, records) if first is not None else None


async def _next(records: AsyncIterator[Item]) -> Item | None:
    return await anext(records, None)


def _judged(error: Exception) -> bool | None:
    match error:
        case Contended():
            return None
        case Unavailable() | TimeoutError():
            return True
        case Refused():
            return False
    return None
