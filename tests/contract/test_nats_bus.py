"""Feeds over a real nats-server: who comes late, what is lost on the way, and what it costs when NATS is away."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import nats
import pytest
from nats.aio.msg import Msg

from edge.bus import Bus
from edge.domain.feed import (
    NOTICES,
    BusEvent,
    Caption,
    CueAudio,
    CueEnded,
    CuesDropped,
    CueStarted,
    LanguageStatusChanged,
    SwitchesChanged,
    Topic,
)
from edge.domain.speaker import Switches
from edge.interest import ANSWERING_GROUPS
from edge.nats_bus import NatsBus, nats_bus
from edge.tails import subject
from protos.feed.v1 import feed_pb2 as pb
from tests.amazon import certificates
from tests.contract.test_buses import FEED, OTHER, SESSION, Ear, caption, cue, ear, linked, passed_on, publish, until
from tests.fakes.nats import NatsServer, cable, nats_server


@pytest.fixture
async def server() -> AsyncIterator[NatsServer]:
    async with nats_server() as running:
        yield running


def talk(first: int = 1) -> Iterator[BusEvent]:
    """Captions and cues without end, some captions ahead of the voice."""
    for segment in itertools.count(first):
        yield caption(segment, final=False)
        yield caption(segment)
        yield from cue(segment, pieces=4)


def voice(events: Iterable[BusEvent]) -> list[BusEvent]:
    return [event for event in events if isinstance(event, CueStarted | CueAudio | CueEnded)]


def check_marks(events: Iterable[BusEvent]) -> None:
    """Each cue begins, has its own audio in order without any twice, and ends before the next."""
    under_way, number = "", 0
    for event in events:
        match event:
            case CueStarted():
                assert not under_way
                under_way = event.cue_id
            case CueAudio():
                assert event.cue_id == under_way
                assert event.number > number
                number = event.number
            case CueEnded():
                assert event.cue_id == under_way
                under_way = ""


def seconds(events: Iterable[BusEvent]) -> float:
    """Of audio that came, or was said to be lost."""
    return round(sum(event.seconds for event in events if isinstance(event, CueAudio | CuesDropped)), 3)


async def flow(bus: Bus, events: Iterable[BusEvent]) -> list[BusEvent]:
    """Publishes one after the other, while others have their turn."""
    published = []
    for event in events:
        bus.publish(FEED, event)
        published.append(event)
        await asyncio.sleep(0.002)
    return published


# ---------------------------------------------------------------------- coming late


async def test_an_edge_that_joins_in_mid_cue_gets_that_cue_from_its_start(server: NatsServer) -> None:
    async with linked(server, 3) as (here, there, witness):
        await passed_on(here, witness, *cue(1), *cue(2, 6)[:4])
        heard = await ear(there)
        publish(here, *cue(2, 6)[4:], *cue(3))
        await heard.hears(*cue(2, 6), *cue(3))
        assert list(there.missed(FEED, "1-es")) == [*cue(2, 6), *cue(3)]


async def test_edges_that_join_while_events_flow_miss_none_and_get_none_twice(server: NatsServer) -> None:
    async with linked(server, 4) as (here, *others):
        said = list(itertools.islice(talk(), 240))
        flowing = asyncio.get_running_loop().create_task(flow(here, said))
        ears: list[Ear] = []
        for joiner in others:
            heard = await ear(joiner)
            ears.append(heard)
            await heard.gets(21)
        await flowing
        last = [event for event in said if isinstance(event, CueEnded)][-1]
        await until(lambda: all(last in heard.heard for heard in ears))
        for joiner, heard in zip(others, ears, strict=True):
            came = voice(heard.heard)
            assert came == voice(said)[-len(came) :]
            assert isinstance(came[0], CueStarted)
            assert list(joiner.missed(FEED, "")) == list(here.missed(FEED, ""))


async def test_who_follows_first_has_it_complete_without_an_event_more_or_less(server: NatsServer) -> None:
    async with linked(server, 2) as (here, there):
        said = list(itertools.islice(talk(), 120))
        flowing = asyncio.get_running_loop().create_task(flow(here, said))
        await until(lambda: cue(2, 4)[0] in here.missed(FEED, ""))
        await there.follow(FEED, "1-es")
        heard = Ear(there, FEED)
        missed = list(there.missed(FEED, "1-es"))
        await flowing
        await until(lambda: said[-1] in heard.heard)
        assert voice([*missed, *heard.heard]) == voice(said)[6:]


async def test_a_memory_too_large_for_one_message_comes_in_several(server: NatsServer) -> None:
    async with linked(server, 3) as (here, there, witness):
        # More than a minute under way; audio that tells itself apart.
        long: list[BusEvent] = [
            CueStarted("1-es", 1, "es", 16_000, 0, 1_000, 1.0),
            *(CueAudio("1-es", "es", number.to_bytes(2, "big") * 1_600, 0.1, number) for number in range(1, 701)),
        ]
        await passed_on(here, witness, *long)
        await there.follow(FEED, "1-es")
        assert list(there.missed(FEED, "")) == long


async def test_what_another_edge_published_before_is_remembered_where_the_speaker_goes_on(server: NatsServer) -> None:
    async with linked(server, 3) as (former, present, listening):
        await passed_on(former, listening, *cue(1), *cue(2))
        publish(present, *cue(3))
        whole = [*cue(1), *cue(2), *cue(3)]
        await until(lambda: list(present.missed(FEED, "")) == whole)
        await until(lambda: list(former.missed(FEED, "")) == whole)
        await listening.follow(FEED, "1-es")
        assert list(listening.missed(FEED, "1-es")) == [*cue(2), *cue(3)]


async def test_who_asks_while_much_is_being_sent_gets_the_answer(server: NatsServer) -> None:
    async with linked(server, 3) as (here, there, witness):
        await passed_on(there, witness, *cue(1))
        much = [Caption(1, "fr", "x" * 60_000, 0, False, 0, 0)] * 60
        publish(here, *much, topic=Topic(SESSION, "fr"))
        await asyncio.sleep(0.02)  # Some of it is under way.
        asking = asyncio.get_running_loop().create_task(here.follow(FEED, ""))
        await asyncio.sleep(0)
        publish(here, *much, topic=Topic(SESSION, "fr"))
        await asking
        assert list(here.missed(FEED, "")) == cue(1)


async def test_however_many_edges_know_a_topic_only_a_few_answer(server: NatsServer) -> None:
    async with linked(server, 12) as (here, *others), await nats.connect(server.url) as stranger:
        await passed_on(here, others[0], *cue(1))
        for bus in others:
            await bus.follow(FEED, "")
        replies: list[pb.TailReply] = []

        async def collect(message: Msg) -> None:
            replies.append(pb.TailReply.FromString(message.data))

        await stranger.subscribe("_INBOX.mine", cb=collect)
        await stranger.publish(subject("tail", FEED), b"", reply="_INBOX.mine")
        await until(lambda: replies)
        # Once each has been answered itself, all that it said before is out.
        for bus in (here, *others):
            await bus.follow(OTHER, "")
        await stranger.flush()
        assert len(replies) <= ANSWERING_GROUPS
        assert all(reply.knows_last_cue and len(reply.events) == len(cue(1)) for reply in replies)


# ---------------------------------------------------------------------- what is subscribed to


async def test_only_what_somebody_here_receives_is_subscribed_to(server: NatsServer) -> None:
    async with (
        nats_bus([server.url], linger_seconds=0.1) as here,
        nats_bus([server.url], linger_seconds=0.1) as there,
    ):
        await until(lambda: here.connected and there.connected)
        heard = await ear(there)
        publish(here, *cue(1))
        publish(here, *cue(1, language="pt-BR"), topic=OTHER)
        await heard.hears(*cue(1))

        async def feeds() -> list[str]:
            return sorted(name for names in await server.subjects() for name in names if ".feed." in name)

        # The publisher hears its own topics, for another edge may take them over.
        spanish, portuguese = f"lingocast.feed.{SESSION}.es", f"lingocast.feed.{SESSION}.pt-BR"
        assert await feeds() == [spanish, spanish, portuguese]
        heard.leave()
        async with asyncio.timeout(20):
            while await feeds() != [spanish, portuguese]:  # noqa: ASYNC110 - nats-server has to be asked
                await asyncio.sleep(0.05)


async def test_odd_names_reach_nobody_else(server: NatsServer) -> None:
    async with linked(server, 2) as (here, there):
        heard = await ear(there, Topic(SESSION, "es"))
        for name in ("*", ">", "es.x", "e s", "es\r\nPUB x 0\r\n"):
            odd = Topic(SESSION, name)
            other = await ear(there, odd)
            publish(here, caption(1), topic=odd)
            await other.hears(caption(1))
        assert heard.heard == []


# ---------------------------------------------------------------------- losses


async def test_what_an_edge_misses_while_it_is_cut_off_is_said_and_the_rest_goes_on(server: NatsServer) -> None:
    async with cable(server) as line, nats_bus([server.url]) as here, nats_bus([line.url]) as there:
        await until(lambda: here.connected and there.connected)
        heard = await ear(there)
        stream = talk()
        said = await flow(here, itertools.islice(stream, 15))
        await until(lambda: voice(heard.heard) == voice(said))
        assert not any(isinstance(event, CueEnded) for event in said[-3:])  # In mid-cue.
        await line.cut()
        await until(lambda: not there.connected)
        said += await flow(here, itertools.islice(stream, 40))
        line.mend()
        await until(lambda: there.connected)
        said += await flow(here, itertools.islice(stream, 57))
        await until(lambda: said[-1] in heard.heard)
        check_marks(heard.heard)
        assert any(isinstance(event, CuesDropped) for event in heard.heard)
        assert seconds(heard.heard) == seconds(said)
        # Nothing but what was missed: the last minute came as it was said.
        assert voice(heard.heard)[-30:] == voice(said)[-30:]


async def test_a_loss_is_said_although_nothing_follows(server: NatsServer) -> None:
    async with cable(server) as line, nats_bus([server.url]) as here, nats_bus([line.url]) as there:
        await until(lambda: here.connected and there.connected)
        heard = await ear(there)
        publish(here, *cue(1, 5)[:3])
        await heard.hears(*cue(1, 5)[:3])
        await line.cut()
        await until(lambda: not there.connected)
        publish(here, *cue(1, 5)[3:], *cue(2, 5), LanguageStatusChanged("es", False, "SYNTHESIS_FAILED"))
        line.mend()
        await until(lambda: len(heard.heard) >= 6)
        ended, lost, fails = heard.heard[3:]
        assert ended == CueEnded("1-es", "es", 200)
        assert isinstance(lost, CuesDropped)
        assert (lost.cues, round(lost.seconds, 3)) == (1, 0.8)
        assert fails == there.trouble(FEED) == LanguageStatusChanged("es", False, "SYNTHESIS_FAILED")
        assert list(there.missed(FEED, "1-es")) == cue(2, 5)


async def test_who_came_while_nats_was_away_gets_the_cue_under_way_from_its_start(server: NatsServer) -> None:
    async with cable(server) as line, nats_bus([server.url]) as here, nats_bus([line.url]) as there:
        await until(lambda: here.connected and there.connected)
        publish(here, *cue(1, 5)[:3])
        await line.cut()
        await until(lambda: not there.connected)
        heard = await ear(there)
        line.mend()
        await until(lambda: there.connected)
        await there.follow(FEED, "")
        publish(here, *cue(1, 5)[3:], *cue(2))
        await heard.hears(*cue(1, 5), *cue(2))
        assert list(there.missed(FEED, "")) == [*cue(1, 5), *cue(2)]


async def test_switches_that_were_moved_meanwhile_are_told_once_as_they_stand(server: NatsServer) -> None:
    topic = Topic(SESSION, NOTICES)
    paused = SwitchesChanged("paused", Switches(paused=True, changed_at=100.0))
    quiet = SwitchesChanged("volume", Switches(paused=True, volume=0.5, changed_at=200.0))
    async with cable(server) as line, nats_bus([server.url]) as here, nats_bus([line.url]) as there:
        await until(lambda: here.connected and there.connected)
        heard = await ear(there, topic)
        for meanwhile in ([paused, quiet], []):
            await line.cut()
            await until(lambda: not there.connected)
            publish(here, *meanwhile, topic=topic)
            line.mend()
            await until(lambda: there.connected)
            await there.follow(topic, "")
        resumed = SwitchesChanged("resumed", Switches(volume=0.5, changed_at=300.0))
        publish(here, resumed, topic=topic)
        await heard.hears(SwitchesChanged("state", quiet.switches), resumed)


async def test_a_restart_of_nats_in_mid_cue_loses_at_most_what_was_said_meanwhile(server: NatsServer) -> None:
    async with linked(server, 3) as (here, *others):
        ears = [await ear(bus) for bus in others]
        own = await ear(here)
        stream = talk()
        said = await flow(here, itertools.islice(stream, 15))
        await until(lambda: all(len(heard.heard) == 15 for heard in ears))
        await server.kill()
        await until(lambda: not any(bus.connected for bus in (here, *others)))
        said += await flow(here, itertools.islice(stream, 45))
        await server.start()
        await until(lambda: all(bus.connected for bus in (here, *others)))
        said += await flow(here, itertools.islice(stream, 57))
        # Until the others are sure to be there again.
        for heard in ears:
            await heard.gets_to(said[-1])
        assert own.heard == said
        for heard in ears:
            check_marks(heard.heard)
            assert seconds(heard.heard) == seconds(said)
            captions = [event for event in heard.heard if isinstance(event, Caption)]
            assert captions == sorted(captions, key=lambda event: (event.segment_id, event.is_final))


async def test_what_is_said_in_a_moment_without_nats_comes_later(server: NatsServer) -> None:
    async with cable(server) as line, nats_bus([line.url]) as here, nats_bus([server.url]) as there:
        await until(lambda: here.connected and there.connected)
        heard = await ear(there)
        notices = await ear(there, Topic(SESSION, NOTICES))
        publish(here, caption(1))
        await heard.hears(caption(1))
        await line.cut()
        await until(lambda: not here.connected)
        paused = SwitchesChanged("paused", Switches(paused=True))
        publish(here, caption(2))
        publish(here, paused, topic=Topic(SESSION, NOTICES))
        line.mend()
        await heard.hears(caption(1), caption(2))
        await notices.hears(paused)


async def test_audio_that_waited_too_long_is_dropped_and_said_to_be_lost(server: NatsServer) -> None:
    async with cable(server) as line, nats_bus([line.url]) as here, nats_bus([server.url]) as there:
        await until(lambda: here.connected and there.connected)
        heard = await ear(there)
        publish(here, *cue(1))
        await heard.hears(*cue(1))
        await line.cut()
        await until(lambda: not here.connected)
        publish(here, caption(2), *cue(2))
        await asyncio.sleep(3.2)  # AUDIO_PATIENCE_SECONDS
        line.mend()
        publish(here, *cue(3))
        await heard.gets_to(cue(3)[-1])
        assert heard.heard[:6] == [*cue(1), caption(2)]
        assert seconds(heard.heard[6:7]) == 0.3
        assert heard.heard[7:] == cue(3)


async def test_what_waited_for_nats_reaches_every_edge_that_comes_back_with_it(server: NatsServer) -> None:
    async with linked(server, 10) as (here, *others):
        ears = [await ear(bus) for bus in others]
        publish(here, caption(1))
        for heard in ears:
            await heard.hears(caption(1))
        await server.kill()
        await asyncio.sleep(2.0)  # Until each tries as seldom as it ever does.
        publish(here, caption(2))
        await server.start()
        for heard in ears:
            await heard.hears(caption(1), caption(2))


# ---------------------------------------------------------------------- NATS away


@asynccontextmanager
async def unreachable() -> AsyncIterator[NatsBus]:
    async with nats_server() as gone:
        await gone.kill()
        async with nats_bus([gone.url]) as bus:
            yield bus


async def test_an_edge_without_nats_serves_its_own_listeners() -> None:
    async with unreachable() as bus:
        async with asyncio.timeout(10):
            await bus.follow(FEED, "17-es")
        heard = Ear(bus, FEED)
        publish(bus, *cue(1))
        assert heard.heard == cue(1)
        assert list(bus.missed(FEED, "")) == cue(1)
        assert not bus.ready


async def test_an_edge_is_ready_once_it_was_connected_and_stays_so(server: NatsServer) -> None:
    await server.kill()
    async with nats_bus([server.url]) as bus:
        await asyncio.sleep(0.3)
        assert (bus.ready, bus.connected) == (False, False)
        await server.start()
        await until(lambda: bus.ready and bus.connected)
        await server.kill()
        await until(lambda: not bus.connected)
        assert bus.ready


async def test_one_of_several_servers_will_do(server: NatsServer) -> None:
    async with nats_server() as gone:
        await gone.kill()
        async with nats_bus([gone.url, server.url]) as here, nats_bus([server.url]) as there:
            await until(lambda: here.connected and there.connected)
            heard = await ear(there)
            publish(here, *cue(1))
            await heard.hears(*cue(1))


async def test_credentials_come_with_the_address() -> None:
    async with nats_server("--user", "edge", "--pass", "secret") as server:
        known = server.url.replace("://", "://edge:secret@")
        async with nats_bus([known]) as here, nats_bus([known]) as there, nats_bus([server.url]) as stranger:
            await until(lambda: here.connected and there.connected)
            heard = await ear(there)
            publish(here, *cue(1))
            await heard.hears(*cue(1))
            assert not stranger.ready


async def test_tls_is_spoken_where_the_address_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ca, _ = certificates.make(tmp_path)
    own = str(tmp_path / "server.pem")
    async with nats_server("--tls", "--tlscert", own, "--tlskey", own) as server:
        address = server.url.replace("nats://127.0.0.1", "tls://localhost")
        async with nats_bus([address]) as distrustful:
            await asyncio.sleep(0.3)
            assert not distrustful.ready
        monkeypatch.setenv("SSL_CERT_FILE", str(ca))
        async with nats_bus([address]) as here, nats_bus([address]) as there:
            await until(lambda: here.connected and there.connected)
            heard = await ear(there)
            publish(here, *cue(1))
            await heard.hears(*cue(1))


async def test_an_event_too_large_for_nats_is_dropped_and_the_next_goes_on(server: NatsServer) -> None:
    async with linked(server, 2) as (here, there):
        heard = await ear(there)
        publish(here, *cue(1), Caption(2, "es", "x" * 1_100_000, 0, True, 0, 0), *cue(3))
        await heard.hears(*cue(1), *cue(3))


async def test_what_was_published_last_goes_out_before_the_edge_does(server: NatsServer) -> None:
    async with linked(server, 1) as (there,):
        heard = await ear(there)
        async with nats_bus([server.url]) as here:
            await until(lambda: here.connected)
            publish(here, *cue(1, 200))
        await heard.hears(*cue(1, 200))
