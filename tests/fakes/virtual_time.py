"""A loop whose clock jumps to whatever is waited for: minutes of talk pass in milliseconds, the same each time."""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class _Selector(selectors.DefaultSelector):
    """Never waits: what it was to wait is added to the clock."""

    elapsed = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        events: list[tuple[selectors.SelectorKey, int]] = super().select(0)
        if not events and timeout is None:
            raise RuntimeError("everything waits for something that nothing will do")
        if not events:
            self.elapsed += timeout or 0.0
        return events


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._virtual = _Selector()
        super().__init__(self._virtual)
        # Timers are rounded to this; too fine a clock would never reach them.
        self._clock_resolution = 1e-9

    def time(self) -> float:
        return 1000.0 + self._virtual.elapsed


def run(work: Coroutine[Any, Any, T]) -> T:
    """The result of `work`. Raises RuntimeError where all of it waits for ever."""
    with asyncio.Runner(loop_factory=_Loop) as runner:
        return runner.run(work)
