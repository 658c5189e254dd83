"""Rate limits shared by all edges: in the store, changed by compare-and-set."""

import asyncio
from collections.abc import Callable, Mapping
from uuid import uuid4
from weakref import WeakValueDictionary

import orjson
import structlog
from cachetools import LRUCache

from chassis.errors import Unavailable
from chassis.telemetry import Metric, meter
from session_svc.domain.limits import Limit, Taken, take
from session_svc.store import Store
from session_svc.store.writes import Change, Is, Item, Kind, Put, Refused, Write

log = structlog.get_logger()
_open = meter.create_counter(Metric.LIMITS_OPEN)

# Each refused write means that another instance took a place at the same moment.
_ATTEMPTS = 20
_CONTENDED_SECONDS = 1.0
# Well within the deadline of the calls: a store that is slow must not hold up who asks for a place.
_PATIENCE_SECONDS = 1.0


class Limiting:
    """Takes from limits; allows everything, with one warning, while the store does not answer."""

    def __init__(self, store: Store, limits: Mapping[str, Limit], clock: Callable[[], float]) -> None:
        self._store, self._limits, self._clock = store, limits, clock
        self._enforcing = True
        # Under what this instance signs its takes, to know its own when the answer to a write was lost.
        self._name, self._serial = uuid4().hex, 0
        # One taker of a subject at a time here, so that a flood does not compete with itself. Gone with the last taker.
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        # Until when a subject that was refused would be refused again: the store need not be asked, and a flood is not
        # let in because asking for all of it takes too long.
        self._refused_until: LRUCache[str, float] = LRUCache(10_000)

    async def take(self, name: str, subject: str) -> Taken | None:
        """Whether `subject` may go on, taken into account if so; None when nothing could be limited."""
        key = f"{name}:{subject}"
        turn = self._turns.setdefault(key, asyncio.Lock())
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS), turn:
                if known := self._known(key, self._limits[name]):
                    return known
                taken = await self._take(key, self._limits[name])
        except (Unavailable, TimeoutError):
            if self._enforcing:
                log.warning("rate_limits_off", reason="the store does not answer")
            self._enforcing = False
            _open.add(1)
            return None
        if not self._enforcing:
            log.info("rate_limits_on")
        self._enforcing = True
        return taken

    def _known(self, key: str, limit: Limit) -> Taken | None:
        now, until = self._clock(), self._refused_until.get(key, 0.0)
        # Not further ahead than a window: the clock may have been set back.
        return Taken(False, (), until - now) if now < until <= now + limit.window else None

    async def _take(self, key: str, limit: Limit) -> Taken:
        self._serial += 1
        signature = f"{self._name}:{self._serial}"
        for _ in range(_ATTEMPTS):
            now = self._clock()
            item = (await self._store.read(Kind.LIMIT, [key], now)).get(key)
            if item is not None and item.get("by") == signature:
                return Taken(True, _times(item))
            taken = take(_times(item), limit, now)
            if not taken.allowed:
                self._refused_until[key] = now + taken.retry_after
                return taken
            try:
                await self._store.write([_record(key, taken, item, now + limit.window, signature)], now)
            except Refused:
                continue
            return taken
        # The store answers, so the limit holds: who loses that often is one of a flood.
        return Taken(False, (), _CONTENDED_SECONDS)


def _times(item: Item | None) -> tuple[float, ...]:
    return tuple(orjson.loads(str(item["times"]))) if item is not None else ()


def _record(key: str, taken: Taken, before: Item | None, ttl: float, by: str) -> Write:
    times = orjson.dumps(taken.times).decode()
    if before is None:
        return Put(Kind.LIMIT, key, {"times": times, "revision": 0, "by": by, "ttl": ttl})
    as_read = Is("revision", int(before["revision"]))
    return Change(Kind.LIMIT, key, where=(as_read,), set={"times": times, "by": by, "ttl": ttl}, add={"revision": 1})
