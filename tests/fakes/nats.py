"""A real nats-server on a free port, to be killed and started again where it was."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final

from chassis.probing import free_port

PROGRAM: Final = Path(sys.executable).with_name("nats-server")
PATIENCE_SECONDS: Final = 30.0


class NatsServer:
    """`url` stays the same over kills and restarts."""

    def __init__(self, *arguments: str) -> None:
        self._arguments = arguments
        self._port = free_port()
        self._process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self._port}"

    async def start(self) -> None:
        """Returns once it answers."""
        assert self._process is None
        self._process = await asyncio.create_subprocess_exec(
            *(str(PROGRAM), "--addr", "127.0.0.1", "--port", str(self._port), *self._arguments),
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
