"""When a connection grows old: asked to refresh, warned, closed."""

import math
from dataclasses import dataclass
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

    def __init__(self, opened_at: float, span: LifeSpan) -> None:
        self._opened_at = opened_at
        self._span = span
        self._due: tuple[float, ...] = (span.refresh, *_warnings(span), span.close)

    def deadline(self) -> float | None:
        """When something is due; None once the end was said."""
        return self._opened_at + self._due[0] if self._due else None

    def tick(self, now: float) -> Notice | None:
        """What is due by `now`, the latest of it."""
        age, notice = now - self._opened_at, None
        while self._due and self._due[0] <= age:
            notice, self._due = self._notice(self._due[0]), self._due[1:]
        return notice

    def _notice(self, due: float) -> Notice:
        if not self._due[1:]:
            return TooOld()
        left = self._span.close - due
        return RefreshDue(left) if due == self._span.refresh else ClosesSoon(math.ceil(left / 60))


def _warnings(span: LifeSpan) -> tuple[float, ...]:
    every = max(span.warn - span.refresh, 1e-3)
    count = max(0, math.ceil((span.close - span.warn) / every - 1e-9))
    return tuple(span.warn + number * every for number in range(min(count, 60)))
