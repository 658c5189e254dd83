"""Amazon's services behind a proxy: whoever answers there has to be who the certificates say."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from botocore.exceptions import SSLError

from chassis.aws import open_client
from tests.amazon import certificates
from tests.amazon.account import account


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


@asynccontextmanager
async def proxy() -> AsyncIterator[str]:
    """The address of a proxy that connects to wherever it is asked to."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        method, target, _ = (await reader.readuntil(b"\r\n\r\n")).decode().split(" ", 2)
        assert method == "CONNECT"
        host, _, port = target.partition(":")
        there_reader, there_writer = await asyncio.open_connection(host, int(port))
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_copy(reader, there_writer))
            tasks.create_task(_copy(there_reader, writer))

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


async def test_behind_a_proxy_too_a_server_is_trusted_only_where_its_ca_is(tmp_path: Path) -> None:
    ca, tls = certificates.make(tmp_path, "http/1.1")
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.headers["X-Amz-Target"])
        return web.json_response({"Languages": []}, content_type="application/x-amz-json-1.1")

    application = web.Application()
    application.router.add_post("/", answer)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
    endpoint = f"https://localhost:{runner.addresses[0][1]}"
    try:
        async with proxy() as address:
            with account() as environment:
                for name in ("no_proxy", "NO_PROXY"):
                    environment.delenv(name, raising=False)
                environment.setenv("https_proxy", address)
                with pytest.raises(SSLError):
                    async with open_client("translate", endpoint=endpoint, region="us-east-1", timeout=30.0) as client:
                        await client.list_languages()
                assert asked == []
            with account() as environment:
                environment.setenv("https_proxy", address)
                environment.setenv("AWS_CA_BUNDLE", str(ca))
                async with open_client("translate", endpoint=endpoint, region="us-east-1", timeout=30.0) as client:
                    assert (await client.list_languages())["Languages"] == []
                assert len(asked) == 1
    finally:
        await runner.cleanup()
