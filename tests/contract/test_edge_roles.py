"""Who may do what (S17), asked over real sockets: every action, in every role, in both flavours."""

import asyncio
import base64
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from edge.domain.speaker import Switches
from edge.protocol.roles import ROLES, Role
from tests.fakes.edge import Json, Peer, RunningEdge, held, running_edge
from tests.fakes.stored import stored_edge

TENTH = bytes(3_200)
BINARY = "(binary frame)"
REFUSED = "UNAUTHORIZED_ACTION 403"

FIELDS: dict[str, dict[str, Any]] = {
    "sendAudio": {"audioData": base64.b64encode(TENTH).decode()},
    "setVolume": {"volumeLevel": 0.5},
    "speakerStateChange": {"state": {"isMuted": False}},
    "controlSession": {"command": "mute"},
    "setGlossary": {"terms": [{"source": "grace"}]},
    "changeLanguage": {"targetLanguage": "fr"},
    "switchLanguage": {"targetLanguage": "pt"},
}

# As protocol.md has it, written down a second time: action, what a speaker gets, what a listener gets.
MATRIX: dict[str, tuple[str, str]] = {
    BINARY: ("audio", REFUSED),
    "sendAudio": ("audio", REFUSED),
    "pauseBroadcast": ("broadcastPaused", REFUSED),
    "resumeBroadcast": ("broadcastResumed", REFUSED),
    "muteBroadcast": ("broadcastMuted", REFUSED),
    "unmuteBroadcast": ("broadcastUnmuted", REFUSED),
    "setVolume": ("volumeChanged", REFUSED),
    "speakerStateChange": ("speakerStateChanged", REFUSED),
    "controlSession": ("broadcastMuted", REFUSED),
    "getSessionStatus": ("sessionStatus", REFUSED),
    "setGlossary": ("glossaryAccepted", REFUSED),
    "endSession": ("sessionEnded", REFUSED),
    "pausePlayback": (REFUSED, "playbackPaused"),
    "resumePlayback": (REFUSED, "playbackResumed"),
    "changeLanguage": (REFUSED, "languageChanged"),
    "switchLanguage": (REFUSED, "languageChanged"),
    "heartbeat": ("heartbeatAck", "heartbeatAck"),
    "createSession": (REFUSED, REFUSED),
    "joinSession": (REFUSED, REFUSED),
    "refreshConnection": (REFUSED, REFUSED),
}
CONNECTING = {"createSession", "joinSession", "refreshConnection"}


@pytest.fixture
async def running() -> AsyncIterator[RunningEdge]:
    async with held(running_edge()) as edge:
        yield edge


@dataclass(frozen=True)
class Seen:
    """Everything of a broadcast that somebody without the right could want to change."""

    switches: Switches
    stored: bytes
    heard: bytes
    ended: bool


def seen(running: RunningEdge, session_id: str) -> Seen:
    broadcast = running.edge.broadcasts[session_id]
    stream = next(stream for stream in running.transcription.streams if stream.config.session_id == session_id)
    stored = running.sessions.kept[session_id].session.SerializeToString(deterministic=True)
    return Seen(broadcast.switches, stored, stream.bytes_heard, broadcast.ended)


async def said(peer: Peer, action: str, **more: Any) -> None:
    if action == BINARY:
        await peer.ws.send_bytes(TENTH)
    else:
        await peer.say(action, **FIELDS.get(action, {}), **more)


async def answer(running: RunningEdge, peer: Peer, action: str, session_id: str) -> str:
    """What comes back: a type, or an error as `CODE status`, or `audio` where only the recogniser hears of it."""
    await said(peer, action)
    if MATRIX[action][0] == "audio":
        stream = next(stream for stream in running.transcription.streams if stream.config.session_id == session_id)
        before = len(stream.bytes_heard)
        # The socket answers in order: once the heartbeat is acknowledged, a refusal would have been told.
        heard = await peer.ask("heartbeatAck", "heartbeat")
        told = [message for message in peer.heard if isinstance(message, dict) and message["type"] == "error"]
        if told:
            return f"{told[-1]['code']} {told[-1]['status']}"
        assert heard
        await stream.until(lambda: len(stream.bytes_heard) >= before and stream.bytes_heard.endswith(TENTH))
        return "audio"
    while True:
        heard = await peer.hear()  # type: ignore[assignment]
        assert isinstance(heard, dict)
        # Told by themselves, at any moment.
        if heard["type"] == "sessionStatus" and action != "getSessionStatus":
            continue
        return f"{heard['code']} {heard['status']}" if heard["type"] == "error" else str(heard["type"])


def test_the_matrix_of_this_test_is_the_one_table_of_the_edge() -> None:
    assert set(MATRIX) - {BINARY} == set(ROLES)
    for action, (of_speaker, of_listener) in MATRIX.items():
        roles = ROLES["sendAudio" if action == BINARY else action]
        assert (Role.SPEAKER in roles, Role.LISTENER in roles) == (of_speaker != REFUSED, of_listener != REFUSED)
        assert (Role.NONE in roles) == (action in CONNECTING)


@pytest.mark.parametrize("plain", [True, False], ids=["plain", "v1"])
async def test_a_speaker_gets_for_each_action_what_the_matrix_says(running: RunningEdge, plain: bool) -> None:
    outcomes: dict[str, str] = {}
    for action in MATRIX:
        peer, created = await running.speaker(plain, token="valid-ada")
        await running.transcription.stream(len(outcomes) + 1)
        outcomes[action] = await answer(running, peer, action, created["sessionId"])
        if action != "endSession":
            await peer.alive()
    assert outcomes == {action: row[0] for action, row in MATRIX.items()}


@pytest.mark.parametrize("plain", [True, False], ids=["plain", "v1"])
async def test_a_listener_gets_for_each_action_what_the_matrix_says_and_touches_nothing(
    running: RunningEdge, plain: bool
) -> None:
    speaker, created = await running.speaker()
    session_id = created["sessionId"]
    await running.transcription.stream()
    outcomes = {}
    for action in MATRIX:
        peer = await running.listener(session_id, "es", plain)
        before = seen(running, session_id)
        outcomes[action] = await answer(running, peer, action, session_id)
        await peer.alive()
        if action not in {"changeLanguage", "switchLanguage"}:  # These move the listener's own count.
            assert seen(running, session_id) == before, action
    assert outcomes == {action: row[1] for action, row in MATRIX.items()}
    await speaker.alive()
    assert not [heard for heard in speaker.heard if isinstance(heard, dict) and heard["type"] == "error"]


@pytest.mark.parametrize("plain", [True, False], ids=["plain", "v1"])
async def test_a_connection_without_a_role_can_ask_for_one_and_for_nothing_else(
    running: RunningEdge, plain: bool
) -> None:
    _, created = await running.speaker()
    session_id = created["sessionId"]
    await running.transcription.stream()
    before = seen(running, session_id)
    for action in set(ROLES) - CONNECTING:
        query = {
            "action": action,
            "sessionId": session_id,
            "token": "valid-ada",
            "connectionId": created["connectionId"],
        }
        ended, error = await running.refused(query, plain=plain)
        assert (error["code"], error["status"], ended) == ("UNAUTHORIZED_ACTION", 403, 403 if plain else 1008), action
    assert seen(running, session_id) == before
    assert set(running.edge.sockets) == {created["connectionId"]}


@pytest.mark.parametrize(
    ("query", "close"),
    [
        ({"action": "createSession", "sourceLanguage": "en"}, 4001),
        ({"action": "joinSession", "targetLanguage": "de"}, 1008),
        ({"action": "refreshConnection", "role": "speaker", "token": "valid-mallory"}, 1008),
        ({"action": "refreshConnection", "role": "listener", "targetLanguage": "es", "connectionId": "0" * 32}, 1008),
    ],
    ids=["no token", "language not offered", "not the speaker", "connection not known"],
)
async def test_a_socket_that_was_refused_gets_nothing_done(
    running: RunningEdge, query: dict[str, str], close: int
) -> None:
    _, created = await running.speaker()
    session_id = created["sessionId"]
    await running.transcription.stream()
    before = seen(running, session_id)
    # lingocast.v1: upgraded to be told why, so there is a socket to talk into.
    peer = await running.open({**query, "sessionId": session_id})
    for action in MATRIX:
        await said(peer, action, sessionId=session_id, token="valid-ada", connectionId=created["connectionId"])
    assert await peer.closed() == close
    assert [heard["type"] for heard in peer.heard if isinstance(heard, dict)] == ["error"]
    assert seen(running, session_id) == before
    assert set(running.edge.sockets) == {created["connectionId"]}


async def test_naming_another_session_in_a_message_changes_nothing_there(running: RunningEdge) -> None:
    _, hers = await running.speaker(token="valid-ada")
    eve, own = await running.speaker(token="valid-eve")
    await running.transcription.stream(2)
    before = seen(running, hers["sessionId"])
    foreign = {"sessionId": hers["sessionId"], "connectionId": hers["connectionId"], "token": "valid-ada"}
    for action in [action for action in MATRIX if action not in CONNECTING | {"endSession", BINARY}]:
        await said(eve, action, **foreign)
    told = await eve.ask("broadcastPaused", "pauseBroadcast", **foreign)
    assert told["sessionId"] == own["sessionId"]
    await said(eve, BINARY)
    ended = await eve.ask("sessionEnded", "endSession", **foreign)
    assert ended["sessionId"] == own["sessionId"]
    assert seen(running, hers["sessionId"]) == before


# From here with the real store: who owns what is decided there.


@pytest.fixture
async def stored(tmp_path: Path) -> AsyncIterator[RunningEdge]:
    async with held(stored_edge(tmp_path, {"joins_per_minute": 1000, "connects_per_minute": 1000})) as edge:
        yield edge


def refresh(created: Json, **more: str) -> dict[str, str]:
    return {"action": "refreshConnection", "role": "speaker", "sessionId": created["sessionId"], **more}


@pytest.mark.parametrize("plain", [True, False], ids=["plain", "v1"])
async def test_a_speaker_cannot_take_another_speakers_session(stored: RunningEdge, plain: bool) -> None:
    ada, hers = await stored.speaker(token="valid-ada")
    eve, _ = await stored.speaker(token="valid-eve")
    attempts: dict[str, dict[str, str]] = {
        "UNAUTHORIZED_ACTION": {"token": "valid-eve"},
        "MISSING_TOKEN": {},
        "INVALID_TOKEN": {"token": "forged"},
        "TOKEN_EXPIRED": {"token": "expired"},
    }
    for code, fields in attempts.items():
        for stolen in ({}, {"connectionId": hers["connectionId"]}):
            _, error = await stored.refused(refresh(hers, **fields, **stolen), plain=plain)
            assert error["code"] == code
    await ada.ask("broadcastPaused", "pauseBroadcast")
    await ada.ask("broadcastResumed", "resumeBroadcast")
    await eve.alive()
    assert (await (await stored.get(f"/api/sessions/{hers['sessionId']}")).json())["live"] is True


@pytest.mark.parametrize("plain", [True, False], ids=["plain", "v1"])
async def test_a_listener_can_take_neither_the_speakers_place_nor_that_of_another_sessions_listener(
    stored: RunningEdge, plain: bool
) -> None:
    ada, hers = await stored.speaker(token="valid-ada")
    _, other = await stored.speaker(token="valid-eve")
    there = await stored.open({"sessionId": other["sessionId"], "targetLanguage": "es"})
    joined = await there.expect("sessionJoined")
    for connection_id in (hers["connectionId"], joined["connectionId"], "f" * 32):
        query = refresh(hers, role="listener", targetLanguage="es", connectionId=connection_id)
        _, error = await stored.refused(query, plain=plain)
        assert error["code"] == "CONFLICT"
    await there.alive()
    status = await ada.ask("sessionStatus", "getSessionStatus")
    assert status["listenerCount"] == 0
    await ada.ask("broadcastMuted", "muteBroadcast")


async def test_a_session_is_ended_by_its_speaker_in_any_words(stored: RunningEdge) -> None:
    ada, hers = await stored.speaker()
    listener = await stored.listener(hers["sessionId"])
    await ada.ask("sessionEnded", "endSession", reason="That was all: Thank you, and until Sunday!")
    ended = await listener.expect("sessionEnded")
    assert ended["reason"] == "That was all: Thank you, and until Sunday!"
    async with asyncio.timeout(10):
        while (await (await stored.get(f"/api/sessions/{hers['sessionId']}")).json())["live"]:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
