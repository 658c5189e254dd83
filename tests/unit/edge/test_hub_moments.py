"""Moments of a hub that chance seldom finds: between two slices, or with something published and not yet written."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from edge.bus import LocalBus
from edge.domain.feed import (
    NOTICES,
    BusEvent,
    Caption,
    CueAudio,
    CueEnded,
    CueStarted,
    SessionEnded,
    SwitchesChanged,
    Topic,
)
from edge.domain.speaker import Switches
from edge.hub import Hub
from edge.outbox import SWEEP_SECONDS, Laggards
from edge.protocol import server
from edge.protocol.wire import Audio, Flavour, Rendering
from tests.fakes import virtual_time
from tests.fakes.frames import read_frames
from tests.fakes.listening import FakeListener

START = CueStarted("a", 1, "es", 16_000, 0, 1, 1.0)
END = CueEnded("a", "es", 100)
CAPTION = Caption(1, "es", "hola", 4, True, 0, 1)
PAUSED = SwitchesChanged("paused", Switches(changed_at=1.0))


class House:
    """One session, in slices of one listener."""

    def __init__(self, tasks: asyncio.TaskGroup) -> None:
        self.bus = LocalBus()
        self.hub = Hub(self.bus, slice_size=1)
        self.laggards = Laggards()
        self._tasks = tasks

    def publish(self, *events: BusEvent, language: str = "es") -> None:
        for event in events:
            self.bus.publish(Topic("s", language), event)

    async def listener(self, audio: Audio = Audio.PCM) -> FakeListener:
        listener = FakeListener(self.hub, "es", Rendering(Flavour.V1, audio), source=False, deferred=False)
        self._tasks.create_task(listener.run(self.laggards))
        await asyncio.sleep(SWEEP_SECONDS)
        return listener

    async def goes_out(self) -> None:
        await asyncio.sleep(4 * SWEEP_SECONDS)


Scene = Callable[[House], Awaitable[None]]


def play(scene: Scene) -> None:
    async def played() -> None:
        async with asyncio.TaskGroup() as tasks:
            house = House(tasks)
            await scene(house)
            house.publish(SessionEnded("speaker"), language=NOTICES)

    virtual_time.run(played())


def types(listener: FakeListener) -> list[str]:
    told = [frame for frame in read_frames(bytes(listener.transport.taken)) if isinstance(frame, str)]
    return [text.split('"')[3] for text in told]


def test_a_message_to_a_laggard_between_two_slices_keeps_the_rest_of_its_cue() -> None:
    async def scene(house: House) -> None:
        listeners = [await house.listener() for _ in range(3)]
        house.publish(START, CueAudio("a", "es", b"1" * 3_200, 0.1))
        await house.goes_out()
        for listener in listeners:
            listener.transport.stall()
            listener.transport.append(b"\x89\x00")  # A ping of aiohttp's, say: the peer does not take it.
        house.publish(CueAudio("a", "es", b"2" * 3_200, 0.1), END)
        await asyncio.sleep(0)  # One slice of three.
        for listener in listeners:
            assert listener.socket is not None
            listener.socket.tell(server.PlaybackPaused())
        await house.goes_out()
        for listener in listeners:
            listener.transport.taken.clear()
            listener.transport.read(2)
            listener.transport.taken.clear()
            listener.transport.read()
        await house.goes_out()
        for listener in listeners:
            assert sorted(types(listener)) == ["cueEnd", "playbackPaused"]

    play(scene)


def test_those_who_have_just_come_are_written_to_in_slices_as_well() -> None:
    async def scene(house: House) -> None:
        listeners = [await house.listener() for _ in range(3)]
        house.publish(CAPTION)
        await asyncio.sleep(0)
        assert [types(listener) for listener in listeners] == [["caption"], [], []]
        await house.goes_out()
        assert [types(listener) for listener in listeners] == [["caption"]] * 3

    play(scene)


def test_what_was_published_before_the_end_goes_before_it_in_whatever_feed() -> None:
    async def scene(house: House) -> None:
        listener = await house.listener()
        house.publish(PAUSED, language=NOTICES)
        house.publish(CAPTION)
        house.publish(SessionEnded("speaker"), language=NOTICES)
        await house.goes_out()
        # Each feed has an order of its own.
        assert types(listener)[2:] == ["sessionEnded"]
        assert sorted(types(listener)[:2]) == ["broadcastPaused", "caption"]

    play(scene)


def test_a_notice_just_published_still_goes_to_who_gives_way() -> None:
    async def scene(house: House) -> None:
        listener = await house.listener()
        house.publish(PAUSED, language=NOTICES)
        house.publish(CAPTION)
        listener.seat.give_way(at_once=False)
        await house.goes_out()
        assert types(listener) == ["broadcastPaused", "caption"]

    play(scene)


async def _last_to_go(house: House) -> FakeListener:
    """A listener that goes with the end of its cue, which is published and not yet written."""
    listener = await house.listener()
    house.publish(START)
    await house.goes_out()
    listener.seat.give_way(at_once=False)
    house.publish(END)
    return listener


def test_who_leaves_with_the_last_thing_it_gets_leaves_once() -> None:
    async def scene(house: House) -> None:
        listener = await _last_to_go(house)
        listener.seat.leave()
        assert not len(house.hub)
        await house.goes_out()
        assert types(listener) == ["cueStart", "cueEnd"]

    play(scene)


def test_who_enters_a_feed_as_its_last_listener_goes_hears_it() -> None:
    async def scene(house: House) -> None:
        await _last_to_go(house)
        late = await house.listener()
        house.publish(CAPTION)
        await house.goes_out()
        assert types(late) == ["caption"]

    play(scene)


def test_the_end_of_a_session_finds_a_feed_whose_last_listener_goes_with_it() -> None:
    async def scene(house: House) -> None:
        listener = await _last_to_go(house)
        other = FakeListener(house.hub, "pt", Rendering(Flavour.V1), source=False, deferred=False)
        house.publish(SessionEnded("speaker"), language=NOTICES)
        await house.goes_out()
        assert types(listener) == ["cueStart", "cueEnd"]
        assert other.seat.over

    play(scene)


def test_an_event_that_cannot_be_encoded_ends_nobody_elses_listening() -> None:
    async def scene(house: House) -> None:
        listener = await house.listener()
        failed: list[object] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: failed.append(context["exception"]))
        house.publish(Caption(1, "es", None, 0, True, 0, 1))  # type: ignore[arg-type]
        await house.goes_out()
        house.publish(CAPTION)
        await house.goes_out()
        assert len(failed) == 1
        assert types(listener) == ["caption"]

    play(scene)


@pytest.mark.parametrize("at_once", [True, False])
def test_a_listener_of_captions_alone_gives_way_in_the_midst_of_a_cue_without_waiting_for_it(at_once: bool) -> None:
    async def scene(house: House) -> None:
        reader = await house.listener(Audio.OFF)
        house.publish(START)
        await house.goes_out()
        reader.seat.give_way(at_once=at_once)
        assert reader.socket is not None
        assert reader.socket.closing
        assert types(reader) == []

    play(scene)
