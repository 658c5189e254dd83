"""Runs servicers of ours in the test's own loop, over a real socket, with the error translation of production."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import grpc

from chassis.serving import ErrorInterceptor


@asynccontextmanager
async def served(*registrations: Callable[[grpc.aio.Server], None]) -> AsyncIterator[str]:
    """The address of a server that answers with what was registered; stopped at once on leaving."""
    # The pings of chassis.calling's channels are welcome, as they are in production.
    options = [("grpc.http2.min_ping_interval_without_data_ms", 5_000), ("grpc.keepalive_permit_without_calls", 1)]
    server = grpc.aio.server(interceptors=[ErrorInterceptor()], options=options)
    for register in registrations:
        register(server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(None)
