"""The whole way through the five real processes, with scripted engines: seconds instead of minutes."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import aiohttp
import pytest
import pytest_asyncio

from chassis.system import System, launched
from edge.client import (
    BroadcastMuted,
    BroadcastPaused,
    Caption,
    ClientError,
    CueAudio,
    CueEnd,
    CueStart,
    ErrorEvent,
    Listener,
    QualityRecovered,
    QualityWarning,
    SessionEnded,
    SourceCaption,
    Speaker,
    Term,
    pace,
)
from synthesis_svc.engines.scripted import SECONDS_PER_CHARACTER
from tests.e2e.talks import Received, gone, noise, silence

pytestmark = pytest.mark.asyncio(loop_scope="module")

SENTENCE = noise(2.5) + silence(0.8)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def system(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[System]:
    # Everybody comes from one address here.
    quick = {"SESSION_SPEAKER_GRACE_SECONDS": "2", "LOG_LEVEL": "debug", "EDGE_LIMIT_ADDRESSES": "false"}
    async with launched(data=tmp_path_factory.mktemp("data"), engines="scripted", env=quick) as running:
        yield running


class Room:
    """One speaker and their listeners, each read by a task of its own."""

    def __init__(self, system: System, speaker: Speaker, stack: AsyncExitStack, tasks: asyncio.TaskGroup) -> None:
        self.system = system
        self.speaker = speaker
        self.told = Received()
        self._stack = stack
        self._tasks = tasks
        tasks.create_task(self.told.read(speaker))

    async def listener(self, language: str) -> tuple[Listener, Received]:
        opening = Listener.open(self.system.url, self.speaker.session_id, language)
        listener = await self._stack.enter_async_context(opening)
        received = Received()
        self._tasks.create_task(received.read(listener))
        return listener, received

    async def say(self, pcm: bytes) -> None:
        """At real-time speed."""
        async for chunk in pace(pcm):
            await self.speaker.send(chunk)


@asynccontextmanager
async def room(system: System, user: str) -> AsyncIterator[Room]:
    token = await system.mint(user)
    async with asyncio.timeout(100), asyncio.TaskGroup() as tasks, AsyncExitStack() as stack:
        speaker = await stack.enter_async_context(Speaker.open(system.url, token))
        yield Room(system, speaker, stack, tasks)


async def test_a_talk_is_captioned_and_voiced_in_two_languages_and_leaves_nothing_behind(system: System) -> None:
    async with room(system, "whole-way") as talk:
        _, spanish = await talk.listener("es")
        _, portuguese = await talk.listener("pt")
        await talk.say(SENTENCE * 2)
        await talk.speaker.end()
        await asyncio.gather(spanish.ended(), portuguese.ended())
    said = [caption.text for caption in talk.told.source_finals]
    assert len(said) >= 2
    for received in (spanish, portuguese):
        received.check_in_order()
        assert len(received.finals) == len(said)
        assert all(cue.complete for cue in received.of(CueEnd))
        assert len(received.of(CueStart)) == len(said)
    assert [caption.text for caption in spanish.finals] != [caption.text for caption in portuguese.finals]
    assert spanish.voice() != portuguese.voice()
    await gone(system.data)


async def test_the_speakers_terms_are_in_captions_and_voice_of_their_language(system: System) -> None:
    terms = [Term("welcome", "bienvenidísimos sean todos ustedes", "es"), Term("talk", "Talk")]
    async with room(system, "glossary") as talk:
        accepted = await talk.speaker.set_glossary(terms)
        assert accepted.terms == 2
        _, spanish = await talk.listener("es")
        _, portuguese = await talk.listener("pt")
        await talk.say(SENTENCE)
        await talk.speaker.end()
        await asyncio.gather(spanish.ended(), portuguese.ended())
    said = talk.told.source_finals[0].text
    assert said.startswith("Welcome to talk")
    fixed = said.replace("Welcome", "Bienvenidísimos sean todos ustedes")
    assert spanish.finals[0].text == f"[es] {fixed}".replace("talk", "Talk")
    assert portuguese.finals[0].text == f"[pt] {said}".replace("talk", "Talk")
    # The scripted voice sounds as long as its text is, at any tempo.
    longer = (len(fixed) - len(said)) * SECONDS_PER_CHARACTER
    voices = [received.voice(received.of(CueStart)[0].cue_id) for received in (spanish, portuguese)]
    assert (len(voices[0]) - len(voices[1])) / 32_000 > longer / 2


async def test_source_captions_grow_before_they_are_final(system: System) -> None:
    async with room(system, "growing") as talk:
        await talk.say(SENTENCE)
        await talk.told.until(lambda told: told.source_finals)
        partials = [caption for caption in talk.told.of(SourceCaption) if not caption.is_final]
        assert len(partials) >= 2
        assert partials[0].segment_id == talk.told.source_finals[0].segment_id


async def test_an_unknown_session_is_named_as_such(system: System) -> None:
    with pytest.raises(ClientError) as caught:
        async with Listener.open(system.url, "faithful-shepherd-999", "es"):
            pass
    assert (caught.value.code, caught.value.status) == ("SESSION_NOT_FOUND", 404)


@pytest.mark.parametrize(
    ("session_id", "language", "code"),
    [("not a session", "es", "INVALID_SESSION_ID"), ("faithful-shepherd-999", "e s", "INVALID_LANGUAGE")],
)
async def test_a_malformed_join_is_refused(system: System, session_id: str, language: str, code: str) -> None:
    with pytest.raises(ClientError) as caught:
        async with Listener.open(system.url, session_id, language):
            pass
    assert caught.value.code == code


async def test_a_language_that_is_not_offered_is_refused_with_those_that_are(system: System) -> None:
    async with room(system, "offered") as talk:
        with pytest.raises(ClientError) as caught:
            await talk.listener("tlh")
    assert caught.value.code == "UNSUPPORTED_LANGUAGE"
    assert "es" in caught.value.languages


@pytest.mark.parametrize("token", ["nonsense", ""])
async def test_a_bad_token_opens_no_session(system: System, token: str) -> None:
    with pytest.raises(ClientError) as caught:
        async with Speaker.open(system.url, token):
            pass
    assert caught.value.status == 401


async def test_half_a_sample_is_a_named_error_and_the_connection_lives(system: System) -> None:
    token = await system.mint("half")
    query = {"action": "createSession", "sourceLanguage": "en", "token": token}
    async with (
        aiohttp.ClientSession() as http,
        http.ws_connect(f"{system.url}/ws", params=query, protocols=["lingocast.v1"]) as socket,
    ):
        assert (await socket.receive_json())["type"] == "sessionCreated"
        await socket.send_bytes(bytes(3201))
        error = await socket.receive_json()
        assert (error["type"], error["code"]) == ("error", "INVALID_AUDIO_FORMAT")
        await socket.send_json({"action": "heartbeat"})
        assert (await socket.receive_json())["type"] == "heartbeatAck"
        await socket.send_json({"action": "endSession"})
        assert (await socket.receive_json())["type"] == "sessionEnded"


async def test_a_listener_that_leaves_in_the_middle_of_a_cue_disturbs_nobody(system: System) -> None:
    async with room(system, "leaving") as talk:
        _, staying = await talk.listener("es")
        leaving = Listener.open(system.url, talk.speaker.session_id, "es")
        async with asyncio.TaskGroup() as going_on, leaving as listener:
            seen = Received()
            going_on.create_task(seen.read(listener))
            going_on.create_task(talk.say(SENTENCE))
            await seen.until(lambda so_far: so_far.of(CueAudio) and len(so_far.of(CueStart)) > len(so_far.of(CueEnd)))
        await talk.say(SENTENCE)
        await talk.speaker.end()
        await staying.ended()
    staying.check_in_order()
    assert len(staying.of(CueEnd)) == len(staying.of(CueStart)) == len(talk.told.source_finals)
    await gone(system.data)


async def test_a_listener_changes_language_without_a_new_connection(system: System) -> None:
    async with room(system, "changing") as talk:
        listener, received = await talk.listener("es")
        await talk.say(SENTENCE)
        await received.until(lambda so_far: so_far.of(CueEnd))
        changed = await listener.change_language("pt")
        assert changed.target_language == "pt"
        await talk.say(SENTENCE)
        await received.until(lambda so_far: any(cue.language == "pt" for cue in so_far.of(CueStart)))
        status = await talk.speaker.status()
        assert dict(status.language_distribution) == {"pt": 1}
        with pytest.raises(ClientError) as caught:
            await listener.change_language("tlh")
        assert caught.value.code == "UNSUPPORTED_LANGUAGE"
    languages = [caption.language for caption in received.of(Caption)]
    assert languages == sorted(languages)  # es first, then pt: nothing of the old one after the new one began.


async def test_a_paused_or_muted_speaker_is_not_recognised_and_listeners_are_told(system: System) -> None:
    async with room(system, "pausing") as talk:
        _, received = await talk.listener("es")
        await talk.speaker.pause()
        await received.until(lambda so_far: so_far.of(BroadcastPaused))
        await talk.say(noise(2.0))
        await talk.speaker.resume()
        await talk.speaker.mute()
        await received.until(lambda so_far: so_far.of(BroadcastMuted))
        await talk.say(noise(2.0))
        assert talk.told.of(SourceCaption) == []
        await talk.speaker.unmute()
        await talk.say(SENTENCE)
        await received.until(lambda so_far: so_far.of(Caption))


async def test_a_speaker_is_told_what_is_wrong_with_the_sound_and_when_it_is_over(system: System) -> None:
    async with room(system, "flawed") as talk:
        await talk.say(noise(1.0, level=2.0))
        await talk.told.until(lambda told: told.of(QualityWarning))
        await talk.say(silence(6.0))
        await talk.told.until(lambda told: len(told.of(QualityWarning)) == 2 and told.of(QualityRecovered))
        await talk.say(noise(0.5))
        await talk.told.until(lambda told: len(told.of(QualityRecovered)) == 2)
    clipping, silent = talk.told.of(QualityWarning)
    assert (clipping.issue, clipping.threshold) == ("clipping", 0.01)
    assert clipping.value > 0.3
    assert (silent.issue, silent.value, silent.threshold) == ("silence", -120.0, -50.0)
    assert all(warning.advice.endswith(".") for warning in (clipping, silent))
    assert [over.issue for over in talk.told.of(QualityRecovered)] == ["clipping", "silence"]


async def test_a_speaker_who_vanishes_ends_the_session_after_the_grace(system: System) -> None:
    token = await system.mint("vanishing")
    async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
        async with Speaker.open(system.url, token, end_on_exit=False) as speaker:
            session_id = speaker.session_id
            listening = AsyncExitStack()
            listener = await listening.enter_async_context(Listener.open(system.url, session_id, "es"))
            received = Received()
            tasks.create_task(received.read(listener))
            async for chunk in pace(SENTENCE):
                await speaker.send(chunk)
        await received.ended(seconds=30.0)
        await listening.aclose()
    assert received.of(SessionEnded)[0].reason == "speaker_gone"
    assert len(received.of(CueEnd)) >= 1
    with pytest.raises(ClientError) as caught:
        async with Listener.open(system.url, session_id, "es"):
            pass
    assert caught.value.code == "SESSION_NOT_FOUND"
    await gone(system.data)


@pytest.mark.parametrize("service", ["transcription", "translation", "synthesis", "session", "edge"])
async def test_a_service_that_is_killed_comes_back_and_the_talk_goes_on(system: System, service: str) -> None:
    async with room(system, f"killed-{service}") as talk:
        _, received = await talk.listener("es")
        await talk.say(SENTENCE)
        await received.until(lambda so_far: so_far.of(CueEnd))
        pid = system.pids[service]
        system.kill(service, signal.SIGKILL)
        await system.replaced(service, pid)
        before = len(received.of(CueEnd))
        for _ in range(6):
            await talk.say(SENTENCE)
            if len(received.of(CueEnd)) > before:
                break
        await received.until(lambda so_far: len(so_far.of(CueEnd)) > before)
        await talk.speaker.end()
        await received.ended()
    received.check_in_order()
    assert [event for event in talk.told.of(ErrorEvent) if event.code == "INTERNAL"] == []


async def test_the_public_facts_are_served_over_http(system: System) -> None:
    async with room(system, "public") as talk, aiohttp.ClientSession(system.url) as http:
        for path in ("/healthz", "/readyz"):
            assert (await http.get(path)).status == 200
        languages = await (await http.get("/api/languages")).json()
        assert "es" in str(languages)
        facts = await (await http.get(f"/api/sessions/{talk.speaker.session_id}")).json()
        assert facts["sourceLanguage"] == "en"
        assert talk.speaker.created.connection_id not in str(facts)
        code = await http.get(f"/api/sessions/{talk.speaker.session_id}/qr.svg")
        assert (code.status, code.content_type) == (200, "image/svg+xml")
        assert (await http.get("/api/sessions/faithful-shepherd-999")).status == 404


async def test_logs_carry_no_secret_and_no_speech(system: System) -> None:
    async with room(system, "private") as talk:
        listener, received = await talk.listener("es")
        await talk.say(SENTENCE)
        await received.until(lambda so_far: so_far.finals)
        secrets = [
            system.speaker_token,
            talk.speaker.created.connection_id,
            listener.joined.connection_id,
            received.finals[0].text,
            talk.told.source_finals[0].text,
        ]
    logs = "".join(system.log(service) for service in system.pids)
    assert "broadcast_began" in logs
    for secret in secrets:
        assert secret not in logs


async def test_nothing_was_logged_as_an_unexpected_failure(system: System) -> None:
    """Last of the file: after all that was done to it, no service has met an exception that it did not know."""
    for service in system.pids:
        assert "Traceback" not in system.log(service), service
        assert "call_failed" not in system.log(service), service
        assert "never retrieved" not in system.log(service), service
