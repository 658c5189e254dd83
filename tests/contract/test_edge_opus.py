"""A feed in Opus over the wire (E10): what its listeners decode is what those of PCM got, in both flavours."""

import asyncio
import base64
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from edge.client import CueAudio, CueEnd, CueStart, Listener
from protos.transcription.v1 import transcription_pb2 as pb
from tests.contract.test_edges_over_nats import edges
from tests.fakes.edge import Json, Peer, RunningEdge, held, running_edge
from tests.fakes.transcription import span
from tests.fakes.voice import CLOCK, Ear, Voice, begin_cue, end_cue, go_on, likeness, samples, say_cue, voice


@pytest.fixture
async def running() -> AsyncIterator[RunningEdge]:
    async with held(running_edge()) as edge:
        yield edge


async def hear_cue(peer: Peer) -> tuple[Json, list[bytes], Json]:
    """The next cue of a v1 listener: its start, its frames, its end."""
    start = await peer.expect("cueStart")
    frames = []
    while isinstance(heard := await peer.hear(), bytes):
        frames.append(heard)
    assert heard["type"] == "cueEnd", heard
    return start, frames, heard


async def hear_pieces(peer: Peer, cue_id: str) -> list[Json]:
    """A cue of a plain listener, which gets a caption after it."""
    pieces = []
    while (message := await peer.hear()) and isinstance(message, dict) and message["type"] == "audioData":
        assert message["cueId"] == cue_id
        pieces.append(message)
    return pieces


def decoded(start: Json, frames: list[bytes], end: Json) -> Voice:
    """As the protocol's document says, at 48 kHz."""
    ear = Ear()
    wave = np.concatenate([ear.hear(frame) for frame in frames])[start["preSkip"] :]
    return wave[: round(end["durationMs"] * CLOCK / 1000)]


def decoded_pieces(pieces: list[Json]) -> Voice:
    ear = Ear()
    waves = [ear.hear(base64.b64decode(piece["audioData"])) for piece in pieces]
    cut = [
        wave[piece.get("skip", 0) : len(wave) - piece.get("padding", 0)]
        for wave, piece in zip(waves, pieces, strict=True)
    ]
    return np.concatenate(cut)


@pytest.mark.parametrize("rate", [16_000, 24_000])
async def test_opus_is_what_pcm_is(running: RunningEdge, rate: int) -> None:
    _, created = await running.speaker()
    pcm = await running.listener(created["sessionId"])
    opus = await running.listener(created["sessionId"], audioFormat="opus")
    stream = await running.transcription.stream()
    said = voice(1.25, rate)
    say_cue(stream, 1, "es", said, rate=rate, chunk=3_000)
    start, frames, end = await hear_cue(pcm)
    assert b"".join(frames) == said
    assert not {"audioFormat", "packetMs", "preSkip"} & set(start)
    opus_start, packets, opus_end = await hear_cue(opus)
    assert opus_start == {**start, "audioFormat": "opus", "packetMs": 60, "preSkip": 312}
    assert opus_end == end
    wave = decoded(opus_start, packets, opus_end)
    assert len(wave) == round(1.25 * CLOCK)
    assert likeness(wave, samples(said, rate)) > 0.93
    assert sum(map(len, packets)) < len(said) / 8


async def test_both_flavours_get_the_same_packets_each_cue_by_itself(running: RunningEdge) -> None:
    _, created = await running.speaker()
    v1 = await running.listener(created["sessionId"], audioFormat="opus")
    plain = await running.listener(created["sessionId"], plain=True, audioFormat="opus")
    stream = await running.transcription.stream()
    numbers = []
    for segment in (1, 2):
        said = voice(0.91, seed=segment)
        say_cue(stream, segment, "es", said, chunk=2_222)
        # So that the plain listener's last piece is known as the last.
        stream.say(caption=pb.Caption(segment_id=segment, language="es", text="fin", is_final=True, span=span(1, 2)))
        _, packets, _ = await hear_cue(v1)
        pieces = await hear_pieces(plain, f"{segment}-es")
        assert [base64.b64decode(piece["audioData"]) for piece in pieces] == packets
        assert {(p["format"], p["sampleRate"], p["channels"], p["packetMs"]) for p in pieces} == {
            ("opus", 16_000, 1, 60)
        }
        assert len(wave := decoded_pieces(pieces)) == round(0.91 * CLOCK)
        assert likeness(wave, samples(said)) > 0.93
        numbers += [piece["sequenceNumber"] for piece in pieces]
    assert numbers == sorted(set(numbers))


async def test_packets_come_as_their_audio_comes(running: RunningEdge) -> None:
    """None waits for the cue's end."""
    _, created = await running.speaker()
    opus = await running.listener(created["sessionId"], audioFormat="opus")
    pcm = await running.listener(created["sessionId"])
    stream = await running.transcription.stream()
    say_cue(stream, 1, "es", voice(0.4))
    _, frames, _ = await hear_cue(pcm)
    await opus.expect("cueStart")
    heard = [await opus.hear() for _ in range(8)]
    assert len(frames) == 4
    # 400 ms: six whole packets with their audio, the seventh with the end.
    assert [isinstance(one, bytes) for one in heard] == [True] * 7 + [False]


async def test_who_comes_back_goes_on_to_the_byte(running: RunningEdge) -> None:
    _, created = await running.speaker()
    steady = await running.listener(created["sessionId"], audioFormat="opus")
    wanted = {"sessionId": created["sessionId"], "targetLanguage": "es", "audioFormat": "opus"}
    stream = await running.transcription.stream()
    said = [voice(0.8, seed=segment) for segment in range(4)]
    for segment in (0, 1, 2):
        say_cue(stream, segment, "es", said[segment])
    cues = [await hear_cue(steady) for _ in range(3)]
    again = {"action": "refreshConnection", "role": "listener", "lastCue": "0-es"}
    back = await running.open({**wanted, **again})
    await back.expect("stateRestored")
    assert [await hear_cue(back) for _ in range(2)] == cues[1:]
    say_cue(stream, 3, "es", said[3])
    assert await hear_cue(back) == await hear_cue(steady)


async def test_another_edge_makes_the_same_packets(tmp_path: Path) -> None:
    """Also one where nobody listened in Opus before."""
    async with edges(tmp_path, 2) as (one, other):
        _, created = await one.speaker()
        here = await one.listener(created["sessionId"], audioFormat="opus")
        there = await other.listener(created["sessionId"])
        stream = await one.transcription.stream()
        for segment in range(3):
            say_cue(stream, segment, "es", voice(0.6, seed=segment))
        cues = [await hear_cue(here) for _ in range(3)]
        for _ in range(3):
            await hear_cue(there)
        again = {"action": "refreshConnection", "role": "listener", "lastCue": "0-es", "audioFormat": "opus"}
        back = await other.open({"sessionId": created["sessionId"], "targetLanguage": "es", **again})
        await back.expect("stateRestored")
        assert [await hear_cue(back) for _ in range(2)] == cues[1:]
        say_cue(stream, 3, "es", voice(0.6, seed=3))
        assert await hear_cue(back) == await hear_cue(here)


async def test_who_comes_back_within_a_cue_gets_all_of_it(running: RunningEdge) -> None:
    """Also where nobody listened in Opus when it began."""
    _, created = await running.speaker()
    pcm = await running.listener(created["sessionId"])
    stream = await running.transcription.stream()
    said = voice(1.1)
    say_cue(stream, 1, "es", said[:16_000])
    await hear_cue(pcm)
    steady: list[bytes] = []
    begin_cue(stream, 2, "es")
    go_on(stream, 2, "es", said[:13_000])
    await pcm.expect("cueStart")
    while sum(map(len, steady)) < 13_000:
        frame = await pcm.hear()
        assert isinstance(frame, bytes)
        steady.append(frame)
    again = {"action": "refreshConnection", "role": "listener", "lastCue": "1-es", "audioFormat": "opus"}
    back = await running.open({"sessionId": created["sessionId"], "targetLanguage": "es", **again})
    await back.expect("stateRestored")
    go_on(stream, 2, "es", said[13_000:])
    end_cue(stream, 2, "es", 1.1)
    start, packets, end = await hear_cue(back)
    assert start["cueId"] == "2-es"
    wave = decoded(start, packets, end)
    assert len(wave) == round(1.1 * CLOCK)
    assert likeness(wave, samples(said)) > 0.93


async def heard_by_client(listener: Listener, cues: int) -> list[tuple[str, bytes, int]]:
    """Of each cue: id, PCM, length in milliseconds."""
    heard, pcm = [], b""
    async for event in listener:
        match event:
            case CueStart():
                pcm = b""
            case CueAudio():
                pcm += event.pcm
            case CueEnd():
                heard.append((event.cue_id, pcm, event.duration_ms))
        if len(heard) == cues:
            break
    return heard


async def test_the_python_client_hands_out_pcm_whatever_it_listens_in(running: RunningEdge) -> None:
    _, created = await running.speaker()
    said = [voice(0.77, seed=1), voice(1.003, seed=2), voice(0.02, seed=3)]
    async with (
        asyncio.timeout(60),
        Listener.open(running.url, created["sessionId"], "es") as plain,
        Listener.open(running.url, created["sessionId"], "es", audio_format="opus") as opus,
    ):
        stream = await running.transcription.stream()
        for segment, one in enumerate(said):
            say_cue(stream, segment, "es", one)
        pcm_cues, opus_cues = await heard_by_client(plain, len(said)), await heard_by_client(opus, len(said))
    for (name, theirs, their_ms), (other, mine, mine_ms) in zip(pcm_cues, opus_cues, strict=True):
        assert (name, their_ms) == (other, mine_ms)
        assert abs(len(mine) - len(theirs)) <= 2
        if len(theirs) > 2_000:
            assert likeness(samples(mine), samples(theirs)) > 0.93


async def test_a_form_that_nobody_knows_is_refused(running: RunningEdge) -> None:
    _, created = await running.speaker()
    wanted = {"sessionId": created["sessionId"], "targetLanguage": "es", "audioFormat": "flac"}
    status, error = await running.refused(wanted, plain=True)
    assert (status, error["code"]) == (400, "INVALID_PARAMETER")
