"""Which feeds the neural voices speak when they cannot speak them all.

A seat for each feed (a session in one language), kept: a voice that changes at every sentence is worse than a plain
one. Feeds of higher tiers and those that came first are the last to lose theirs; who lost one gets it back when there
is clearly room again, and waits longer each time it turns out that there was not. Pure.
"""

import math
from dataclasses import dataclass
from typing import Final

# Worker time that the seated feeds may need a second, of each worker: to take a seat anew, and to take it back.
FULL: Final = 0.95
ROOMY: Final = 0.8
# Beyond it, somebody goes even if no cue is late yet: each is heard in time, with ever longer gaps inside.
HOPELESS: Final = 1.2
# How much of a tier's patience its cues may wait, on average, before somebody has to go; and to take a seat back.
LATE: Final = 0.75
CALM: Final = 0.2
# After a change its effect is waited for.
SETTLE_SECONDS: Final = 5.0
# Without a seat at least so long; twice as long each time it was taken back in vain.
HOLD_SECONDS: Final = 20.0
LONGEST_HOLD_SECONDS: Final = 320.0
# A seat kept for so long was not in vain.
PROVEN_SECONDS: Final = 120.0
FORGET_SECONDS: Final = 60.0
_WINDOW_SECONDS: Final = 15.0
# What a first cue is the work of.
_CUE_SECONDS: Final = 7.0
_NEWEST: Final = 0.3


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a cue would be, in seconds. `work`: of one worker. `played`: how long it sounds. `wait`: how much later than
    planned it would be heard."""

    work: float
    played: float
    wait: float


@dataclass(slots=True)
class _Seat:
    turn: int
    number: int
    begun: float
    seen: float
    work: float = 0.0
    pace: float = 0.0  # Work for each second played, of the last cue.
    wait: float = 0.0
    neural: bool = True
    since: float = 0.0
    hold: float = HOLD_SECONDS / 2

    @property
    def rank(self) -> tuple[int, int]:
        return self.turn, self.number

    def count(self, cue: Estimate, now: float) -> None:
        """Work of the past fades; what is left over the window is the work a second."""
        self.work = self._left(now) + cue.work
        self.pace = cue.work / max(cue.played, 0.1)
        self.seen = now

    def load(self, now: float) -> float:
        """Worker time a second. Never more than it takes to speak without a pause: a long text is spoken for long."""
        age = now - self.begun + _CUE_SECONDS
        return min(self._left(now) / (_WINDOW_SECONDS * (1 - math.exp(-age / _WINDOW_SECONDS))), self.pace)

    def _left(self, now: float) -> float:
        return self.work * math.exp((self.seen - now) / _WINDOW_SECONDS)


class Seats:
    """Asked once for each cue. `workers`: pieces that can be made at the same time."""

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._seats: dict[str, _Seat] = {}
        self._came = 0
        self._settled_at = -math.inf

    def take(self, feed: str, turn: int, cue: Estimate, patience_seconds: float, now: float) -> bool:
        """Whether the neural voice speaks this cue of `feed`: not when its wait is beyond `patience_seconds`, whoever
        it is. `turn`: of its tier, lower is first. `now`: monotonic.
        """
        self._forget(now)
        seat = self._seats.get(feed)
        if seat is None:
            self._came += 1
            seat = self._seats[feed] = _Seat(turn, self._came, now, now, since=now)
            seat.count(cue, now)
            self._make_fit(now)
        else:
            seat.count(cue, now)
        if seat.neural:
            seat.wait += _NEWEST * (cue.wait - seat.wait)
            late = cue.wait > patience_seconds or seat.wait > LATE * patience_seconds
            if late or self._work(now) > HOPELESS * self._workers:
                self.late(now)
        elif self._may_return(seat, cue.wait, patience_seconds, now):
            seat.neural, seat.since = True, now
            self._settle(now)
            self._make_fit(now)
        return seat.neural and cue.wait <= patience_seconds

    def late(self, now: float) -> None:
        """A cue was given up before it began, for being late."""
        if self._seated() and now >= self._settled_at:
            self._unseat_last(now)

    def _seated(self) -> list[_Seat]:
        return sorted((seat for seat in self._seats.values() if seat.neural), key=lambda seat: seat.rank)

    def _work(self, now: float) -> float:
        """Worker time a second that the seated feeds need."""
        return sum(seat.load(now) for seat in self._seated())

    def _make_fit(self, now: float) -> None:
        """Whoever came or came back may be too much, or may have to be made room for."""
        seated = self._seated()
        if len(seated) > 1 and self._work(now) > FULL * self._workers:
            self._unseat_last(now)

    def _unseat_last(self, now: float) -> None:
        last = self._seated()[-1]
        last.hold = HOLD_SECONDS if now - last.since > PROVEN_SECONDS else min(2 * last.hold, LONGEST_HOLD_SECONDS)
        last.neural, last.since = False, now
        self._settle(now)

    def _may_return(self, seat: _Seat, wait_seconds: float, patience_seconds: float, now: float) -> bool:
        if now < max(self._settled_at, seat.since + seat.hold) or wait_seconds > CALM * patience_seconds:
            return False
        if any(other.rank < seat.rank and not other.neural for other in self._seats.values()):
            return False
        before = [other.load(now) for other in self._seated() if other.rank < seat.rank]
        # With nobody seated nothing is learned of the machine any more: one has to try.
        return not self._seated() or sum(before) + seat.load(now) <= ROOMY * self._workers

    def _settle(self, now: float) -> None:
        self._settled_at = now + SETTLE_SECONDS
        for seat in self._seats.values():
            seat.wait = 0.0

    def _forget(self, now: float) -> None:
        for feed in [feed for feed, seat in self._seats.items() if now - seat.seen > FORGET_SECONDS]:
            del self._seats[feed]
