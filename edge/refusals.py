"""What is refused is counted always and logged sparingly: a flood of nonsense must not become a flood of lines."""

import time
from collections.abc import Callable

import structlog

from chassis.telemetry import Attribute, Metric, meter
from edge.domain.limits import TokenBucket
from edge.protocol.server import ErrorMessage

errors_sent = meter.create_counter(Metric.ERRORS)


class RefusalLog:
    """`burst` lines at once, then `rate` a second; the next line says how many were `left_out`. `clock`: monotonic."""

    def __init__(
        self,
        log: "structlog.stdlib.BoundLogger",
        rate: float,
        burst: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._log = log
        self._bucket = TokenBucket(rate, burst)
        self._clock = clock
        self._left_out = 0

    def note(self, told: ErrorMessage) -> None:
        errors_sent.add(1, {Attribute.REASON: told.code})
        if self._bucket.take(self._clock()):
            self._left_out += 1
            return
        self._log.info("refused", code=told.code, correlation=told.correlation_id, left_out=self._left_out)
        self._left_out = 0
