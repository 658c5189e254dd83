"""A load balancer as small as can be: each connection goes to the next of several addresses, as behind a service."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from itertools import cycle

from yarl import URL


@asynccontextmanager
async def balanced(urls: Sequence[str]) -> AsyncIterator[str]:
    """Gives the address that clients use."""
    backends = cycle([URL(url) for url in urls])
    connections: set[asyncio.Task[None]] = set()

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while block := await reader.read(65_536):
                writer.write(block)
                await writer.drain()
        with suppress(OSError, RuntimeError):
            writer.write_eof()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        backend = next(backends)
        assert backend.port is not None
        there = await asyncio.open_connection(backend.host, backend.port)
        try:
            await asyncio.gather(copy(reader, there[1]), copy(there[0], writer))
        finally:
            there[1].close()
            writer.close()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(serve(reader, writer))
        connections.add(task)
        task.add_done_callback(connections.discard)

    async with await asyncio.start_server(accept, "127.0.0.1", 0) as server:
        try:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        finally:
            for task in connections:
                task.cancel()
            await asyncio.gather(*connections, return_exceptions=True)
