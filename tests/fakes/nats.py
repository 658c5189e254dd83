"""A real nats-server on a free port, to be killed and started again where it was; and a cable to it that can be cut."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final

import aiohttp
from yarl import URL

from chassis.probing import free_port

PROGRAM: Final = Path(sys.executable).with_name("nats-server")
PATIENCE_SECONDS: Final = 30.0


class NatsServer:
    """`url` stays the same over kills and restarts."""

    def __init__(self, *arguments: str) -> None:
        self._arguments = arguments
        self._port = free_port()
        self._monitor = free_port()
        self._process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self._port}"

    async def start(self) -> None:
        """Returns once it answers."""
        assert self._process is None
        self._process = await asyncio.create_subprocess_exec(
            *(str(PROGRAM), "--addr", "127.0.0.1", "--port", str(self._port), *self._arguments),
            *("--http_port", str(self._monitor)),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not await self._answers():
                assert self._process.returncode is None, "nats-server did not start"
                await asyncio.sleep(0.02)

    async def kill(self) -> None:
        """Ends it at once, as a crash would. Repeating it changes nothing."""
        process, self._process = self._process, None
        if process is None:
            return
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()

    async def restart(self) -> None:
        await self.kill()
        await self.start()

    async def subjects(self) -> list[list[str]]:
        """What each connection subscribes to, as the server has it."""
        async with (
            aiohttp.ClientSession() as http,
            http.get(f"http://127.0.0.1:{self._monitor}/connz", params={"subs": "1"}) as answer,
        ):
            connections = (await answer.json())["connections"]
        return [sorted(connection.get("subscriptions_list", [])) for connection in connections]

    async def _answers(self) -> bool:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        except OSError:
            return False
        try:
            return (await reader.readline()).startswith(b"INFO")
        finally:
            writer.close()


@asynccontextmanager
async def nats_server(*arguments: str) -> AsyncIterator[NatsServer]:
    """Runs until the block ends. `arguments`: further ones of nats-server, such as `--auth secret`."""
    server = NatsServer(*arguments)
    await server.start()
    try:
        yield server
    finally:
        await server.kill()


class Cable:
    """Another address of a server. While it is cut, whoever uses it is cut off; all others are not."""

    def __init__(self, server: NatsServer) -> None:
        self._server = URL(server.url)
        self._carried: set[asyncio.Task[None]] = set()
        self._listening: asyncio.Server | None = None
        self._cut = False
        self.url = ""

    async def lay(self) -> None:
        self._listening = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.url = f"nats://127.0.0.1:{self._listening.sockets[0].getsockname()[1]}"

    async def cut(self) -> None:
        self._cut = True
        for task in self._carried:
            task.cancel()
        await asyncio.gather(*self._carried, return_exceptions=True)

    def mend(self) -> None:
        self._cut = False

    async def take_up(self) -> None:
        await self.cut()
        if self._listening is not None:
            self._listening.close()
            await self._listening.wait_closed()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._cut:
            writer.transport.abort()
            return
        task = asyncio.get_running_loop().create_task(self._carry(reader, writer))
        self._carried.add(task)
        task.add_done_callback(self._carried.discard)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there = None
        try:
            there = await asyncio.open_connection(self._server.host, self._server.port)
            await asyncio.gather(_copy(reader, there[1]), _copy(there[0], writer))
        except OSError:
            pass  # The server is away: the edge finds a closed connection.
        finally:
            writer.transport.abort()
            if there is not None:
                there[1].transport.abort()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while block := await reader.read(65_536):
        writer.write(block)
        await writer.drain()
    raise ConnectionResetError


@asynccontextmanager
async def cable(server: NatsServer) -> AsyncIterator[Cable]:
    laid = Cable(server)
    await laid.lay()
    try:
        yield laid
    finally:
        await laid.take_up()
