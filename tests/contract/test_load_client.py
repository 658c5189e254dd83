"""The load client is believed only as far as this goes: it hears what was sent, and tells of what should not be."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from time import monotonic_ns

import pytest
from websockets.asyncio.server import ServerConnection, serve

from tests.load.contenders import floor
from tests.load.control import MAGIC, STAMP, Order
from tests.load.crowd import Crowd, Heard, crowd
from tests.load.program import Answer, started

Play = Callable[[ServerConnection], Awaitable[None]]


def frame(number: int, *, size: int = 3_200, late: float = 0.0) -> bytes:
    """As published `late` seconds ago."""
    return STAMP.pack(MAGIC, 0, number, monotonic_ns() - round(late * 1e9)).ljust(size, b"\0")


@asynccontextmanager
async def listening(play: Play, count: int = 1, mode: str = "read") -> AsyncIterator[Crowd]:
    """Listeners of a server that plays something to each; a connection stays open until they leave."""

    async def handle(connection: ServerConnection) -> None:
        await start.wait()
        await play(connection)
        await connection.wait_closed()

    start = asyncio.Event()
    async with serve(handle, "127.0.0.1", 0, compression=None) as server:
        async with crowd(next(iter(server.sockets)).getsockname()[1]) as listeners:
            await listeners.open(count, "/", mode=mode)
            await listeners.mark()
            start.set()
            yield listeners
        server.close(close_connections=True)


async def told(listeners: Crowd, name: str, least: int = 1) -> Answer:
    """Its report, once that counts so many of something."""
    async with asyncio.timeout(30):
        while (report := await listeners.program.ask("report all"))[name] < least:  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.02)
    return report


async def test_every_frame_is_timed_from_its_publication() -> None:
    async def play(connection: ServerConnection) -> None:
        for number in range(50):
            await connection.send(frame(number))

    async with listening(play, count=3) as listeners:
        heard = await listeners.heard(150)
        assert heard.frames == 150
        assert heard.incomplete == 0
        assert 0 < heard.first <= heard.middle <= heard.last <= heard.last_p99
        assert 0 < heard.arrival <= heard.arrival_p99


async def test_what_was_published_before_the_mark_is_counted_and_not_timed() -> None:
    async def play(connection: ServerConnection) -> None:
        await connection.send(frame(1, late=60.0))

    async with listening(play) as listeners:
        report = await told(listeners, "frames")
        assert (report["complete"], report["incomplete"]) == (0, 0)


async def test_pings_are_answered_fragments_joined_and_json_frames_understood() -> None:
    ponged = asyncio.Event()

    async def play(connection: ServerConnection) -> None:
        await (await connection.ping(b"there?"))
        ponged.set()
        whole = frame(1, size=70_000)
        await connection.send([whole[:10], whole[10:100], whole[100:]])
        await connection.send("one that nobody counts")

    async with listening(play) as listeners:
        async with asyncio.timeout(30):
            await ponged.wait()
        report = await told(listeners, "messages")
        assert (report["frames"], report["messages"], report["pings"], report["errors"]) == (1, 1, 1, 0)


async def test_a_gap_a_wrong_order_and_a_masked_frame_are_told() -> None:
    async def gap(connection: ServerConnection) -> None:
        for number in (1, 2, 5):
            await connection.send(frame(number))

    async with listening(gap) as listeners:
        assert (await told(listeners, "missing"))["missing"] == 2
        with pytest.raises(AssertionError, match="missing"):
            Heard.read(await listeners.program.ask("report all"))

    async def back(connection: ServerConnection) -> None:
        for number in (1, 3, 2):
            await connection.send(frame(number))

    async with listening(back) as listeners:
        assert (await told(listeners, "misordered"))["misordered"] == 1

    async def masked(connection: ServerConnection) -> None:
        connection.transport.write(b"\x82\x81\0\0\0\0x")

    async with listening(masked) as listeners:
        assert (await told(listeners, "closed"))["errors"] == 1


async def test_the_stuck_take_nothing_and_the_slow_take_what_they_are_told_to() -> None:
    async def play(connection: ServerConnection) -> None:
        try:
            for number in range(5_000):
                await connection.send(frame(number))
        except ConnectionError:
            return

    async with listening(play, mode="stuck") as stuck, listening(play, mode="slow:100000") as slow:
        first = await told(slow, "bytes")
        later = await told(slow, "bytes", first["bytes"] + 50_000)
        assert later["frames"] < 5_000
        assert (await stuck.program.ask("report all"))["bytes"] == 0


async def test_the_floor_delivers_each_feed_to_its_own_listeners() -> None:
    each = floor()
    async with started(each.name, each.command) as program, crowd(program.hello["port"]) as listeners:
        await listeners.open(3, "/ws?feed=0", feed=0)
        await listeners.open(2, "/ws?feed=1", feed=1)
        await listeners.mark()
        order = Order(frames=20, interval=0.001, feeds=2, at_once=4)
        assert Order.read(order.written()) == order
        await program.ask(order.written())
        heard = await listeners.heard(5 * 20)
        assert (heard.frames, heard.incomplete) == (100, 0)
        assert program.cpu() > 0
        assert program.rss() > 0
