"""When to stop asking what does not answer: a circuit breaker as a pure machine.

It lets calls through until so many failed in a row, then refuses all for a rest, then lets one through as a trial: its
success closes the breaker, its failure opens it for another rest. Each call is let through on a pass and reports with
it: what a call has to say that was let through in an earlier state counts no more, so an old call's late failure does
not undo a trial, and its late success does not end a rest.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """CLOSED lets calls through, OPEN none, HALF_OPEN one at a time."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Move(StrEnum):
    """What moves a breaker on."""

    TOO_MANY_FAILURES = "too_many_failures"
    LASTING_FAILURE = "lasting_failure"
    RESTED = "rested"
    TRIAL_SUCCEEDED = "trial_succeeded"
    TRIAL_FAILED = "trial_failed"


# What is absent cannot happen.
MOVES: Mapping[State, Mapping[Move, State]] = {
    State.CLOSED: {Move.TOO_MANY_FAILURES: State.OPEN, Move.LASTING_FAILURE: State.OPEN},
    State.OPEN: {Move.RESTED: State.HALF_OPEN},
    State.HALF_OPEN: {Move.TRIAL_SUCCEEDED: State.CLOSED, Move.TRIAL_FAILED: State.OPEN},
}


@dataclass(frozen=True, slots=True)
class BreakerTerms:
    """So many failures in a row open it, for so many seconds."""

    failures: int = 5
    rest: float = 30.0


@dataclass(frozen=True, slots=True)
class Pass:
    """Lets one call through. `era`: how often the breaker had moved by then."""

    era: int


class Breaker:
    """One breaker. `now` is monotonic seconds. Every pass is to be given back, by exactly one of the three reports."""

    def __init__(self, terms: BreakerTerms) -> None:
        self._terms = terms
        self._state = State.CLOSED
        self._era = 0
        self._failures = 0
        self._opened_at = 0.0
        self._rest = terms.rest
        self._trying = False

    @property
    def state(self) -> State:
        """As the last call left it: a rest that is over is noticed by the next `admit`."""
        return self._state

    def admit(self, now: float) -> Pass | None:
        """A pass for one call; None when it must not be made."""
        deadline = self.deadline()
        if deadline is not None and now >= deadline:
            self._move(Move.RESTED)
        match self._state:
            case State.OPEN:
                return None
            case State.HALF_OPEN if self._trying:
                return None
        self._trying = self._state is State.HALF_OPEN
        return Pass(self._era)

    def succeeded(self, admitted: Pass) -> None:
        """The call was answered."""
        if admitted.era != self._era:
            return
        self._failures = 0
        if self._state is State.HALF_OPEN:
            self._move(Move.TRIAL_SUCCEEDED)

    def failed(self, admitted: Pass, now: float, *, rest: float | None = None) -> None:
        """The call was not answered. `rest`: it is known that none will be for so many seconds."""
        if admitted.era != self._era:
            return
        self._failures += 1
        if self._state is State.HALF_OPEN:
            self._open(Move.TRIAL_FAILED, now, rest)
        elif rest is not None:
            self._open(Move.LASTING_FAILURE, now, rest)
        elif self._failures >= self._terms.failures:
            self._open(Move.TOO_MANY_FAILURES, now, rest)

    def trip(self, now: float) -> None:
        """It is known, from more than one call, that none will be answered. No news to a breaker that is not closed."""
        if self._state is State.CLOSED:
            self._open(Move.LASTING_FAILURE, now, None)

    def abandoned(self, admitted: Pass) -> None:
        """The call ended without telling anything (its caller left); if it was the trial, another may try."""
        if admitted.era == self._era:
            self._trying = False

    def deadline(self) -> float | None:
        """When the rest is over; None when the breaker does not rest."""
        return self._opened_at + self._rest if self._state is State.OPEN else None

    def retry_after(self, now: float) -> float:
        """Seconds until a call may be let through; 0 when it depends on a trial, or now."""
        deadline = self.deadline()
        return max(0.0, deadline - now) if deadline is not None else 0.0

    def _open(self, move: Move, now: float, rest: float | None) -> None:
        self._opened_at = now
        self._rest = self._terms.rest if rest is None else rest
        self._move(move)

    def _move(self, move: Move) -> None:
        self._state = MOVES[self._state][move]
        self._era += 1
        self._failures = 0
        self._trying = False
