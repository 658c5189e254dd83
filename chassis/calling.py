"""How one service calls another: the only place where deadlines and retries are set.

Both belong to the channel, so that no call site can forget them. Retries live in its gRPC service config: every retried
method is idempotent by contract (the session API by its connection ids). Deadlines do not, although there is a place
for them: gRPC's core enforces those up to a second early (grpc/grpc#34547; 2.0 s ended calls after 0.8 s here) and
never tells the server. So the channel gives each call its timeout, as the caller of a stub would.
"""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import grpc

from chassis.telemetry import client_interceptors

_SESSION = "lingocast.session.v1.SessionService"
_TRANSCRIPTION = "lingocast.transcription.v1.TranscriptionService"
_TRANSLATION = "lingocast.translation.v1.TranslationService"
_SYNTHESIS = "lingocast.synthesis.v1.SynthesisService"

# Seconds by service and method; "" stands for the service's other methods. None: a stream that lives as long as the
# session; what it carries has deadlines of its own.
DEADLINES: dict[tuple[str, str], float | None] = {
    (_SESSION, ""): 2.0,
    (_SESSION, "WatchSession"): None,
    (_TRANSCRIPTION, ""): 5.0,
    (_TRANSCRIPTION, "Broadcast"): None,
    (_TRANSCRIPTION, "StreamingRecognize"): None,
    (_TRANSLATION, ""): 5.0,
    (_TRANSLATION, "Translate"): 2.0,
    (_SYNTHESIS, ""): 5.0,
    # The whole of a cue; the 3 s until its first audio are the pipeline's to watch, for it knows when to give a cue up.
    (_SYNTHESIS, "Synthesize"): 30.0,
}

_RETRY = {
    "maxAttempts": 3,
    "initialBackoff": "0.1s",
    "maxBackoff": "1s",
    "backoffMultiplier": 2,
    "retryableStatusCodes": ["UNAVAILABLE"],
}


def deadline(method: str) -> float | None:
    """Seconds for a call of `/service/Method`; None for a stream that lives as long as the session."""
    service, _, name = method.strip("/").partition("/")
    return DEADLINES.get((service, name), DEADLINES.get((service, "")))


def service_config() -> str:
    """The JSON that gRPC reads: which methods are tried again."""
    return json.dumps({"methodConfig": [{"name": _retried(), "retryPolicy": _RETRY}, {"name": _streams()}]})


def _retried() -> list[dict[str, str]]:
    return [_name(*entry) for entry, seconds in DEADLINES.items() if seconds is not None]


def _streams() -> list[dict[str, str]]:
    return [_name(*entry) for entry, seconds in DEADLINES.items() if seconds is None]


def _name(service: str, method: str) -> dict[str, str]:
    return {"service": service, "method": method} if method else {"service": service}


@asynccontextmanager
async def connect(address: str) -> AsyncIterator[grpc.aio.Channel]:
    """A channel to a service, closed on leaving; connects by itself and again after a loss."""
    options = [
        ("grpc.service_config", service_config()),
        ("grpc.enable_retries", 1),
        # A restarted peer is found again within a second or two instead of gRPC's 20 s and more.
        ("grpc.min_reconnect_backoff_ms", 100),
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.max_reconnect_backoff_ms", 1000),
        # A peer that vanished without a FIN is noticed on streams that are silent.
        ("grpc.keepalive_time_ms", 10_000),
        ("grpc.keepalive_timeout_ms", 5_000),
        ("grpc.http2.max_pings_without_data", 0),
        ("grpc.max_receive_message_length", 1 << 20),
        # What `http_proxy` names is for the world outside.
        ("grpc.enable_http_proxy", 0),
    ]
    async with grpc.aio.insecure_channel(address, options=options, interceptors=client_interceptors()) as channel:
        yield _Deadlined(channel)


class _Deadlined(grpc.aio.Channel):  # type: ignore[misc, unused-ignore]
    """A channel whose calls end at their deadline unless the call site gives a timeout of its own."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._channel = channel

    def unary_unary(self, method: str, *rest: Any, **more: Any) -> Any:
        return partial(self._channel.unary_unary(method, *rest, **more), timeout=deadline(method))

    def unary_stream(self, method: str, *rest: Any, **more: Any) -> Any:
        return partial(self._channel.unary_stream(method, *rest, **more), timeout=deadline(method))

    def stream_unary(self, method: str, *rest: Any, **more: Any) -> Any:
        return partial(self._channel.stream_unary(method, *rest, **more), timeout=deadline(method))

    def stream_stream(self, method: str, *rest: Any, **more: Any) -> Any:
        return partial(self._channel.stream_stream(method, *rest, **more), timeout=deadline(method))

    async def __aenter__(self) -> "_Deadlined":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self, grace: float | None = None) -> None:
        await self._channel.close(grace)

    def get_state(self, try_to_connect: bool = False) -> grpc.ChannelConnectivity:
        return self._channel.get_state(try_to_connect)

    async def wait_for_state_change(self, last_observed_state: grpc.ChannelConnectivity) -> None:
        await self._channel.wait_for_state_change(last_observed_state)

    async def channel_ready(self) -> None:
        await self._channel.channel_ready()
