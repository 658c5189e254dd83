"""A listener's socket over the wire: captions and cues in both flavours, language change, slowness, clean-up."""

import asyncio
import base64
from collections.abc import AsyncIterator

import pytest

from chassis.errors import Unavailable
from protos.audio.v1 import audio_pb2
from protos.transcription.v1 import transcription_pb2 as pb
from tests.fakes.edge import RunningEdge, held, running_edge
from tests.fakes.transcription import FakeStream, span

FORMAT = audio_pb2.AudioFormat(encoding=audio_pb2.AUDIO_ENCODING_PCM_S16LE, sample_rate_hertz=16_000)


@pytest.fixture
async def running() -> AsyncIterator[RunningEdge]:
    async with held(running_edge()) as edge:
        yield edge


def begin(stream: FakeStream, segment: int, language: str) -> None:
    start = pb.CueStart(
        cue_id=f"{segment}-{language}", segment_id=segment, language=language, format=FORMAT, span=span(1, 2), tempo=1.1
    )
    stream.say(cue_start=start)


def play(stream: FakeStream, segment: int, language: str, chunks: int = 1) -> None:
    for number in range(chunks):
        audio = bytes([number % 256]) * 3_200
        stream.say(cue_audio=pb.CueAudio(cue_id=f"{segment}-{language}", language=language, audio=audio))


def end(stream: FakeStream, segment: int, language: str, seconds: float = 0.1) -> None:
    cue = pb.CueEnd(cue_id=f"{segment}-{language}", language=language)
    cue.audio_duration.FromMilliseconds(round(seconds * 1000))
    stream.say(cue_end=cue)


def cue(stream: FakeStream, segment: int, language: str, chunks: int = 1) -> None:
    begin(stream, segment, language)
    play(stream, segment, language, chunks)
    end(stream, segment, language, chunks / 10)


def caption(stream: FakeStream, segment: int, language: str, text: str) -> None:
    stream.say(caption=pb.Caption(segment_id=segment, language=language, text=text, is_final=True, span=span(1, 2)))


async def test_v1_listeners_get_cues_as_bare_frames_between_their_marks(running: RunningEdge) -> None:
    _, created = await running.speaker()
    listener = await running.listener(created["sessionId"], "es")
    stream = await running.transcription.stream()
    caption(stream, 4, "es", "En el principio")
    cue(stream, 4, "es", chunks=2)
    told = await listener.hear()
    assert isinstance(told, dict)
    assert (told["type"], told["segmentId"], told["text"]) == ("caption", 4, "En el principio")
    start = await listener.hear()
    assert isinstance(start, dict)
    assert start == {
        "type": "cueStart", "cueId": "4-es", "segmentId": 4, "language": "es", "sampleRate": 16_000,
        "startMs": 1_000, "endMs": 2_000, "tempo": 1.1,
    }  # fmt: skip
    assert await listener.hear() == bytes(3_200)
    assert await listener.hear() == bytes([1]) * 3_200
    assert await listener.hear() == {"type": "cueEnd", "cueId": "4-es", "durationMs": 200}


async def test_plain_listeners_get_base64_and_never_a_binary_frame(running: RunningEdge) -> None:
    _, created = await running.speaker()
    listener = await running.listener(created["sessionId"], "es", plain=True)
    stream = await running.transcription.stream()
    cue(stream, 4, "es", chunks=2)
    caption(stream, 5, "es", "fin")
    heard = [await listener.hear() for _ in range(3)]
    assert all(isinstance(message, dict) for message in heard)
    first, second, last = [message for message in heard if isinstance(message, dict)]
    assert base64.b64decode(first["audioData"]) == bytes(3_200)
    assert (first["format"], first["sampleRate"], first["channels"]) == ("pcm", 16_000, 1)
    assert second["sequenceNumber"] == first["sequenceNumber"] + 1
    assert (first["cueId"], first["segmentId"]) == ("4-es", 4)
    assert last["type"] == "caption"


async def test_each_listener_hears_its_own_language_only(running: RunningEdge) -> None:
    _, created = await running.speaker()
    spanish = await running.listener(created["sessionId"], "es")
    french = await running.listener(created["sessionId"], "fr")
    stream = await running.transcription.stream()
    caption(stream, 1, "es", "uno")
    caption(stream, 1, "fr", "un")
    assert (await spanish.expect("caption"))["text"] == "uno"
    assert (await french.expect("caption"))["text"] == "un"


async def test_captions_alone_and_source_captions_come_when_asked_for(running: RunningEdge) -> None:
    _, created = await running.speaker()
    reader = await running.listener(created["sessionId"], "es", audio="off", captions="source")
    stream = await running.transcription.stream()
    stream.say(source_caption=pb.SourceCaption(segment_id=1, text="One.", is_final=True, span=span(0, 1)))
    cue(stream, 1, "es")
    caption(stream, 1, "es", "Uno.")
    assert (await reader.hear())["type"] == "sourceCaption"  # type: ignore[call-overload]
    assert (await reader.hear())["type"] == "caption"  # type: ignore[call-overload]


async def test_nobody_joins_in_the_middle_of_a_word(running: RunningEdge) -> None:
    _, created = await running.speaker()
    first = await running.listener(created["sessionId"], "es")
    stream = await running.transcription.stream()
    begin(stream, 1, "es")
    play(stream, 1, "es")
    await first.expect("cueStart")
    late = await running.listener(created["sessionId"], "es")
    play(stream, 1, "es")
    end(stream, 1, "es", 0.2)
    cue(stream, 2, "es")
    start = await late.hear()
    assert isinstance(start, dict)
    assert (start["type"], start["cueId"]) == ("cueStart", "2-es")


async def test_a_language_change_keeps_the_connection_and_brings_the_next_cue(running: RunningEdge) -> None:
    _, created = await running.speaker()
    listener = await running.listener(created["sessionId"], "es")
    stream = await running.transcription.stream()
    begin(stream, 1, "es")
    play(stream, 1, "es")
    await listener.expect("cueStart")
    assert await listener.hear() == bytes(3_200)
    await listener.say("switchLanguage", targetLanguage="pt-PT")
    assert (await listener.expect("cueEnd"))["durationMs"] == 100
    assert (await listener.expect("languageChanged"))["targetLanguage"] == "pt"
    await stream.until(lambda: stream.targets == {"pt"})
    play(stream, 1, "es")
    end(stream, 1, "es", 0.2)
    cue(stream, 1, "pt")
    start = await listener.hear()
    assert isinstance(start, dict)
    assert start["cueId"] == "1-pt"
    assert running.sessions.kept[created["sessionId"]].session.language_counts == {"pt": 1}


@pytest.mark.parametrize(("code", "wanted"), [("UNSUPPORTED_LANGUAGE", "de"), ("INVALID_LANGUAGE", "??")])
async def test_a_language_change_to_nothing_is_refused(running: RunningEdge, code: str, wanted: str) -> None:
    _, created = await running.speaker()
    listener = await running.listener(created["sessionId"], "es")
    await listener.say("changeLanguage", targetLanguage=wanted)
    await listener.error(code)
    await listener.alive()


async def test_a_language_change_the_store_cannot_take_changes_nothing(running: RunningEdge) -> None:
    _, created = await running.speaker()
    listener = await running.listener(created["sessionId"], "es")
    running.sessions.fail_with = Unavailable("STORE_UNAVAILABLE", "no")
    await listener.say("changeLanguage", targetLanguage="fr")
    await listener.error("SERVICE_UNAVAILABLE")
    caption(await running.transcription.stream(), 1, "es", "sigue")
    assert (await listener.expect("caption"))["language"] == "es"


@pytest.mark.parametrize(
    "action", ["pauseBroadcast", "muteBroadcast", "setVolume", "endSession", "getSessionStatus", "controlSession",
               "speakerStateChange", "setGlossary", "sendAudio"],
)  # fmt: skip
async def test_a_listener_can_never_affect_the_broadcast(running: RunningEdge, action: str) -> None:
    speaker, created = await running.speaker()
    listener = await running.listener(created["sessionId"])
    await listener.say(action)
    assert (await listener.error("UNAUTHORIZED_ACTION"))["status"] == 403
    await listener.ws.send_bytes(bytes(3_200))
    await listener.error("UNAUTHORIZED_ACTION")
    await listener.alive()
    await speaker.alive()
    assert not (await running.transcription.stream()).audio


async def test_playback_controls_are_acknowledged(running: RunningEdge) -> None:
    _, created = await running.speaker()
    listener = await running.listener(created["sessionId"])
    await listener.ask("playbackPaused", "pausePlayback")
    await listener.ask("playbackResumed", "resumePlayback")


async def test_a_listener_that_leaves_is_taken_out_of_the_store(running: RunningEdge) -> None:
    _, created = await running.speaker()
    listener = await running.listener(created["sessionId"])
    kept = running.sessions.kept[created["sessionId"]]
    assert kept.session.listener_count == 1
    await listener.ws.close()
    await running.sessions.until(lambda: kept.session.listener_count == 0)


async def test_a_departure_while_the_store_is_down_is_stored_later(running: RunningEdge) -> None:
    _, created = await running.speaker()
    listener = await running.listener(created["sessionId"])
    kept = running.sessions.kept[created["sessionId"]]
    running.sessions.fail_with = Unavailable("STORE_UNAVAILABLE", "no")
    await listener.ws.close()
    await asyncio.sleep(0.2)
    assert kept.listeners
    running.sessions.fail_with = None
    async with asyncio.timeout(15):
        await running.sessions.until(lambda: not kept.listeners)


async def test_a_language_that_fails_is_told_to_its_listeners_and_so_is_its_return(running: RunningEdge) -> None:
    _, created = await running.speaker()
    listener = await running.listener(created["sessionId"], "es")
    stream = await running.transcription.stream()
    stream.say(language_status=pb.LanguageStatus(language="es", available=False, reason="TRANSLATION_FAILED"))
    assert (await listener.expect("languageUnavailable"))["reason"] == "TRANSLATION_FAILED"
    stream.say(language_status=pb.LanguageStatus(language="es", available=True))
    await listener.expect("systemRecovered")
    stream.say(cues_dropped=pb.CuesDropped(language="es", segment_ids=[3, 4], reason="LAG_LIMIT"))
    assert (await listener.expect("audioDropped"))["cues"] == 2


async def test_a_listener_refreshes_and_the_former_socket_is_closed(running: RunningEdge) -> None:
    _, created = await running.speaker()
    first = await running.open({"sessionId": created["sessionId"], "targetLanguage": "es"})
    joined = await first.expect("sessionJoined")
    query = {
        "action": "refreshConnection", "role": "listener", "sessionId": created["sessionId"],
        "targetLanguage": "es", "connectionId": joined["connectionId"],
    }  # fmt: skip
    second = await running.open(query)
    assert (await second.expect("connectionRefreshComplete"))["role"] == "listener"
    await second.expect("stateRestored")
    assert await first.closed() == 1000
    caption(await running.transcription.stream(), 1, "es", "sigue")
    await second.expect("caption")
    assert running.sessions.kept[created["sessionId"]].session.listener_count == 1
    again = await running.open(query)
    await again.error("CONFLICT")


async def test_a_listener_that_does_not_read_costs_the_others_nothing() -> None:
    async with running_edge(mailbox_seconds=2.0) as running:
        _, created = await running.speaker()
        quick = await running.listener(created["sessionId"], "es")
        slow = await running.listener(created["sessionId"], "es")
        slow_transport = slow.ws._writer.transport
        slow_transport.pause_reading()
        stream = await running.transcription.stream()
        # 60 s of audio, far beyond what kernel, transport and mailbox hold for one socket.
        for segment in range(1, 61):
            cue(stream, segment, "es", chunks=10)
        for segment in range(1, 61):
            start = await quick.expect("cueStart")
            assert start["cueId"] == f"{segment}-es"
            for _ in range(10):
                assert isinstance(await quick.hear(), bytes)
            await quick.expect("cueEnd")
        slow_transport.resume_reading()
        dropped = await slow.expect("audioDropped")
        assert dropped["cues"] >= 1
        assert dropped["seconds"] >= 1
        # What it does get are whole cues, the newest among them.
        start = await slow.expect("cueStart")
        while start["cueId"] != "60-es":
            frames, told = 0, ""
            while told != "cueEnd":
                heard = await slow.hear()
                frames += isinstance(heard, bytes)
                told = told if isinstance(heard, bytes) else heard["type"]
                # That more was dropped meanwhile may be told at any moment.
                assert told in {"", "cueEnd", "audioDropped"}
            assert frames == 10
            start = await slow.expect("cueStart")
