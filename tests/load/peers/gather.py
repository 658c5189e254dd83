"""aiohttp as most would write it: `send_bytes` to all, in one gather."""

import asyncio

import aiohttp
import uvloop
from aiohttp import web

from tests.load.control import Tick, announce, obey


async def main() -> None:
    sockets: set[web.WebSocketResponse] = set()

    async def listen(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(compress=False)
        await socket.prepare(request)
        sockets.add(socket)
        try:
            async for _ in socket:
                pass
        finally:
            sockets.discard(socket)
        return socket

    async def publish(tick: Tick) -> None:
        for _, frame in tick:
            await asyncio.gather(*(socket.send_bytes(frame) for socket in sockets))

    app = web.Application()
    app.add_routes([web.get("/ws", listen)])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    announce(runner.addresses[0][1], version=f"aiohttp {aiohttp.__version__}")
    await obey(publish)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
