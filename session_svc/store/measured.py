"""Measures a store: how long each operation takes, and whether it was answered."""

from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from time import perf_counter

from chassis.errors import Unavailable
from chassis.telemetry import Attribute, Metric, meter
from session_svc.store import Store
from session_svc.store.writes import Item, Kind, Write

_seconds = meter.create_histogram(Metric.STORE, "s", "One store operation.")


class Measured:
    """Implements `Store` over another. `find` is not timed: its pages are read at the pace of who iterates."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def read(self, kind: Kind, keys: Collection[str], now: float) -> Mapping[str, Item]:
        with _timed("read"):
            return await self._store.read(kind, keys, now)

    def find(self, kind: Kind, field: str, value: str, now: float) -> AsyncIterator[Item]:
        return self._store.find(kind, field, value, now)

    async def write(self, writes: Sequence[Write], now: float) -> None:
        with _timed("write"):
            await self._store.write(writes, now)

    async def sweep(self, now: float) -> int:
        with _timed("sweep"):
            return await self._store.sweep(now)


@contextmanager
def _timed(operation: str) -> Iterator[None]:
    start, reason = perf_counter(), operation
    try:
        yield
    except Unavailable:
        reason = f"{operation}_unavailable"
        raise
    finally:
        _seconds.record(perf_counter() - start, {Attribute.REASON: reason})
