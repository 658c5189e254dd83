"""How a gRPC service runs: health, reflection, errors, telemetry, and a drain on SIGTERM or SIGINT.

A servicer raises LingocastError; the interceptor here turns it into a status. Anything else becomes INTERNAL with a
logged traceback and a message that tells the caller nothing of our insides.
"""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import aclosing
from typing import Any, NoReturn

import grpc
import structlog
import uvloop
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2
from grpc_health.v1 import health as grpc_health
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from grpc_status import rpc_status

from chassis.errors import DOMAIN, LingocastError, to_status
from chassis.telemetry import server_interceptors

log = structlog.get_logger()

DRAIN_SECONDS = 10.0


def run(service: str, main: Coroutine[Any, Any, None]) -> None:
    """Runs a service to its end. What it lacks (an engine, a table, a region) is told as a sentence."""
    try:
        uvloop.run(main)
    except Exception as error:
        known = _single(error)
        if not isinstance(known, LingocastError):
            raise
        sys.exit(f"{service} cannot run: {known.message}")


async def serve(
    listen: str,
    register: Callable[[grpc.aio.Server], None],
    services: Sequence[str],
    *,
    drain_seconds: float = DRAIN_SECONDS,
) -> None:
    """Serves until SIGTERM or SIGINT, then drains: health says NOT_SERVING, calls under way get `drain_seconds`.

    `listen` is `host:port`; `services` are the full names, for health and reflection. Raises RuntimeError when the
    port is taken.
    """
    server = grpc.aio.server(
        interceptors=[*server_interceptors(), ErrorInterceptor()],
        options=[
            # Two processes on one port would share calls at random; a taken port is an error.
            ("grpc.so_reuseport", 0),
            ("grpc.http2.min_ping_interval_without_data_ms", 5_000),
            ("grpc.keepalive_permit_without_calls", 1),
            ("grpc.max_receive_message_length", 1 << 20),
        ],
    )
    register(server)
    health = grpc_health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(health, server)
    reflection.enable_server_reflection([*services, health_pb2.DESCRIPTOR.services_by_name["Health"].full_name], server)
    port = server.add_insecure_port(listen)
    grace = 0.0
    await server.start()
    try:
        for name in ("", *services):
            await health.set(name, health_pb2.HealthCheckResponse.SERVING)
        log.info("serving", listen=listen, port=port)
        await until_told_to_stop()
        log.info("draining", seconds=drain_seconds)
        await health.enter_graceful_shutdown()
        grace = drain_seconds
    finally:
        # Whoever cancels this instead of sending a signal wants it gone at once.
        await server.stop(grace)


async def until_told_to_stop() -> None:
    """Returns on the first SIGTERM or SIGINT; a second one has its usual, abrupt effect."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    try:
        await stop.wait()
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


class ErrorInterceptor(grpc.aio.ServerInterceptor):  # type: ignore[misc, unused-ignore]
    """Turns what a servicer raises into a status with our ErrorInfo."""

    async def intercept_service(self, continuation: Any, details: grpc.HandlerCallDetails) -> Any:
        handler = await continuation(details)
        if handler is None:
            return None
        if handler.unary_unary:
            return grpc.unary_unary_rpc_method_handler(
                _guarded(handler.unary_unary), handler.request_deserializer, handler.response_serializer
            )
        if handler.stream_unary:
            return grpc.stream_unary_rpc_method_handler(
                _guarded(handler.stream_unary), handler.request_deserializer, handler.response_serializer
            )
        if handler.unary_stream:
            return grpc.unary_stream_rpc_method_handler(
                _guarded_stream(handler.unary_stream), handler.request_deserializer, handler.response_serializer
            )
        return grpc.stream_stream_rpc_method_handler(
            _guarded_stream(handler.stream_stream), handler.request_deserializer, handler.response_serializer
        )


def _guarded(method: Callable[..., Any]) -> Callable[..., Any]:
    async def call(request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> Any:
        try:
            return await method(request, context)
        except Exception as error:  # noqa: BLE001 - the border: whatever it is, the caller gets a status
            failure = error
        return await _abort(context, failure)

    return call


def _guarded_stream(method: Callable[..., Any]) -> Callable[..., Any]:
    async def call(request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> AsyncIterator[Any]:
        # Some handlers (reflection, health watch) write by themselves and return nothing to iterate.
        outcome = method(request, context)
        try:
            if hasattr(outcome, "__aiter__"):
                # Closed here and now when the caller hangs up, not when the garbage collector finds it.
                async with aclosing(outcome) as responses:
                    async for response in responses:
                        yield response
            else:
                await outcome
            return
        except Exception as error:  # noqa: BLE001 - the border: whatever it is, the caller gets a status
            failure = error
        await _abort(context, failure)

    return call


async def _abort(context: grpc.aio.ServicerContext[Any, Any], error: Exception) -> NoReturn:
    """Not to be called while `error` is handled: tracing records what is raised here with all that led to it, and
    causes, unlike our own sentences, may repeat the text."""
    match _single(error):
        case grpc.aio.AbortError() as aborted:
            raise aborted
        case LingocastError() as known:
            status = to_status(known)
        case NotImplementedError():
            await context.abort(grpc.StatusCode.UNIMPLEMENTED, "not implemented")
        case unknown:
            log.error("call_failed", exc_info=unknown)
            status = _internal()
    wire = rpc_status.to_status(status)
    await context.abort(wire.code, wire.details, wire.trailing_metadata)


def _single(error: BaseException) -> BaseException:
    """The error inside groups of one: a TaskGroup wraps even a lone failure."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    if isinstance(error, BaseExceptionGroup):
        ours = [inner for inner in error.exceptions if isinstance(inner, LingocastError)]
        return ours[0] if ours else error
    return error


def _internal() -> status_pb2.Status:
    info = any_pb2.Any()
    info.Pack(error_details_pb2.ErrorInfo(reason="INTERNAL", domain=DOMAIN))
    number = grpc.StatusCode.INTERNAL.value[0]
    return status_pb2.Status(code=number, message="internal error", details=[info])
