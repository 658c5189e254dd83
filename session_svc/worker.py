"""One thread for what must not be done on the event loop."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from chassis.errors import Unavailable

P = ParamSpec("P")
T = TypeVar("T")


class Worker:
    """Does one thing after the other, in the order asked.

    At most `waiting` things are under way; when full, the next is refused with what `full` makes, which callers
    retry: better than an answer after their deadline. A caller that is cancelled takes back what has not begun.
    """

    def __init__(self, name: str, waiting: int, full: Callable[[], Unavailable]) -> None:
        self._executor = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._waiting, self._full = waiting, full
        self._under_way = 0

    async def run(self, do: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What `do` returns or raises."""
        if self._under_way >= self._waiting:
            raise self._full()
        self._under_way += 1
        try:
            return await asyncio.wrap_future(self._executor.submit(do, *args, **kwargs))
        finally:
            self._under_way -= 1

    def close(self) -> None:
        """Waits for what has begun; the rest is dropped."""
        self._executor.shutdown(wait=True, cancel_futures=True)
