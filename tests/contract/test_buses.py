"""What every bus does: the one inside a process, and the one over NATS, between two edges and on one alone."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import NamedTuple

import pytest

from edge.bus import Bus, LocalBus
from edge.domain.feed import (
    HANDOVER,
    NOTICES,
    SOURCE,
    BusEvent,
    Caption,
    CueAudio,
    CueEnded,
    CueStarted,
    HandedOver,
    LanguageStatusChanged,
    SessionEnded,
    SwitchesChanged,
    Topic,
)
from edge.domain.speaker import Switches
from edge.nats_bus import NatsBus, nats_bus
from tests.fakes.nats import NatsServer, nats_server

SESSION = "patient-ark-427"
FEED = Topic(SESSION, "es")
OTHER = Topic(SESSION, "pt-BR")
PATIENCE_SECONDS = 20.0


@asynccontextmanager
async def linked(server: NatsServer, count: int) -> AsyncIterator[Sequence[NatsBus]]:
    """Buses of several edges, connected. They wait long for answers: the machine may be busy."""
    async with AsyncExitStack() as stack:
        buses = [await stack.enter_async_context(nats_bus([server.url], answer_seconds=10.0)) for _ in range(count)]
        await until(lambda: all(bus.connected for bus in buses))
        yield buses


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0.005)


class Buses(NamedTuple):
    """Where a speaker is, where listeners are, and one that shows what NATS has passed on."""

    here: Bus
    there: Bus
    witness: Bus


@pytest.fixture(params=["local", "nats", "nats, the same edge"])
async def buses(request: pytest.FixtureRequest) -> AsyncIterator[Buses]:
    if request.param == "local":
        bus = LocalBus()
        yield Buses(bus, bus, bus)
        return
    async with nats_server() as server, linked(server, 3) as (here, there, witness):
        yield Buses(here, there if request.param == "nats" else here, witness)


class Ear:
    """Receives a topic."""

    def __init__(self, bus: Bus, topic: Topic) -> None:
        self.heard: list[BusEvent] = []
        self.leave = bus.subscribe(topic, self.heard.append)

    async def gets(self, count: int) -> None:
        await until(lambda: len(self.heard) >= count)

    async def gets_to(self, last: BusEvent) -> None:
        await until(lambda: last in self.heard)

    async def hears(self, *events: BusEvent) -> None:
        """Exactly these, so far."""
        await self.gets(len(events))
        assert self.heard == list(events)


async def ear(bus: Bus, topic: Topic = FEED) -> Ear:
    """One that gets all that is published from now on."""
    heard = Ear(bus, topic)
    await bus.follow(topic, "")
    return heard


def cue(segment: int, pieces: int = 3, language: str = "es") -> list[BusEvent]:
    name = f"{segment}-{language}"
    return [
        CueStarted(name, segment, language, 16_000, 1_000, 2_000, 1.25, "00-aa-bb-01"),
        *(
            CueAudio(name, language, bytes([number]) * 3_200, 0.1, 100 * segment + number)
            for number in range(1, pieces + 1)
        ),
        CueEnded(name, language, pieces * 100),
    ]


def caption(segment: int, language: str = "es", *, final: bool = True) -> Caption:
    return Caption(segment, language, f"frase {segment} ñ", 4, final, 1_000, 2_000, "00-aa-bb-01")


def publish(bus: Bus, *events: BusEvent, topic: Topic = FEED) -> None:
    for event in events:
        bus.publish(topic, event)


async def passed_on(bus: Bus, witness: Bus, *events: BusEvent) -> None:
    """Publishes, and returns when NATS has passed it on."""
    heard = await ear(witness)
    publish(bus, *events)
    await heard.hears(*events)
    heard.leave()


async def test_a_receiver_gets_what_is_published_in_order_and_unchanged(buses: Buses) -> None:
    here, there, _ = buses
    heard = await ear(there)
    said = [
        event for segment in range(1, 8) for event in (caption(segment, final=False), caption(segment), *cue(segment))
    ]
    publish(here, *said)
    await heard.hears(*said)


async def test_all_kinds_of_topics_and_events_cross(buses: Buses) -> None:
    here, there, _ = buses
    ears = {language: await ear(there, Topic(SESSION, language)) for language in (NOTICES, SOURCE, HANDOVER, "pt-BR")}
    paused = SwitchesChanged("paused", Switches(paused=True, volume=0.3, changed_at=1_700_000_000.25))
    events: dict[str, BusEvent] = {
        NOTICES: paused,
        SOURCE: caption(1, "en"),
        HANDOVER: HandedOver("ada"),
        "pt-BR": LanguageStatusChanged("pt-BR", False, "TRANSLATION_FAILED"),
    }
    for language, event in events.items():
        publish(here, event, topic=Topic(SESSION, language))
    for language, event in events.items():
        await ears[language].hears(event)


async def test_a_topic_is_heard_by_all_its_receivers_and_by_nobody_else(buses: Buses) -> None:
    here, there, _ = buses
    first, second = await ear(there), await ear(there)
    elsewhere = [await ear(there, topic) for topic in (OTHER, Topic(SESSION, SOURCE), Topic("faithful-dove-1", "es"))]
    publish(here, *cue(1))
    await first.hears(*cue(1))
    await second.hears(*cue(1))
    assert [other.heard for other in elsewhere] == [[], [], []]


async def test_one_who_left_hears_nothing_more_and_leaving_twice_changes_nothing(buses: Buses) -> None:
    here, there, _ = buses
    stays, leaves = await ear(there), await ear(there)
    publish(here, *cue(1))
    await leaves.hears(*cue(1))
    leaves.leave()
    leaves.leave()
    publish(here, *cue(2))
    await stays.hears(*cue(1), *cue(2))
    assert leaves.heard == cue(1)


async def test_one_may_leave_while_it_receives(buses: Buses) -> None:
    here, there, _ = buses
    heard: list[BusEvent] = []

    def once(event: BusEvent) -> None:
        heard.append(event)
        leave()

    leave = there.subscribe(FEED, once)
    stays = await ear(there)
    publish(here, *cue(1))
    await stays.hears(*cue(1))
    assert heard == cue(1)[:1]


async def test_the_last_seconds_are_known_where_somebody_listens(buses: Buses) -> None:
    here, there, _ = buses
    heard = await ear(there)
    said = [*cue(1), caption(2), *cue(2), *cue(3)[:3]]
    publish(here, *said)
    await heard.hears(*said)
    assert list(there.missed(FEED, "1-es")) == [caption(2), *cue(2), *cue(3)[:3]]
    assert list(here.missed(FEED, "2-es")) == cue(3)[:3]


async def test_who_follows_knows_what_was_published_before_it_came(buses: Buses) -> None:
    here, there, _ = buses
    await passed_on(here, buses.witness, *cue(1), caption(2), *cue(2))
    await there.follow(FEED, "1-es")
    assert list(there.missed(FEED, "1-es")) == [caption(2), *cue(2)]


async def test_who_follows_and_then_takes_a_seat_gets_the_rest_of_the_cue_under_way(buses: Buses) -> None:
    here, there, _ = buses
    await passed_on(here, buses.witness, *cue(1), *cue(2, 6)[:3])
    await there.follow(FEED, "1-es")
    missed = list(there.missed(FEED, "1-es"))
    heard = Ear(there, FEED)
    publish(here, *cue(2, 6)[3:])
    await until(lambda: heard.heard and isinstance(heard.heard[-1], CueEnded))
    assert [*missed, *heard.heard] == cue(2, 6)


async def test_a_language_that_fails_is_known_to_who_comes_later(buses: Buses) -> None:
    here, there, _ = buses
    fails = LanguageStatusChanged("es", False, "SYNTHESIS_FAILED")
    await passed_on(here, buses.witness, caption(1), fails)
    await there.follow(FEED, "")
    assert there.trouble(FEED) == fails
    assert there.trouble(OTHER) is None
    heard = Ear(there, FEED)
    works = LanguageStatusChanged("es", True, "SYNTHESIS_FAILED")
    publish(here, works)
    await heard.hears(works)
    assert there.trouble(FEED) is None


async def test_an_ended_session_leaves_nothing_behind(buses: Buses) -> None:
    here, there, _ = buses
    feed, notices = await ear(there), await ear(there, Topic(SESSION, NOTICES))
    publish(here, *cue(1))
    publish(here, SessionEnded("speaker"), topic=Topic(SESSION, NOTICES))
    await notices.hears(SessionEnded("speaker"))
    assert feed.heard == cue(1)
    assert [list(bus.missed(FEED, "")) for bus in buses] == [[], [], []]


async def test_the_end_of_a_session_comes_after_all_else_of_it(buses: Buses) -> None:
    here, there, _ = buses
    order: list[BusEvent] = []
    for language in (NOTICES, "es", "pt-BR", SOURCE):
        there.subscribe(Topic(SESSION, language), order.append)
        await there.follow(Topic(SESSION, language), "")
    paused = SwitchesChanged("paused", Switches(paused=True))
    publish(here, paused, topic=Topic(SESSION, NOTICES))
    publish(here, *cue(1, 20))
    publish(here, *cue(1, 20, "pt-BR"), topic=OTHER)
    publish(here, caption(1, "en"), topic=Topic(SESSION, SOURCE))
    publish(here, SessionEnded("speaker"), topic=Topic(SESSION, NOTICES))
    await until(lambda: SessionEnded("speaker") in order)
    assert order[-1] == SessionEnded("speaker")
    assert len(order) == 1 + 22 + 22 + 1 + 1


async def test_what_a_receiver_publishes_in_turn_follows(buses: Buses) -> None:
    here, there, _ = buses
    heard = await ear(here, OTHER)

    def answer(event: BusEvent) -> None:
        if isinstance(event, Caption):
            there.publish(OTHER, caption(event.segment_id, "pt-BR"))

    there.subscribe(FEED, answer)
    await there.follow(FEED, "")
    publish(here, caption(1), caption(2))
    await heard.hears(caption(1, "pt-BR"), caption(2, "pt-BR"))


async def test_following_a_topic_of_which_nobody_knows_takes_no_harm(buses: Buses) -> None:
    there = buses.there
    await there.follow(FEED, "17-es")
    assert list(there.missed(FEED, "17-es")) == []
    assert there.ready
