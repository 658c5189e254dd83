"""Runs a pure machine: feeds it events and the time, performs what it decides.

A machine knows neither clock nor loop. It takes the time as an argument, answers with actions, and says when it wants
to be woken. Everything that waits is here.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Iterable
from typing import Protocol, TypeVar

Event_contra = TypeVar("Event_contra", contravariant=True)
Action_co = TypeVar("Action_co", covariant=True)
E = TypeVar("E")
A = TypeVar("A")


class Machine(Protocol[Event_contra, Action_co]):
    """Decides; never waits, never performs. `now` is monotonic seconds and never goes back."""

    def receive(self, event: Event_contra, now: float) -> Iterable[Action_co]: ...

    def tick(self, now: float) -> Iterable[Action_co]:
        """Called at or after `deadline()`."""
        ...

    def finish(self, now: float) -> Iterable[Action_co]:
        """Called once, after the last event."""
        ...

    def deadline(self) -> float | None:
        """When to tick, or None while only an event can change anything."""
        ...


class Inbox(AsyncIterable[E]):
    """A bounded queue of events with an end. Full: `put` waits, so its callers slow down (back-pressure)."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._events: deque[E] = deque()
        self._closed = False
        self._filled = asyncio.Event()
        self._freed = asyncio.Event()

    async def put(self, event: E) -> None:
        """Waits for a place. After `close` events are dropped: whoever reads is gone or going."""
        while not self.put_nowait(event) and not self._closed:
            self._freed.clear()
            await self._freed.wait()

    def put_nowait(self, event: E) -> bool:
        """False when full or closed; the caller says what that means."""
        if self._closed or len(self._events) >= self._size:
            return False
        self._events.append(event)
        self._filled.set()
        return True

    def close(self) -> None:
        """No more events; those queued are still read. Nobody waits any longer, on either side."""
        self._closed = True
        self._filled.set()
        self._freed.set()

    def __len__(self) -> int:
        return len(self._events)

    async def get(self) -> E:
        """The next event. Raises StopAsyncIteration after the last. Safe to cancel: nothing is lost."""
        while not self._events:
            if self._closed:
                raise StopAsyncIteration
            self._filled.clear()
            await self._filled.wait()
        self._freed.set()
        return self._events.popleft()

    def __aiter__(self) -> "Inbox[E]":
        return self

    async def __anext__(self) -> E:
        return await self.get()


async def drive(machine: Machine[E, A], inbox: Inbox[E], perform: Callable[[A], Awaitable[None]]) -> None:
    """Runs `machine` until `inbox` ends; then finishes it. `perform` is awaited for one action after the other.

    A tick that is due goes before the next event, so that a full inbox cannot put off what time decides.
    """
    loop = asyncio.get_running_loop()
    while True:
        deadline = machine.deadline()
        if deadline is not None and deadline <= loop.time():
            await asyncio.sleep(0)
            actions = machine.tick(loop.time())
        else:
            try:
                async with asyncio.timeout_at(deadline):
                    event = await inbox.get()
            except TimeoutError:
                continue
            except StopAsyncIteration:
                break
            actions = machine.receive(event, loop.time())
        for action in actions:
            await perform(action)
    for action in machine.finish(loop.time()):
        await perform(action)


async def told_by(work: Callable[[], Awaitable[None]], inbox: Inbox[E]) -> AsyncGenerator[E, None]:
    """What `work` puts into `inbox`, while it runs; then raises what `work` raised. Closed: `work` is cancelled.

    Only then: a TaskGroup in a generator cancels whoever reads it, whatever that is busy with. A gRPC call which is
    cancelled while it writes leaves its caller waiting for ever.
    """
    failures: list[Exception] = []

    async def run() -> None:
        try:
            await work()
        except Exception as failure:  # noqa: BLE001 - the reader gets it
            failures.append(failure)
        finally:
            inbox.close()

    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(run())
        try:
            async for event in inbox:
                yield event
        except GeneratorExit:
            # The reader is gone. Not left to the TaskGroup, which would wrap it into a failure.
            running.cancel()
    for failure in failures:
        raise failure
