"""Two edge processes that share their feeds over a real NATS server: who listens where makes no difference, and the
death of an edge or of NATS costs seconds at most.

Real processes with scripted engines.
"""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import groupby

import pytest
import pytest_asyncio

from chassis.system import System, launched
from edge.client import AudioDropped, CueEnd, Listener, Reconnected, Speaker, pace
from tests.e2e.talks import Received, noise, silence
from tests.fakes.balancer import balanced

pytestmark = pytest.mark.asyncio(loop_scope="module")

SENTENCE = noise(2.5) + silence(0.8)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def system(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[System]:
    # Everybody comes from one address here.
    quick = {"LOG_LEVEL": "debug", "EDGE_LIMIT_ADDRESSES": "false"}
    async with launched(data=tmp_path_factory.mktemp("data"), env=quick, edges=2) as running:
        yield running


class Room:
    """One speaker, and listeners wherever they are asked to be, each read by a task of its own."""

    def __init__(self, speaker: Speaker, stack: AsyncExitStack, tasks: asyncio.TaskGroup) -> None:
        self.speaker = speaker
        self.told = Received()
        self._stack = stack
        self._tasks = tasks
        tasks.create_task(self.told.read(speaker))

    async def listener(self, url: str, language: str) -> Received:
        received = Received()
        opening = Listener.open(url, self.speaker.session_id, language, captions_source=True)
        self._tasks.create_task(received.read(await self._stack.enter_async_context(opening)))
        return received

    async def say(self, sentences: int) -> None:
        """At real-time speed."""
        async for chunk in pace(SENTENCE * sentences):
            await self.speaker.send(chunk)


@asynccontextmanager
async def room(system: System, url: str, user: str) -> AsyncIterator[Room]:
    """Whose speaker connects to `url`."""
    token = await system.mint(user)
    async with asyncio.timeout(100), asyncio.TaskGroup() as tasks, AsyncExitStack() as stack:
        speaker = await stack.enter_async_context(Speaker.open(url, token))
        yield Room(speaker, stack, tasks)


async def all_know_the_languages(talk: Room, *languages: str) -> None:
    """Waits until the speaker's edge has learned who listens at the others."""
    while set((await talk.speaker.status()).language_distribution) != set(languages):  # noqa: ASYNC110 - elsewhere
        await asyncio.sleep(0.1)


def whole(received: Received) -> dict[str, bytes]:
    """What was heard of the cues that came from beginning to end."""
    ended = (end.cue_id for end in received.of(CueEnd) if end.complete)
    return {cue_id: received.voice(cue_id) for cue_id in ended}


async def test_who_listens_at_another_edge_hears_the_same_bytes_in_the_same_order(system: System) -> None:
    there, here = system.urls["edge-2"], system.urls["edge"]
    async with room(system, there, "elsewhere") as talk:
        with_speaker = [await talk.listener(there, language) for language in ("es", "pt")]
        apart = [await talk.listener(here, language) for language in ("es", "pt", "es")]
        await all_know_the_languages(talk, "es", "pt")
        await talk.say(3)
        await talk.speaker.end()
        for received in (*with_speaker, *apart):
            await received.ended()
    said = talk.told.source_finals
    assert len(said) >= 3
    for here_heard, there_heard in zip((*apart[:2], apart[2]), (*with_speaker, with_speaker[0]), strict=True):
        here_heard.check_in_order()
        assert here_heard.source_finals == said
        assert here_heard.finals == there_heard.finals
        assert len(here_heard.finals) == len(said)
        assert whole(here_heard) == whole(there_heard)
        assert len(whole(here_heard)) == len(said)


async def test_a_killed_edges_speaker_and_listeners_go_on_at_another_and_hear_nothing_twice(system: System) -> None:
    stays, dies = system.urls["edge"], system.urls["edge-2"]
    async with balanced([dies, stays]) as anywhere, room(system, anywhere, "moves") as talk:
        control = await talk.listener(anywhere, "es")  # The second connection: at the edge that stays.
        moved = await talk.listener(anywhere, "es")
        await all_know_the_languages(talk, "es")
        await talk.say(2)
        await asyncio.gather(*(each.until(whole) for each in (control, moved)))
        before = system.pids["edge-2"]
        system.kill("edge-2", signal.SIGKILL)
        for received in (talk.told, moved):
            await received.until(lambda so_far: so_far.of(Reconnected))
        assert control.of(Reconnected) == []
        known = max(whole(control))
        await talk.say(3)
        await talk.speaker.end()
        for received in (control, moved):
            await received.ended()
        await system.replaced("edge-2", before)
    assert [event.resumed for received in (talk.told, moved) for event in received.of(Reconnected)] == [True, True]
    for received in (control, moved):
        received.check_in_order()
    # All that was made, except perhaps what the edge took with it on the way to one of them.
    heard, here = whole(moved), whole(control)
    assert len(heard.keys() ^ here.keys()) <= 1
    assert all(heard[cue_id] == here[cue_id] for cue_id in heard.keys() & here.keys())
    assert len({caption.segment_id for caption in moved.finals} ^ {each.segment_id for each in control.finals}) <= 1
    assert moved.finals[-1] == control.finals[-1]
    assert len(heard) >= 4
    assert known in heard


async def test_nats_that_hangs_and_dies_in_mid_talk_costs_a_listener_elsewhere_some_seconds_and_that_is_said(
    system: System,
) -> None:
    there, here = system.urls["edge-2"], system.urls["edge"]
    async with room(system, there, "outage") as talk:
        control = await talk.listener(there, "es")
        apart = await talk.listener(here, "es")
        await all_know_the_languages(talk, "es")
        await talk.say(1)
        await apart.until(whole)
        before = system.pids["nats"]
        # Nobody notices the first: what is sent meanwhile is lost with the process.
        system.kill("nats", signal.SIGSTOP)
        await talk.say(2)
        system.kill("nats", signal.SIGKILL)
        await system.replaced("nats", before)
        so_far = max(caption.segment_id for caption in control.finals)
        for _ in range(8):
            await talk.say(1)
            if any(caption.segment_id > so_far for caption in apart.finals):
                break
        await apart.until(lambda received: any(caption.segment_id > so_far for caption in received.finals))
        await talk.speaker.end()
        for received in (control, apart):
            await received.ended()
    for received in (control, apart):
        received.check_in_order()
        assert received.of(Reconnected) == []
    heard, said = whole(apart), whole(control)
    assert len(said) == len(control.finals) == len(talk.told.source_finals)
    # What was under way is cut off, never mixed up.
    assert all(said[cue_id].startswith(voice) for cue_id, voice in heard.items())
    missing = said.keys() - heard.keys()
    # One gap, after which nothing is missing any more.
    assert len([None for lost, _ in groupby(said, missing.__contains__) if lost]) <= 1
    assert sum(dropped.cues for dropped in apart.of(AudioDropped)) >= len(missing)
