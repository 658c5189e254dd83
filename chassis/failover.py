"""Which of several engines to ask now: a pure machine over one circuit breaker for each.

The preferred engine that is well is asked. One that failed too often in a row is left alone for a rest, and one that
nothing but a person can mend for a longer one; then a single call tries it, and with its success it takes over again.
Where all that could be asked are resting, one of them is asked all the same: a refusal would help nobody.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from chassis.breaker import Breaker, BreakerTerms, Pass, State


@dataclass(frozen=True, slots=True)
class FailoverTerms:
    """When an engine is left alone, and for how long. `lasting_rest`: after a failure that trying again cannot mend."""

    breaker: BreakerTerms = field(default_factory=BreakerTerms)
    lasting_rest: float = 300.0


@dataclass(frozen=True, slots=True)
class Choice:
    """One call of one engine, to be reported by exactly one of `succeeded`, `failed` and `abandoned`.

    `admitted`: None where the engine was asked although it rests; its report then decides nothing.
    """

    engine: str
    admitted: Pass | None

    @property
    def for_want_of_another(self) -> bool:
        """Whether the engine rests, and was chosen because all do."""
        return self.admitted is None


@dataclass(frozen=True, slots=True)
class Moved:
    """From now on another engine serves."""

    before: str
    after: str


class Failover:
    """The engines of one service, by name, the preferred first. `now` is monotonic seconds.

    `offered`, where asked for: those of them that could do the work at hand, in the same order, at least one.
    """

    def __init__(self, engines: Sequence[str], terms: FailoverTerms) -> None:
        self._terms = terms
        self._breakers = {name: Breaker(terms.breaker) for name in engines}
        self._serving = self.serving(tuple(engines))

    def standing(self, engine: str) -> State:
        """CLOSED: well. OPEN: rests. HALF_OPEN: one call tries it."""
        return self._breakers[engine].state

    def rests(self, engine: str, now: float) -> bool:
        """Whether it is left alone now: `standing` learns of a rest's end only when somebody asks the engine."""
        return self._breakers[engine].retry_after(now) > 0

    def serving(self, offered: Sequence[str]) -> str:
        """The engine that work goes to at present: the preferred one that is well, or the last."""
        well = (name for name in offered if self.standing(name) is State.CLOSED)
        return next(well, offered[-1])

    def choose(self, offered: Sequence[str], now: float) -> Choice:
        """Who is asked now."""
        for name in offered:
            admitted = self._breakers[name].admit(now)
            if admitted is not None:
                return Choice(name, admitted)
        return Choice(min(offered, key=lambda name: self._breakers[name].retry_after(now)), None)

    def better(self, than: str, offered: Sequence[str], now: float) -> Choice | None:
        """A choice that is preferred to the engine at work, now that it may be asked; None when there is none.

        Unlike a call, work under way loses something by a change: an engine must be well, or on trial, for it.
        """
        for name in offered[: offered.index(than)]:
            admitted = self._breakers[name].admit(now)
            if admitted is not None:
                return Choice(name, admitted)
        return None

    def succeeded(self, choice: Choice) -> Moved | None:
        """It did the work."""
        if choice.admitted is not None:
            self._breakers[choice.engine].succeeded(choice.admitted)
        return self._moved()

    def failed(self, choice: Choice, now: float, *, lasting: bool = False) -> Moved | None:
        """It did not. `lasting`: trying again is no use until a person has mended something."""
        if choice.admitted is not None:
            rest = self._terms.lasting_rest if lasting else None
            self._breakers[choice.engine].failed(choice.admitted, now, rest=rest)
        return self._moved()

    def gave_up(self, engine: str, now: float) -> Moved | None:
        """One piece of work failed with it whatever was tried: it rests at once, as after too many failures."""
        self._breakers[engine].trip(now)
        return self._moved()

    def abandoned(self, choice: Choice) -> None:
        """The call ended without telling anything of the engine."""
        if choice.admitted is not None:
            self._breakers[choice.engine].abandoned(choice.admitted)

    def _moved(self) -> Moved | None:
        before, self._serving = self._serving, self.serving(tuple(self._breakers))
        return Moved(before, self._serving) if self._serving != before else None
