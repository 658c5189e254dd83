"""Limits (S12, E2, E4, E5, E7), over real sockets: floods cost a bounded amount of work, and everybody else nothing."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path

import pytest

from protos.session.v1 import session_pb2
from tests.fakes.edge import V1, Json, Peer, RunningEdge, held, running_edge
from tests.fakes.stored import stored_edge

TENTH = bytes(range(256)) * 12 + bytes(128)
CREATE = {"action": "createSession", "sourceLanguage": "en", "token": "valid-ada"}

both_flavours = pytest.mark.parametrize("plain", [True, False], ids=["plain", "v1"])


@pytest.fixture
async def running() -> AsyncIterator[RunningEdge]:
    async with held(running_edge()) as edge:
        yield edge


def errors(peer: Peer) -> list[Json]:
    return [heard for heard in peer.heard if isinstance(heard, dict) and heard["type"] == "error"]


def refused_lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return [line for line in capsys.readouterr().out.splitlines() if "] refused" in line]


# Heartbeats.


@both_flavours
async def test_expected_heartbeats_cost_the_store_nothing(running: RunningEdge, plain: bool) -> None:
    speaker, created = await running.speaker(plain)
    listener = await running.listener(created["sessionId"], plain=plain)
    for peer in (speaker, listener):
        await peer.alive()
        await peer.alive()
    assert session_pb2.RATE_LIMIT_HEARTBEAT not in running.sessions.subjects


@both_flavours
async def test_heartbeats_beyond_the_expected_have_a_shared_limit_and_the_connection_lives(
    tmp_path: Path, plain: bool
) -> None:
    async with stored_edge(tmp_path) as running:
        speaker, created = await running.speaker(plain)
        listener = await running.listener(created["sessionId"], plain=plain)
        for _ in range(2 + 2):
            await listener.alive()
        for _ in range(3):
            await listener.say("heartbeat")
            error = await listener.error("RATE_LIMIT_EXCEEDED")
            assert (error["status"], error["sessionId"]) == (429, created["sessionId"])
            assert 1 <= error["retryAfter"] <= 60
        await listener.ask("playbackPaused", "pausePlayback")
        await speaker.alive()


async def test_after_a_refused_heartbeat_the_store_is_left_alone(running: RunningEdge) -> None:
    speaker, _ = await running.speaker()
    running.sessions.limited = {session_pb2.RATE_LIMIT_HEARTBEAT}
    for _ in range(10):
        await speaker.say("heartbeat")
    for _ in range(8):
        assert (await speaker.error("RATE_LIMIT_EXCEEDED"))["retryAfter"] in range(1, 8)
    assert len(running.sessions.subjects[session_pb2.RATE_LIMIT_HEARTBEAT]) == 1
    assert speaker.ws.close_code is None


async def test_heartbeats_go_on_while_the_limits_are_down(running: RunningEdge) -> None:
    running.sessions.limits_fail = True
    speaker, _ = await running.speaker()
    for _ in range(6):
        await speaker.alive()


# Messages and refused frames.


@pytest.mark.parametrize(
    ("frame", "plain"),
    [
        ('{"action": "pausePlayback"}', True),
        ("rubbish", False),
        ('{"action": "pauseBroadcast"}', True),
        (b"\x00", False),
    ],
    ids=["action", "rubbish", "forbidden action", "forbidden binary"],
)
async def test_a_flood_is_told_of_seldom_logged_seldom_and_costs_others_nothing(
    running: RunningEdge, plain: bool, frame: str | bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    _, created = await running.speaker()
    flooding = await running.listener(created["sessionId"], plain=plain)
    other = await running.listener(created["sessionId"], plain=plain)
    began = asyncio.get_running_loop().time()
    for _ in range(250):
        await (flooding.ws.send_bytes(frame) if isinstance(frame, bytes) else flooding.ws.send_str(frame))
    await other.alive()

    async def ask_again_and_again() -> None:
        while True:
            await flooding.say("changeLanguage", targetLanguage="fr")
            await asyncio.sleep(0.2)

    # Behind the flood, and possibly dropped with it.
    async with asyncio.TaskGroup() as tasks, asyncio.timeout(20):
        asking = tasks.create_task(ask_again_and_again())
        await flooding.expect("languageChanged")
        asking.cancel()
    too_fast = [error for error in errors(flooding) if error["code"] == "RATE_LIMIT_EXCEEDED"]
    assert too_fast
    assert all(error["retryAfter"] == 1 for error in too_fast)
    # A burst of 40 and 20 a second were answered, and a warning a second.
    lasted = asyncio.get_running_loop().time() - began
    assert len(flooding.heard) <= 40 + 20 * lasted + lasted + 5
    assert len(too_fast) <= lasted + 2
    assert len(refused_lines(capsys)) < 20 + lasted
    assert not errors(other)


async def test_a_flood_that_goes_on_is_closed() -> None:
    async with running_edge(rate_violation_seconds=0.5) as running:
        _, created = await running.speaker()
        listener = await running.listener(created["sessionId"])

        async def flood() -> None:
            while not listener.ws.closed:
                try:
                    await listener.ws.send_str("rubbish")
                except ConnectionResetError:
                    return
                await asyncio.sleep(0.001)

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(flood())
            assert await listener.closed() == 4029
        assert errors(listener)[-1]["code"] == "RATE_LIMIT_EXCEEDED"
        kept = running.sessions.kept[created["sessionId"]]
        await running.sessions.until(lambda: not kept.listeners)


async def test_a_client_that_clicks_now_and_then_is_never_limited(running: RunningEdge) -> None:
    speaker, _ = await running.speaker()
    for action in ["pauseBroadcast", "resumeBroadcast", "muteBroadcast", "unmuteBroadcast"] * 9:
        await speaker.say(action)
    await speaker.alive()
    assert not errors(speaker)


@pytest.mark.parametrize("plain", [False, True])
async def test_a_listener_that_turns_the_dial_all_the_time_is_not_felt_by_the_others(
    running: RunningEdge, plain: bool
) -> None:
    speaker, created = await running.speaker()
    listener = await running.listener(created["sessionId"], "es", plain=plain)
    for turn in range(30):
        await listener.say("changeLanguage", targetLanguage=("fr", "es")[turn % 2])
    error = await listener.error("RATE_LIMIT_EXCEEDED")
    assert error["retryAfter"] in {1, 2}
    await listener.alive()
    await speaker.alive()
    heard_in = [
        heard["targetLanguage"]
        for heard in listener.heard
        if isinstance(heard, dict) and heard["type"] == "languageChanged"
    ]
    changes = sum(before != after for before, after in pairwise(["es", *heard_in]))
    told = [heard for heard in speaker.heard if isinstance(heard, dict) and heard["type"] == "sessionStatus"]
    assert 5 <= changes < 15
    assert len(told) < 15


async def test_audio_does_not_count_as_messages(running: RunningEdge) -> None:
    speaker, _ = await running.speaker(plain=True)
    stream = await running.transcription.stream()
    for number in range(49):
        await speaker.say("sendAudio", audioData=base64.b64encode(bytes([number]) * 320).decode())
    await speaker.alive()
    await stream.until(lambda: len(stream.bytes_heard) == 49 * 320)
    assert not errors(speaker)


# Audio.


@both_flavours
async def test_chunks_with_flaws_count_in_the_audio_rate(plain: bool) -> None:
    async with running_edge(audio_chunks_per_second=2) as running:
        speaker, _ = await running.speaker(plain)
        stream = await running.transcription.stream()
        for audio in (bytes(98), bytes(3_201), TENTH, bytes(98)):
            if plain:
                await speaker.say("sendAudio", audioData=base64.b64encode(audio).decode())
            else:
                await speaker.ws.send_bytes(audio)
        await speaker.alive()
        assert [error["code"] for error in errors(speaker)] == ["AUDIO_CHUNK_TOO_SMALL", "INVALID_AUDIO_FORMAT"]
        assert not stream.audio


async def test_a_speaker_that_sends_nothing_but_flaws_is_closed_in_the_end() -> None:
    async with running_edge(messages_per_second=1, rate_violation_seconds=0.5) as running:
        speaker, _ = await running.speaker()

        async def flood() -> None:
            while not speaker.ws.closed:
                try:
                    await speaker.ws.send_bytes(b"odd")
                except ConnectionResetError:
                    return
                await asyncio.sleep(0.002)

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(flood())
            assert await speaker.closed() == 4029


@pytest.mark.parametrize("first_run", [5, 150], ids=["soon", "late"])
async def test_a_client_that_begins_to_number_anew_is_heard_again(first_run: int) -> None:
    async with running_edge(audio_chunks_per_second=1_000) as running:
        speaker, _ = await running.speaker(plain=True)
        stream = await running.transcription.stream()

        async def send(number: int, mark: int) -> None:
            await speaker.say("sendAudio", audioData=base64.b64encode(bytes([mark]) * 320).decode(), seq=number)

        for number in range(first_run):
            await send(number, 1)
        await stream.until(lambda: len(stream.bytes_heard) == first_run * 320)
        # The client began anew on the same connection; it talks on, a chunk every 50 ms.
        async with asyncio.timeout(30):
            number = 0
            while 2 not in stream.bytes_heard:
                await send(number, 2)
                number = (number + 1) % first_run
                await asyncio.sleep(0.05)


# The shared limits, kept by the real store.


@both_flavours
async def test_connection_attempts_of_an_address_are_limited_before_any_upgrade(tmp_path: Path, plain: bool) -> None:
    async with stored_edge(tmp_path, {"connects_per_minute": 3}) as running:
        for _ in range(3):
            await running.refused({**CREATE, "token": "forged"}, plain=plain)
        headers = {
            "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", **({} if plain else {"Sec-WebSocket-Protocol": V1}),
        }  # fmt: skip
        answer = await running.http.get(f"{running.url}/ws", params=CREATE, headers=headers)
        error = await answer.json()
        assert (answer.status, error["code"]) == (429, "RATE_LIMIT_EXCEEDED")
        assert 1 <= error["retryAfter"] <= 60
        assert answer.headers["Retry-After"] == str(error["retryAfter"])


@both_flavours
async def test_joins_and_sessions_are_limited_with_their_codes(tmp_path: Path, plain: bool) -> None:
    settings = {"joins_per_minute": 2, "capacity": 1, "creates_per_hour": 3}
    async with stored_edge(tmp_path, settings) as running:
        _, created = await running.speaker(plain)
        join = {"sessionId": created["sessionId"], "targetLanguage": "es"}
        await running.listener(created["sessionId"], plain=plain)
        for query, code, ended, longest in (
            (join, "SESSION_FULL", 503 if plain else 4503, 30),
            (join, "RATE_LIMIT_EXCEEDED", 429 if plain else 4029, 60),
            (CREATE, "MAX_SESSIONS_EXCEEDED", 429 if plain else 4029, 7200),
            (CREATE, "MAX_SESSIONS_EXCEEDED", 429 if plain else 4029, 7200),
            (CREATE, "RATE_LIMIT_EXCEEDED", 429 if plain else 4029, 3600),
        ):
            how, error = await running.refused(query, plain=plain)
            assert (error["code"], how) == (code, ended)
            assert 1 <= error["retryAfter"] <= longest


@both_flavours
async def test_wrong_pins_of_a_session_are_few_whoever_tries_them(plain: bool) -> None:
    async with running_edge(limit_addresses=False, wrong_pins_per_minute=2) as running:
        _, created = await running.speaker(pin="1234")
        session_id = created["sessionId"]
        # Right ones take nothing away, nor does a store that cannot tell.
        for _ in range(3):
            await running.listener(session_id, plain=plain, pin="1234")
        join = {"sessionId": session_id, "targetLanguage": "es"}
        running.sessions.full = True
        for _ in range(3):
            _, error = await running.refused({**join, "pin": "1234"}, plain=plain)
            assert error["code"] == "SESSION_FULL"
        running.sessions.full = False
        tried = [await running.refused({**join, "pin": pin}, plain=plain) for pin in ("1111", "", "1113", "1234")]
        codes = [error["code"] for _, error in tried]
        assert codes == ["WRONG_PIN", "WRONG_PIN", "RATE_LIMIT_EXCEEDED", "RATE_LIMIT_EXCEEDED"]
        how, error = tried[-1]
        assert how == (429 if plain else 4029)
        assert 1 <= error["retryAfter"] <= 30


async def test_a_network_of_ipv6_is_one_address_to_the_shared_limits() -> None:
    async with running_edge(trusted_proxies=1) as running:
        for client in ("2001:db8:1:2::1", "2001:db8:1:2:aaaa::1", "2001:db8:1:3::1", "::ffff:2.2.2.2", "2.2.2.2"):
            await running.open({**CREATE}, headers={"X-Forwarded-For": client})
        subjects = running.sessions.subjects[session_pb2.RATE_LIMIT_CONNECT]
        assert [subjects.index(subject) for subject in subjects] == [0, 0, 2, 3, 3]
        assert "2001" not in json.dumps(subjects)
