"""A second socket takes the place of the first: nothing lost, nothing twice, on this edge or on another."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable

import pytest

from chassis.errors import Unavailable
from edge.client import CueEnd, Listener, Timing
from edge.domain.feed import Topic
from edge.sessions import Watched
from protos.transcription.v1 import transcription_pb2 as pb
from tests.contract.test_edge_listening import begin, caption, cue, end, play
from tests.fakes.edge import Json, Peer, RunningEdge, held, running_edge, running_edges

TENTH = bytes(3_200)


@pytest.fixture
async def running() -> AsyncIterator[RunningEdge]:
    async with held(running_edge()) as edge:
        yield edge


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0.01)


async def joined(running: RunningEdge, session_id: str, plain: bool = False) -> tuple[Peer, str]:
    peer = await running.open({"sessionId": session_id, "targetLanguage": "es"}, plain=plain)
    return peer, (await peer.expect("sessionJoined"))["connectionId"]


async def refreshed(
    running: RunningEdge, session_id: str, connection_id: str, plain: bool = False, **more: str
) -> Peer:
    query = {"action": "refreshConnection", "role": "listener", "sessionId": session_id, "targetLanguage": "es"}
    peer = await running.open({**query, "connectionId": connection_id, **more}, plain=plain)
    complete = await peer.expect("connectionRefreshComplete")
    assert complete["newConnectionId"] != connection_id
    await peer.expect("stateRestored")
    return peer


async def spoken(running: RunningEdge, session_id: str, **query: str) -> Peer:
    wanted = {"action": "refreshConnection", "role": "speaker", "sessionId": session_id, "token": "valid-ada"}
    peer = await running.open({**wanted, **query})
    await peer.expect("connectionRefreshComplete")
    await peer.expect("stateRestored")
    return peer


async def hear_cue(peer: Peer, name: str) -> bytes:
    """The next cue, whole."""
    start = await peer.expect("cueStart")
    assert start["cueId"] == name
    audio = b""
    while isinstance(heard := await peer.hear(), bytes):
        audio += heard
    assert heard["type"] == "cueEnd"
    return audio


def tenths(*numbers: int) -> bytes:
    return b"".join(bytes([number]) * 3_200 for number in numbers)


# ---------------------------------------------------------------------- listeners


@pytest.mark.parametrize("plain", [False, True])
async def test_the_former_socket_brings_the_cue_under_way_and_the_new_one_begins_with_the_next(
    running: RunningEdge, plain: bool
) -> None:
    _, created = await running.speaker()
    session_id = created["sessionId"]
    former, connection_id = await joined(running, session_id, plain)
    stream = await running.transcription.stream()
    begin(stream, 1, "es")
    play(stream, 1, "es", 2)
    await (former.expect("audioData") if plain else former.expect("cueStart"))
    new = await refreshed(running, session_id, connection_id, plain)
    play(stream, 1, "es", 3)
    end(stream, 1, "es", 0.5)
    cue(stream, 2, "es")
    caption(stream, 2, "es", "sigue")
    await new.expect("caption")
    assert await former.closed() == 1000
    old_frames, new_frames = former.heard, new.heard
    assert audio_of(old_frames) == {"1-es": 5}
    assert audio_of(new_frames) == {"2-es": 1}
    # The words go to the new one alone.
    assert "caption" not in {message["type"] for message in messages(old_frames)}


def messages(frames: list[Json | bytes]) -> list[Json]:
    return [frame for frame in frames if isinstance(frame, dict)]


def audio_of(frames: list[Json | bytes]) -> dict[str, int]:
    """How many pieces of audio came of each cue, in either flavour."""
    found: dict[str, int] = {}
    current = ""
    for frame in frames:
        if isinstance(frame, bytes):
            found[current] += 1
        elif frame["type"] == "cueStart":
            current = frame["cueId"]
            found[current] = 0
        elif frame["type"] == "audioData":
            found[frame["cueId"]] = found.get(frame["cueId"], 0) + 1
    return found


async def test_between_cues_the_former_socket_closes_at_once(running: RunningEdge) -> None:
    _, created = await running.speaker()
    former, connection_id = await joined(running, created["sessionId"])
    cue(await running.transcription.stream(), 1, "es")
    await hear_cue(former, "1-es")
    await refreshed(running, created["sessionId"], connection_id)
    assert await former.closed() == 1000


async def test_what_followed_the_last_cue_comes_again_to_one_who_names_it(running: RunningEdge) -> None:
    _, created = await running.speaker()
    former, connection_id = await joined(running, created["sessionId"])
    stream = await running.transcription.stream()
    for segment in (1, 2):
        cue(stream, segment, "es", chunks=3)
    begin(stream, 3, "es")
    play(stream, 3, "es", 2)
    for segment in (1, 2):
        await hear_cue(former, f"{segment}-es")
    await former.expect("cueStart")
    new = await refreshed(running, created["sessionId"], connection_id, lastCue="1-es")
    assert await former.closed() == 1000
    assert await hear_cue(new, "2-es") == tenths(0, 1, 2)
    play(stream, 3, "es", 1)
    end(stream, 3, "es", 0.3)
    assert await hear_cue(new, "3-es") == tenths(0, 1, 0)


async def test_plain_repeats_have_the_numbers_they_had(running: RunningEdge) -> None:
    _, created = await running.speaker()
    former, connection_id = await joined(running, created["sessionId"], plain=True)
    stream = await running.transcription.stream()
    cue(stream, 1, "es")
    cue(stream, 2, "es")
    first, second = await former.expect("audioData"), await former.expect("audioData")
    new = await refreshed(running, created["sessionId"], connection_id, plain=True, lastCue=first["cueId"])
    again = await new.expect("audioData")
    assert (again["cueId"], again["sequenceNumber"]) == (second["cueId"], second["sequenceNumber"])
    assert again["audioData"] == second["audioData"]


async def test_a_plain_client_that_names_the_cue_under_way_gets_its_rest_on_the_former_socket(
    running: RunningEdge,
) -> None:
    _, created = await running.speaker()
    former, connection_id = await joined(running, created["sessionId"], plain=True)
    stream = await running.transcription.stream()
    begin(stream, 1, "es")
    play(stream, 1, "es", 2)
    cue_id = (await former.expect("audioData"))["cueId"]
    new = await refreshed(running, created["sessionId"], connection_id, plain=True, lastCue=cue_id)
    play(stream, 1, "es", 1)
    end(stream, 1, "es", 0.3)
    cue(stream, 2, "es")
    await new.expect("audioData")
    assert await former.closed() == 1000
    assert audio_of(former.heard) == {"1-es": 3}
    assert audio_of(new.heard) == {"2-es": 1}


async def test_a_listener_lost_without_a_goodbye_comes_back_to_its_place(running: RunningEdge) -> None:
    _, created = await running.speaker()
    kept = running.sessions.kept[created["sessionId"]]
    former, connection_id = await joined(running, created["sessionId"])
    stream = await running.transcription.stream()
    cue(stream, 1, "es")
    await hear_cue(former, "1-es")
    transport = former.ws._writer.transport
    transport.abort()
    await until(lambda: connection_id not in running.edge.sockets)
    assert kept.session.listener_count == 1
    cue(stream, 2, "es")
    new = await refreshed(running, created["sessionId"], connection_id, lastCue="1-es")
    await hear_cue(new, "2-es")
    assert kept.session.listener_count == 1


async def test_one_whose_place_is_gone_comes_back_as_another_and_hears_what_it_missed(running: RunningEdge) -> None:
    _, created = await running.speaker()
    kept = running.sessions.kept[created["sessionId"]]
    former, connection_id = await joined(running, created["sessionId"])
    stream = await running.transcription.stream()
    cue(stream, 1, "es")
    await hear_cue(former, "1-es")
    await former.ws.close()
    await until(lambda: connection_id in running.sessions.left)
    staying = await running.listener(created["sessionId"])
    cue(stream, 2, "es")
    await hear_cue(staying, "2-es")
    query = {"action": "refreshConnection", "role": "listener", "sessionId": created["sessionId"]}
    again = {**query, "targetLanguage": "es", "lastCue": "1-es"}
    await (await running.open({**again, "connectionId": connection_id})).error("CONFLICT")
    anew = await running.open(again)
    await anew.expect("connectionRefreshComplete")
    await hear_cue(anew, "2-es")
    assert kept.session.listener_count == 2


async def test_the_python_client_hears_what_it_missed_though_its_place_is_gone(running: RunningEdge) -> None:
    _, created = await running.speaker(pin="1234")
    session_id = created["sessionId"]
    kept = running.sessions.kept[session_id]
    stream = await running.transcription.stream()
    timing = Timing(first_retry=0.01, last_retry=0.05)
    async with Listener.open(running.url, session_id, "es", pin="1234", timing=timing) as listener:
        cue(stream, 1, "es")
        assert await heard_cues(listener, 1) == ["1-es"]
        # Nobody is let in until the record is gone and the next cue is over.
        running.edge.draining = True
        (connection_id,) = kept.listeners
        kept.listeners.clear()
        transport = running.edge.sockets[connection_id].outbox.transport
        assert transport is not None
        transport.abort()
        cue(stream, 2, "es")
        await until(lambda: len(running.edge.bus.missed(Topic(session_id, "es"), "1-es")) == 3)
        running.edge.draining = False
        assert await heard_cues(listener, 1) == ["2-es"]
        cue(stream, 3, "es")
        assert await heard_cues(listener, 1) == ["3-es"]


async def heard_cues(listener: Listener, count: int) -> list[str]:
    """The next cues that are heard to their end."""
    found: list[str] = []
    async with asyncio.timeout(30):
        while len(found) < count:
            event = await anext(listener)
            if isinstance(event, CueEnd):
                assert event.complete
                found.append(event.cue_id)
    return found


async def test_a_listener_lost_for_longer_is_taken_out() -> None:
    async with running_edge(resume_seconds=0.3) as running:
        _, created = await running.speaker()
        kept = running.sessions.kept[created["sessionId"]]
        former, connection_id = await joined(running, created["sessionId"])
        transport = former.ws._writer.transport
        transport.abort()
        async with asyncio.timeout(10):
            await running.sessions.until(lambda: connection_id in running.sessions.left)
        assert not kept.listeners


async def test_departures_that_come_while_another_is_stored_do_not_wait_as_after_a_failure(
    running: RunningEdge,
) -> None:
    _, created = await running.speaker()
    departures, left = running.edge.departures, running.sessions.left

    def go_on() -> bool:
        if len(left) < 30:
            departures.add(created["sessionId"], f"{len(left):032x}")
        return len(left) >= 30

    departures.add(created["sessionId"], "f" * 32)
    # Each is followed by the next before it is answered.
    async with asyncio.timeout(10):
        await running.sessions.until(go_on)


async def test_one_who_says_goodbye_is_taken_out_at_once() -> None:
    async with running_edge(resume_seconds=3600) as running:
        _, created = await running.speaker()
        former, connection_id = await joined(running, created["sessionId"])
        await former.ws.close()
        async with asyncio.timeout(10):
            await running.sessions.until(lambda: connection_id in running.sessions.left)


async def test_a_listener_goes_on_at_another_edge() -> None:
    async with running_edges(2) as (first, second):
        _, created = await first.speaker()
        former, connection_id = await joined(first, created["sessionId"])
        stream = await first.transcription.stream()
        cue(stream, 1, "es", 2)
        await hear_cue(former, "1-es")
        begin(stream, 2, "es")
        play(stream, 2, "es", 2)
        await former.expect("cueStart")
        new = await refreshed(second, created["sessionId"], connection_id, lastCue="1-es")
        play(stream, 2, "es", 2)
        end(stream, 2, "es", 0.4)
        assert await hear_cue(new, "2-es") == tenths(0, 1, 0, 1)


async def test_a_language_that_fails_is_told_to_those_who_come_later(running: RunningEdge) -> None:
    _, created = await running.speaker()
    early = await running.listener(created["sessionId"], "es")
    stream = await running.transcription.stream()
    stream.say(language_status=pb.LanguageStatus(language="es", available=False, reason="TRANSLATION_FAILED"))
    await early.expect("languageUnavailable")
    late = await running.listener(created["sessionId"], "es")
    assert (await late.expect("languageUnavailable"))["reason"] == "TRANSLATION_FAILED"
    stream.say(language_status=pb.LanguageStatus(language="es", available=True))
    await late.expect("systemRecovered")
    stream.say(caption=pb.Caption(segment_id=1, language="es", text="ya", is_final=True))
    healthy = await running.listener(created["sessionId"], "es")
    caption(stream, 2, "es", "otra")
    assert (await healthy.hear())["type"] == "caption"  # type: ignore[call-overload]


# ---------------------------------------------------------------------- speakers


async def test_no_chunk_of_the_speaker_is_lost_or_swapped_when_the_socket_changes(running: RunningEdge) -> None:
    former, created = await running.speaker()
    stream = await running.transcription.stream()
    # Both ends are read at the same time here: what was sent on the first may come after the first on the second.
    writing = former.ws._writer.transport
    await former.ws.send_bytes(tenths(1))
    await stream.until(lambda: len(stream.audio) == 1)
    new = await spoken(running, created["sessionId"])
    await new.ws.send_bytes(tenths(4))
    await asyncio.sleep(0.1)
    await former.ws.send_bytes(tenths(2))
    await former.ws.send_bytes(tenths(3))
    await former.ws.close()
    await new.ws.send_bytes(tenths(5))
    await stream.until(lambda: len(stream.audio) == 5)
    assert [chunk.audio[0] for chunk in stream.audio] == [1, 2, 3, 4, 5]
    assert writing.is_closing()
    await new.alive()


async def test_a_former_socket_that_stays_open_is_closed_when_it_is_quiet(running: RunningEdge) -> None:
    former, created = await running.speaker()
    stream = await running.transcription.stream()
    new = await spoken(running, created["sessionId"])
    await new.ws.send_bytes(tenths(1))
    assert await former.closed() == 1000
    await stream.until(lambda: len(stream.audio) == 1)


async def test_a_speaker_goes_on_at_another_edge_and_listeners_hear_one_sequence() -> None:
    async with running_edges(2, tail_seconds=10.0) as (first, second):
        former, created = await first.speaker()
        first.sessions.kept[created["sessionId"]].session.created_at.seconds -= 60
        listeners = [await edge.listener(created["sessionId"], "es") for edge in (first, second)]
        before = await first.transcription.stream()
        await before.until(lambda: before.targets == {"es"})
        before.finish_at_end = False
        await former.ws.send_bytes(tenths(1))
        await before.until(lambda: len(before.audio) == 1)
        new = await spoken(second, created["sessionId"])
        await former.ws.send_bytes(tenths(2))
        await new.ws.send_bytes(tenths(3))
        after = await first.transcription.stream(2)
        await after.until(lambda: len(after.audio) == 1)
        await before.until(lambda: before.half_closed)
        assert [chunk.audio[0] for chunk in before.audio] == [1, 2]
        assert [chunk.audio[0] for chunk in after.audio] == [3]
        assert await former.closed() == 1000
        # The new edge is first with its cue, and waits.
        number = after.config.first_segment_id
        cue(after, number, "es")
        begin(before, 1, "es")
        play(before, 1, "es", 2)
        await listeners[1].expect("cueStart")
        end(before, 1, "es", 0.2)
        cue(before, 2, "es")
        before.finish()
        heard = [await collected(listener, f"{number}-es") for listener in listeners]
        assert heard[0] == heard[1] == ["1-es", "2-es", f"{number}-es"]


async def collected(listener: Peer, last: str) -> list[str]:
    """The cues that came, in order, up to the end of `last`; each whole before the next."""
    while not any(frame.get("cueId") == last for frame in messages(listener.heard) if frame["type"] == "cueEnd"):
        await listener.hear()
    marks = [frame for frame in messages(listener.heard) if frame["type"] in {"cueStart", "cueEnd"}]
    assert [mark["type"] for mark in marks] == ["cueStart", "cueEnd"] * (len(marks) // 2)
    return [mark["cueId"] for mark in marks[::2]]


async def test_a_refresh_whose_answer_is_lost_leaves_the_speaker_in_its_place(running: RunningEdge) -> None:
    former, created = await running.speaker()
    kept = running.sessions.kept[created["sessionId"]]
    running.sessions.lose_answers = True
    query = {"action": "refreshConnection", "role": "speaker", "sessionId": created["sessionId"], "token": "valid-ada"}
    error = await (await running.open(query)).expect("error")
    assert error["code"] == "SERVICE_UNAVAILABLE"
    running.sessions.lose_answers = False
    async with asyncio.timeout(10):
        await running.sessions.until(lambda: kept.speaker == created["connectionId"])
    await former.ask("broadcastMuted", "muteBroadcast")
    async with asyncio.timeout(10):
        await running.sessions.until(lambda: kept.session.broadcast_state.muted)
    await former.ask("sessionEnded", "endSession")
    assert await former.closed() == 1000
    async with asyncio.timeout(10):
        await running.sessions.until(lambda: kept.session.end_reason == "speaker")


async def test_a_switch_moved_while_the_store_swaps_speakers_is_saved_in_the_end(running: RunningEdge) -> None:
    former, created = await running.speaker()
    kept = running.sessions.kept[created["sessionId"]]
    running.sessions.may_answer.clear()
    async with asyncio.TaskGroup() as tasks:
        refreshing = tasks.create_task(spoken(running, created["sessionId"]))
        async with asyncio.timeout(10):
            await running.sessions.until(lambda: kept.speaker != created["connectionId"])
        await former.ask("broadcastMuted", "muteBroadcast")
        await until(lambda: running.sessions.denied)
        running.sessions.may_answer.set()
    async with asyncio.timeout(10):
        await running.sessions.until(lambda: kept.session.broadcast_state.muted)
    await refreshing.result().alive()


async def test_a_speaker_that_is_back_before_its_old_broadcast_has_let_go_is_heard() -> None:
    async with running_edges(2, tail_seconds=10.0) as (first, second):
        former, created = await first.speaker()
        await (await first.transcription.stream()).until(lambda: True)
        there = await spoken(second, created["sessionId"])
        old = first.edge.broadcasts[created["sessionId"]]
        await until(lambda: old.over)
        # The former socket is still heard to its end when the speaker comes back.
        back = await spoken(first, created["sessionId"])
        await back.ws.send_bytes(tenths(7))
        stream = await first.transcription.stream(3)
        await stream.until(lambda: len(stream.audio) == 1)
        assert stream.audio[0].audio[0] == 7
        assert await former.closed() == await there.closed() == 1000
        await back.alive()


async def test_a_speaker_that_moves_there_and_back_is_heard_in_one_sequence() -> None:
    async with running_edges(2, tail_seconds=10.0) as (first, second):
        former, created = await first.speaker()
        first.sessions.kept[created["sessionId"]].session.created_at.seconds -= 60
        listener = await first.listener(created["sessionId"], "es")
        streams = [await first.transcription.stream()]
        streams[0].finish_at_end = False
        begin(streams[0], 1, "es")
        play(streams[0], 1, "es", 2)
        await listener.expect("cueStart")
        there = await spoken(second, created["sessionId"])
        streams.append(await first.transcription.stream(2))
        streams[1].finish_at_end = False
        assert await former.closed() == 1000
        back = await spoken(first, created["sessionId"])
        streams.append(await first.transcription.stream(3))
        assert await there.closed() == 1000
        numbers = [1, *(stream.config.first_segment_id for stream in streams[1:])]
        # The last is the first with its cue; the one between them waits for the first of all, as long as that plays.
        cue(streams[2], numbers[2], "es")
        cue(streams[1], numbers[1], "es")
        streams[1].finish()
        await back.alive()
        end(streams[0], 1, "es", 0.2)
        streams[0].finish()
        assert await collected(listener, f"{numbers[2]}-es") == [f"{number}-es" for number in numbers]


async def test_of_two_refreshes_at_once_the_one_that_the_store_took_last_speaks(running: RunningEdge) -> None:
    former, created = await running.speaker()
    kept = running.sessions.kept[created["sessionId"]]
    late = running.sessions.may_answer = asyncio.Event()
    query = {"action": "refreshConnection", "role": "speaker", "sessionId": created["sessionId"], "token": "valid-ada"}
    async with asyncio.TaskGroup() as tasks:
        opening = tasks.create_task(running.open(query))
        await until(lambda: kept.speaker != created["connectionId"])
        running.sessions.may_answer = asyncio.Event()
        running.sessions.may_answer.set()
        newest = await spoken(running, created["sessionId"])
        late.set()
        overtaken = await opening
    assert await overtaken.closed() == 1000
    assert await former.closed() == 1000
    await newest.ask("broadcastMuted", "muteBroadcast")
    await until(lambda: kept.session.broadcast_state.muted)
    await newest.ws.close()
    async with asyncio.timeout(10):
        await running.sessions.until(lambda: not kept.speaker)


async def test_a_refresh_whose_client_is_gone_does_not_undo_the_one_after_it(running: RunningEdge) -> None:
    _, created = await running.speaker()
    kept = running.sessions.kept[created["sessionId"]]
    late = running.sessions.may_answer = asyncio.Event()
    query = {"action": "refreshConnection", "role": "speaker", "sessionId": created["sessionId"], "token": "valid-ada"}
    async with asyncio.TaskGroup() as tasks:
        given_up = tasks.create_task(running.open(query))
        await until(lambda: kept.speaker != created["connectionId"])
        given_up.cancel()
        second, lost = asyncio.Event(), kept.speaker
        running.sessions.may_answer = second
        opening = tasks.create_task(running.open(query))
        await until(lambda: kept.speaker != lost)
        running.sessions.may_answer = asyncio.Event()
        running.sessions.may_answer.set()
        current = kept.speaker
        late.set()  # The edge finds its client gone, while the answer to the second is under way.
        await running.edge.sessions.get(created["sessionId"])
        await asyncio.sleep(0.1)
        second.set()
        newest = await opening
    await newest.expect("stateRestored")
    assert kept.speaker == current
    await newest.ask("broadcastMuted", "muteBroadcast")
    await until(lambda: kept.session.broadcast_state.muted)


async def test_a_session_that_its_speaker_has_ended_is_not_refreshed(running: RunningEdge) -> None:
    former, created = await running.speaker()
    kept = running.sessions.kept[created["sessionId"]]
    listener = await running.listener(created["sessionId"])
    running.sessions.may_answer.clear()
    query = {"action": "refreshConnection", "role": "speaker", "sessionId": created["sessionId"], "token": "valid-ada"}
    async with asyncio.TaskGroup() as tasks:
        opening = tasks.create_task(running.open(query))
        await until(lambda: kept.speaker != created["connectionId"])
        await former.ask("sessionEnded", "endSession")
        running.sessions.may_answer.set()
        refused = await opening
    await refused.error("SESSION_NOT_FOUND")
    async with asyncio.timeout(10):
        await running.sessions.until(lambda: kept.session.end_reason == "speaker")
    assert (await listener.expect("sessionEnded"))["reason"] == "speaker"


async def test_no_socket_of_the_speaker_outlives_an_end_said_on_the_former(running: RunningEdge) -> None:
    former, created = await running.speaker()
    new = await spoken(running, created["sessionId"])
    await former.ask("sessionEnded", "endSession")
    assert (await new.expect("sessionEnded"))["reason"] == "speaker"
    assert await new.closed() == 4000


async def test_one_who_comes_to_a_watch_that_is_over_is_told_so(running: RunningEdge) -> None:
    _, created = await running.speaker()
    view = await running.edge.sessions.get(created["sessionId"])
    early: list[Watched] = []
    late: list[Watched] = []
    running.edge.watches.subscribe(view, early.append)
    await running.sessions.end_by_itself(created["sessionId"], "expired")
    await until(lambda: early and not early[-1].session.live)
    running.edge.watches.subscribe(view, late.append)
    assert [change.session.end_reason for change in late] == ["expired"]


async def test_a_client_that_goes_while_it_is_let_in_leaves_no_record_and_no_alarm(
    running: RunningEdge, caplog: pytest.LogCaptureFixture
) -> None:
    _, created = await running.speaker()
    kept = running.sessions.kept[created["sessionId"]]
    _, connection_id = await joined(running, created["sessionId"])
    running.sessions.may_answer.clear()
    query = {"action": "refreshConnection", "role": "listener", "sessionId": created["sessionId"]}
    async with asyncio.TaskGroup() as tasks:
        going = tasks.create_task(
            running.open({**query, "targetLanguage": "es", "connectionId": connection_id}, plain=True)
        )
        await until(lambda: kept.listeners and connection_id not in kept.listeners)
        going.cancel()
    await asyncio.sleep(0.1)
    running.sessions.may_answer.set()
    await until(lambda: not kept.listeners and not running.edge.seats)
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


async def test_a_creation_whose_answer_was_lost_is_taken_back(running: RunningEdge) -> None:
    running.sessions.lose_answers = True
    query = {"action": "createSession", "sourceLanguage": "en", "token": "valid-ada"}
    status, error = await running.refused(query, plain=True)
    assert (status, error["code"]) == (503, "SERVICE_UNAVAILABLE")
    running.sessions.lose_answers = False
    async with asyncio.timeout(20):
        await running.sessions.until(
            lambda: [kept.session.end_reason for kept in running.sessions.kept.values()] == ["speaker_gone"]
        )


# ---------------------------------------------------------------------- age, recovery


async def test_sockets_are_asked_warned_and_closed_as_they_grow_old() -> None:
    ages = {"refresh_after_seconds": 0.5, "warn_after_seconds": 1.0, "close_after_seconds": 1.3}
    async with running_edge(**ages) as running:
        speaker, created = await running.speaker()
        listener = await running.listener(created["sessionId"])
        for peer in (speaker, listener):
            required = await peer.expect("connectionRefreshRequired")
            assert 0 < required["refreshBy"] - created["expiresAt"] + 7_200_000 < 60_000
            assert (await peer.expect("connectionWarning"))["remainingMinutes"] == 1
            assert "refresh" in (await peer.expect("connectionTimeout"))["reason"]
            assert await peer.closed() == 4008


async def test_connections_that_were_given_up_while_the_service_was_away_are_written_back(
    running: RunningEdge,
) -> None:
    _, created = await running.speaker()
    session_id = created["sessionId"]
    await running.listener(session_id, "es")
    await running.listener(session_id, "pt")
    over, connection_id = await joined(running, session_id)
    kept = running.sessions.kept[session_id]
    kept.listeners.clear()
    kept.speaker = ""
    running.sessions.given_up.add(connection_id)
    running.sessions.lapsed = True
    await running.edge.keep_lease_once()
    assert sorted(kept.listeners.values()) == ["es", "pt"]
    assert kept.speaker == created["connectionId"]
    assert not running.sessions.lapsed
    await over.expect("connectionTimeout")
    assert await over.closed() == 4008


async def test_one_who_was_refused_for_want_of_the_store_is_told_when_it_is_back(running: RunningEdge) -> None:
    _, created = await running.speaker()
    unlucky = await running.listener(created["sessionId"], "es")
    lucky = await running.listener(created["sessionId"], "es")
    running.sessions.fail_with = Unavailable("STORE_UNAVAILABLE", "down")
    await unlucky.say("changeLanguage", targetLanguage="pt")
    await unlucky.error("SERVICE_UNAVAILABLE")
    running.sessions.fail_with = None
    await running.edge.keep_lease_once()
    assert (await unlucky.expect("systemRecovered"))["code"] == "SERVICE_UNAVAILABLE"
    await lucky.alive()
    assert "systemRecovered" not in json.dumps(messages(lucky.heard))
