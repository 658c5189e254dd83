"""The end of a socket, over the wire: nobody who does not read keeps anything of ours."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from edge.protocol import server
from edge.socket import GOODBYE_SECONDS
from tests.fakes.edge import Peer, RunningEdge, held, running_edge


@pytest.fixture
async def running() -> AsyncIterator[RunningEdge]:
    async with held(running_edge()) as edge:
        yield edge


async def choked(running: RunningEdge) -> tuple[Peer, asyncio.Transport]:
    """A listener that reads nothing any more, and the edge's end of its connection, which holds what it does not take:
    of nothing more than what the transport holds waits anything in the mailbox."""
    _, created = await running.speaker()
    peer = await running.open({"sessionId": created["sessionId"], "targetLanguage": "es"})
    joined = await peer.expect("sessionJoined")
    own_end = peer.ws._writer.transport
    own_end.pause_reading()
    socket = running.edge.sockets[joined["connectionId"]]
    transport = socket.outbox.transport
    assert transport is not None
    large = server.ErrorMessage(code="INTERNAL", status=500, message="x" * 4_000, correlation_id="", timestamp=0)
    async with asyncio.timeout(20):
        while not transport.get_write_buffer_size():
            while not transport.get_write_buffer_size():
                socket.tell(large)
            await asyncio.sleep(0.3)  # The kernel may find room for it yet.
    assert socket.outbox.mailbox is None
    return peer, transport


async def gone(transport: asyncio.Transport) -> None:
    async with asyncio.timeout(GOODBYE_SECONDS + 20):
        while transport.get_extra_info("socket").fileno() != -1:  # noqa: ASYNC110 - the system's, which tells nobody
            await asyncio.sleep(0.05)


async def test_who_takes_not_even_the_goodbye_is_cut_off(running: RunningEdge) -> None:
    _, transport = await choked(running)
    (socket,) = [each for each in running.edge.sockets.values() if each.outbox.transport is transport]
    socket.close(1001, "this edge is going away")
    await gone(transport)


async def test_who_says_goodbye_and_takes_nothing_after_it_is_cut_off(running: RunningEdge) -> None:
    peer, transport = await choked(running)
    await peer.ws._writer.close(1000, b"")
    await gone(transport)
