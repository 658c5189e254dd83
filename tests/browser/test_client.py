"""The JavaScript client against the real edge: it hears what a program hears, whatever becomes of the network."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from playwright.async_api import Browser

from chassis.system import ROOT
from edge.app import Handler
from edge.client import Listener, SourceCaption
from tests.browser.clients import InPage, Refused, captions_of, clients, cues_of, likeness
from tests.browser.conftest import OpenPage
from tests.browser.hearing import hear
from tests.browser.stage import SENTENCE, Lingocast
from tests.browser.stage import lingocast as lingocast_with
from tests.browser.watching import Watch
from tests.e2e.talks import Received, noise, silence
from tests.fakes.cable import Cable, cable

HURRY = {"firstRetryMs": 200, "lastRetryMs": 1_000}
SHORT = noise(1.2) + silence(0.7)
"""A sentence where many are needed, and none has to be long."""


class Through(Lingocast):
    """A system at the other end of a cable."""

    def __init__(self, lingocast: Lingocast, line: Cable) -> None:
        super().__init__(lingocast.system)
        self._line = line

    @property
    def url(self) -> str:
        return self._line.url


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def hasty(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Lingocast]:
    """A system in which connections get old soon, sessions are small, and a drain is short: there is nowhere to go."""
    ages = {"EDGE_REFRESH_AFTER_SECONDS": "2", "EDGE_WARN_AFTER_SECONDS": "4", "EDGE_CLOSE_AFTER_SECONDS": "8"}
    settings = {**ages, "SESSION_CAPACITY": "3", "EDGE_DRAIN_SECONDS": "1"}
    async with lingocast_with(tmp_path_factory.mktemp("hasty"), settings, drain_seconds=5.0) as running:
        yield running


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
        await talk.say()
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


async def test_another_language_begins_with_its_next_cue_and_stays_over_a_loss(
    lingocast: Lingocast, open_page: OpenPage, watch: Watch
) -> None:
    watch.allow("WebSocket connection to")
    async with cable(lingocast.url) as line, lingocast.talk(speech=SHORT) as talk:
        page = await clients(open_page, watch, Through(lingocast, line))
        listener = await page.listener("one", talk.session_id, timing=HURRY)
        await listener.ask("open")
        async with talk.going_on():
            await listener.until("cueStart", language="es")
            with pytest.raises(Refused, match="UNSUPPORTED_LANGUAGE") as refused:
                await listener.ask("changeLanguage", "ja")
            assert "pt" in refused.value.problem["languages"]
            assert await listener.get("language") == "es"
            await listener.ask("changeLanguage", "pt-BR")
            assert await listener.get("language") == "pt"
            await listener.until("cueEnd", 2)
            await listener.until("cueStart", language="pt")
            # Asked for while nobody can hear it, it holds from the next connection on.
            line.pull()
            await listener.until("connection", status="waiting")
            await listener.begin("changeLanguage", "fr")
            line.plug()
            await listener.until("languageChanged", language="fr")
            await listener.until("cueStart", language="fr")
        await talk.end()
        await listener.until("ended")
    assert [news["language"] for news in listener.of("languageChanged")] == ["pt", "fr"]
    spoken = [news["language"] for news in listener.of("cueStart")]
    assert spoken == sorted(spoken, key=["es", "pt", "fr"].index)


async def test_a_connection_that_breaks_in_mid_word_is_mended_to_the_byte(
    lingocast: Lingocast, open_page: OpenPage, watch: Watch
) -> None:
    watch.allow("WebSocket connection to")
    async with (
        cable(lingocast.url) as line,
        lingocast.talk() as talk,
        control(lingocast.url, talk.session_id) as program,
    ):
        page = await clients(open_page, watch, Through(lingocast, line))
        # One that is quick by itself, one that waits until it is told, one that decodes, one that only reads.
        quick = await page.listener("quick", talk.session_id, timing=HURRY, captions="source")
        patient = await page.listener(
            "patient", talk.session_id, timing={"firstRetryMs": 600_000, "lastRetryMs": 600_000}
        )
        opus = await page.listener("opus", talk.session_id, timing=HURRY, audio="opus")
        reader = await page.listener("reader", talk.session_id, timing=HURRY, audio="off")
        everybody = (quick, patient, opus, reader)
        for client in everybody:
            await client.ask("open")
        async with talk.going_on():
            for times in (1, 2):
                # In the midst of a cue.
                begun = await quick.until("cueStart", times)
                await quick.until("audio", cueId=begun["cueId"])
                line.pull()
                for client in everybody:
                    await client.until("connection", times, status="waiting", code="CONNECTION_LOST")
                line.plug()
                await patient.ask("retryNow")
                for client in everybody:
                    await client.until("connection", times + 1, status="open")
        await talk.end()
        for client in everybody:
            await client.until("ended")
        await program.ended()
    for client in everybody:
        client.check_in_order()
        assert client.finals() == captions_of(program)
    assert await quick.voice() == await patient.voice() == cues_of(program)
    assert quick.finals("sourceCaption") == captions_of(program, SourceCaption)
    await check_opus(opus, cues_of(program))


async def test_who_was_away_when_the_session_ended_is_told_so(
    lingocast: Lingocast, open_page: OpenPage, watch: Watch
) -> None:
    watch.allow("WebSocket connection to|ERR_INTERNET_DISCONNECTED")
    async with cable(lingocast.url) as line, lingocast.talk() as talk:
        page = await clients(open_page, watch, Through(lingocast, line))
        listener = await page.listener("away", talk.session_id, timing=HURRY)
        await listener.ask("open")
        line.pull()
        await listener.until("connection", status="waiting")
        await page.page.context.set_offline(True)
        await listener.until("connection", status="offline")
        await talk.end()
        line.plug()
        await page.page.context.set_offline(False)
        assert (await listener.until("ended"))["reason"] == "while_away"
        closed = await listener.until("connection", status="closed")
        assert "problem" not in closed
        with pytest.raises(Refused, match="CLOSED"):
            await listener.ask("changeLanguage", "pt")


async def test_a_page_that_is_loaded_again_goes_on_after_the_last_cue(
    lingocast: Lingocast, open_page: OpenPage, watch: Watch
) -> None:
    async with lingocast.talk(speech=SHORT) as talk, control(lingocast.url, talk.session_id) as program:
        page = await clients(open_page, watch)
        first = await page.listener("first", talk.session_id)
        await first.ask("open")
        async with talk.going_on():
            await first.until("cueEnd")
            memory = await first.get("memory")
            await first.look()
            again = await clients(open_page, watch)
            await page.page.close()
            second = await again.listener("second", talk.session_id, resume=memory)
            joined = await second.ask("open")
            await second.until("cueEnd")
        await talk.end()
        await second.until("ended")
        await program.ended()
    assert (joined["sourceLanguage"], joined["targetLanguage"]) == ("en", "es")
    second.check_in_order()
    heard = [end["cueId"] for end in first.of("cueEnd")] + [end["cueId"] for end in second.of("cueEnd")]
    assert heard == list(cues_of(program))
    voice = await second.voice()
    assert voice == {cue_id: pcm for cue_id, pcm in cues_of(program).items() if cue_id in voice}


async def test_a_refusal_says_what_is_wrong(lingocast: Lingocast, open_page: OpenPage, watch: Watch) -> None:
    async with lingocast.talk(pin="1234") as talk:
        page = await clients(open_page, watch)

        async def refused(client: InPage) -> Any:
            with pytest.raises(Refused) as error:
                await client.ask("open")
            closed = await client.until("connection", status="closed")
            assert closed["problem"] == error.value.problem
            return error.value.problem

        wrong = await refused(await page.listener("wrong", talk.session_id, pin="4321"))
        assert (wrong["code"], wrong["status"]) == ("WRONG_PIN", 403)
        assert wrong["correlationId"]
        nowhere = await refused(await page.listener("nowhere", "faithful-shepherd-999"))
        assert (nowhere["code"], nowhere["status"]) == ("SESSION_NOT_FOUND", 404)
        unknown = await refused(await page.listener("unknown", talk.session_id, language="ja", pin="1234"))
        assert unknown["code"] == "UNSUPPORTED_LANGUAGE"
        assert "es" in unknown["languages"]
        assert (await refused(await page.speaker("nobody", "not-a-token")))["code"] == "INVALID_TOKEN"
        right = await page.listener("right", talk.session_id, pin="1234", captions="source")
        await right.ask("open")


async def test_a_talk_goes_on_through_refreshes_of_everybody_without_a_gap(
    hasty: Lingocast, open_page: OpenPage, watch: Watch
) -> None:
    system = hasty
    page = await clients(open_page, watch, system)
    speaker = await page.speaker("speaker", system.token(), glossary=[{"source": "Ebenezer"}], qualityTier="premium")
    created = await speaker.ask("open")
    assert (created["sourceLanguage"], created["qualityTier"]) == ("en", "premium")
    assert created["joinUrl"].endswith(f"/s/{created['sessionId']}")
    session_id = created["sessionId"]
    async with control(system.url, session_id) as program:
        everybody = [await page.listener(form, session_id, audio=form, captions="source") for form in ("pcm", "opus")]
        for client in everybody:
            await client.ask("open")
        late = await page.listener("late", session_id)
        await late.begin("open")
        full = await late.until("connection", status="waiting")
        assert (full["problem"]["code"], full["problem"]["retryAfter"]) == ("SESSION_FULL", 30)
        assert full["retryAt"] > 0
        await late.ask("close")
        await speaker.speak(SENTENCE * 2)
        await speaker.ask("end", "that was all")
        for client in (speaker, *everybody):
            assert (await client.until("ended"))["reason"] == "that was all"
            await client.until("connection", status="closed")
        await program.ended()
    pcm, opus = everybody
    assert len([url for url in watch.sockets if "role=listener" in url]) >= 6
    assert len([url for url in watch.sockets if "role=speaker" in url]) >= 3
    # The server knows them on every connection.
    assert len(speaker.of("glossaryAccepted", terms=1)) >= 3
    for client in (speaker, *everybody):
        assert [news["status"] for news in client.of("connection")] == ["connecting", "open", "closed"]
        assert not client.of("problem")
    for client in everybody:
        client.check_in_order()
        assert client.finals() == captions_of(program)
    assert speaker.finals("sourceCaption") == pcm.finals("sourceCaption") == captions_of(program, SourceCaption)
    assert len(program.finals) >= 2
    assert await pcm.voice() == cues_of(program)
    await check_opus(opus, cues_of(program))


async def test_an_edge_that_is_replaced_takes_nobody_with_it(
    hasty: Lingocast, open_page: OpenPage, watch: Watch
) -> None:
    watch.allow("WebSocket connection to")
    system = hasty
    page = await clients(open_page, watch, system)
    terms = [{"source": "grace", "target": "gracia", "language": "es"}]
    speaker = await page.speaker("speaker", system.token(), timing=HURRY, glossary=terms)
    created = await speaker.ask("open")
    listener = await page.listener("listener", created["sessionId"], timing=HURRY)
    await listener.ask("open")
    await speaker.ask("mute")
    await speaker.until("state", isMuted=True)
    await speaker.ask("unmute")
    await speaker.speak(SHORT)
    await listener.until("cueEnd")
    await system.restart_edge()
    for client in (speaker, listener):
        await client.until("connection", 2, status="open")
    await speaker.until("glossaryAccepted", terms=1)
    await speaker.ask("setVolume", 0.5)
    await listener.until("state", volume=0.5)
    await speaker.ask("setVolume", 1)
    before = len(listener.of("cueEnd"))
    await speaker.speak(SHORT)
    await listener.until("cueEnd", before + 1)
    status = await speaker.until("status")
    assert status["listenerCount"] == 1
    await speaker.ask("end")
    assert (await listener.until("ended"))["reason"] == "speaker"
    listener.check_in_order()


async def test_what_is_said_while_nobody_is_connected_is_sent_afterwards(
    lingocast: Lingocast, open_page: OpenPage, watch: Watch
) -> None:
    watch.allow("WebSocket connection to")
    async with cable(lingocast.url) as line:
        page = await clients(open_page, watch, Through(lingocast, line))
        timing = {"firstRetryMs": 600_000, "lastRetryMs": 600_000}
        speaker = await page.speaker("speaker", lingocast.token("the-one"), timing=timing)
        created = await speaker.ask("open")
        async with control(lingocast.url, created["sessionId"]) as program:
            line.pull()
            await speaker.until("connection", status="waiting")
            await speaker.begin("setVolume", 0.9)
            await page.page.evaluate("window.clients.speaker.send(new Int16Array(16000 * 6))")
            lost = await speaker.until("lost")
            assert lost["seconds"] == pytest.approx(1.0, abs=0.1)
            # All that is ever said.
            await speaker.speak(SHORT)
            line.plug()
            await speaker.ask("retryNow")
            # What was wanted meanwhile holds as well.
            await speaker.until("state", volume=0.9)
            # Another page of the same person goes on, and the first is told.
            other = await page.speaker("other", lingocast.token("the-one"), resume={"sessionId": created["sessionId"]})
            opened = await other.ask("open")
            assert opened["sessionId"] == created["sessionId"]
            assert opened["broadcastState"]["volume"] == 0.9
            replaced = await speaker.until("connection", status="closed")
            assert replaced["problem"]["code"] == "REPLACED"
            await program.until(lambda so_far: so_far.finals)
            await other.ask("end")
            await program.ended()


EXAMPLES = re.findall(r"```html\n(.*?)```", (ROOT / "docs" / "client.md").read_text("utf-8"), re.DOTALL)


@asynccontextmanager
async def elsewhere(page: str, token: str = "") -> AsyncIterator[str]:
    """The address of a page on another site, which has a token for who asks."""

    def told(text: str, content_type: str) -> Handler:
        async def tell(_: web.Request) -> web.Response:
            return web.Response(text=text, content_type=content_type)

        return tell

    app = web.Application()
    app.router.add_get("/", told(page, "text/html"))
    app.router.add_get("/my-token", told(token, "text/plain"))
    app.router.add_get("/favicon.ico", told("", "image/png"))
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
    finally:
        await runner.cleanup()


async def test_the_pages_of_the_documentation_work_when_pasted(lingocast: Lingocast, browser: Browser) -> None:
    listening, speaking = [page.replace("https://lingocast.example", lingocast.url) for page in EXAMPLES]
    context = await browser.new_context(permissions=["microphone"])
    said: list[str] = []
    context.on("weberror", lambda error: said.append(str(error.error)))
    context.on("console", lambda message: said.append(message.text))
    try:
        async with elsewhere(speaking, lingocast.token()) as site:
            speaker = await context.new_page()
            await speaker.goto(site)
            await speaker.get_by_role("button").click()
            join = speaker.get_by_text(f"{lingocast.url}/s/")
            await join.wait_for()
            session_id = (await join.inner_text()).rpartition("/s/")[2].split()[0]
            await speaker.wait_for_function("document.querySelector('p').textContent.length > 10")
            async with elsewhere(listening.replace("faithful-shepherd-427", session_id)) as other:
                listener = await context.new_page()
                await listener.goto(other)
                await listener.get_by_role("button").click()
                await listener.wait_for_function("document.querySelector('p').textContent.length > 10")
                heard = await hear(listener)
                await heard.until(lambda so_far: so_far.audible_seconds > 0.5)
    finally:
        await context.close()
    assert said == []
