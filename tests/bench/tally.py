"""Reads the meter of `counted_session`, and says what one action costs."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import aiohttp

from tests.bench.session_report import Costs

BACKGROUND = ("reaper", "watches", "RenewEdgeLease")
"""Who asks by itself, whatever listeners and speakers do."""

SETTLED_SECONDS = 0.5

Counts = Mapping[str, Counter[str]]


class Tally:
    """What has been asked of the store so far, and since some moment."""

    def __init__(self, http: aiohttp.ClientSession, url: str) -> None:
        self._http, self._url = http, url
        self._before: Counts = {}

    async def mark(self) -> None:
        """From here on it is counted."""
        self._before = await self._read()

    async def since(self) -> dict[str, Counter[str]]:
        """By who asked, since the mark; who did not ask is left out."""
        used = {asker: Counter(counts) for asker, counts in (await self._read()).items()}
        for asker, counts in self._before.items():
            used[asker].subtract(counts)
        return {asker: counts for asker, counts in used.items() if any(counts.values())}

    async def settled(self) -> None:
        """Waits until nothing follows any more: what a client does may be stored after it was answered."""
        async with asyncio.timeout(60):
            before = None
            while (now := _by_clients(await self.since())) != before:
                before = now
                await asyncio.sleep(SETTLED_SECONDS)

    async def until(self, method: str, calls: int) -> None:
        """Waits for so many calls of a method since the mark: what clients do may be stored much later."""
        async with asyncio.timeout(60):
            while (await self.since()).get(method, Counter())["calls"] < calls:  # noqa: ASYNC110 - in another process
                await asyncio.sleep(0.05)

    @asynccontextmanager
    async def costs(self, into: dict[str, Costs], name: str, actions: int, **apart: str) -> AsyncIterator[None]:
        """Notes what each of so many actions costs. `apart`: another action that comes with it, and its one method."""
        await self.mark()
        yield
        await self.settled()
        used = _by_clients(await self.since())
        for other, method in apart.items():
            into[other] = Costs.of(used.pop(method, Counter()), actions)
        total: Counter[str] = Counter()
        for counts in used.values():
            total.update(counts)
        into[name] = Costs.of(total, actions)

    async def _read(self) -> Counts:
        async with self._http.get(self._url) as answer:
            return {asker: Counter(counts) for asker, counts in (await answer.json()).items()}


def _by_clients(counts: Counts) -> dict[str, Counter[str]]:
    return {asker: counted for asker, counted in counts.items() if asker not in BACKGROUND}
