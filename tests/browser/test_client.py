"""The JavaScript client against the real edge: it hears what the Python client hears, whatever becomes of the network."""

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from collections.abc import AsyncIterator

import pytest

from edge.client import Listener, SourceCaption
from tests.browser.clients import InPage, Refused, captions_of, clients, cues_of, likeness, seconds
from tests.browser.conftest import OpenPage, Start
from tests.browser.stage import SENTENCE, Lingocast
from tests.browser.watching import Watch
from tests.e2e.talks import Received
from tests.fakes.cable import cable

HURRY = {"firstRetryMs": 200, "lastRetryMs": 1_000}


@asynccontextmanager
async def control(url: str, session_id: str, language: str = "es", **options: object) -> AsyncIterator[Received]:
    """What a program hears. It is read to the end of the session."""
    received = Received()
    async with AsyncExitStack() as stack:
        # The group is left last: reading ends with the connection.
        tasks = await stack.enter_async_context(asyncio.TaskGroup())
        opening = Listener.open(url, session_id, language, captions_source=True, **options)  # type: ignore[arg-type]
        tasks.create_task(received.read(await stack.enter_async_context(opening)))
        yield received


async def test_a_page_hears_what_a_program_hears_to_the_byte(
    lingocast: Lingocast, open_page: OpenPage, watch: Watch
) -> None:
    page = await clients(open_page, watch)
    async with lingocast.talk() as talk, control(lingocast.url, talk.session_id) as program:
        pcm = await page.listener("pcm", talk.session_id, captions="source")
        opus = await page.listener("opus", talk.session_id, audio="opus")
        silent = await page.listener("silent", talk.session_id, audio="off", language="pt")
        joined = await pcm.ask("open")
        assert joined["sessionId"] == talk.session_id
        assert (joined["sourceLanguage"], joined["targetLanguage"], joined["qualityTier"]) == ("en", "es", "standard")
        assert joined["broadcastState"]["isActive"]
        await opus.ask("open")
        await silent.ask("open")
        await talk.say(2)
        await talk.speaker.mute()
        await pcm.until("state", isMuted=True, isPaused=False)
        await talk.speaker.pause()
        await pcm.until("state", isMuted=True, isPaused=True)
        await talk.end()
        for client in (pcm, opus, silent):
            assert (await client.until("ended"))["reason"] == "speaker"
            await client.until("connection", status="closed")
        await program.ended()
    for client in (pcm, opus, silent):
        client.check_in_order()
        assert [news["status"] for news in client.of("connection")] == ["connecting", "open", "closed"]
    assert await pcm.voice() == cues_of(program)
    assert pcm.finals() == opus.finals() == captions_of(program)
    assert pcm.finals("sourceCaption") == captions_of(program, SourceCaption)
    assert len(silent.finals()) == len(program.finals)
    assert not silent.of("cueStart")
    assert all(not end["cut"] for end in pcm.of("cueEnd") + opus.of("cueEnd"))
    await check_opus(opus, cues_of(program))


async def check_opus(opus: InPage, cues: dict[str, bytes]) -> None:
    """Decoded to the sample, and to the same sound."""
    voices = await opus.voice()
    assert list(voices) == list(cues)
    assert {audio["sampleRate"] for audio in opus.of("audio")} == {48_000}
    for end in opus.of("cueEnd"):
        voice = voices[end["cueId"]]
        assert len(voice) // 2 == round(end["durationMs"] * 48)
        # The scripted voice is a tone at 16 kHz: every third sample is where one of its own was.
        thinned = b"".join(voice[at : at + 2] for at in range(0, len(voice), 6))
        assert likeness(thinned, cues[end["cueId"]]) > 0.9
