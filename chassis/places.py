"""A bounded number of calls at once, and a bounded number that wait for their turn."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from chassis.errors import LingocastError


class Places:
    """`count` places; `waiting` callers may wait for one, in order of arrival. Full: refused at once, by `refusal`."""

    def __init__(self, count: int, waiting: int, refusal: Callable[[], LingocastError]) -> None:
        self._refusal = refusal
        self._free = asyncio.Semaphore(count)
        self._most_waiting = waiting
        self._waiting = 0

    @asynccontextmanager
    async def one(self, deadline: float) -> AsyncIterator[None]:
        """A place for as long as the context. `deadline`: the loop's time until which to wait. Raises `refusal`."""
        if self._free.locked() and self._waiting >= self._most_waiting:
            raise self._refusal()
        self._waiting += 1
        try:
            async with asyncio.timeout_at(deadline):
                await self._free.acquire()
        except TimeoutError as error:
            raise self._refusal() from error
        finally:
            self._waiting -= 1
        try:
            yield
        finally:
            self._free.release()
