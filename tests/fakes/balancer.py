"""A load balancer as small as can be: each connection goes to the next of several addresses that takes it, as behind a
service; where none does, it is closed.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from itertools import cycle

from yarl import URL


@asynccontextmanager
async def balanced(urls: Sequence[str]) -> AsyncIterator[str]:
    """Gives the address that clients use."""
    backends = cycle([URL(url) for url in urls])
    tries = len(urls)
    connections: set[asyncio.Task[None]] = set()

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while block := await reader.read(65_536):
                writer.write(block)
                await writer.drain()
        with suppress(OSError, RuntimeError):
            writer.write_eof()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there = await reached()
            try:
                await asyncio.gather(copy(reader, there[1]), copy(there[0], writer))
            finally:
                there[1].close()
        except OSError:
            pass  # Nobody takes it: the client finds a closed connection.
        finally:
            writer.close()

    async def reached() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection to the next backend that takes one. Raises OSError where none does."""
        for _ in range(tries - 1):
            with suppress(OSError):
                return await connected(next(backends))
        return await connected(next(backends))

    async def connected(backend: URL) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        assert backend.port is not None
        return await asyncio.open_connection(backend.host, backend.port)

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
