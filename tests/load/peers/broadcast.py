"""websockets: its own `broadcast`."""

import asyncio
from importlib.metadata import version

import uvloop
from websockets.asyncio.server import ServerConnection, broadcast, serve

from tests.load.control import Tick, announce, obey


async def main() -> None:
    connections: set[ServerConnection] = set()

    async def listen(connection: ServerConnection) -> None:
        connections.add(connection)
        try:
            await connection.wait_closed()
        finally:
            connections.discard(connection)

    async def publish(tick: Tick) -> None:
        for _, frame in tick:
            broadcast(connections, frame)

    async with serve(listen, "127.0.0.1", 0, compression=None, ping_interval=None) as server:
        announce(next(iter(server.sockets)).getsockname()[1], version=f"websockets {version('websockets')}")
        await obey(publish)
        # Whoever is still connected is no reason to wait.
        for connection in connections:
            connection.transport.abort()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
