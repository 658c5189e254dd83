"""An OTLP collector in the test's own process: keeps every span that it is sent, by trace."""

from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2, metrics_service_pb2_grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc

from tests.fakes.serving import served


@dataclass(frozen=True)
class Spanned:
    """One finished span. `start`, `end`: seconds since the epoch."""

    service: str
    name: str
    span_id: str
    parent_id: str
    start: float
    end: float
    attributes: dict[str, str]


@dataclass
class Collector(trace_service_pb2_grpc.TraceServiceServicer):
    """Spans by trace id, and the names of all metrics."""

    traces: dict[str, list[Spanned]] = field(default_factory=lambda: defaultdict(list))
    metrics: set[str] = field(default_factory=set)

    async def Export(
        self, request: trace_service_pb2.ExportTraceServiceRequest, context: Any
    ) -> trace_service_pb2.ExportTraceServiceResponse:
        for resource in request.resource_spans:
            named = {each.key: each.value.string_value for each in resource.resource.attributes}
            for scope in resource.scope_spans:
                for span in scope.spans:
                    attributes = {each.key: each.value.string_value for each in span.attributes}
                    self.traces[span.trace_id.hex()].append(
                        Spanned(
                            named["service.name"],
                            span.name,
                            span.span_id.hex(),
                            span.parent_span_id.hex(),
                            span.start_time_unix_nano / 1e9,
                            span.end_time_unix_nano / 1e9,
                            attributes,
                        )
                    )
        return trace_service_pb2.ExportTraceServiceResponse()


class _Metrics(metrics_service_pb2_grpc.MetricsServiceServicer):
    def __init__(self, collector: Collector) -> None:
        self._collector = collector

    async def Export(
        self, request: metrics_service_pb2.ExportMetricsServiceRequest, context: Any
    ) -> metrics_service_pb2.ExportMetricsServiceResponse:
        for resource in request.resource_metrics:
            for scope in resource.scope_metrics:
                self._collector.metrics |= {metric.name for metric in scope.metrics}
        return metrics_service_pb2.ExportMetricsServiceResponse()


@asynccontextmanager
async def collecting() -> AsyncIterator[tuple[Collector, str]]:
    """A collector and the address to export to."""
    collector = Collector()
    register_traces = partial(trace_service_pb2_grpc.add_TraceServiceServicer_to_server, collector)
    register_metrics = partial(metrics_service_pb2_grpc.add_MetricsServiceServicer_to_server, _Metrics(collector))
    async with served(register_traces, register_metrics) as address:
        yield collector, f"http://{address}"
