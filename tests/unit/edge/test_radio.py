"""One player of a stream: what it misses when it does not keep up, and when it is given up."""

import asyncio

from edge.radio import TAKES_NOTHING_SECONDS, RadioListener


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
