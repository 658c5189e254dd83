"""A stranger's client, written from the protocol's document alone, against the real processes with scripted engines.

Whatever the server sends to it that the document does not say fails these tests.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager

import pytest
import pytest_asyncio

from chassis.system import System, launched
from tests.e2e.talks import gone, noise, silence
from tests.fakes.plain_client import (
    Answered,
    PlainClient,
    PlainListener,
    PlainSpeaker,
    Refused,
    create_session,
    join_session,
    refresh_listener,
    refresh_speaker,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")

SENTENCE = noise(2.5) + silence(0.8)
CHUNK_SECONDS = 0.1
CHUNK_BYTES = 3200
ENDED = {1000, 4000}  # "ended normally", "session ended".


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def system(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[System]:
    # Everybody comes from one address here.
    quick = {"EDGE_LIMIT_ADDRESSES": "false"}
    async with launched(data=tmp_path_factory.mktemp("data"), engines="scripted", env=quick) as running:
        yield running


async def say(speaker: PlainSpeaker, pcm: bytes, *, first: int | None = None) -> int:
    """At real-time speed; numbered from `first` where given. How many chunks."""
    chunks = [pcm[at : at + CHUNK_BYTES] for at in range(0, len(pcm), CHUNK_BYTES)]
    loop = asyncio.get_running_loop()
    began = loop.time()
    for number, chunk in enumerate(chunks):
        await speaker.send_audio(chunk, seq=None if first is None else first + number)
        await asyncio.sleep(began + (number + 1) * CHUNK_SECONDS - loop.time())
    return len(chunks)


def as_documented(*clients: PlainClient) -> None:
    for client in clients:
        assert client.deviations == []


def assert_numbered(listener: PlainListener) -> None:
    """In order, none twice. Not without gaps: the document does not promise that."""
    numbers = [message["sequenceNumber"] for message in listener.of("audioData")]
    assert numbers == sorted(set(numbers))


async def test_a_plain_speaker_and_plain_listeners_complete_a_talk(system: System) -> None:
    token = await system.mint("plain")
    async with (
        asyncio.timeout(90),
        create_session(system.url, token, ack=True, heartbeat_seconds=5.0) as speaker,
        join_session(system.url, speaker.session_id, "es", heartbeat_seconds=5.0) as spanish,
        join_session(
            system.url, speaker.session_id, "pt", action=False, options={"captions": "source"}, heartbeat_seconds=5.0
        ) as portuguese,
        join_session(system.url, speaker.session_id, "es", options={"audio": "off"}, heartbeat_seconds=5.0) as reader,
    ):
        sent = await say(speaker, SENTENCE)
        assert (await speaker.volume(0.8))["volumeLevel"] == pytest.approx(0.8)
        numbered = await say(speaker, SENTENCE, first=1)
        paused = await speaker.pause()
        assert paused["sessionId"] == speaker.session_id
        await speaker.resume()
        status = await speaker.status()
        assert (status["listenerCount"], status["languageDistribution"]) == (3, {"es": 2, "pt": 1})
        sent += numbered + await say(speaker, SENTENCE, first=1 + numbered)
        await speaker.end()
        listeners = (spanish, portuguese, reader)
        await asyncio.gather(speaker.ended(), *(listener.ended(60.0) for listener in listeners))
    as_documented(speaker, *listeners)
    assert len(speaker.of("audioReceived")) == sent
    said = [caption for caption in speaker.of("sourceCaption") if caption["isFinal"]]
    assert len(said) >= 3
    for listener in listeners:
        assert len(listener.finals) == len(said)
        assert [len(listener.of(kind)) for kind in ("broadcastPaused", "broadcastResumed", "sessionEnded")] == [1, 1, 1]
        assert listener.close_code in ENDED
        assert len(listener.of("heartbeatAck")) >= 1
    assert [one["text"] for one in portuguese.of("sourceCaption") if one["isFinal"]] == [one["text"] for one in said]
    for listener in (spanish, portuguese):
        assert_numbered(listener)
        assert len(listener.voice()) > 3 * 16_000  # More than half a second of voice a sentence, at 2 bytes a sample.
    assert spanish.voice() != portuguese.voice()
    assert reader.voice() == b""
    assert speaker.close_code in ENDED
    assert len(speaker.of("heartbeatAck")) >= 1
    await gone(system.data)


async def test_plain_clients_refresh_their_connections_and_the_talk_goes_on(system: System) -> None:
    token = await system.mint("plain-refresh")
    async with (
        asyncio.timeout(90),
        create_session(system.url, token) as speaker,
        join_session(system.url, speaker.session_id, "es") as listener,
    ):
        await speaker.volume(0.7)
        await say(speaker, SENTENCE)
        await listener.until(lambda: listener.of("audioData"))
        async with (
            refresh_speaker(system.url, speaker.session_id, token) as again,
            refresh_listener(
                system.url,
                speaker.session_id,
                "es",
                connection_id=listener.connection_id,
                last_cue=listener.last_cue,
            ) as anew,
        ):
            await asyncio.gather(speaker.ended(), listener.ended())
            assert (speaker.close_code, listener.close_code) == (1000, 1000)
            assert again.connection_id != speaker.connection_id
            assert anew.connection_id != listener.connection_id
            for client in (again, anew):
                (restored,) = client.of("stateRestored")
                assert restored["broadcastState"]["volume"] == pytest.approx(0.7)
            status = await again.status()
            assert (status["listenerCount"], status["languageDistribution"]) == (1, {"es": 1})
            before = len(anew.finals)
            await say(again, SENTENCE)
            await again.end()
            await anew.ended(60.0)
            assert len(anew.finals) > before
            assert anew.voice()
            assert_numbered(anew)
        as_documented(speaker, listener, again, anew)
    said = [one["text"] for client in (speaker, again) for one in client.of("sourceCaption") if one["isFinal"]]
    # What the old connection had and the new one was given again is one and the same.
    assert len(dict.fromkeys([*listener.finals, *anew.finals])) >= len(said)


async def test_a_plain_listener_changes_language(system: System) -> None:
    token = await system.mint("plain-language")
    async with (
        asyncio.timeout(60),
        create_session(system.url, token) as speaker,
        join_session(system.url, speaker.session_id, "es") as listener,
    ):
        changed = await listener.change_language("pt")
        assert changed["targetLanguage"] == "pt"
        await listener.ask("pausePlayback", "playbackPaused")
        await listener.ask("resumePlayback", "playbackResumed")
        await say(speaker, SENTENCE)
        await listener.until(lambda: listener.finals and listener.of("audioData"))
        assert {caption["language"] for caption in listener.of("caption")} == {"pt"}
        with pytest.raises(Answered) as caught:
            await listener.change_language("tlh")
        assert (caught.value.code, caught.value.status) == ("UNSUPPORTED_LANGUAGE", 400)
        await speaker.end()
        await listener.ended()
    as_documented(speaker, listener)


async def test_a_plain_speakers_every_control_is_answered_and_told(system: System) -> None:
    token = await system.mint("plain-controls")
    async with (
        asyncio.timeout(60),
        create_session(system.url, token) as speaker,
        join_session(system.url, speaker.session_id, "es") as listener,
    ):
        await speaker.ask("muteBroadcast", "broadcastMuted", reason="cough")
        await speaker.ask("unmuteBroadcast", "broadcastUnmuted")
        await speaker.ask("controlSession", "broadcastPaused", command="pause")
        await speaker.ask("controlSession", "broadcastResumed", command="resume")
        told = await speaker.ask("speakerStateChange", "speakerStateChanged", state={"isMuted": True})
        assert told["state"]["isMuted"] is True
        await speaker.ask("controlSession", "sessionEnded", command="end")
        await listener.ended()
    as_documented(speaker, listener)
    told_kinds = [message["type"] for message in listener.messages]
    for kind in ("broadcastMuted", "broadcastUnmuted", "broadcastPaused", "broadcastResumed", "sessionEnded"):
        assert told_kinds.count(kind) == 1, (kind, told_kinds)


async def test_a_glossary_is_accepted_and_a_wrong_one_refused_by_name(system: System) -> None:
    token = await system.mint("plain-glossary")
    async with asyncio.timeout(60), create_session(system.url, token) as speaker:
        accepted = await speaker.ask("setGlossary", "glossaryAccepted", terms=[{"source": "Ebenezer"}])
        assert (accepted["terms"], len(accepted["version"])) == (1, 16)
        with pytest.raises(Answered) as caught:
            await speaker.ask("setGlossary", "glossaryAccepted", terms=[{"source": "Ebenezer", "language": "?"}])
        assert (caught.value.code, caught.value.status) == ("INVALID_LANGUAGE", 400)
        assert await speaker.heartbeat()
        await speaker.end()
    as_documented(speaker)


async def test_unknown_fields_are_ignored_and_unknown_actions_are_answered(system: System) -> None:
    token = await system.mint("plain-unknown")
    async with asyncio.timeout(60), create_session(system.url, token) as speaker:
        assert await speaker.ask("heartbeat", "heartbeatAck", colour="blue")
        with pytest.raises(Answered) as caught:
            await speaker.ask("sing", "sung")
        assert (caught.value.code, caught.value.status) == ("INVALID_ACTION", 400)
        assert await speaker.heartbeat()
        await speaker.end()
    as_documented(speaker)


@pytest.mark.parametrize(
    ("session_id", "language", "code", "status"),
    [
        ("faithful-shepherd-999", "es", "SESSION_NOT_FOUND", 404),
        ("not a session", "es", "INVALID_SESSION_ID", 400),
        ("", "es", "MISSING_PARAMETER", 400),
        ("faithful-shepherd-999", "", "MISSING_PARAMETER", 400),
    ],
)
async def test_a_plain_join_is_refused_by_status_and_body(
    system: System, session_id: str, language: str, code: str, status: int
) -> None:
    # What is empty the client leaves out.
    await refused_with(code, status, join_session(system.url, session_id, language))


@pytest.mark.parametrize(("token", "code"), [("", "MISSING_TOKEN"), ("nonsense", "INVALID_TOKEN")])
async def test_a_plain_speaker_without_a_good_token_is_refused_by_status_and_body(
    system: System, token: str, code: str
) -> None:
    await refused_with(code, 401, create_session(system.url, token))


async def test_a_second_session_of_one_speaker_is_refused_by_status_and_body(system: System) -> None:
    token = await system.mint("plain-twice")
    async with asyncio.timeout(60), create_session(system.url, token) as speaker:
        await refused_with("MAX_SESSIONS_EXCEEDED", 429, create_session(system.url, token))
        await speaker.end()


async def refused_with(code: str, status: int, opening: AbstractAsyncContextManager[PlainClient]) -> None:
    with pytest.raises(Refused) as caught:
        async with opening:
            pass
    refused = caught.value
    assert (refused.status, refused.body["status"], refused.body["code"]) == (status, status, code)
    assert refused.deviations == []
    if status == 429:
        assert refused.retry_after is not None
