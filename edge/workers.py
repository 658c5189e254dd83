"""Several edge processes on one port, among which the kernel shares out new connections (SO_REUSEPORT).

The process that was started serves nothing then: it holds the port, starts the workers, starts one again that died, and
ends them. Each worker is an edge like any other, with a lease and connections of its own; feeds go between them over
NATS.
"""

import asyncio
import json
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import structlog

from chassis.errors import Unavailable
from chassis.probing import PortUnusable, checked_port
from chassis.serving import until_told_to_stop
from chassis.supervision import Service, StartFailed
from edge.config import Config

log = structlog.get_logger()

CLOSING_SECONDS: Final = 4.0
"""What a worker needs after its drain, before it is killed."""


async def run_workers(config: Config) -> None:
    """Runs until SIGTERM or SIGINT, then drains all. Raises Unavailable `PORT_UNUSABLE`, `WORKER_FAILED`."""
    try:
        with held(config.host, config.port) as port:
            await _run([Worker(number, port) for number in range(1, config.workers + 1)], config.drain_seconds)
    except PortUnusable as error:
        raise Unavailable("PORT_UNUSABLE", str(error)) from error
    except BaseExceptionGroup as group:
        failed = [error for error in group.exceptions if isinstance(error, StartFailed)]
        if not failed:
            raise
        # The first says it all: the others were ended for it.
        raise Unavailable("WORKER_FAILED", str(failed[0])) from group


@contextmanager
def held(host: str, port: int) -> Iterator[int]:
    """Keeps a port for this user's workers while the block runs, any free one for 0. Raises PortUnusable."""
    port = checked_port(host, port)
    family, kind, _, _, address = socket.getaddrinfo(
        host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    with socket.socket(family, kind) as place:
        place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            place.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        try:
            place.bind(address)
        except OSError as error:
            raise PortUnusable(f"{host} cannot be served on: {error.strerror}; set HOST or PORT") from error
        # It never listens, so no connection is given to it.
        yield port


class Worker:
    """One of the processes, and what it said when it was ready."""

    def __init__(self, number: int, port: int) -> None:
        self.ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.service = Service(
            f"edge worker {number}",
            command=[sys.executable, "-m", "edge"],
            environment={**os.environ, "EDGE_WORKERS": "1", "EDGE_SHARE_PORT": "true", "PORT": str(port)},
            folder=Path.cwd(),
            log=None,
            heard=self._heard,
            report=lambda sentence: log.warning("edge_worker", said=sentence),
        )

    def _heard(self, line: str) -> bool:
        try:
            message = json.loads(line)
        except ValueError:
            return False
        if not isinstance(message, dict) or message.get("event") != "ready":
            return False
        if not self.ready.done():
            self.service.confirm()
            self.ready.set_result(line)
        return True


async def _run(workers: list[Worker], drain_seconds: float) -> None:
    async with asyncio.TaskGroup() as tasks:
        for worker in workers:
            tasks.create_task(worker.service.run())
        announcement = tasks.create_task(_announce(workers))
        await until_told_to_stop()
        announcement.cancel()
        for worker in workers:
            tasks.create_task(worker.service.stop(drain_seconds + CLOSING_SECONDS))


async def _announce(workers: list[Worker]) -> None:
    """The line that one edge would print, once all serve."""
    lines = [await worker.ready for worker in workers]
    print(lines[0].strip(), flush=True)  # noqa: T201 - for whoever started us
