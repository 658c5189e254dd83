"""How sockets come to be, over real sockets and both flavours: admission, refusals by code, floods, drain."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from multidict import CIMultiDict

from chassis.errors import Unavailable
from edge.auth import Speaker
from edge.protocol.errors import CODES
from protos.session.v1 import session_pb2
from tests.fakes.edge import RunningEdge, held, running_edge


class Broken:
    """A verifier with a mistake in it."""

    async def verify(self, token: str) -> Speaker:
        raise RuntimeError("secret")


CREATE = {"action": "createSession", "sourceLanguage": "en", "token": "valid-ada"}


@pytest.fixture
async def running() -> AsyncIterator[RunningEdge]:
    async with held(running_edge()) as edge:
        yield edge


async def refused_alike(running: RunningEdge, code: str, query: dict[str, str]) -> dict[str, object]:
    """Refused in both flavours by `code`, each in its own way."""
    status, close = CODES[code]
    plain_status, plain_error = await running.refused(query, plain=True)
    v1_close, v1_error = await running.refused(query, plain=False)
    assert (plain_error["code"], plain_status) == (code, status)
    assert (v1_error["code"], v1_close) == (code, close)
    assert {"message", "status", "correlationId", "timestamp"} <= v1_error.keys()
    return v1_error


async def test_a_speaker_opens_a_session(running: RunningEdge) -> None:
    _, created = await running.speaker(qualityTier="premium")
    assert created["sourceLanguage"] == "en"
    assert created["qualityTier"] == "premium"
    assert len(created["connectionId"]) == 32
    assert created["joinUrl"] == f"{running.url}/s/{created['sessionId']}"
    assert running.sessions.kept[created["sessionId"]].user_id == "ada"


async def test_options_of_a_session_reach_the_store_and_the_recogniser(running: RunningEdge) -> None:
    await running.speaker(partialResults="false", minStability="0.9", maxBufferSeconds="5")
    stream = await running.transcription.stream()
    assert stream.config.final_only
    assert stream.config.min_stability == pytest.approx(0.9)
    assert stream.config.max_buffer.seconds == 5


async def test_a_token_in_the_authorization_header_is_as_good(running: RunningEdge) -> None:
    query = {"action": "createSession", "sourceLanguage": "en"}
    peer = await running.open(query, headers={"Authorization": "Bearer valid-eve"})
    created = await peer.expect("sessionCreated")
    assert running.sessions.kept[created["sessionId"]].user_id == "eve"


async def test_a_listener_joins_without_naming_an_action(running: RunningEdge) -> None:
    _, created = await running.speaker()
    peer = await running.open({"sessionId": created["sessionId"], "targetLanguage": "pt-BR"})
    joined = await peer.expect("sessionJoined")
    assert joined["targetLanguage"] == "pt"
    assert joined["listenerCount"] == 1
    assert joined["broadcastState"]["isActive"] is True


@pytest.mark.parametrize(
    ("code", "query"),
    [
        ("MISSING_TOKEN", {**CREATE, "token": ""}),
        ("INVALID_TOKEN", {**CREATE, "token": "forged"}),
        ("TOKEN_EXPIRED", {**CREATE, "token": "expired"}),
        ("MISSING_PARAMETER", {"action": "createSession", "token": "valid-ada"}),
        ("INVALID_LANGUAGE", {**CREATE, "sourceLanguage": "engl!sh"}),
        ("UNSUPPORTED_LANGUAGE", {**CREATE, "sourceLanguage": "la"}),
        ("INVALID_PARAMETER", {**CREATE, "qualityTier": "gold"}),
        ("INVALID_PARAMETER", {**CREATE, "minStability": "2"}),
        ("INVALID_AUDIO_FORMAT", {**CREATE, "sampleRate": "44100"}),
        ("INVALID_ACTION", {"action": "destroySession"}),
        ("MISSING_PARAMETER", {}),
        ("MISSING_PARAMETER", {"sessionId": "patient-ark-999"}),
        ("INVALID_SESSION_ID", {"sessionId": "Robert'); DROP", "targetLanguage": "es"}),
        ("INVALID_SESSION_ID", {"sessionId": "patient-ark-1", "targetLanguage": "es"}),
        ("SESSION_NOT_FOUND", {"sessionId": "patient-ark-999", "targetLanguage": "es"}),
        ("INVALID_LANGUAGE", {"sessionId": "patient-ark-999", "targetLanguage": "*"}),
        ("INVALID_PARAMETER", {"sessionId": "patient-ark-999", "targetLanguage": "es", "audioFormat": "mp3"}),
        ("MISSING_PARAMETER", {"action": "refreshConnection", "sessionId": "patient-ark-999"}),
        ("INVALID_PARAMETER", {"action": "refreshConnection", "sessionId": "patient-ark-999", "role": "god"}),
        ("MISSING_TOKEN", {"action": "refreshConnection", "sessionId": "patient-ark-999", "role": "speaker"}),
    ],
)
async def test_a_wrong_query_is_refused_by_its_code(running: RunningEdge, code: str, query: dict[str, str]) -> None:
    await refused_alike(running, code, query)


async def test_a_language_not_offered_is_refused_with_those_that_are(running: RunningEdge) -> None:
    _, created = await running.speaker()
    error = await refused_alike(
        running, "UNSUPPORTED_LANGUAGE", {"sessionId": created["sessionId"], "targetLanguage": "de"}
    )
    assert error["languages"] == ["es", "fr", "pt"]


async def test_a_session_that_ended_is_not_found(running: RunningEdge) -> None:
    speaker, created = await running.speaker()
    await speaker.ask("sessionEnded", "endSession")
    await running.sessions.until(lambda: not running.sessions.kept[created["sessionId"]].speaker)
    await refused_alike(running, "SESSION_NOT_FOUND", {"sessionId": created["sessionId"], "targetLanguage": "es"})


async def test_a_wrong_pin_is_refused_and_the_right_one_is_not(running: RunningEdge) -> None:
    _, created = await running.speaker(pin="1234")
    query = {"sessionId": created["sessionId"], "targetLanguage": "es"}
    await refused_alike(running, "WRONG_PIN", query)
    await running.listener(created["sessionId"], pin="1234")


async def test_a_full_session_is_refused(running: RunningEdge) -> None:
    _, created = await running.speaker()
    running.sessions.full = True
    await refused_alike(running, "SESSION_FULL", {"sessionId": created["sessionId"], "targetLanguage": "es"})


async def test_a_second_session_of_a_speaker_is_refused(running: RunningEdge) -> None:
    await running.speaker()
    running.sessions.max_sessions = 1
    await refused_alike(running, "MAX_SESSIONS_EXCEEDED", CREATE)


async def test_a_store_that_is_down_refuses_and_says_nothing_of_our_insides(running: RunningEdge) -> None:
    _, created = await running.speaker()
    running.sessions.fail_with = Unavailable("STORE_UNAVAILABLE", "sqlite at /var/secret is locked")
    query = {"sessionId": created["sessionId"], "targetLanguage": "es"}
    error = await refused_alike(running, "SERVICE_UNAVAILABLE", query)
    assert "sqlite" not in str(error["message"])


@pytest.mark.parametrize("plain", [True, False])
async def test_a_flood_is_refused_with_429_before_any_upgrade(running: RunningEdge, plain: bool) -> None:
    running.sessions.limited = {session_pb2.RATE_LIMIT_CONNECT}
    protocol = {} if plain else {"Sec-WebSocket-Protocol": "lingocast.v1"}
    status, error = await running.refused(CREATE, plain=True, headers=protocol)
    assert status == 429
    assert error["code"] == "RATE_LIMIT_EXCEEDED"
    assert error["retryAfter"] == 7


@pytest.mark.parametrize("limit", [session_pb2.RATE_LIMIT_JOIN, session_pb2.RATE_LIMIT_SESSION_CREATE])
async def test_joins_and_creations_have_limits_of_their_own(running: RunningEdge, limit: int) -> None:
    _, created = await running.speaker()
    running.sessions.limited = {limit}
    joining = limit == session_pb2.RATE_LIMIT_JOIN
    query = {"sessionId": created["sessionId"], "targetLanguage": "es"} if joining else CREATE
    error = await refused_alike(running, "RATE_LIMIT_EXCEEDED", query)
    assert error["retryAfter"] == 7


async def test_when_the_limits_are_down_everybody_comes_in(running: RunningEdge) -> None:
    running.sessions.limits_fail = True
    _, created = await running.speaker()
    await running.listener(created["sessionId"])


@pytest.mark.parametrize("plain", [True, False])
async def test_what_we_did_not_foresee_is_told_as_internal_without_its_text(running: RunningEdge, plain: bool) -> None:
    running.edge.verifier = Broken()
    ended, error = await running.refused(CREATE, plain=plain)
    assert (ended, error["status"], error["code"]) == (500 if plain else 1011, 500, "INTERNAL")
    assert "secret" not in str(error)


async def test_a_join_whose_answer_was_lost_is_taken_back(running: RunningEdge) -> None:
    _, created = await running.speaker()
    kept = running.sessions.kept[created["sessionId"]]
    running.sessions.lose_answers = True
    query = {"sessionId": created["sessionId"], "targetLanguage": "es"}
    status, _ = await running.refused(query, plain=True)
    assert status == 503
    await running.sessions.until(lambda: bool(running.sessions.left) and not kept.listeners)


async def test_a_plain_request_to_the_socket_address_is_told_what_it_is(running: RunningEdge) -> None:
    answer = await running.get("/ws")
    assert answer.status == 400
    assert (await answer.json())["code"] == "INVALID_MESSAGE"


async def test_a_draining_edge_asks_sockets_to_move_refuses_new_ones_and_closes_the_rest(running: RunningEdge) -> None:
    speaker, created = await running.speaker()
    listener = await running.listener(created["sessionId"])
    async with asyncio.TaskGroup() as tasks:
        draining = tasks.create_task(running.edge.drain())
        await speaker.expect("connectionRefreshRequired")
        assert (await listener.expect("connectionRefreshRequired"))["refreshBy"] > created["expiresAt"] - 7_200_000
        assert (await running.refused(CREATE, plain=True))[0] == 503
        v1_close, error = await running.refused(CREATE, plain=False)
        assert (v1_close, error["code"], error["retryAfter"]) == (1001, "SERVICE_UNAVAILABLE", 1)
        assert (await running.get("/readyz")).status == 503
        assert await speaker.closed() == 1001
        assert await listener.closed() == 1001
        await draining


async def test_a_drain_ends_as_soon_as_everybody_left() -> None:
    async with running_edge(drain_seconds=60.0) as running:
        speaker, _ = await running.speaker()
        async with asyncio.TaskGroup() as tasks:
            draining = tasks.create_task(running.edge.drain())
            await speaker.expect("connectionRefreshRequired")
            await speaker.ws.close()
            async with asyncio.timeout(10):
                await draining
        assert running.sessions.left


async def test_an_edge_that_goes_releases_its_lease() -> None:
    async with running_edge() as running:
        sessions = running.sessions
    assert len(sessions.released) == 1


async def test_a_proxy_that_adds_a_header_of_its_own_is_believed_and_not_its_client() -> None:
    async with running_edge(trusted_proxies=1) as running:
        by_client_and_proxy = CIMultiDict([("X-Forwarded-For", "6.6.6.6"), ("X-Forwarded-For", "2.2.2.2")])
        for headers in (by_client_and_proxy, CIMultiDict({"X-Forwarded-For": "2.2.2.2"})):
            await running.open(CREATE, headers=headers)
        first, second = running.sessions.subjects[session_pb2.RATE_LIMIT_CONNECT]
        assert first == second
