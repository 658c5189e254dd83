"""A speaker's socket over the wire: audio and its limits, order, switches, status, the end, a loss and a refresh."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from itertools import count, pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chassis.errors import Invalid, Unavailable
from chassis.pcm import BYTES_PER_SECOND
from protos.transcription.v1 import transcription_pb2 as pb
from tests.fakes.edge import Peer, RunningEdge, held, running_edge
from tests.fakes.transcription import lasting, span

TENTH = bytes(range(256)) * 12 + bytes(128)  # 100 ms at 16 kHz: 3,200 bytes, all different to the eye of a test.


@pytest.fixture
async def running() -> AsyncIterator[RunningEdge]:
    async with held(running_edge()) as edge:
        yield edge


def base64_of(audio: bytes) -> str:
    return base64.b64encode(audio).decode()


def starts(chunks: list[pb.AudioChunk]) -> list[float]:
    return [round(chunk.start_offset.ToTimedelta().total_seconds(), 6) for chunk in chunks]


async def test_audio_arrives_whole_in_order_and_with_offsets(running: RunningEdge) -> None:
    speaker, created = await running.speaker()
    stream = await running.transcription.stream()
    for _ in range(5):
        await speaker.ws.send_bytes(TENTH)
    await stream.until(lambda: len(stream.audio) == 5)
    assert stream.config.session_id == created["sessionId"]
    assert stream.config.audio_format.sample_rate_hertz == 16_000
    assert stream.bytes_heard == TENTH * 5
    assert starts(stream.audio) == [0.0, 0.1, 0.2, 0.3, 0.4]
    assert stream.audio[0].received_at.seconds > 0


async def test_small_frames_are_joined_to_tenths_of_a_second(running: RunningEdge) -> None:
    speaker, _ = await running.speaker()
    stream = await running.transcription.stream()
    for part in range(10):
        await speaker.ws.send_bytes(TENTH[part * 320 : part * 320 + 320])
    await stream.until(lambda: len(stream.bytes_heard) == 3_200)
    assert stream.bytes_heard == TENTH
    assert len(stream.audio) < 10  # How few depends on how fast they come.


async def test_a_frame_that_fills_no_tenth_still_goes_on_soon(running: RunningEdge) -> None:
    speaker, _ = await running.speaker()
    stream = await running.transcription.stream()
    await speaker.ws.send_bytes(TENTH[:640])
    await stream.until(lambda: stream.bytes_heard == TENTH[:640])


@pytest.mark.parametrize("rate", [8_000, 24_000, 48_000])
async def test_other_sample_rates_are_resampled(running: RunningEdge, rate: int) -> None:
    speaker, _ = await running.speaker(sampleRate=str(rate))
    stream = await running.transcription.stream()
    time = np.arange(rate) / rate
    tone = (10_000 * np.sin(2 * np.pi * 440 * time)).astype("<i2").tobytes()
    step = rate // 10 * 2
    for start in range(0, len(tone), step):
        await speaker.ws.send_bytes(tone[start : start + step])
    await stream.until(lambda: len(stream.bytes_heard) > 0.8 * BYTES_PER_SECOND)
    heard = np.frombuffer(stream.bytes_heard, dtype="<i2").astype(float)[1_600:11_200]
    spectrum = np.abs(np.fft.rfft(heard * np.hanning(heard.size)))
    assert abs(np.argmax(spectrum) * 16_000 / heard.size - 440) < 3
    assert 9_000 < np.abs(heard).max() < 11_000


async def test_plain_speakers_send_base64_and_are_answered_when_they_ask(running: RunningEdge) -> None:
    speaker, _ = await running.speaker(plain=True, ack="1")
    stream = await running.transcription.stream()
    received = await speaker.ask("audioReceived", "sendAudio", audioData=base64_of(TENTH), chunkId="c-1")
    assert received["chunkId"] == "c-1"
    await stream.until(lambda: stream.bytes_heard == TENTH)


async def test_numbered_chunks_are_put_in_order(running: RunningEdge) -> None:
    speaker, _ = await running.speaker(plain=True)
    stream = await running.transcription.stream()
    chunks = [bytes([number]) * 3_200 for number in range(4)]
    for number in (0, 2, 1, 3):
        await speaker.say("sendAudio", audioData=base64_of(chunks[number]), seq=number)
    await stream.until(lambda: len(stream.bytes_heard) == 4 * 3_200)
    assert stream.bytes_heard == b"".join(chunks)


async def test_a_numbered_chunk_that_never_comes_is_waited_for_and_then_done_without(running: RunningEdge) -> None:
    speaker, _ = await running.speaker(plain=True)
    stream = await running.transcription.stream()
    chunks = [bytes([number]) * 3_200 for number in range(4)]
    for number in (0, 2, 3):
        await speaker.say("sendAudio", audioData=base64_of(chunks[number]), seq=number)
    await stream.until(lambda: len(stream.bytes_heard) == 3 * 3_200)
    await speaker.say("sendAudio", audioData=base64_of(chunks[1]), seq=1)  # Too late now.
    await speaker.say("sendAudio", audioData=base64_of(TENTH), seq=4)
    await stream.until(lambda: len(stream.bytes_heard) == 4 * 3_200)
    assert stream.bytes_heard == chunks[0] + chunks[2] + chunks[3] + TENTH


@pytest.mark.parametrize(
    ("code", "audio"),
    [
        ("AUDIO_CHUNK_TOO_SMALL", bytes(98)),
        ("AUDIO_CHUNK_TOO_LARGE", bytes(32 * 1024 + 2)),
        ("INVALID_AUDIO_FORMAT", bytes(3_201)),
    ],
)
async def test_audio_of_a_wrong_size_is_refused_and_the_connection_lives(
    running: RunningEdge, code: str, audio: bytes
) -> None:
    speaker, _ = await running.speaker()
    await speaker.ws.send_bytes(audio)
    await speaker.error(code)
    await speaker.say("sendAudio", audioData=base64_of(audio))
    await speaker.error(code)
    await speaker.alive()


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("INVALID_MESSAGE", "{"),
        ("INVALID_MESSAGE", "[1, 2]"),
        ("INVALID_MESSAGE", '{"volumeLevel": 1}'),
        ("INVALID_ACTION", '{"action": "selfDestruct"}'),
        ("INVALID_AUDIO_FORMAT", '{"action": "sendAudio", "audioData": "no base64!"}'),
        ("MISSING_PARAMETER", '{"action": "setVolume"}'),
        ("INVALID_PARAMETER", '{"action": "setVolume", "volumeLevel": 1.5}'),
        ("INVALID_PARAMETER", '{"action": "controlSession", "command": "explode"}'),
        ("UNAUTHORIZED_ACTION", '{"action": "changeLanguage", "targetLanguage": "es"}'),
        ("CONTROL_MESSAGE_TOO_LARGE", json.dumps({"action": "pauseBroadcast", "reason": "x" * 5_000})),
        ("MESSAGE_TOO_LARGE", json.dumps({"action": "pauseBroadcast", "reason": "x" * 140_000})),
        ("MISSING_PARAMETER", '{"action": "setGlossary"}'),
        ("MISSING_PARAMETER", '{"action": "setGlossary", "terms": [{"target": "gracia"}]}'),
        ("INVALID_PARAMETER", '{"action": "setGlossary", "terms": "grace"}'),
        ("INVALID_PARAMETER", '{"action": "setGlossary", "terms": [{"source": "..."}]}'),
        ("INVALID_PARAMETER", json.dumps({"action": "setGlossary", "terms": [{"source": "x" * 201}]})),
        (
            "INVALID_PARAMETER",
            json.dumps({"action": "setGlossary", "terms": [{"source": f"x{n}"} for n in range(501)]}),
        ),
        ("INVALID_LANGUAGE", '{"action": "setGlossary", "terms": [{"source": "grace", "language": "spanish"}]}'),
        ("MESSAGE_TOO_LARGE", json.dumps({"action": "setGlossary", "terms": [{"source": "x" * 140_000}]})),
    ],
)
async def test_a_wrong_message_is_told_by_its_code_and_the_connection_lives(
    running: RunningEdge, code: str, text: str
) -> None:
    speaker, created = await running.speaker()
    await speaker.ws.send_str(text)
    error = await speaker.error(code)
    assert error["sessionId"] == created["sessionId"]
    assert len(error["correlationId"]) == 16
    await speaker.alive()


async def test_two_messages_too_large_in_a_row_close_the_connection(running: RunningEdge) -> None:
    speaker, _ = await running.speaker()
    for _ in range(2):
        await speaker.ws.send_bytes(bytes(128 * 1024 + 1))
        await speaker.error("MESSAGE_TOO_LARGE")
    assert await speaker.closed() == 1009


async def test_a_message_between_forgives_one_that_was_too_large(running: RunningEdge) -> None:
    speaker, _ = await running.speaker()
    for _ in range(3):
        await speaker.ws.send_bytes(bytes(128 * 1024 + 1))
        await speaker.error("MESSAGE_TOO_LARGE")
        await speaker.alive()


async def test_unknown_fields_are_ignored(running: RunningEdge) -> None:
    speaker, _ = await running.speaker()
    changed = await speaker.ask("volumeChanged", "setVolume", volumeLevel=0.5, mood="festive")
    assert changed["volumeLevel"] == 0.5


JSON = st.recursive(st.none() | st.booleans() | st.floats() | st.text(), lambda inner: st.lists(inner, max_size=3))
ACTIONS = st.sampled_from(
    ["sendAudio", "setVolume", "speakerStateChange", "changeLanguage", "heartbeat", "setGlossary"]
)


async def test_broken_json_never_ends_a_connection(running: RunningEdge) -> None:
    speaker, _ = await running.speaker()
    examples: list[str] = []

    @settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        st.text()
        | st.builds(
            lambda action, value: json.dumps(
                {
                    "action": action,
                    "audioData": value,
                    "volumeLevel": value,
                    "state": value,
                    "targetLanguage": value,
                    "terms": value,
                }
            ),
            ACTIONS,
            JSON,
        )
    )
    def collect(text: str) -> None:
        examples.append(text)

    collect()
    for text in examples:
        await speaker.ws.send_bytes(text.encode("utf-8", "replace"))
        await speaker.ws.send_str(text.encode("utf-8", "replace").decode())
    await speaker.alive()


async def test_a_pause_keeps_audio_from_the_recogniser_and_is_told_to_everyone(running: RunningEdge) -> None:
    speaker, created = await running.speaker()
    listener = await running.listener(created["sessionId"])
    stream = await running.transcription.stream()
    await speaker.ws.send_bytes(TENTH)
    assert (await speaker.ask("broadcastPaused", "pauseBroadcast"))["sessionId"] == created["sessionId"]
    await listener.expect("broadcastPaused")
    await stream.until(lambda: stream.paused)
    await speaker.ws.send_bytes(bytes(3_200))
    await speaker.ask("broadcastResumed", "resumeBroadcast")
    await listener.expect("broadcastResumed")
    await speaker.ws.send_bytes(TENTH)
    await stream.until(lambda: len(stream.audio) == 2)
    assert stream.bytes_heard == TENTH * 2
    assert not stream.paused
    state = running.sessions.kept[created["sessionId"]].session.broadcast_state
    await running.sessions.until(lambda: not state.paused)


@pytest.mark.parametrize(
    ("action", "fields", "kind"),
    [
        ("muteBroadcast", {}, "broadcastMuted"),
        ("unmuteBroadcast", {}, "broadcastUnmuted"),
        ("setVolume", {"volumeLevel": 0.3}, "volumeChanged"),
        ("speakerStateChange", {"state": {"isMuted": True, "volume": 0.4}}, "speakerStateChanged"),
        ("controlSession", {"command": "pause"}, "broadcastPaused"),
        ("controlSession", {"command": "resume"}, "broadcastResumed"),
        ("controlSession", {"command": "mute"}, "broadcastMuted"),
        ("controlSession", {"command": "unmute"}, "broadcastUnmuted"),
    ],
)
async def test_each_switch_is_told_to_the_speaker_and_to_all_listeners(
    running: RunningEdge, action: str, fields: dict[str, object], kind: str
) -> None:
    speaker, created = await running.speaker()
    listeners = [await running.listener(created["sessionId"], plain=plain) for plain in (True, False)]
    told = await speaker.ask(kind, action, **fields)
    for listener in listeners:
        assert await listener.expect(kind) == told


async def test_a_state_change_is_told_complete_and_kept(running: RunningEdge) -> None:
    speaker, created = await running.speaker()
    changed = await speaker.ask("speakerStateChanged", "speakerStateChange", state={"isPaused": True, "volume": 0.25})
    assert changed["state"]["isPaused"] is True
    assert changed["state"]["isMuted"] is False
    assert changed["state"]["volume"] == 0.25
    state = running.sessions.kept[created["sessionId"]].session.broadcast_state
    await running.sessions.until(lambda: state.paused and state.volume == 0.25)


async def test_volume_multiplies_amplitude_and_zero_is_mute(running: RunningEdge) -> None:
    speaker, _ = await running.speaker()
    stream = await running.transcription.stream()
    loud = np.full(1_600, 8_000, dtype="<i2").tobytes()
    await speaker.ask("volumeChanged", "setVolume", volumeLevel=0.5)
    await speaker.ws.send_bytes(loud)
    await stream.until(lambda: len(stream.audio) == 1)
    assert set(np.frombuffer(stream.bytes_heard, dtype="<i2")) == {4_000}
    await speaker.ask("volumeChanged", "setVolume", volumeLevel=0)
    await stream.until(lambda: stream.paused)
    await speaker.ws.send_bytes(loud)
    await speaker.alive()
    assert len(stream.audio) == 1


async def test_switches_work_while_the_store_is_down_and_are_stored_later(running: RunningEdge) -> None:
    speaker, created = await running.speaker()
    running.sessions.fail_with = Unavailable("STORE_UNAVAILABLE", "no")
    await speaker.ask("broadcastMuted", "muteBroadcast")
    running.sessions.fail_with = None
    state = running.sessions.kept[created["sessionId"]].session.broadcast_state
    async with asyncio.timeout(15):
        await running.sessions.until(lambda: state.muted)


async def test_the_status_is_told_on_request_and_when_a_language_appears(running: RunningEdge) -> None:
    speaker, created = await running.speaker()
    await running.listener(created["sessionId"], "es")
    pushed = await speaker.expect("sessionStatus")
    assert pushed["updateReason"] == "newLanguage"
    stream = await running.transcription.stream()
    stream.say(lag_report=pb.LagReport(voice_lag={"es": lasting(1.5)}))
    stream.say(quality_recovered=pb.QualityRecovered(issue=pb.QUALITY_ISSUE_ECHO))
    await speaker.expect("audioQualityRecovered")
    status = await speaker.ask("sessionStatus", "getSessionStatus")
    assert status["updateReason"] == "requested"
    assert status["listenerCount"] == 1
    assert status["languageDistribution"] == {"es": 1}
    assert status["lag"] == {"es": 1.5}
    assert status["sessionDuration"] >= 0


async def test_the_status_is_pushed_from_time_to_time() -> None:
    async with running_edge(status_period_seconds=0.1) as running:
        speaker, _ = await running.speaker()
        for _ in range(2):
            assert (await speaker.expect("sessionStatus"))["updateReason"] == "periodic"


async def test_only_languages_with_a_listener_are_wanted(running: RunningEdge) -> None:
    _, created = await running.speaker()
    stream = await running.transcription.stream()
    assert set(stream.config.target_languages) == set()
    spanish = await running.listener(created["sessionId"], "es")
    await running.listener(created["sessionId"], "fr")
    await stream.until(lambda: stream.targets == {"es", "fr"})
    await spanish.ws.close()
    await stream.until(lambda: stream.targets == {"fr"})


async def test_the_speaker_hears_source_captions_and_flaws_of_its_sound(running: RunningEdge) -> None:
    speaker, _ = await running.speaker()
    stream = await running.transcription.stream()
    stream.say(source_caption=pb.SourceCaption(segment_id=1, text="In the", stable_chars=2, span=span(0.1, 0.9)))
    caption = await speaker.expect("sourceCaption")
    assert (caption["text"], caption["stableChars"], caption["isFinal"]) == ("In the", 2, False)
    assert (caption["startMs"], caption["endMs"]) == (100, 900)
    flaw = pb.QualityWarning(issue=pb.QUALITY_ISSUE_SNR_LOW, value=12.5, threshold=20, advice="Come closer.")
    stream.say(quality_warning=flaw)
    warning = await speaker.expect("audioQualityWarning")
    assert (warning["issue"], warning["value"], warning["advice"]) == ("snr_low", 12.5, "Come closer.")
    stream.say(warning=pb.BroadcastWarning(reason="TRANSCRIPTION_FAILED", message="The engine gave up."))
    assert (await speaker.expect("transcriptionError"))["code"] == "TRANSCRIPTION_FAILED"


@pytest.mark.parametrize(
    ("lost", "found", "code"),
    [
        ("RECOGNITION_INTERRUPTED", "RECOGNITION_RECOVERED", "TRANSCRIPTION_FAILED"),
        ("ENGINE_CHANGED", "ENGINE_RECOVERED", "ENGINE_CHANGED"),
    ],
)
async def test_the_speaker_hears_of_an_engine_that_goes_and_comes_back(
    running: RunningEdge, lost: str, found: str, code: str
) -> None:
    speaker, _ = await running.speaker()
    stream = await running.transcription.stream()
    stream.say(warning=pb.BroadcastWarning(reason=lost, message="Another engine."))
    told = await speaker.expect("transcriptionError")
    assert (told["code"], told["message"]) == (code, "Another engine.")
    stream.say(warning=pb.BroadcastWarning(reason=found, message="The first one."))
    told = await speaker.expect("systemRecovered")
    assert (told["code"], told["message"]) == (code, "The first one.")


async def test_sending_too_fast_is_warned_of_and_then_ends_the_session() -> None:
    async with running_edge(audio_chunks_per_second=2, rate_violation_seconds=0.6) as running:
        speaker, created = await running.speaker()

        async def flood() -> None:
            with suppress(ConnectionResetError):
                while not speaker.ws.closed:
                    await speaker.ws.send_bytes(bytes(100))
                    await asyncio.sleep(0.01)

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(flood())
            await speaker.expect("rateLimitWarning")
            await speaker.error("RATE_LIMIT_EXCEEDED")
            assert await speaker.closed() == 4029
        kept = running.sessions.kept[created["sessionId"]]
        await running.sessions.until(lambda: kept.session.end_reason == "rate_limited")


async def test_a_silent_socket_times_out_and_is_cleaned_up() -> None:
    async with running_edge(heard_within_seconds=0.3) as running:
        speaker, created = await running.speaker()
        listener = await running.listener(created["sessionId"])
        await listener.expect("connectionTimeout")
        assert await listener.closed() == 4008
        await speaker.expect("connectionTimeout")
        assert await speaker.closed() == 4008
        await running.sessions.until(lambda: len(running.sessions.left) == 2)
        assert created["connectionId"] in running.sessions.left


async def test_heartbeats_keep_a_silent_socket() -> None:
    async with running_edge(heard_within_seconds=3.0) as running:
        speaker, _ = await running.speaker()
        for _ in range(8):
            await asyncio.sleep(0.5)
            await speaker.alive()


async def test_the_end_delivers_what_was_said_before(running: RunningEdge) -> None:
    speaker, created = await running.speaker()
    listener = await running.listener(created["sessionId"])
    stream = await running.transcription.stream()
    stream.finish_at_end = False
    await speaker.ws.send_bytes(TENTH[:640])
    assert (await speaker.ask("sessionEnded", "endSession"))["reason"] == "speaker"
    assert await speaker.closed() == 1000
    await stream.until(lambda: stream.half_closed)
    assert stream.bytes_heard == TENTH[:640]
    stream.say(caption=pb.Caption(segment_id=9, language="es", text="Amén.", is_final=True, span=span(0, 1)))
    assert (await listener.expect("caption"))["text"] == "Amén."
    stream.finish()
    assert (await listener.expect("sessionEnded"))["reason"] == "speaker"
    assert await listener.closed() == 4000


async def test_a_tail_that_never_ends_is_cut() -> None:
    async with running_edge(tail_seconds=0.2) as running:
        speaker, created = await running.speaker()
        listener = await running.listener(created["sessionId"])
        (await running.transcription.stream()).finish_at_end = False
        await speaker.say("controlSession", command="end")
        await speaker.expect("sessionEnded")
        await listener.expect("sessionEnded")
        assert await listener.closed() == 4000


async def test_a_speaker_that_vanishes_leaves_and_its_grace_ends_the_session(running: RunningEdge) -> None:
    speaker, created = await running.speaker()
    listener = await running.listener(created["sessionId"])
    stream = await running.transcription.stream()
    await speaker.ws.send_bytes(TENTH)
    await stream.until(lambda: len(stream.audio) == 1)
    await speaker.ws.close()
    await running.sessions.until(lambda: created["connectionId"] in running.sessions.left)
    await stream.until(lambda: stream.paused)
    stream.say(caption=pb.Caption(segment_id=1, language="es", text="Aún así", is_final=True, span=span(0, 1)))
    await listener.expect("caption")
    await running.sessions.end_by_itself(created["sessionId"], "speaker_gone")
    assert (await listener.expect("sessionEnded"))["reason"] == "speaker_gone"
    assert await listener.closed() == 4000
    await stream.until(lambda: stream.half_closed)


async def test_a_speaker_whose_session_expired_is_told(running: RunningEdge) -> None:
    speaker, created = await running.speaker()
    await running.sessions.end_by_itself(created["sessionId"], "expired")
    assert (await speaker.expect("sessionEnded"))["reason"] == "expired"
    assert await speaker.closed() == 4000


async def refresh(running: RunningEdge, session_id: str, token: str = "valid-ada") -> Peer:
    query = {"action": "refreshConnection", "role": "speaker", "sessionId": session_id, "token": token}
    return await running.open(query)


async def test_a_refresh_takes_the_place_of_the_former_socket(running: RunningEdge) -> None:
    speaker, created = await running.speaker()
    await speaker.ask("broadcastMuted", "muteBroadcast")
    second = await refresh(running, created["sessionId"])
    complete = await second.expect("connectionRefreshComplete")
    assert complete["newConnectionId"] != created["connectionId"]
    assert (await second.expect("stateRestored"))["broadcastState"]["isMuted"] is True
    assert await speaker.closed() == 1000
    await second.ask("broadcastUnmuted", "unmuteBroadcast")
    await second.ws.send_bytes(TENTH)
    stream = await running.transcription.stream()
    await stream.until(lambda: stream.bytes_heard == TENTH)
    assert len(running.transcription.streams) == 1
    assert created["connectionId"] not in running.sessions.left


async def test_nobody_else_can_refresh_a_speaker(running: RunningEdge) -> None:
    speaker, created = await running.speaker()
    thief = await refresh(running, created["sessionId"], "valid-mallory")
    await thief.error("UNAUTHORIZED_ACTION")
    assert await thief.closed() == 1008
    await speaker.alive()


async def test_a_broadcast_taken_over_from_another_edge_numbers_on(running: RunningEdge) -> None:
    _, created = await running.speaker()
    kept = running.sessions.kept[created["sessionId"]]
    kept.session.created_at.seconds -= 60
    running.edge.broadcasts.clear()  # As if the session had been opened elsewhere.
    second = await refresh(running, created["sessionId"])
    await second.expect("stateRestored")
    stream = await running.transcription.stream(2)
    assert stream.config.first_segment_id > 200
    await second.ws.send_bytes(TENTH)
    await stream.until(lambda: len(stream.audio) == 1)
    assert starts(stream.audio)[0] >= 60


async def test_a_lost_recogniser_is_found_again_and_the_sentence_under_way_is_said_again(running: RunningEdge) -> None:
    speaker, created = await running.speaker()
    await running.listener(created["sessionId"], "es")
    stream = await running.transcription.stream()
    await stream.until(lambda: stream.targets == {"es"})
    for number in range(5):
        await speaker.ws.send_bytes(bytes([number]) * 3_200)
    await stream.until(lambda: len(stream.audio) == 5)
    stream.say(source_caption=pb.SourceCaption(segment_id=7, text="Done.", is_final=True, span=span(0, 0.2)))
    await speaker.expect("sourceCaption")
    stream.hang_up(Unavailable("TRANSCRIPTION_FAILED", "killed"))
    second = await running.transcription.stream(2)
    await speaker.ws.send_bytes(bytes([5]) * 3_200)
    await second.until(lambda: len(second.audio) == 4)
    assert [chunk.audio[0] for chunk in second.audio] == [2, 3, 4, 5]
    assert starts(second.audio) == [0.2, 0.3, 0.4, 0.5]
    assert second.config.first_segment_id == 8
    assert set(second.config.target_languages) == {"es"}
    await speaker.alive()


async def test_a_loss_that_lasts_is_told_and_so_is_its_end() -> None:
    async with running_edge(tell_loss_after_seconds=0.2) as running:
        speaker, _ = await running.speaker()
        stream = await running.transcription.stream()
        running.transcription.refuse_with = Unavailable("TRANSCRIPTION_FAILED", "down")
        stream.hang_up(Unavailable("TRANSCRIPTION_FAILED", "killed"))
        assert (await speaker.expect("transcriptionError"))["code"] == "SERVICE_UNAVAILABLE"
        for _ in range(60):
            await speaker.ws.send_bytes(TENTH)
            await asyncio.sleep(0.02)
        running.transcription.refuse_with = None
        # Told of the loss and of its end; not of the audio that the loss cost.
        assert (await speaker.hear())["type"] == "systemRecovered"  # type: ignore[call-overload]
        second = await running.transcription.stream(2)
        await second.until(lambda: len(second.audio) == 50)
        assert all(round(later - earlier, 6) == 0.1 for earlier, later in pairwise(starts(second.audio)))


async def test_recognition_that_begins_and_breaks_again_and_again_is_told_as_one_loss() -> None:
    """So it is where an engine lets nobody in: the service answers, and each stream ends with the first audio."""
    # Longer than the longest wait between two tries.
    async with running_edge(tell_loss_after_seconds=1.5) as running:
        speaker, _ = await running.speaker()

        async def break_each() -> None:
            for number in count(1):
                stream = await running.transcription.stream(number)
                stream.hang_up(Unavailable("TRANSCRIPTION_FAILED", "no rights"))

        async with asyncio.TaskGroup() as tasks:
            breaking = tasks.create_task(break_each())
            assert (await speaker.expect("transcriptionError"))["code"] == "SERVICE_UNAVAILABLE"
            breaking.cancel()
        told = await speaker.hear()
        while told["type"] != "systemRecovered":  # type: ignore[call-overload]
            assert told["type"] != "transcriptionError"  # type: ignore[call-overload]
            told = await speaker.hear()


async def test_a_broadcast_that_recognition_refuses_is_told_and_not_tried_again(running: RunningEdge) -> None:
    running.transcription.refuse_with = Invalid("UNSUPPORTED_LANGUAGE", "not that one")
    speaker, _ = await running.speaker()
    assert (await speaker.expect("transcriptionError"))["code"] == "TRANSCRIPTION_FAILED"
    await speaker.alive()


async def test_a_broadcast_taken_over_wants_the_languages_of_those_who_listen_already(
    running: RunningEdge, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nothing() -> None:
        """The watch told of the new speaker before its broadcast listened."""

    _, created = await running.speaker()
    await running.listener(created["sessionId"], "es")
    running.edge.broadcasts.clear()  # As if the session had been opened elsewhere.
    monkeypatch.setattr(running.sessions, "change", nothing)
    second = await refresh(running, created["sessionId"])
    await second.expect("stateRestored")
    stream = await running.transcription.stream(2)
    await stream.until(lambda: stream.targets == {"es"})


async def test_strangers_who_ask_for_a_session_leave_nothing_behind(running: RunningEdge) -> None:
    _, created = await running.speaker()
    broadcast = running.edge.broadcasts[created["sessionId"]]
    before = set(broadcast._own_hashes)
    for _ in range(3):
        await (await refresh(running, created["sessionId"], "valid-mallory")).error("UNAUTHORIZED_ACTION")
    assert broadcast._own_hashes == before


async def test_an_end_that_the_store_missed_is_made_up_for_when_it_is_back() -> None:
    async with running_edge(tail_seconds=0.2) as running:
        speaker, created = await running.speaker()
        running.sessions.fail_with = Unavailable("STORE_UNAVAILABLE", "no")
        await speaker.ask("sessionEnded", "endSession")
        assert await speaker.closed() == 1000
        async with asyncio.timeout(10):
            while created["sessionId"] in running.edge.broadcasts:  # noqa: ASYNC110 - nothing tells
                await asyncio.sleep(0.01)
        running.sessions.fail_with = None
        async with asyncio.timeout(10):
            await running.sessions.until(lambda: not running.sessions.kept[created["sessionId"]].speaker)
