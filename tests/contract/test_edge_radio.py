"""A feed as an endless stream for a plain player: `GET /listen/{sessionId}/{language}` over real sockets (E10)."""

import asyncio
import socket as sockets
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import aiohttp
import numpy as np
import pytest

from edge.sessions import JOIN
from tests.contract.test_edges_over_nats import edges
from tests.fakes.edge import RunningEdge, held, running_edge
from tests.fakes.voice import CLOCK, Voice, begin_cue, decode, end_cue, go_on, likeness, samples, say_cue, voice


@pytest.fixture
async def running() -> AsyncIterator[RunningEdge]:
    async with held(running_edge()) as edge:
        yield edge


class Player:
    """Keeps all that a stream brings; never decodes on the way."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self.answer = answer
        self.stream = b""
        self.ended = False
        self._more = asyncio.Condition()

    async def play(self) -> None:
        with suppress(aiohttp.ClientError):
            async for data in self.answer.content.iter_any():
                async with self._more:
                    self.stream += data
                    self._more.notify_all()
        async with self._more:
            self.ended = True
            self._more.notify_all()

    async def until(self, size: int) -> None:
        """There are so many bytes more than now."""
        wanted = len(self.stream) + size
        async with asyncio.timeout(30), self._more:
            await self._more.wait_for(lambda: len(self.stream) >= wanted or self.ended)
        assert len(self.stream) >= wanted

    async def over(self) -> None:
        async with asyncio.timeout(30), self._more:
            await self._more.wait_for(lambda: self.ended)


@asynccontextmanager
async def tuned(running: RunningEdge, path: str, headers: Mapping[str, str] | None = None) -> AsyncIterator[Player]:
    answer = await running.http.get(f"{running.url}/listen/{path}", headers=headers)
    assert answer.status == 200, await answer.text()
    player = Player(answer)
    async with asyncio.TaskGroup() as tasks:
        playing = tasks.create_task(player.play())
        try:
            yield player
        finally:
            answer.close()
            playing.cancel()


def where_it_is(heard: Voice, said: Voice) -> int:
    """At which sample of `heard` `said` begins: where they are most alike."""
    size = len(heard) + len(said)
    spectrum = np.fft.rfft(heard, size) * np.conj(np.fft.rfft(said, size))
    return int(np.argmax(np.fft.irfft(spectrum, size)[: len(heard)]))


async def met(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - what is looked at tells nobody
            await asyncio.sleep(0.02)


def counts(running: RunningEdge, session_id: str) -> dict[str, int]:
    return dict(running.sessions.kept[session_id].session.language_counts)


@pytest.mark.parametrize(("form", "media"), [("ogg", "audio/ogg; codecs=opus"), ("mp3", "audio/mpeg")])
async def test_what_is_said_is_played_whole_with_silence_between(running: RunningEdge, form: str, media: str) -> None:
    speaker, created = await running.speaker()
    session_id = created["sessionId"]
    async with tuned(running, f"{session_id}/es?format={form}") as player:
        assert player.answer.headers["Content-Type"] == media
        assert "Content-Length" not in player.answer.headers
        assert player.answer.headers["Cache-Control"] == "no-store"
        assert player.answer.headers["X-Content-Type-Options"] == "nosniff"
        stream = await running.transcription.stream()
        await stream.until(lambda: stream.targets == {"es"})
        await player.until(1)
        said = [voice(0.7, seed=1), voice(0.5, 24_000, seed=2)]
        say_cue(stream, 1, "es", said[0])
        say_cue(stream, 2, "es", said[1], rate=24_000)
        await player.until(4_000 if form == "ogg" else 6_000)
        await speaker.say("endSession")
        await player.over()
    wave = decode(player.stream, form)
    one, two = samples(said[0]), samples(said[1], 24_000)
    begins = where_it_is(wave, one)
    end = begins + len(one)
    assert likeness(wave[begins:end], one) > 0.9
    assert likeness(wave[end : end + len(two)], two) > 0.9
    assert np.abs(wave[: max(0, begins - 4_800)]).max(initial=0) < 300
    assert np.abs(wave[end + len(two) + 4_800 :]).max(initial=0) < 300


async def test_two_players_get_the_same_pages_and_each_begins_with_what_it_needs(running: RunningEdge) -> None:
    _, created = await running.speaker()
    async with tuned(running, f"{created['sessionId']}/es") as first:
        await first.until(500)
        stream = await running.transcription.stream()
        begin_cue(stream, 1, "es")
        go_on(stream, 1, "es", voice(1.0))
        async with tuned(running, f"{created['sessionId']}/es") as second:
            go_on(stream, 1, "es", voice(1.0, seed=2))
            end_cue(stream, 1, "es", 2.0)
            await second.until(3_000)
            await first.until(500)
            assert len(running.edge.radio.listeners) == 2
    head = second.stream[: second.stream.index(b"OggS", second.stream.index(b"OpusTags"))]
    assert first.stream.startswith(head)
    assert b"OpusHead" in head
    pages = second.stream[len(head) :]
    common = pages[: len(pages) - 800]
    assert common in first.stream
    assert len(decode(second.stream, "ogg")) > CLOCK


async def test_a_player_may_be_at_another_edge_than_the_speaker(tmp_path: Path) -> None:
    async with edges(tmp_path, 2) as (one, other):
        speaker, created = await one.speaker()
        async with tuned(other, f"{created['sessionId']}/es") as player:
            await player.until(1)
            stream = await one.transcription.stream()
            await stream.until(lambda: stream.targets == {"es"})
            said = voice(0.8)
            say_cue(stream, 1, "es", said)
            await speaker.say("endSession")
            await player.over()
        wave = decode(player.stream, "ogg")
        begins = where_it_is(wave, samples(said))
        assert likeness(wave[begins : begins + round(0.8 * CLOCK)], samples(said)) > 0.9


async def test_a_player_is_a_listener_like_any_other(running: RunningEdge) -> None:
    _, created = await running.speaker()
    session_id = created["sessionId"]
    await running.listener(session_id, "fr")
    async with tuned(running, f"{session_id}/pt-PT.mp3") as player:
        stream = await running.transcription.stream()
        await stream.until(lambda: stream.targets == {"fr", "pt"})
        assert counts(running, session_id) == {"fr": 1, "pt": 1}
        await player.until(1)
    await running.sessions.until(lambda: counts(running, session_id) == {"fr": 1})
    assert not running.edge.radio.listeners


async def test_nothing_runs_when_nobody_listens_that_way(running: RunningEdge) -> None:
    _, created = await running.speaker()
    async with tuned(running, f"{created['sessionId']}/es") as player:
        await player.until(1)
        assert len(running.edge.radio) == 1
    await met(lambda: not len(running.edge.radio))


async def test_a_form_is_chosen_by_path_query_or_accept(running: RunningEdge) -> None:
    _, created = await running.speaker()
    session_id = created["sessionId"]
    mpeg = {"Accept": "audio/mpeg, */*;q=0.1"}
    for path, headers, media in (
        ("es", {}, "audio/ogg; codecs=opus"),
        ("es", mpeg, "audio/mpeg"),
        ("es.ogg", mpeg, "audio/ogg; codecs=opus"),
        ("es.mp3?format=ogg", {}, "audio/ogg; codecs=opus"),
        ("es.mp3", {}, "audio/mpeg"),
    ):
        answer = await running.http.head(f"{running.url}/listen/{session_id}/{path}", headers=headers)
        assert (answer.status, answer.headers["Content-Type"]) == (200, media)


async def test_head_answers_and_does_not_join(running: RunningEdge) -> None:
    _, created = await running.speaker(pin="2468")
    session_id = created["sessionId"]
    address = f"{running.url}/listen/{session_id}/es"
    assert (await running.http.head(address)).status == 403
    answer = await running.http.head(address, params={"pin": "2468"})
    assert answer.status == 200
    assert "Content-Length" not in answer.headers
    assert (await running.http.head(f"{running.url}/listen/patient-ark-999/es")).status == 404
    assert counts(running, session_id) == {}
    assert not running.edge.radio.listeners


async def refusal(running: RunningEdge, path: str) -> tuple[int, str]:
    answer = await running.http.get(f"{running.url}/listen/{path}")
    body = await answer.json()
    assert body["status"] == answer.status
    return answer.status, body["code"]


async def test_refusals_have_the_protocols_codes(running: RunningEdge) -> None:
    _, created = await running.speaker(pin="2468")
    session_id = created["sessionId"]
    assert await refusal(running, "patient-ark-999/es") == (404, "SESSION_NOT_FOUND")
    assert await refusal(running, "nonsense/es") == (400, "INVALID_SESSION_ID")
    assert await refusal(running, f"{session_id}/de") == (400, "UNSUPPORTED_LANGUAGE")
    assert await refusal(running, f"{session_id}/es?format=flac") == (400, "INVALID_PARAMETER")
    assert await refusal(running, f"{session_id}/es?pin=1") == (403, "WRONG_PIN")
    running.sessions.full = True
    assert await refusal(running, f"{session_id}/es?pin=2468") == (503, "SESSION_FULL")
    running.sessions.limited.add(JOIN)
    answer = await running.http.get(f"{running.url}/listen/{session_id}/es?pin=2468")
    assert answer.status == 429
    assert int(answer.headers["Retry-After"]) >= 1
    assert counts(running, session_id) == {}


async def test_the_stream_ends_with_the_session_and_with_its_last_word(running: RunningEdge) -> None:
    speaker, created = await running.speaker()
    async with tuned(running, f"{created['sessionId']}/es") as player:
        await player.until(1)
        stream = await running.transcription.stream()
        said = voice(1.5)
        say_cue(stream, 1, "es", said)
        await speaker.say("endSession")
        await player.over()
    wave = decode(player.stream, "ogg")
    true = samples(said)
    begins = where_it_is(wave, true)
    assert likeness(wave[begins : begins + len(true)], true) > 0.9
    # What is gone with its session needs no departure.
    assert not running.sessions.left


async def test_a_session_that_expires_ends_its_streams(running: RunningEdge) -> None:
    _, created = await running.speaker()
    async with tuned(running, f"{created['sessionId']}/es") as player:
        await player.until(1)
        await running.sessions.end_by_itself(created["sessionId"], "expired")
        await player.over()


async def test_a_drain_ends_streams_in_the_next_pause() -> None:
    async with running_edge(drain_seconds=60.0) as running:
        speaker, created = await running.speaker()
        async with tuned(running, f"{created['sessionId']}/es") as player:
            await player.until(1)
            stream = await running.transcription.stream()
            said = voice(1.2)
            begin_cue(stream, 1, "es")
            go_on(stream, 1, "es", said[:20_000])
            await player.until(600)
            async with asyncio.TaskGroup() as tasks:
                draining = tasks.create_task(running.edge.drain())
                go_on(stream, 1, "es", said[20_000:])
                end_cue(stream, 1, "es", 1.2)
                await player.over()
                await speaker.ws.close()
                await draining
            assert await refusal(running, f"{created['sessionId']}/es") == (503, "SERVICE_UNAVAILABLE")
        wave = decode(player.stream, "ogg")
        for part in (samples(said[:20_000]), samples(said[20_000:])):
            begins = where_it_is(wave, part)
            assert likeness(wave[begins : begins + len(part)], part) > 0.9


async def test_who_does_not_read_misses_pages_and_slows_nobody(running: RunningEdge) -> None:
    _, created = await running.speaker()
    session_id = created["sessionId"]
    stuck = sockets.socket()
    stuck.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 2_048)
    stuck.setblocking(False)
    port = int(running.url.rpartition(":")[2])
    loop = asyncio.get_running_loop()
    await loop.sock_connect(stuck, ("127.0.0.1", port))
    await loop.sock_sendall(stuck, f"GET /listen/{session_id}/es.mp3 HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())
    with stuck:
        async with tuned(running, f"{session_id}/es.mp3") as player:
            await running.sessions.until(lambda: counts(running, session_id) == {"es": 2})
            await met(lambda: any(one.behind for one in running.edge.radio.listeners.values()))
            await player.until(3_000)
            assert sorted(one.behind for one in running.edge.radio.listeners.values()) == [False, True]
    await running.sessions.until(lambda: counts(running, session_id) == {})


async def test_an_old_player_is_refreshed_in_the_store_unasked() -> None:
    times = {"refresh_after_seconds": 0.4, "warn_after_seconds": 20.0, "close_after_seconds": 30.0}
    async with running_edge(**times) as running:
        _, created = await running.speaker()
        session_id = created["sessionId"]
        async with tuned(running, f"{session_id}/es") as player:
            await player.until(1)
            (first,) = running.sessions.kept[session_id].listeners
            await running.sessions.until(lambda: set(running.sessions.kept[session_id].listeners) - {first})
            await player.until(500)
            assert counts(running, session_id) == {"es": 1}
            assert len(running.edge.radio.listeners) == 1
        await running.sessions.until(lambda: counts(running, session_id) == {})


async def test_a_player_goes_on_though_the_answer_to_its_refresh_was_lost() -> None:
    times = {"refresh_after_seconds": 0.4, "warn_after_seconds": 6.0, "close_after_seconds": 8.0}
    async with running_edge(**times) as running:
        _, created = await running.speaker()
        session_id = created["sessionId"]
        kept = running.sessions.kept[session_id]
        async with tuned(running, f"{session_id}/es") as player:
            await player.until(1)
            (first,) = kept.listeners
            running.sessions.lose_answers = True
            # More than one call is tried again by itself.
            await met(lambda: len(running.sessions.successors) > 3)
            running.sessions.lose_answers = False
            await met(lambda: player.ended or first not in running.edge.radio.listeners)
            assert not running.sessions.left
            await player.until(500)
            assert counts(running, session_id) == {"es": 1}
        await running.sessions.until(lambda: counts(running, session_id) == {})


async def test_an_edge_whose_lease_lapsed_writes_players_back_too(running: RunningEdge) -> None:
    _, created = await running.speaker()
    kept = running.sessions.kept[created["sessionId"]]
    async with tuned(running, f"{created['sessionId']}/es") as player:
        await player.until(1)
        before = dict(kept.listeners)
        kept.listeners.clear()
        running.sessions.lapsed = True
        await running.edge.keep_lease_once()
        assert kept.listeners == before
        running.sessions.given_up, running.sessions.lapsed = set(before), True
        await running.edge.keep_lease_once()
        await player.over()


async def test_an_old_player_of_http_1_0_gets_no_chunks(running: RunningEdge) -> None:
    _, created = await running.speaker()
    port = int(running.url.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET /listen/{created['sessionId']}/es HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())
    async with asyncio.timeout(30):
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        body = await reader.readexactly(1_200)
    writer.close()
    assert b"transfer-encoding" not in head
    assert body.startswith(b"OggS")
    assert len(decode(body[: body.rindex(b"OggS")], "ogg")) > 0.2 * CLOCK
