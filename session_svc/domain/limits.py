"""Rate limits: at most so many in any window of so many seconds, exactly.

The times of what was taken are kept, not a count per clock minute: with limits of tens this is a few hundred bytes,
no burst passes at a window's edge, and the time until the next place is known, not guessed.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `count` (one or more) in any `window` seconds."""

    count: int
    window: float


@dataclass(frozen=True, slots=True)
class Taken:
    """The outcome of asking. `times` are to be stored when allowed; `retry_after` is in seconds, 0 when allowed."""

    allowed: bool
    times: tuple[float, ...]
    retry_after: float = 0.0


def take(times: Sequence[float], limit: Limit, now: float) -> Taken:
    """Takes one at `now`, given the times of those taken before, oldest first.

    A refusal takes nothing: who keeps knocking is let in as soon as who waits. Times ahead of `now` (another
    instance's clock) count as taken now.
    """
    held = tuple(min(time, now) for time in times if time + limit.window > now)
    if len(held) < limit.count:
        return Taken(True, (*held, now))
    return Taken(False, held, held[-limit.count] + limit.window - now)
