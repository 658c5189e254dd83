"""The trace of a segment: one root span from the arrival of its first chunk to the release of its last cue.

Several parts work on a segment at the same time; the root ends when the last of them lets go.
"""

from dataclasses import dataclass

from opentelemetry import context as otel_context
from opentelemetry import trace

from chassis.telemetry import Attribute, Span, traceparent, tracer


@dataclass(slots=True)
class SegmentTrace:
    """One segment's root. `parent` is its W3C traceparent, empty when tracing is off."""

    span: trace.Span
    context: otel_context.Context
    parent: str
    started: float
    holders: int = 1


class SegmentTraces:
    """The segments under way. Bounded by them: each is let go of exactly once by everyone who held it."""

    def __init__(self, session_id: str) -> None:
        self._session = session_id
        self._open: dict[int, SegmentTrace] = {}

    def open(self, segment_id: int, started: float) -> SegmentTrace:
        """The segment's trace, begun now if it is new. `started`: wall clock of its first chunk at the edge."""
        known = self._open.get(segment_id)
        if known is not None:
            return known
        attributes: dict[str, str | int] = {Attribute.SESSION.value: self._session, Attribute.SEGMENT.value: segment_id}
        span = tracer.start_span(
            Span.SEGMENT, otel_context.Context(), start_time=int(started * 1e9), attributes=attributes
        )
        context = trace.set_span_in_context(span, otel_context.Context())
        self._open[segment_id] = SegmentTrace(span, context, traceparent(context), started)
        return self._open[segment_id]

    def hold(self, segment_id: int) -> None:
        """One more works on it."""
        self._open[segment_id].holders += 1

    def release(self, segment_id: int) -> None:
        """One is done with it; the last one ends the root."""
        found = self._open.get(segment_id)
        if found is None:
            return
        found.holders -= 1
        if found.holders == 0:
            found.span.end()
            del self._open[segment_id]

    def close(self) -> None:
        """Ends whatever is open: the broadcast is over."""
        for found in self._open.values():
            found.span.end()
        self._open.clear()
