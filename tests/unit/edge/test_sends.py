"""The same bytes to many peers, over real sockets: in C and in Python alike."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import uvloop

from edge import sends
from edge.sends import SendToAll, descriptor_of, one_by_one
from tests.load.compiling import compiler

Loop = Callable[[], asyncio.AbstractEventLoop]
LOOPS = pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])


@dataclass
class Connected:
    """A transport, and the socket of the peer at its other end."""

    transport: asyncio.Transport | None
    descriptor: int
    other: socket.socket

    def read(self, limit: int = 1 << 20) -> bytes:
        """What has come, without waiting."""
        try:
            return self.other.recv(limit)
        except BlockingIOError:
            return b""


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> SendToAll:
    compiler()
    folder = tmp_path_factory.mktemp("compiled")
    library = sends._library(sends.build(folder))
    assert library is not None
    return sends._Together(library)


@pytest.fixture(params=["python", "c"])
def send(request: pytest.FixtureRequest) -> SendToAll:
    return one_by_one if request.param == "python" else request.getfixturevalue("compiled")


@asynccontextmanager
async def connected(count: int) -> AsyncIterator[list[Connected]]:
    peers: list[Connected] = []
    for _ in range(count):
        ours, theirs = socket.socketpair()
        for each in (ours, theirs):
            each.setblocking(False)
            each.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8_192)
        transport, _ = await asyncio.get_running_loop().create_connection(asyncio.Protocol, sock=ours)
        transport.set_write_buffer_limits(high=1 << 20)
        peers.append(Connected(transport, descriptor_of(transport), theirs))
    try:
        yield peers
    finally:
        for peer in peers:
            if peer.transport is not None:
                peer.transport.abort()
            peer.other.close()


def run(scene: Callable[[], object], loop: Loop) -> None:
    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(scene())  # type: ignore[arg-type]


@LOOPS
def test_everyone_gets_all_of_it_in_the_same_tick(send: SendToAll, loop: Loop) -> None:
    """Whatever is written after it through the transport comes after it, then, and not before."""

    async def scene() -> None:
        async with connected(50) as peers:
            send(peers, b"one")
            for peer in peers:
                assert peer.transport is not None
                assert peer.transport.get_write_buffer_size() == 0
                assert peer.read() == b"one"
                peer.transport.write(b"two")
            send(peers, b"three")
            assert {peer.read() for peer in peers} == {b"twothree"}

    run(scene, loop)


@LOOPS
def test_what_a_socket_does_not_take_follows_when_it_is_read(send: SendToAll, loop: Loop) -> None:
    wire = bytes(range(256)) * 400

    async def scene() -> None:
        async with connected(3) as peers:
            send(peers, wire)
            assert all(peer.transport is not None and peer.transport.get_write_buffer_size() for peer in peers)
            for peer in peers:
                got = b""
                async with asyncio.timeout(20):
                    while len(got) < len(wire):
                        got += peer.read()
                        await asyncio.sleep(0)
                assert got == wire

    run(scene, loop)


@LOOPS
def test_a_peer_that_is_gone_costs_the_others_nothing_and_is_noticed(send: SendToAll, loop: Loop) -> None:
    async def scene() -> None:
        async with connected(3) as peers:
            peers[1].other.close()
            send(peers, b"one")
            assert (peers[0].read(), peers[2].read()) == (b"one", b"one")
            async with asyncio.timeout(20):
                # Looked at: a transport tells its protocol, and nobody else.
                while not (peers[1].transport is not None and peers[1].transport.is_closing()):  # noqa: ASYNC110
                    await asyncio.sleep(0.01)

    run(scene, loop)


def test_who_has_no_plain_socket_is_written_to_through_the_transport(compiled: SendToAll) -> None:
    async def scene() -> None:
        async with connected(3) as peers:
            peers[1].descriptor = -1
            compiled(peers, b"one")
            assert [peer.read() for peer in peers] == [b"one"] * 3

    run(scene, asyncio.new_event_loop)


def test_an_encrypted_connection_has_no_descriptor_to_write_to() -> None:
    class Encrypted(asyncio.Transport):
        def get_extra_info(self, name: str, default: object = None) -> object:
            return object() if name == "sslcontext" else socket.socket()

    assert descriptor_of(Encrypted()) == -1
    assert descriptor_of(None) == -1


def test_nobody_to_write_to_is_no_mistake(send: SendToAll) -> None:
    send([], b"one")


def test_where_nothing_was_compiled_python_does_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("sys.prefix", str(tmp_path))
    assert sends.best() is one_by_one
    compiler()
    sends.build()
    sends._library.cache_clear()
    assert sends.best() is not one_by_one
