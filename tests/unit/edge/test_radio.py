"""Players of a stream: what one misses that does not keep up, when it is given up, and that all get the same."""

import asyncio
import time

from edge.bus import LocalBus
from edge.domain.feed import NOTICES, CueAudio, CueEnded, CueStarted, SessionEnded, Topic
from edge.domain.speaker import Switches
from edge.muxing import RATE, Form
from edge.radio import SLICE, TAKES_NOTHING_SECONDS, RadioListener, Station
from edge.sessions import SessionView
from tests.fakes.voice import CLOCK, decode, voice


class Line(asyncio.Transport):
    """A transport whose peer takes what it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.taken: list[bytes] = []
        self.waiting = 0
        self.takes = True
        self.gone = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.taken.append(bytes(data))
        self.waiting = 0 if self.takes else len(data)

    def get_write_buffer_size(self) -> int:
        return self.waiting

    def is_closing(self) -> bool:
        return self.gone

    def abort(self) -> None:
        self.gone = True


def player(line: Line) -> tuple[RadioListener, float]:
    listener = RadioListener(line, chunked=True, session_id="s", connection_id="c", language="es")
    return listener, asyncio.get_running_loop().time()


def on_air(bus: LocalBus) -> Station:
    view = SessionView("s", True, "en", "standard", Switches(), False, time.time(), time.time() + 7_200)
    return Station(view, "es", Form.OGG, bus=bus, watch=lambda _, __: lambda: None, tail_seconds=1.0)


async def test_who_keeps_up_gets_every_page() -> None:
    line = Line()
    listener, now = player(line)
    assert all(listener.write(page, now) for page in (b"1", b"2"))
    assert line.taken == [b"1", b"2"]


async def test_who_does_not_keep_up_misses_pages_and_goes_on_with_a_whole_one() -> None:
    line = Line()
    listener, now = player(line)
    line.takes = False
    assert listener.write(b"1", now)
    assert not listener.write(b"2", now + 0.2)
    assert listener.behind
    line.takes, line.waiting = True, 0
    assert listener.write(b"3", now + 0.4)
    assert line.taken == [b"1", b"3"]
    assert not listener.behind


async def test_who_takes_nothing_for_half_a_minute_is_given_up() -> None:
    line = Line()
    listener, now = player(line)
    line.takes = False
    listener.write(b"1", now)
    listener.write(b"2", now + TAKES_NOTHING_SECONDS)
    assert not line.gone
    assert not listener.over.is_set()
    listener.write(b"3", now + TAKES_NOTHING_SECONDS + 0.1)
    assert line.gone
    assert listener.over.is_set()


async def test_whose_connection_closed_is_over_with_the_next_page() -> None:
    line = Line()
    listener, now = player(line)
    line.gone = True
    assert not listener.write(b"1", now)
    assert listener.over.is_set()
    assert line.taken == []


async def test_a_player_that_cannot_be_written_to_ends_the_station_for_nobody_else() -> None:
    class Broken(Line):
        def write(self, data: bytes | bytearray | memoryview) -> None:
            raise RuntimeError("broken")

    bus = LocalBus()
    station = on_air(bus)
    lines = [Broken(), Line()]
    broken, whole = [player(line)[0] for line in lines]
    for listener in (broken, whole):
        station.enter(listener)
    async with asyncio.timeout(30):
        await broken.over.wait()
        assert not station.ended
        bus.publish(Topic("s", NOTICES), SessionEnded("speaker"))
        await whole.over.wait()
    assert [line.gone for line in lines] == [True, False]
    assert b"".join(lines[1].taken)
    assert station.session_over


async def test_a_large_audience_gets_the_same_to_the_last_page() -> None:
    """More than are written to at one go."""
    bus = LocalBus()
    station = on_air(bus)
    lines = [Line() for _ in range(2 * SLICE + 10)]
    listeners = [player(line)[0] for line in lines]
    for listener in listeners:
        station.enter(listener)
    bus.publish(Topic("s", "es"), CueStarted("1-es", 1, "es", RATE, 0, 0, 1.0))
    bus.publish(Topic("s", "es"), CueAudio("1-es", "es", voice(0.5), 0.5, 1))
    bus.publish(Topic("s", "es"), CueEnded("1-es", "es", 500))
    bus.publish(Topic("s", NOTICES), SessionEnded("speaker"))
    async with asyncio.timeout(30):
        for listener in listeners:
            await listener.over.wait()
    assert station.ended
    assert station.session_over
    heard = {b"".join(line.taken) for line in lines}
    assert len(heard) == 1
    chunks = heard.pop()
    pages = b""
    while chunks:
        size, _, rest = chunks.partition(b"\r\n")
        pages, chunks = pages + rest[: int(size, 16)], rest[int(size, 16) + 2 :]
    assert len(decode(station.muxer.head + pages, "ogg")) > 0.5 * CLOCK
