"""A service's engines in order of preference, and how they stand: chassis.failover with its clock, its log, its count.

What a failure says of the engine is read here, once for all services: an engine that is overloaded, silent or lost
(Exhausted, Unavailable, a timeout, a defect) has failed; one that no second try mends (`retryable` is False) has failed
for long; one that refused the request as wrong has answered.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

import structlog
from opentelemetry import trace

from chassis.breaker import State
from chassis.errors import Exhausted, LingocastError, Unavailable
from chassis.failover import Choice, Failover, FailoverTerms, Moved
from chassis.telemetry import Attribute, Metric, meter

log = structlog.get_logger()
_failovers = meter.create_counter(Metric.FAILOVERS)

E = TypeVar("E")


@dataclass(frozen=True, slots=True)
class Attempt(Generic[E]):
    """One engine's turn at a piece of work. `is_last`: no other is left to turn to."""

    name: str
    engine: E
    choice: Choice
    is_last: bool


class Ranking(Generic[E]):
    """The engines of `service`, by the names that the settings give them, the preferred first. `now`: monotonic."""

    def __init__(
        self,
        service: str,
        engines: Mapping[str, E],
        terms: FailoverTerms | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.engines = dict(engines)
        self._service, self._now = service, now
        self._failover = Failover(tuple(engines), terms or FailoverTerms())

    def attempts(self, offered: Sequence[str]) -> Iterator[Attempt[E]]:
        """Each of `offered` once, in the order in which they are to be asked now. Every attempt is to be `judged`."""
        left = list(offered)
        while left:
            choice = self._failover.choose(left, self._now())
            left.remove(choice.engine)
            yield Attempt(choice.engine, self.engines[choice.engine], choice, not left)

    def better(self, than: str, offered: Sequence[str]) -> Attempt[E] | None:
        """The preferred engine that may take work over from `than`. To be `judged`, or reported."""
        choice = self._failover.better(than, offered, self._now())
        return Attempt(choice.engine, self.engines[choice.engine], choice, is_last=False) if choice else None

    def well(self) -> dict[str, E]:
        """The engines that are not resting; all, where all rest."""
        now = self._now()
        well = {name: engine for name, engine in self.engines.items() if not self._failover.rests(name, now)}
        return well or self.engines

    def serving(self, offered: Sequence[str]) -> str:
        """The engine that work goes to at present."""
        return self._failover.serving(offered)

    def stands_in(self, name: str, offered: Sequence[str]) -> bool:
        """Whether `name` does what a preferred engine is out of order for."""
        before = offered[: offered.index(name)]
        return bool(before) and all(self._failover.standing(other) is not State.CLOSED for other in before)

    @contextmanager
    def judged(self, attempt: Attempt[E]) -> Iterator[None]:
        """Around the attempt's work: what came of it decides how the engine stands. A cancelled one tells nothing."""
        try:
            yield
        except Exception as error:
            if is_fault(error):
                self.failed(attempt, error)
            else:
                self.succeeded(attempt)
            raise
        except BaseException:
            self.abandoned(attempt)
            raise
        else:
            self.succeeded(attempt)

    def succeeded(self, attempt: Attempt[E]) -> None:
        """It did the work."""
        self._tell(self._failover.succeeded(attempt.choice))

    def failed(self, attempt: Attempt[E], error: BaseException) -> None:
        """It did not."""
        self._tell(self._failover.failed(attempt.choice, self._now(), lasting=is_lasting(error)))

    def gave_up(self, name: str) -> None:
        """An engine was tried often enough: it rests, as after too many failures."""
        self._tell(self._failover.gave_up(name, self._now()))

    def abandoned(self, attempt: Attempt[E]) -> None:
        """Nothing is known of it."""
        self._failover.abandoned(attempt.choice)

    def _tell(self, moved: Moved | None) -> None:
        if moved is None:
            return
        log.warning("engine_changed", of=self._service, before=moved.before, after=moved.after)
        names = {Attribute.ENGINE_BEFORE.value: moved.before, Attribute.ENGINE_AFTER.value: moved.after}
        _failovers.add(1, {Attribute.SERVICE.value: self._service, **names})
        trace.get_current_span().add_event("engine_changed", names)


def is_fault(error: BaseException) -> bool:
    """Whether the engine failed, and did not merely refuse this request."""
    return not isinstance(error, LingocastError) or isinstance(error, Exhausted | Unavailable)


def told(error: BaseException) -> dict[str, str]:
    """What a log line says of a failure: a defect's own words, unlike our sentences, may repeat the text."""
    if isinstance(error, LingocastError):
        return {"reason": error.reason, "message": error.message}
    return {"reason": type(error).__name__}


def is_lasting(error: BaseException) -> bool:
    """Whether trying again is no use until a person has mended something."""
    return isinstance(error, Unavailable) and not error.retryable
