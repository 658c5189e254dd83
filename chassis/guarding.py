"""Asks what may be down through a circuit breaker: every change of the breaker is logged once and counted."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import structlog

from chassis.breaker import Breaker, BreakerTerms, State
from chassis.errors import Unavailable
from chassis.telemetry import Attribute, Metric, meter

log = structlog.get_logger()
_changes = meter.create_counter(Metric.BREAKER)


class Guard:
    """One breaker before one thing that is asked. `now`: monotonic seconds; `reason`: of the refusals.

    `judge` says of an error whether it is a failure (True), an answer like any other (False), or tells nothing of the
    thing that was asked (None). A cancelled call tells nothing.
    """

    def __init__(
        self,
        name: str,
        reason: str,
        terms: BreakerTerms,
        now: Callable[[], float],
        judge: Callable[[Exception], bool | None],
    ) -> None:
        self._name, self._reason, self._now, self._judge = name, reason, now, judge
        self._breaker = Breaker(terms)
        self._known = self._breaker.state

    @property
    def state(self) -> State:
        """As the last call left it."""
        return self._breaker.state

    @contextmanager
    def call(self) -> Iterator[None]:
        """Around one call. Raises Unavailable instead of letting it be made while the breaker is open.

        `retry_after` is then the time left; None while another call is the trial.
        """
        admitted = self._breaker.admit(self._now())
        self._tell()
        if admitted is None:
            wait = timedelta(seconds=self._breaker.retry_after(self._now()))
            message = f"the {self._name} did not answer and is left alone for a while"
            raise Unavailable(self._reason, message, retry_after=wait or None)
        failure: bool | None = None
        try:
            yield
            failure = False
        except Exception as error:
            failure = self._judge(error)
            raise
        finally:
            if failure is None:
                self._breaker.abandoned(admitted)
            elif failure:
                self._breaker.failed(admitted, self._now())
            else:
                self._breaker.succeeded(admitted)
            self._tell()

    def _tell(self) -> None:
        state = self._breaker.state
        if state is self._known:
            return
        self._known = state
        said = log.info if state is State.CLOSED else log.warning
        said("breaker_changed", guarded=self._name, state=state.value)
        _changes.add(1, {Attribute.GUARDED.value: self._name, Attribute.OUTCOME.value: state.value})
