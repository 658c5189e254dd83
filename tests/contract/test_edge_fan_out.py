"""Fan-out over real sockets, each byte read by an independent parser: with pings, closes and nonsense at any moment."""

import asyncio
import json
import random
import socket
import struct
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

import pytest
import uvloop

from protos.audio.v1 import audio_pb2
from protos.transcription.v1 import transcription_pb2 as pb
from tests.fakes.edge import RunningEdge, running_edge
from tests.fakes.frames import Closed, Ponged, Read, read_frames
from tests.fakes.raw_socket import BINARY, CLOSE, PING, TEXT, RawSocket
from tests.fakes.transcription import FakeStream, span

FORMAT: Final = audio_pb2.AudioFormat(encoding=audio_pb2.AUDIO_ENCODING_PCM_S16LE, sample_rate_hertz=16_000)
CHUNK_BYTES: Final = 3_200
LOOPS: Final = [asyncio.new_event_loop, uvloop.new_event_loop]
"""Those of the tests and of production: their transports differ in when they write."""


def run(loop: Callable[[], asyncio.AbstractEventLoop], scene: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(scene)


@dataclass(slots=True)
class RawListener:
    """A listener that takes bytes as they are. `reading`: cleared, it reads nothing."""

    socket: RawSocket
    wire: bytearray = field(default_factory=bytearray)
    reading: asyncio.Event = field(default_factory=asyncio.Event)
    pings: list[bytes] = field(default_factory=list)
    over: bool = False
    left_by: "Callable[[RawListener], None] | None" = None

    def leave(self, way: "Callable[[RawListener], None]") -> None:
        self.left_by = way
        way(self)

    def ping(self, payload: bytes) -> None:
        self.pings.append(payload)
        self.socket.send(PING, payload)

    async def collect(self) -> None:
        """To the end of the connection."""
        self.reading.set()
        with suppress(ConnectionError):
            while True:
                await self.reading.wait()
                some = await self.socket.reader.read(65_536)
                if not some:
                    break
                self.wire += some
        self.over = True

    @property
    def frames(self) -> list[Read]:
        return read_frames(bytes(self.wire))

    @property
    def told(self) -> list[dict[str, Any]]:
        return [json.loads(frame) for frame in self.frames if isinstance(frame, str)]

    @property
    def audio(self) -> list[bytes]:
        return [frame for frame in self.frames if isinstance(frame, bytes)]


@dataclass(slots=True)
class Hall:
    """One session, spoken by hand, with raw listeners."""

    running: RunningEdge
    session_id: str
    stream: FakeStream
    tasks: asyncio.TaskGroup
    listeners: list[RawListener] = field(default_factory=list)
    published: list[bytes] = field(default_factory=list)
    segment: int = 0

    async def listener(self, language: str = "es", receive_buffer: int = 0) -> RawListener:
        port = urlsplit(self.running.url).port
        assert port is not None
        target = f"/ws?sessionId={self.session_id}&targetLanguage={language}".encode()
        protocol = b"Sec-WebSocket-Protocol: lingocast.v1"
        listener = RawListener(await RawSocket.open(port, target, protocol, receive_buffer=receive_buffer))
        self.listeners.append(listener)
        self.tasks.create_task(listener.collect())
        await until(lambda: b"sessionJoined" in listener.wire)
        return listener

    def cue(self, chunks: int = 1, language: str = "es") -> None:
        """All of it. Each chunk is a tenth of a second and begins with its number."""
        self.segment += 1
        cue_id = f"{self.segment}-{language}"
        self.stream.say(
            cue_start=pb.CueStart(
                cue_id=cue_id, segment_id=self.segment, language=language, format=FORMAT, span=span(1, 2), tempo=1.0
            )
        )
        for _ in range(chunks):
            audio = struct.pack(">I", len(self.published)).ljust(CHUNK_BYTES, b"\x01")
            self.published.append(audio)
            self.stream.say(cue_audio=pb.CueAudio(cue_id=cue_id, language=language, audio=audio))
        self.stream.say(cue_end=pb.CueEnd(cue_id=cue_id, language=language))

    def caption(self, text: str, language: str = "es") -> None:
        self.segment += 1
        self.stream.say(
            caption=pb.Caption(segment_id=self.segment, language=language, text=text, is_final=True, span=span(1, 2))
        )

    async def heard_by(self, listeners: list[RawListener], text: str) -> None:
        """A caption was said, and has come to all of them."""
        self.caption(text)
        await until(lambda: all(text.encode() in listener.wire for listener in listeners))


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - many sockets make it true
            await asyncio.sleep(0.005)


@asynccontextmanager
async def hall(**settings: object) -> AsyncIterator[Hall]:
    async with running_edge(**settings) as running, asyncio.TaskGroup() as tasks:
        _, created = await running.speaker()
        here = Hall(running, created["sessionId"], await running.transcription.stream(), tasks)
        yield here
        for listener in here.listeners:
            if listener.left_by is None and not listener.over:
                listener.leave(say_goodbye)
        await until(lambda: all(listener.over for listener in here.listeners))


def say_goodbye(listener: RawListener) -> None:
    listener.socket.send(CLOSE, (1000).to_bytes(2, "big"))


def say_too_much(listener: RawListener) -> None:
    listener.socket.send(BINARY, bytes((1 << 20) + 1))  # More than aiohttp takes: it closes by itself.


def say_nonsense(listener: RawListener) -> None:
    listener.socket.send(0x5, b"no such opcode")


def hang_up(listener: RawListener) -> None:
    raw = listener.socket.writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # A reset, no goodbye.
    listener.socket.writer.transport.abort()


LEAVING: Final = (say_goodbye, say_too_much, say_nonsense, hang_up)
CODES: Final[dict[Callable[[RawListener], None], int]] = {say_goodbye: 1000, say_too_much: 1009, say_nonsense: 1002}


def interrupt(listener: RawListener, number: int, dice: random.Random) -> None:
    """Something that makes aiohttp or us write to this one alone."""
    match dice.randrange(6):
        case 0:
            listener.socket.send(TEXT, b'{"action":"heartbeat"}')
        case 1:
            listener.socket.send(TEXT, b" " * 5_000)  # CONTROL_MESSAGE_TOO_LARGE
        case 2:
            listener.socket.send_in_parts(TEXT, b'{"action":"pausePlayback"}', 3)
            listener.pings += [b"between"] * 3
        case _:
            listener.ping(f"ping {number}".encode().ljust(dice.randrange(10, 126)))


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("seed", range(3))
def test_what_others_write_never_falls_between_the_bytes_of_what_is_fanned_out(
    loop: Callable[[], asyncio.AbstractEventLoop], seed: int
) -> None:
    async def scene() -> None:
        dice = random.Random(seed)
        async with hall() as here:
            stay = [await here.listener() for _ in range(6)]
            leave = [await here.listener() for _ in range(8)]
            gone = []
            for number in range(80):  # 8 s of audio: less than a mailbox takes, however slow this machine is.
                here.cue()
                if number % 7 == 0:
                    here.caption(f"caption {number}")
                for listener in dice.sample(stay + leave, 3):
                    interrupt(listener, number, dice)
                if number % 10 == 9:
                    gone.append(leave.pop())
                    gone[-1].leave(LEAVING[len(gone) % len(LEAVING)])
                for _ in range(dice.randrange(4)):
                    await asyncio.sleep(0)
            await here.heard_by(stay, "the last caption")
            await until(lambda: all(listener.over for listener in gone))
        for listener in stay:
            assert listener.audio == here.published
            marks = [told["cueId"] for told in listener.told if told["type"] in {"cueStart", "cueEnd"}]
            assert marks == [f"{told['cueId']}" for told in listener.told if told["type"] == "cueStart" for _ in "be"]
            assert [frame.payload for frame in listener.frames if isinstance(frame, Ponged)] == listener.pings
        for listener in gone:
            # A reset may cut anywhere; everyone else was answered, after the last whole frame.
            if listener.left_by is not hang_up:
                assert listener.left_by is not None
                assert listener.frames[-1] == Closed(CODES[listener.left_by])
                assert listener.audio == here.published[: len(listener.audio)]

    run(loop, scene())


@pytest.mark.parametrize("loop", LOOPS)
def test_one_that_does_not_read_is_told_what_it_missed_and_others_miss_nothing(
    loop: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    async def scene() -> None:
        async with hall() as here:
            quick = [await here.listener() for _ in range(4)]
            slow = await here.listener(receive_buffer=4_096)
            slow.reading.clear()
            slow.ping(b"wakes the reader, which then waits")
            stuck = [sock.outbox for sock in here.running.edge.sockets.values()][-1]
            for number in range(40):
                here.cue(chunks=10)
                await here.heard_by(quick, f"caption {number}.")
                if stuck.mailbox is not None:
                    assert stuck.mailbox.seconds <= 10.0 + 1e-6
            assert stuck.transport is not None
            assert stuck.transport.get_write_buffer_size() < 2 * 64 * 1024
            slow.reading.set()
            await here.heard_by([*quick, slow], "the last caption")
        for listener in quick:
            assert listener.audio == here.published
            assert not any(told["type"] == "audioDropped" for told in listener.told)
        dropped = [told for told in slow.told if told["type"] == "audioDropped"]
        starts = [told for told in slow.told if told["type"] == "cueStart"]
        assert sum(told["seconds"] for told in dropped) == pytest.approx((400 - len(slow.audio)) / 10)
        assert sum(told["cues"] for told in dropped) == 40 - len(starts) > 0
        assert len([told for told in slow.told if told["type"] == "cueEnd"]) == len(starts)
        assert [told["text"] for told in slow.told if told["type"] == "caption"] == [
            *(f"caption {number}." for number in range(40)),
            "the last caption",
        ]

    run(loop, scene())


@pytest.mark.parametrize("loop", LOOPS)
def test_sockets_that_break_leave_the_feed_and_the_store(loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    async def scene() -> None:
        async with hall(resume_seconds=0.0) as here:
            await here.listener("fr")
            feeds = len(here.running.edge.hub)
            broken = [await here.listener() for _ in range(6)]
            for listener in broken:
                here.cue()
                listener.leave(hang_up)
            await here.running.sessions.until(lambda: len(here.running.sessions.left) == len(broken))
            await until(lambda: len(here.running.edge.sockets) == 2)  # The speaker's and the one that stayed.
            assert len(here.running.edge.hub) == feeds

    run(loop, scene())


def test_a_peer_that_is_gone_without_a_trace_leaves_the_feed_and_the_store() -> None:
    async def scene() -> None:
        async with hall(resume_seconds=0.0, heard_within_seconds=1.0) as here:
            lost = await here.listener(receive_buffer=4_096)
            lost.reading.clear()
            for _ in range(20):
                here.cue(chunks=10)
            await here.running.sessions.until(lambda: here.running.sessions.left)
            await until(lambda: not len(here.running.edge.hub))
            await until(lambda: not len(here.running.edge.laggards))
            lost.reading.set()

    run(uvloop.new_event_loop, scene())
