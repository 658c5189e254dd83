"""Threads for work that would stall the event loop, served by turn.

Threads and not a pool of asyncio's: the order is by turn, what is cancelled before it starts is never computed, and the
threads can stand back for other programs of the machine.
"""

import asyncio
import os
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

from chassis.errors import Exhausted
from synthesis_svc.domain.workload import Place

T = TypeVar("T")

_LAST: Final = Place(1 << 62, 0.0, 0)


@dataclass(order=True, slots=True)
class _Job(Generic[T]):
    place: Place
    work: Callable[[], T] | None = field(compare=False)
    future: "Future[T]" = field(compare=False)


class Workers:
    """`count` threads over one queue of at most `capacity` waiting jobs. Full: refused with ENGINE_OVERLOADED."""

    def __init__(self, name: str, *, count: int, capacity: int, niceness: int = 0) -> None:
        # The queue itself has room for the end marks too; `submit` keeps to the capacity.
        self._queue: queue.PriorityQueue[_Job[object]] = queue.PriorityQueue()
        self._capacity = capacity
        self._niceness = niceness
        self._threads = [
            threading.Thread(target=self._serve, name=f"{name}-{number}", daemon=True) for number in range(count)
        ]
        for thread in self._threads:
            thread.start()

    def room(self) -> int:
        """Jobs that can still be submitted. Cancelled ones take their place until their turn comes."""
        return self._capacity - self._queue.qsize()

    def submit(self, place: Place, work: Callable[[], T]) -> "asyncio.Future[T]":
        """Has `work` done by a thread, smallest place first; places are unique.

        Cancelling the future before the work began spares it; later its result is thrown away. Raises
        Exhausted(ENGINE_OVERLOADED).
        """
        if self.room() <= 0:
            raise Exhausted("ENGINE_OVERLOADED", "too much text is waiting for its voice")
        future: Future[T] = Future()
        self._queue.put(_Job(place, work, future))  # type: ignore[arg-type]  # A queue of jobs of any result.
        return asyncio.wrap_future(future)

    async def close(self) -> None:
        """Cancels what waits and waits for what is under way (a second or two)."""
        while True:
            try:
                self._queue.get_nowait().future.cancel()
            except queue.Empty:
                break
        for _ in self._threads:
            self._queue.put(_Job(_LAST, None, Future()))
        for thread in self._threads:
            await asyncio.to_thread(thread.join)

    def _serve(self) -> None:
        if self._niceness:
            # On Linux niceness belongs to the thread; elsewhere this is refused or does nothing.
            with suppress(OSError, AttributeError):
                thread = threading.get_native_id()
                now = os.getpriority(os.PRIO_PROCESS, thread)
                os.setpriority(os.PRIO_PROCESS, thread, min(now + self._niceness, 19))
        while True:
            job = self._queue.get()
            if job.work is None:
                return
            if not job.future.set_running_or_notify_cancel():
                continue
            try:
                job.future.set_result(job.work())
            except BaseException as error:  # noqa: BLE001 - it is raised where the future is awaited
                job.future.set_exception(error)
