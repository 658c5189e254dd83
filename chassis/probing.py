"""Whether something serves, and which ports are free: asked of the running system, never assumed."""

import asyncio
import errno
import itertools
import random
import socket
from contextlib import suppress

import aiohttp
import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

# Below the range that outgoing connections take theirs from, so that none takes one before it is served on; in an order
# that no other process has.
_ports = itertools.cycle(random.sample(range(20_000, 32_000), 12_000))


class PortUnusable(Exception):
    """A port cannot be served on. The message is for a person."""


async def until_healthy(address: str) -> None:
    """Returns once the gRPC service there says that it serves. Waits without end: put a timeout around it."""
    options = [("grpc.initial_reconnect_backoff_ms", 100), ("grpc.max_reconnect_backoff_ms", 200)]
    options += [("grpc.min_reconnect_backoff_ms", 100), ("grpc.use_local_subchannel_pool", 1)]
    options += [("grpc.enable_http_proxy", 0)]
    async with grpc.aio.insecure_channel(address, options=options) as channel:
        health = health_pb2_grpc.HealthStub(channel)
        while True:
            with suppress(grpc.aio.AioRpcError):
                answer = await health.Check(health_pb2.HealthCheckRequest(), timeout=2.0, wait_for_ready=True)
                if answer.status == health_pb2.HealthCheckResponse.SERVING:
                    return
            await asyncio.sleep(0.1)


async def until_ready(url: str) -> None:
    """Returns once the address answers 200. Waits without end: put a timeout around it."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5.0)) as http:
        while True:
            with suppress(aiohttp.ClientError, TimeoutError):
                async with http.get(url) as answer:
                    if answer.status == 200:
                        return
            await asyncio.sleep(0.1)


async def until_greeted(address: str, greeting: bytes) -> None:
    """Returns once the server there begins its first line with `greeting`. Waits without end: put a timeout around it.

    `address` is `host:port`.
    """
    host, _, port = address.rpartition(":")
    while True:
        with suppress(OSError, ValueError):  # A line without end is no greeting.
            reader, writer = await asyncio.open_connection(host, int(port))
            try:
                if (await reader.readline()).startswith(greeting):
                    return
            finally:
                writer.close()
        await asyncio.sleep(0.1)


def free_port() -> int:
    """A free loopback port, another one at each call: whoever asks for several may serve on them later."""
    for port in itertools.islice(_ports, 200):
        if _is_free("127.0.0.1", port):
            return port
    raise PortUnusable("no free port between 20000 and 32000")


def checked_port(host: str, port: int) -> int:
    """The port if it can be served on, any free one for 0. Raises PortUnusable."""
    if port == 0:
        return free_port()
    if not _is_free(host, port):
        raise PortUnusable(f"port {port} is taken by another program; choose another with PORT=")
    return port


def _is_free(host: str, port: int) -> bool:
    kind = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(kind, socket.SOCK_STREAM) as probe:
        # As servers do: connections of the last run that linger do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except PermissionError as error:
            raise PortUnusable(
                f"port {port} may not be opened by this user ({error.strerror}); use one above 1023"
            ) from None
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise PortUnusable(f"{host} cannot be served on: {error.strerror}; set HOST") from error
            return False
        return True
