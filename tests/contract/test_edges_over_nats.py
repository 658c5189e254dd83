"""Whole edges that share nothing but session_svc and NATS: one sequence for everybody, wherever the speaker is."""

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

from chassis.calling import connect
from edge.config import Config
from edge.edge import open_edge
from edge.nats_bus import nats_bus
from edge.protocol.errors import Close
from protos.session.v1.session_pb2_grpc import add_SessionServiceServicer_to_server
from protos.transcription.v1.transcription_pb2_grpc import add_TranscriptionServiceServicer_to_server
from tests.contract.test_buses import linked, until
from tests.contract.test_edge_listening import begin, caption, cue, end, play
from tests.contract.test_edge_refresh import audio_of, hear_cue, joined, messages, refreshed, tenths
from tests.fakes.edge import Json, NamedTokens, Peer, RunningEdge
from tests.fakes.nats import nats_server
from tests.fakes.serving import served
from tests.fakes.session import FakeSessions
from tests.fakes.stored import stored_edges
from tests.fakes.transcription import FakeStream, FakeTranscription


@asynccontextmanager
async def edges(folder: Path, count: int, tail_seconds: float = 20.0) -> AsyncIterator[tuple[RunningEdge, ...]]:
    async with (
        nats_server() as server,
        linked(server, count) as buses,
        stored_edges(folder, buses, tail_seconds=tail_seconds) as running,
    ):
        yield running


async def heard_by_all(peers: list[Peer], word: str) -> list[list[Json | bytes]]:
    """What each heard since it joined, up to the caption with that text."""
    for peer in peers:
        while (await peer.expect("caption"))["text"] != word:
            pass
    return [peer.heard[1:] for peer in peers]


def timeless(frames: list[Json | bytes]) -> list[Json | bytes]:
    """Without the moment at which an edge wrote a plain client's message."""
    return [
        {name: value for name, value in frame.items() if name != "timestamp"} if isinstance(frame, dict) else frame
        for frame in frames
    ]


def say(stream: FakeStream, *segments: int) -> None:
    for segment in segments:
        caption(stream, segment, "es", f"frase {segment}")
        cue(stream, segment, "es", 1 + segment % 4)


async def test_listeners_on_three_other_edges_get_the_same_bytes_in_the_same_order(tmp_path: Path) -> None:
    async with edges(tmp_path, 4) as (first, *others):
        _, created = await first.speaker()
        session_id = created["sessionId"]
        stream = await first.transcription.stream()
        v1 = [await edge.listener(session_id) for edge in (first, *others)]
        plain = [await edge.listener(session_id, plain=True) for edge in (first, *others)]
        say(stream, *range(1, 21))
        caption(stream, 21, "es", "fin")
        bare = await heard_by_all(v1, "fin")
        assert sum(isinstance(frame, bytes) for frame in bare[0]) == sum(1 + n % 4 for n in range(1, 21))
        assert [frames == bare[0] for frames in bare] == [True] * 4
        coded = [timeless(frames) for frames in await heard_by_all(plain, "fin")]
        assert [frames == coded[0] for frames in coded] == [True] * 4
        # And both flavours the same sound.
        decoded = [base64.b64decode(frame["audioData"]) for frame in messages(coded[0]) if "audioData" in frame]
        assert decoded == [frame for frame in bare[0] if isinstance(frame, bytes)]


async def test_what_concerns_the_session_crosses_and_its_end_comes_last(tmp_path: Path) -> None:
    async with edges(tmp_path, 2, tail_seconds=5.0) as (first, second):
        speaker, created = await first.speaker()
        listener = await second.listener(created["sessionId"])
        stream = await first.transcription.stream()
        stream.finish_at_end = False
        say(stream, 1)
        await hear_cue(listener, "1-es")
        await speaker.say("pauseBroadcast")
        await listener.expect("broadcastPaused")
        await speaker.say("resumeBroadcast")
        await listener.expect("broadcastResumed")
        await speaker.say("setVolume", volumeLevel=0.5)
        assert (await listener.expect("volumeChanged"))["volumeLevel"] == 0.5
        begin(stream, 2, "es")
        play(stream, 2, "es", 3)
        await speaker.say("endSession", reason="thank you all")
        await stream.until(lambda: stream.half_closed)
        play(stream, 2, "es", 1)
        end(stream, 2, "es", 0.4)
        stream.finish()
        assert await hear_cue(listener, "2-es") == tenths(0, 1, 2, 0)
        assert (await listener.expect("sessionEnded"))["reason"] == "thank you all"
        assert await listener.closed() == Close.SESSION_ENDED


@pytest.mark.parametrize("plain", [False, True])
async def test_a_listener_that_moves_to_another_edge_in_mid_cue_misses_and_doubles_nothing(
    tmp_path: Path, plain: bool
) -> None:
    async with edges(tmp_path, 3) as (first, second, third):
        _, created = await first.speaker()
        former, connection_id = await joined(second, created["sessionId"], plain)
        stream = await first.transcription.stream()
        for segment in (1, 2):
            cue(stream, segment, "es", 2)
        begin(stream, 3, "es")
        play(stream, 3, "es", 2)
        while audio_of(former.heard).get("3-es") != 2:
            await former.hear()
        # Nobody has listened at the third edge: what it is to send again is known to the others alone.
        new = await refreshed(third, created["sessionId"], connection_id, plain, lastCue="1-es")
        play(stream, 3, "es", 3)
        end(stream, 3, "es", 0.5)
        cue(stream, 4, "es", 2)
        caption(stream, 4, "es", "fin")
        await heard_by_all([new], "fin")
        assert audio_of(new.heard) == {"2-es": 2, "3-es": 5, "4-es": 2}


async def test_an_edge_that_is_joined_in_mid_cue_knows_its_start_and_begins_with_the_next_as_everywhere(
    tmp_path: Path,
) -> None:
    async with edges(tmp_path, 2) as (first, second):
        _, created = await first.speaker()
        session_id = created["sessionId"]
        stream = await first.transcription.stream()
        early, connection_id = await joined(first, session_id)
        begin(stream, 1, "es")
        play(stream, 1, "es", 3)
        while audio_of(early.heard).get("1-es") != 3:
            await early.hear()
        late = [await edge.listener(session_id) for edge in (first, second)]
        moved = await refreshed(second, session_id, connection_id, lastCue="0-es")
        play(stream, 1, "es", 2)
        end(stream, 1, "es", 0.5)
        assert await hear_cue(moved, "1-es") == tenths(0, 1, 2, 0, 1)
        cue(stream, 2, "es", 2)
        for listener in (*late, moved):
            assert await hear_cue(listener, "2-es") == tenths(0, 1)


async def test_a_listener_that_changes_its_language_hears_all_from_then_on(tmp_path: Path) -> None:
    async with edges(tmp_path, 2) as (first, second):
        _, created = await first.speaker()
        listener = await second.listener(created["sessionId"])
        stream = await first.transcription.stream()
        for segment, (language, other) in enumerate([("fr", "es"), ("es", "fr"), ("fr", "es")], 1):
            await listener.ask("languageChanged", "changeLanguage", targetLanguage=language)
            for code in (other, language):
                caption(stream, segment, code, code)
                cue(stream, segment, code, 2)
            assert (await listener.expect("caption"))["text"] == language
            assert await hear_cue(listener, f"{segment}-{language}") == tenths(0, 1)
        kinds = [message["type"] for message in messages(listener.heard)]
        assert kinds.count("cueStart") == kinds.count("cueEnd") == 3


async def test_a_speaker_that_moves_to_another_edge_is_heard_in_one_sequence(tmp_path: Path) -> None:
    async with edges(tmp_path, 3) as (first, second, third):
        former, created = await first.speaker()
        session_id = created["sessionId"]
        listener = await third.listener(session_id)
        left = await first.transcription.stream()
        left.finish_at_end = False
        cue(left, 1, "es", 2)
        await hear_cue(listener, "1-es")
        query = {"action": "refreshConnection", "role": "speaker", "sessionId": session_id, "token": "valid-ada"}
        new = await second.open({**query, "connectionId": created["connectionId"]})
        await new.expect("connectionRefreshComplete")
        going_on = await second.transcription.stream(2)
        # The new edge's first words wait for the last of the former's.
        cue(going_on, 50, "es", 1)
        assert await former.closed() == 1000
        cue(left, 2, "es", 3)
        assert await hear_cue(listener, "2-es") == tenths(0, 1, 2)
        left.finish()
        assert await hear_cue(listener, "50-es") == tenths(0)


async def test_without_nats_an_edge_serves_its_own_listeners_and_others_are_told_what_they_missed(
    tmp_path: Path,
) -> None:
    async with (
        nats_server() as server,
        linked(server, 2) as buses,
        stored_edges(tmp_path, buses) as (first, second),
    ):
        _, created = await first.speaker()
        here, there = await first.listener(created["sessionId"]), await second.listener(created["sessionId"])
        stream = await first.transcription.stream()
        cue(stream, 1, "es", 2)
        await hear_cue(here, "1-es")
        await hear_cue(there, "1-es")
        await server.kill()
        for segment in (2, 3):
            cue(stream, segment, "es", 2)
            assert await hear_cue(here, f"{segment}-es") == tenths(0, 1)
        assert [(await first.get("/readyz")).status, (await second.get("/readyz")).status] == [200, 200]
        await server.start()
        caption(stream, 9, "es", "fin")
        await heard_by_all([here], "fin")
        cue(stream, 10, "es", 2)
        frames = there.heard
        while audio_of(frames).get("10-es") != 2:
            await there.hear()
        lost = sum(frame["seconds"] for frame in messages(frames) if frame["type"] == "audioDropped")
        assert round(lost + 0.1 * sum(audio_of(frames).values()), 3) == 0.8


async def test_an_edge_is_not_ready_before_it_was_connected_once() -> None:
    sessions, transcription = FakeSessions(), FakeTranscription()
    async with (
        nats_server() as server,
        served(partial(add_SessionServiceServicer_to_server, sessions)) as session_address,
        served(partial(add_TranscriptionServiceServicer_to_server, transcription)) as transcription_address,
        connect(session_address) as session,
        connect(transcription_address) as transcribing,
    ):
        await server.kill()
        async with (
            nats_bus([server.url]) as bus,
            open_edge(Config(), NamedTokens(), session, transcribing, bus) as edge,
        ):
            await until(lambda: edge.sessions_reachable and edge.languages.reachable)
            assert not edge.ready
            await server.start()
            await until(lambda: edge.ready)
            await server.kill()
            await until(lambda: not bus.connected)
            assert edge.ready
