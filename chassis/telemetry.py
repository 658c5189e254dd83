"""Traces, metrics and logs: every name in one place, and the bootstrap that sends them.

Without an OTLP endpoint nothing is set up: OpenTelemetry's API then hands out no-op tracers and meters, which cost
nothing. One spoken segment is one trace: its root span `segment` lives in transcription_svc from the arrival of its
first chunk to the release of its last cue; the context travels in the messages (`traceparent`), because the streams
they ride on live as long as the session and have no span of their own.
"""

import json
import logging
import sys
import time
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from enum import StrEnum
from typing import Any
from uuid import uuid4

import grpc
import structlog
from opentelemetry import context as otel_context
from opentelemetry import metrics, propagate, trace
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.grpc import aio_client_interceptors, aio_server_interceptor, filters
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor


class Span(StrEnum):
    """Every span we name ourselves; RPC spans are named by the gRPC instrumentation."""

    SEGMENT = "segment"  # Root. transcription_svc: first chunk received .. last cue released.
    EDGE_RECEIVE = "edge.receive"  # edge: first chunk of the segment, socket .. stream.
    RECOGNIZE = "recognize"  # transcription_svc: first chunk .. the segment's text is closed.
    TRANSLATE = "translate"  # transcription_svc: the call into all languages.
    DRAFT = "draft"  # transcription_svc: the call into all languages for a segment that is still open.
    VOICE = "voice"  # transcription_svc: one language, synthesis called .. last chunk released.
    ENGINE_TRANSLATE = "engine.translate"  # translation_svc: one engine call.
    ENGINE_SYNTHESIZE = "engine.synthesize"  # synthesis_svc: one engine call.
    EDGE_CAPTION = "edge.caption"  # edge: a final caption written to the feed's listeners.
    EDGE_CUE = "edge.cue"  # edge: a cue's first frame .. its last, written to the feed's listeners.


class Attribute(StrEnum):
    """Every span and metric attribute we set ourselves. Never text of speech, never a connection id."""

    SESSION = "lingocast.session"
    SEGMENT = "lingocast.segment"
    LANGUAGE = "lingocast.language"
    SOURCE_LANGUAGE = "lingocast.source_language"
    ENGINE = "lingocast.engine"
    CACHE_HIT = "lingocast.cache_hit"
    LISTENERS = "lingocast.listeners"
    REASON = "lingocast.reason"
    OUTCOME = "lingocast.outcome"
    LAYER = "lingocast.layer"  # Of the translation cache: memory or table.
    SERVICE = "lingocast.service"  # What fails over: recognition, translation, synthesis.
    ENGINE_BEFORE = "lingocast.engine_before"
    ENGINE_AFTER = "lingocast.engine_after"
    GUARDED = "lingocast.guarded"  # What a circuit breaker stands before.


class Metric(StrEnum):
    """Every metric. Kind and unit are in the name: `_seconds`, `_bytes`, `_ratio` are histograms, `_total` counters."""

    CAPTION_LAG = "lingocast_caption_lag_seconds"  # End of the segment's speech .. final caption sent.
    VOICE_LAG = "lingocast_voice_lag_seconds"  # End of the segment's speech .. its audio starts.
    VOICE_TEMPO = "lingocast_voice_tempo_ratio"  # Of a cue, against the voice's normal speed.
    TRANSLATE = "lingocast_translate_seconds"  # One engine call.
    SYNTHESIZE_FIRST = "lingocast_synthesize_first_chunk_seconds"  # Request .. first chunk.
    PLAIN_CUES = "lingocast_plain_cues_total"  # Spoken by a plain voice because the neural one is too busy.
    SSML_REFUSED = "lingocast_ssml_refused_total"  # Spoken as plain text instead, by engine and reason.
    CUES_DROPPED = "lingocast_cues_dropped_total"
    AUDIO_DROPPED = "lingocast_audio_dropped_total"  # Chunks of a speaker dropped, by reason.
    LISTENER_AUDIO_DROPPED = "lingocast_listener_audio_dropped_seconds_total"  # Not sent to who does not keep up.
    DELIVERIES = "lingocast_deliveries_total"  # Frames times listeners, of feeds.
    BUS_CONNECTIONS = "lingocast_bus_connections_total"  # Of an edge to NATS, made or made again.
    BUS_DROPPED = "lingocast_bus_dropped_total"  # Messages between edges that were not sent or not taken, by reason.
    BUS_LOST = "lingocast_bus_lost_seconds_total"  # Audio of feeds that did not come from the edge of the speaker.
    SPECULATIONS = (
        "lingocast_speculations_total"  # Segments closed, by whether a draft was their translation (outcome).
    )
    CORRECTIONS = "lingocast_corrections_total"  # Closed segments whose caption a final corrected.
    LANGUAGE_FAILURES = "lingocast_language_failures_total"
    DYNAMICS_FAILURES = "lingocast_dynamics_failures_total"
    QUALITY_FAILURES = "lingocast_quality_failures_total"
    QUALITY_WARNINGS = "lingocast_quality_warnings_total"  # Told to a speaker, by issue (reason).
    STORE = "lingocast_store_seconds"  # One store operation.
    ENGINE_RETRIES = "lingocast_engine_retries_total"  # Calls of an engine tried again, by engine and reason.
    CACHE_ENTRIES = "lingocast_translation_cache_entries"  # Translations remembered now, in the process.
    GUARDED_TEXTS = "lingocast_translation_guarded_total"  # Texts with terms or figures at risk, by what came of it.
    STORE_RETRIES = "lingocast_store_retries_total"  # Store operations tried again, by reason.
    BREAKER = "lingocast_breaker_changes_total"  # Changes of a circuit breaker, by guarded and its new state (outcome).
    FAILOVERS = "lingocast_failovers_total"  # Changes of the engine that serves, by service, engine before and after.
    REPLAYED = "lingocast_audio_replayed_seconds_total"  # Speaker's audio heard again by another stream.
    UNHEARD = "lingocast_audio_unheard_seconds_total"  # Speaker's audio that no stream of an engine finished.
    LIMITS_OPEN = "lingocast_rate_limits_open_total"  # Takes from a limit that could not be enforced.
    REAPED = "lingocast_connections_reaped_total"  # Connections of edges that died.
    CACHE = "lingocast_translation_cache_total"  # By layer and outcome (hit, miss, ...).
    SOCKETS = "lingocast_sockets_opened_total"
    ERRORS = "lingocast_errors_total"  # Errors sent to clients, by code.


tracer = trace.get_tracer("lingocast")
meter = metrics.get_meter("lingocast")

_state = {"tracing": False}


@contextmanager
def telemetry(service: str, otlp_endpoint: str, log_level: str) -> Iterator[None]:
    """Sets up logs, and traces and metrics where an endpoint is given; flushes them on leaving."""
    _logs(service, log_level)
    if not otlp_endpoint:
        yield
        return
    # Several edges are one service: without an id of its own, each one's counters would overwrite the others'.
    identity = {"service.name": service, "service.namespace": "lingocast", "service.instance.id": str(uuid4())}
    resource = Resource.create(identity)
    tracing = TracerProvider(resource=resource)
    # Half a second: a trace is complete soon after its segment, and a crash loses little.
    tracing.add_span_processor(
        BatchSpanProcessor(OTLPSpanExporter(endpoint=otlp_endpoint, insecure=True), schedule_delay_millis=500)
    )
    metering = MeterProvider(
        resource=resource,
        metric_readers=[PeriodicExportingMetricReader(OTLPMetricExporter(endpoint=otlp_endpoint, insecure=True))],
    )
    trace.set_tracer_provider(tracing)
    metrics.set_meter_provider(metering)
    _state["tracing"] = True
    try:
        yield
    finally:
        tracing.shutdown()
        metering.shutdown()


def server_interceptors() -> list[grpc.aio.ServerInterceptor]:
    """Spans for the calls a service answers; none for long streams and health checks."""
    if not _state["tracing"]:
        return []
    return [aio_server_interceptor(filter_=_worth_a_span())]  # type: ignore[no-untyped-call]


def client_interceptors() -> list[grpc.aio.ClientInterceptor]:
    """Spans for the calls a service makes; none for long streams and health checks."""
    if not _state["tracing"]:
        return []
    return list(aio_client_interceptors(filter_=_worth_a_span()))  # type: ignore[no-untyped-call]


def traceparent(context: otel_context.Context | None = None) -> str:
    """The W3C traceparent of a context (the current one by default); empty when tracing is off."""
    carrier: dict[str, str] = {}
    propagate.inject(carrier, context)
    return carrier.get("traceparent", "")


def context_of(parent: str) -> otel_context.Context:
    """The context that a traceparent stands for; an empty one for an empty string."""
    return propagate.extract({"traceparent": parent}) if parent else otel_context.Context()


def span_between(
    name: Span, parent: otel_context.Context, start: float, end: float, attributes: Mapping[str, str | int | float]
) -> None:
    """Records a span after the fact. `start`, `end`: wall clock, seconds since the epoch."""
    if _state["tracing"]:
        tracer.start_span(name, parent, start_time=_ns(start), attributes=attributes).end(_ns(end))


def wall_clock(monotonic: float) -> float:
    """The wall-clock time, seconds since the epoch, of a moment of the monotonic clock."""
    return time.time() - (time.monotonic() - monotonic)


def _ns(seconds: float) -> int:
    return int(seconds * 1e9)


def _worth_a_span() -> Any:
    streams = [filters.method_name(name) for name in ("Broadcast", "StreamingRecognize", "WatchSession")]
    return filters.negate(filters.any_of(filters.health_check(), filters.method_name("RenewEdgeLease"), *streams))


def _logs(service: str, level: str) -> None:
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _with(service),
            _trace_ids,
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_LibraryLine(service))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])


class _LibraryLine(logging.Formatter):
    """A library's log record as a JSON line like ours."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        line = {"event": record.getMessage(), "level": record.levelname.lower(), "logger": record.name}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps({**line, "service": self._service})


def _with(service: str) -> structlog.typing.Processor:
    def add(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        return {**event, "service": service}

    return add


def _trace_ids(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    context = trace.get_current_span().get_span_context()
    if context.is_valid:
        event["trace_id"], event["span_id"] = f"{context.trace_id:032x}", f"{context.span_id:016x}"
    return event
