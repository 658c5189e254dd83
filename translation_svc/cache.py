"""What was translated is remembered for an hour; the least used goes first (L2).

Neither cachetools' LFU (no time) nor its TTL cache (least recently used) is this policy. Its LFU cache evicts by access
count, then age; beside it the order of writing, which is the order of expiry because all live equally long, lets what
has expired go before anything else, however often it was read: texts of a talk must not outlive their hour.
"""

from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import structlog
from cachetools import LFUCache

from chassis.telemetry import Attribute, Metric, meter

if TYPE_CHECKING:
    from translation_svc.config import Config

log = structlog.get_logger()
_events = meter.create_counter(Metric.CACHE)
_size = meter.create_up_down_counter(Metric.CACHE_ENTRIES)


@dataclass(frozen=True, slots=True)
class Remembered:
    """A translation as an engine made it."""

    text: str
    engine: str


@dataclass(frozen=True, slots=True)
class CacheStatistics:
    """Since the start; `size` now. Expired entries count as misses, not as evictions."""

    hits: int
    misses: int
    evictions: int
    size: int

    @property
    def hit_rate(self) -> float:
        """Hits among all look-ups, 0.0 to 1.0; 0.0 before the first."""
        return self.hits / (self.hits + self.misses) if self.hits else 0.0


class Cache(Protocol):
    """A layer that remembers translations by `domain.cachekey`. Any fault may raise; see `Forgiving`."""

    async def get(self, key: str) -> Remembered | None: ...

    async def put(self, key: str, translation: Remembered) -> None: ...


class NoCache:
    """Remembers nothing: stands where a layer is switched off."""

    async def get(self, key: str) -> Remembered | None:
        return None

    async def put(self, key: str, translation: Remembered) -> None:
        return None


@asynccontextmanager
async def open_shared(config: "Config", now: Callable[[], float], clock: Callable[[], float]) -> AsyncIterator[Cache]:
    """The layer that instances share, where it is switched on. `now`: monotonic seconds, `clock`: since the epoch."""
    if not config.cache_table:
        yield NoCache()
        return
    # Here, so that who has no table does not load the SDK.
    from translation_svc import shared

    async with shared.open_shared(config, now, clock) as cache:
        yield cache


def counted(layer: str, outcome: str) -> None:
    """Counts what happened in a layer."""
    _events.add(1, {Attribute.LAYER.value: layer, Attribute.OUTCOME.value: outcome})


class MemoryCache:
    """The layer inside the process. `now`: monotonic seconds."""

    def __init__(self, entries: int, ttl_seconds: float, now: Callable[[], float]) -> None:
        self._entries = _LeastUsedFirst(entries, self._evicted)
        self._expiry: OrderedDict[str, float] = OrderedDict()
        self._ttl = ttl_seconds
        self._now = now
        self._hits = self._misses = self._evictions = 0

    @property
    def statistics(self) -> CacheStatistics:
        self._expire()
        return CacheStatistics(self._hits, self._misses, self._evictions, len(self._entries))

    async def get(self, key: str) -> Remembered | None:
        self._expire()
        found = self._entries.get(key)
        if found is None:
            self._misses += 1
        else:
            self._hits += 1
        counted("memory", "miss" if found is None else "hit")
        return found

    async def put(self, key: str, translation: Remembered) -> None:
        """A key that is there keeps its time and its count: it was translated once more, not read."""
        self._expire()
        if key in self._entries:
            return
        self._entries[key] = translation
        self._expiry[key] = self._now() + self._ttl
        _size.add(1)

    def _evicted(self, key: str) -> None:
        self._evictions += 1
        counted("memory", "eviction")
        _size.add(-1)
        del self._expiry[key]

    def _expire(self) -> None:
        now = self._now()
        while self._expiry and next(iter(self._expiry.values())) <= now:
            key, _ = self._expiry.popitem(last=False)
            self._entries.pop(key, None)
            _size.add(-1)


class Forgiving:
    """A cache whose faults are misses: no translation is lost because nothing could be remembered."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache

    async def get(self, key: str) -> Remembered | None:
        try:
            return await self._cache.get(key)
        except Exception as fault:  # noqa: BLE001 - whatever it is, it is a miss
            log.warning("cache_fault", operation="get", fault=type(fault).__name__)
            return None

    async def put(self, key: str, translation: Remembered) -> None:
        try:
            await self._cache.put(key, translation)
        except Exception as fault:  # noqa: BLE001 - whatever it is, the translation goes out
            log.warning("cache_fault", operation="put", fault=type(fault).__name__)


class _LeastUsedFirst(LFUCache[str, Remembered]):
    """Tells of evictions; LFUCache calls `popitem` for nothing else."""

    def __init__(self, entries: int, evicted: Callable[[str], None]) -> None:
        super().__init__(entries)
        self._tell = evicted

    def popitem(self) -> tuple[str, Remembered]:
        key, value = super().popitem()
        self._tell(key)
        return key, value
