"""One call for many callers: whoever asks for what is already being fetched waits for the same answer.

A flight lives as long as somebody waits for it. A caller that leaves never takes it from the others; the last one to
leave ends it, so that no engine works for nobody.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from types import TracebackType
from typing import Generic, Self, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Flight(Generic[V]):
    """A call under way and how many wait for it."""

    def __init__(self) -> None:
        self.landed: asyncio.Future[V] = asyncio.get_running_loop().create_future()
        self.task: asyncio.Task[None] | None = None
        self.passengers = 0


class Flights(Generic[K, V]):
    """The calls under way, by key. A context: leaving it waits for those that still fly.

    Bounded by its callers: there are never more flights than callers waiting.
    """

    def __init__(self) -> None:
        self._tasks = asyncio.TaskGroup()
        self._flying: dict[K, Flight[V]] = {}

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._tasks.__aexit__(kind, error, trace)

    def __len__(self) -> int:
        return len(self._flying)

    async def share(self, key: K, call: Callable[[], Awaitable[V]]) -> V:
        """The answer of `call`, or of the same call already under way. Raises what the call raises."""
        flight = self.board(key, call)
        try:
            # wait, not await: cancelling the caller must not cancel the future that others wait for.
            await asyncio.wait([flight.landed])
            return flight.landed.result()
        finally:
            self.leave(key, flight)

    def board(self, key: K, call: Callable[[], Awaitable[V]]) -> Flight[V]:
        """Joins the flight of `key`, or starts it. Every `board` needs its `leave`."""
        flight = self._flying.get(key)
        if flight is None:
            flight = self._flying[key] = Flight()
            flight.task = self._tasks.create_task(self._fly(key, flight, call))
        flight.passengers += 1
        return flight

    def leave(self, key: K, flight: Flight[V]) -> None:
        """Gives up one's seat. The last to leave a flight that has not landed ends it."""
        flight.passengers -= 1
        if flight.passengers == 0 and not flight.landed.done() and flight.task is not None:
            self._forget(key, flight)
            flight.task.cancel()

    async def _fly(self, key: K, flight: Flight[V], call: Callable[[], Awaitable[V]]) -> None:
        try:
            answer = await call()
        except asyncio.CancelledError:
            flight.landed.cancel()
            raise
        except Exception as error:  # noqa: BLE001 - handed to whoever waits
            flight.landed.set_exception(error)
            # Read once here: if everybody has left, nobody will, and asyncio would complain.
            flight.landed.exception()
        else:
            flight.landed.set_result(answer)
        finally:
            self._forget(key, flight)

    def _forget(self, key: K, flight: Flight[V]) -> None:
        if self._flying.get(key) is flight:
            del self._flying[key]
