"""When a connection grows old: asked to refresh, warned, closed."""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class RefreshDue:
    """The client is to open its next connection. `seconds_left`: until this one closes."""

    seconds_left: float


@dataclass(frozen=True, slots=True)
class ClosesSoon:
    """The client did not, and the end is near."""

    minutes_left: int


@dataclass(frozen=True, slots=True)
class TooOld:
    """The connection is to be closed."""


Notice: TypeAlias = RefreshDue | ClosesSoon | TooOld


@dataclass(frozen=True, slots=True)
class LifeSpan:
    """Seconds after its opening at which a connection is asked, first warned, and closed.

    By default 100, 105 and 120 minutes: a session lives for two hours after a refresh.
    """

    refresh: float = 6_000.0
    warn: float = 6_300.0
    close: float = 7_200.0


class Lifetime:
    """One connection's. The warning comes again as often as fits: the first one's distance from the request."""

    __slots__ = ("_notices", "_opened_at", "_said")

    def __init__(self, opened_at: float, span: LifeSpan) -> None:
        self._opened_at = opened_at
        self._notices = _notices(span)
        self._said = 0

    def deadline(self) -> float | None:
        """When something is due; None once the end was said."""
        return self._opened_at + self._notices[self._said][0] if self._said < len(self._notices) else None

    def tick(self, now: float) -> Notice | None:
        """What is due by `now`, the latest of it."""
        notice = None
        while (due := self.deadline()) is not None and due <= now:
            notice = self._notices[self._said][1]
            self._said += 1
        return notice


@lru_cache(maxsize=8)  # Thousands of connections share one.
def _notices(span: LifeSpan) -> tuple[tuple[float, Notice], ...]:
    """At which age what is said."""
    warnings = ((age, ClosesSoon(math.ceil((span.close - age) / 60))) for age in _warnings(span))
    return ((span.refresh, RefreshDue(span.close - span.refresh)), *warnings, (span.close, TooOld()))


def _warnings(span: LifeSpan) -> tuple[float, ...]:
    every = max(span.warn - span.refresh, 1e-3)
    count = max(0, math.ceil((span.close - span.warn) / every - 1e-9))
    return tuple(span.warn + number * every for number in range(min(count, 60)))
