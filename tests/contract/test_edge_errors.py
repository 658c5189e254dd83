"""Every error code of the protocol (E12), produced over real sockets in both flavours: status, body, close code."""

import base64
import json
import time
from collections.abc import AsyncIterator, Callable
from typing import Any, Final

import pytest

from chassis.errors import Unavailable
from edge.auth import Speaker
from edge.languages import Languages
from edge.protocol.errors import CODES, Close
from protos.session.v1 import session_pb2
from protos.transcription.v1 import transcription_pb2 as pb
from tests.fakes.edge import V1, Json, RunningEdge, held, running_edge

# As protocol.md lists them: written down a second time, so that neither side changes alone.
PROTOCOL: Final = {
    401: {"INVALID_TOKEN", "TOKEN_EXPIRED", "MISSING_TOKEN"},
    403: {"UNAUTHORIZED_ACTION", "WRONG_PIN"},
    404: {"SESSION_NOT_FOUND"},
    409: {"CONFLICT"},
    413: {"MESSAGE_TOO_LARGE", "AUDIO_CHUNK_TOO_LARGE", "CONTROL_MESSAGE_TOO_LARGE"},
    400: {
        "AUDIO_CHUNK_TOO_SMALL", "INVALID_AUDIO_FORMAT", "INVALID_LANGUAGE", "UNSUPPORTED_LANGUAGE",
        "INVALID_SESSION_ID", "INVALID_PARAMETER", "MISSING_PARAMETER", "INVALID_ACTION", "INVALID_MESSAGE",
    },
    429: {"RATE_LIMIT_EXCEEDED", "MAX_SESSIONS_EXCEEDED"},
    503: {"SESSION_FULL", "SERVICE_UNAVAILABLE"},
    502: {"TRANSCRIPTION_FAILED", "TRANSLATION_FAILED", "SYNTHESIS_FAILED"},
    500: {"INTERNAL"},
}  # fmt: skip
CLOSE_CODES: Final = {1000, 1001, 1008, 1009, 1011, 4000, 4001, 4004, 4008, 4029, 4503}

CREATE: Final = {"action": "createSession", "sourceLanguage": "en", "token": "valid-ada"}
HANDSHAKE: Final = {
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}
Prepare = Callable[[RunningEdge], None]


class Broken:
    """A verifier with a mistake in it."""

    async def verify(self, token: str) -> Speaker:
        raise RuntimeError("secret")


class SoonBroken(Languages):
    """Offers Spanish once, and then fails as nobody foresaw."""

    def __init__(self) -> None:
        self.asked = 0

    def target(self, source: str, wanted: str) -> str:
        self.asked += 1
        if self.asked > 1:
            raise RuntimeError("secret")
        return "es"


def nothing(_: RunningEdge) -> None:
    pass


def limited(limit: int) -> Prepare:
    return lambda running: running.sessions.limited.add(limit)


def broken(running: RunningEdge) -> None:
    running.edge.verifier = Broken()


def full(running: RunningEdge) -> None:
    running.sessions.full = True


def one_each(running: RunningEdge) -> None:
    running.sessions.max_sessions = 1


def down(running: RunningEdge) -> None:
    running.sessions.fail_with = Unavailable("STORE_UNAVAILABLE", "secret: the disk is full")


# Code: what is prepared, the query (SESSION stands for a live one), close code, whether it says when to come again.
SESSION: Final = "SESSION"
JOIN: Final = {"sessionId": SESSION, "targetLanguage": "es"}
AT_CONNECT: dict[str, tuple[Prepare, dict[str, str], int, bool]] = {
    "MISSING_TOKEN": (nothing, {**CREATE, "token": ""}, 4001, False),
    "INVALID_TOKEN": (nothing, {**CREATE, "token": "forged"}, 4001, False),
    "TOKEN_EXPIRED": (nothing, {**CREATE, "token": "expired"}, 4001, False),
    "UNAUTHORIZED_ACTION": (
        nothing,
        {"action": "refreshConnection", "role": "speaker", "sessionId": SESSION, "token": "valid-eve"},
        1008,
        False,
    ),
    "WRONG_PIN": (nothing, {**JOIN, "pin": "0000"}, 1008, False),
    "SESSION_NOT_FOUND": (nothing, {**JOIN, "sessionId": "patient-ark-999"}, 4004, False),
    "CONFLICT": (
        nothing,
        {**JOIN, "action": "refreshConnection", "role": "listener", "connectionId": "0" * 32},
        1008,
        False,
    ),
    "INVALID_AUDIO_FORMAT": (nothing, {**CREATE, "sampleRate": "44100"}, 1008, False),
    "INVALID_LANGUAGE": (nothing, {**JOIN, "targetLanguage": "?"}, 1008, False),
    "UNSUPPORTED_LANGUAGE": (nothing, {**JOIN, "targetLanguage": "de"}, 1008, False),
    "INVALID_SESSION_ID": (nothing, {**JOIN, "sessionId": "no id"}, 1008, False),
    "INVALID_PARAMETER": (nothing, {**CREATE, "qualityTier": "gold"}, 1008, False),
    "MISSING_PARAMETER": (nothing, {"sessionId": SESSION}, 1008, False),
    "INVALID_ACTION": (nothing, {"action": "destroySession"}, 1008, False),
    "RATE_LIMIT_EXCEEDED": (limited(session_pb2.RATE_LIMIT_JOIN), JOIN, 4029, True),
    "MAX_SESSIONS_EXCEEDED": (one_each, CREATE, 4029, True),
    "SESSION_FULL": (full, {**JOIN, "pin": "1234"}, 4503, True),
    "SERVICE_UNAVAILABLE": (down, JOIN, 1011, False),
    "INTERNAL": (broken, CREATE, 1011, False),
}

# Code: who says it, and what.
ON_SOCKET: dict[str, tuple[str, str | bytes]] = {
    "UNAUTHORIZED_ACTION": ("listener", '{"action": "pauseBroadcast"}'),
    "MESSAGE_TOO_LARGE": ("listener", "x" * (128 * 1024 + 1)),
    "AUDIO_CHUNK_TOO_LARGE": ("speaker", bytes(32 * 1024 + 2)),
    "CONTROL_MESSAGE_TOO_LARGE": ("speaker", json.dumps({"action": "endSession", "reason": "x" * 4_100})),
    "AUDIO_CHUNK_TOO_SMALL": ("speaker", bytes(98)),
    "INVALID_AUDIO_FORMAT": ("speaker", '{"action": "sendAudio", "audioData": "?"}'),
    "INVALID_LANGUAGE": ("listener", '{"action": "changeLanguage", "targetLanguage": "?"}'),
    "UNSUPPORTED_LANGUAGE": ("listener", '{"action": "changeLanguage", "targetLanguage": "de"}'),
    "INVALID_PARAMETER": ("speaker", '{"action": "setVolume", "volumeLevel": 2}'),
    "MISSING_PARAMETER": ("speaker", '{"action": "setVolume"}'),
    "INVALID_ACTION": ("listener", '{"action": "selfDestruct"}'),
    "INVALID_MESSAGE": ("listener", "{"),
}

# Told by messages of their own: those concern a broadcast or a language, not something that was asked.
BY_MESSAGE: dict[str, tuple[str, dict[str, Any], str, str]] = {
    "TRANSCRIPTION_FAILED": (
        "speaker",
        {"warning": pb.BroadcastWarning(reason="TRANSCRIPTION_FAILED", message="The engine gave up.")},
        "transcriptionError",
        "code",
    ),
    "TRANSLATION_FAILED": (
        "listener",
        {"language_status": pb.LanguageStatus(language="es", available=False, reason="TRANSLATION_FAILED")},
        "languageUnavailable",
        "reason",
    ),
    "SYNTHESIS_FAILED": (
        "listener",
        {"language_status": pb.LanguageStatus(language="es", available=False, reason="SYNTHESIS_FAILED")},
        "languageUnavailable",
        "reason",
    ),
}

both_flavours = pytest.mark.parametrize("plain", [True, False], ids=["plain", "v1"])


@pytest.fixture
async def running() -> AsyncIterator[RunningEdge]:
    async with held(running_edge()) as edge:
        yield edge


def check(error: Json, code: str, *, session_id: str | None = None, retry: bool = False) -> None:
    """The message has the fields of E12, no others, and says nothing of our insides."""
    wanted = {"type", "code", "status", "message", "correlationId", "timestamp"}
    wanted |= {"retryAfter"} if retry else set()
    wanted |= {"sessionId"} if session_id else set()
    wanted |= {"languages"} if code == "UNSUPPORTED_LANGUAGE" else set()
    assert error.keys() == wanted
    assert (error["type"], error["code"], error["status"]) == ("error", code, CODES[code][0])
    assert error.get("sessionId") == session_id
    assert len(error["correlationId"]) == 16
    assert int(error["correlationId"], 16) >= 0
    assert abs(error["timestamp"] - time.time() * 1000) < 60_000
    assert error["message"]
    assert "secret" not in error["message"]
    if retry:
        assert isinstance(error["retryAfter"], int)
        assert error["retryAfter"] >= 1


def test_the_codes_of_the_edge_are_those_of_the_protocol_and_each_is_produced_here() -> None:
    assert {code: status for code, (status, _) in CODES.items()} == {
        code: status for status, codes in PROTOCOL.items() for code in codes
    }
    assert AT_CONNECT.keys() | ON_SOCKET.keys() | BY_MESSAGE.keys() == CODES.keys()
    assert {number for name, number in vars(Close).items() if name.isupper()} == CLOSE_CODES


@both_flavours
@pytest.mark.parametrize("code", AT_CONNECT)
async def test_a_connection_is_refused_by_its_code(running: RunningEdge, code: str, plain: bool) -> None:
    _, created = await running.speaker(pin="1234")
    prepare, query, close, retry = AT_CONNECT[code]
    prepare(running)
    asked = {name: created["sessionId"] if value == SESSION else value for name, value in query.items()}
    if plain:
        answer = await running.http.get(f"{running.url}/ws", params=asked, headers=HANDSHAKE)
        error = await answer.json()
        assert answer.status == CODES[code][0]
        assert answer.content_type == "application/json"
        assert answer.headers.get("Retry-After") == (str(error["retryAfter"]) if retry else None)
    else:
        peer = await running.open(asked)
        assert peer.ws.protocol == V1
        error = await peer.expect("error")
        assert await peer.closed() == close == CODES[code][1]
        assert len(peer.heard) == 1
    check(error, code, retry=retry)
    assert set(running.edge.sockets) == {created["connectionId"]}


@both_flavours
async def test_a_flood_is_refused_before_any_upgrade(running: RunningEdge, plain: bool) -> None:
    running.sessions.limited = {session_pb2.RATE_LIMIT_CONNECT}
    headers = HANDSHAKE if plain else {**HANDSHAKE, "Sec-WebSocket-Protocol": V1}
    answer = await running.http.get(f"{running.url}/ws", params=CREATE, headers=headers)
    assert (answer.status, answer.headers["Retry-After"]) == (429, "7")
    check(await answer.json(), "RATE_LIMIT_EXCEEDED", retry=True)


async def test_what_is_no_websocket_is_told_so(running: RunningEdge) -> None:
    answer = await running.get("/ws")
    assert answer.status == 400
    check(await answer.json(), "INVALID_MESSAGE")


@both_flavours
@pytest.mark.parametrize("code", ON_SOCKET)
async def test_a_message_is_refused_by_its_code_and_the_connection_lives(
    running: RunningEdge, code: str, plain: bool
) -> None:
    role, frame = ON_SOCKET[code]
    speaker, created = await running.speaker(plain=plain)
    peer = speaker if role == "speaker" else await running.listener(created["sessionId"], plain=plain)
    # As a plain speaker without binary frames would send it.
    if plain and isinstance(frame, bytes):
        frame = json.dumps({"action": "sendAudio", "audioData": base64.b64encode(frame).decode()})
    await (peer.ws.send_bytes(frame) if isinstance(frame, bytes) else peer.ws.send_str(frame))
    check(await peer.error(code), code, session_id=created["sessionId"])
    await peer.alive()


@both_flavours
@pytest.mark.parametrize("code", BY_MESSAGE)
async def test_what_fails_behind_the_edge_is_told_to_whom_it_concerns(
    running: RunningEdge, code: str, plain: bool
) -> None:
    role, said, kind, field = BY_MESSAGE[code]
    speaker, created = await running.speaker(plain=plain)
    peer = speaker if role == "speaker" else await running.listener(created["sessionId"], "es", plain)
    (await running.transcription.stream()).say(**said)
    assert (await peer.expect(kind))[field] == code
    await peer.alive()


@both_flavours
async def test_a_mistake_of_ours_is_told_under_the_logs_reference_and_closes(
    running: RunningEdge, plain: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    _, created = await running.speaker()
    running.edge.languages = SoonBroken()
    listener = await running.listener(created["sessionId"], plain=plain)
    await listener.say("changeLanguage", targetLanguage="fr")
    error = await listener.error("INTERNAL")
    check(error, "INTERNAL", session_id=created["sessionId"])
    assert await listener.closed() == 1011
    assert error["correlationId"] in next(line for line in capsys.readouterr().out.splitlines() if "failed" in line)
