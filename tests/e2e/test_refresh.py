"""A talk of two minutes in which every connection is refreshed three times, on one edge and across two.

Real services with scripted engines; two edges that share a bus behind a balancer, and a third on which nobody grows
old: what its listener hears is what everybody must have heard, to the byte.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import pairwise
from pathlib import Path

import pytest

from chassis.calling import connect
from chassis.system import PARTS, launched
from edge.app import make_app, serve_http
from edge.auth import LocalIssuer
from edge.bus import LocalBus
from edge.client import Listener, Reconnected, Speaker, pace
from edge.client.recovery import Timing
from edge.config import Config
from edge.edge import open_edge
from tests.e2e.talks import Received, noise, silence
from tests.fakes.balancer import balanced
from tests.fakes.plain_client import PlainListener, join_session, refresh_listener

TALK_SECONDS = 120
REFRESH = {"refresh_after_seconds": 33.0, "warn_after_seconds": 39.0, "close_after_seconds": 48.0}
SENTENCE = noise(2.5) + silence(0.8)
TIMING = Timing(drain=3.0)


@asynccontextmanager
async def edges(data: Path, count: int) -> AsyncIterator[tuple[list[str], str, str]]:
    """Edges whose connections grow old, one whose do not, and a speaker's token."""
    quick = {"LOG_LEVEL": "warning"}
    common = {"host": "127.0.0.1", "port": 0, "limit_addresses": False}
    bus, issuer = LocalBus(), LocalIssuer.open(data)
    async with AsyncExitStack() as stack:
        parts = [part for part in PARTS if part.name != "edge"]
        system = await stack.enter_async_context(launched(data=data, env=quick, parts=parts, token=False))
        session = await stack.enter_async_context(connect(system.addresses["session"]))
        transcription = await stack.enter_async_context(connect(system.addresses["transcription"]))
        urls = []
        for ages in (*([REFRESH] * count), {}):
            config = Config.model_validate({**common, **ages})
            edge = await stack.enter_async_context(open_edge(config, issuer.verifier(), session, transcription, bus))
            urls.append(await stack.enter_async_context(serve_http(make_app(edge), "127.0.0.1", 0)))
            async with asyncio.timeout(30):
                await edge.until_ready()
        yield urls[:-1], urls[-1], issuer.mint("long-talk")


async def hear_plainly(url: str, session_id: str, heard: list[PlainListener]) -> None:
    """A listener that knows nothing but the document, and opens its next connection whenever it is asked to."""
    async with AsyncExitStack() as stack:
        listener = await stack.enter_async_context(join_session(url, session_id, "es"))
        heard.append(listener)
        while True:
            await asked_or_over(listener)
            if listener.of("sessionEnded"):
                break
            opening = refresh_listener(url, session_id, "es", connection_id=listener.connection_id)
            listener = await stack.enter_async_context(opening)
            heard.append(listener)


async def asked_or_over(listener: PlainListener) -> None:
    await listener.until(lambda: listener.of("connectionRefreshRequired") or listener.of("sessionEnded"), 90)


@pytest.mark.timeout(TALK_SECONDS + 120)
async def test_a_talk_goes_on_through_three_refreshes_of_everybody_without_a_gap(tmp_path: Path) -> None:
    control, same_edge, across, told = Received(), Received(), Received(), Received()
    plain: list[PlainListener] = []
    async with (
        edges(tmp_path, 2) as (urls, calm, token),
        balanced(urls) as anywhere,
        AsyncExitStack() as stack,
        asyncio.TaskGroup() as tasks,
    ):
        speaker = await stack.enter_async_context(Speaker.open(anywhere, token, timing=TIMING))
        tasks.create_task(told.read(speaker))
        for url, received in ((calm, control), (urls[0], same_edge), (anywhere, across)):
            opening = Listener.open(url, speaker.session_id, "es", timing=TIMING, captions_source=True)
            tasks.create_task(received.read(await stack.enter_async_context(opening)))
        tasks.create_task(hear_plainly(urls[1], speaker.session_id, plain))
        async for chunk in pace(SENTENCE * round(TALK_SECONDS / 3.3)):
            await speaker.send(chunk)
        await speaker.end()
        for received in (control, same_edge, across):
            await received.ended()

    for received in (told, same_edge, across):
        assert [event.resumed for event in received.of(Reconnected)] == [True] * 3
    control.check_in_order()
    # The speaker was heard all the time: no hole between what was understood.
    spans = [(caption.start_ms, caption.end_ms) for caption in control.source_finals]
    assert all(later[0] - earlier[1] < 1_600 for earlier, later in pairwise(spans))
    assert spans[-1][1] > (TALK_SECONDS - 5) * 1000
    for received in (same_edge, across):
        received.check_in_order()
        assert [caption.text for caption in received.finals] == [caption.text for caption in control.finals]
        assert received.source_finals == control.source_finals
        assert received.voice() == control.voice()
    assert len(plain) == 4
    assert not [deviation for listener in plain for deviation in listener.deviations]
    assert b"".join(listener.voice() for listener in plain) == control.voice()
    assert [text for listener in plain for text in listener.finals] == [caption.text for caption in control.finals]
