"""A plain client, written from the protocol's document alone: JSON text, no subprotocol, none of the project's code.

It is what a stranger would write, and it is strict: whatever the server sends that the document does not say is kept
in `deviations`. Fields that the document does not name are ignored, as it says.
"""

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from types import SimpleNamespace
from typing import Any, TypeVar

import aiohttp

Message = dict[str, Any]

_CAPTION = ("segmentId", "text", "stableChars", "isFinal", "startMs", "endMs")
_SWITCHED = ("sessionId", "timestamp")
DOCUMENTED: Mapping[str, tuple[str, ...]] = {
    "sessionCreated": ("sessionId", "sourceLanguage", "qualityTier", "connectionId", "expiresAt", "joinUrl"),
    "sessionJoined": (
        *("sessionId", "sourceLanguage", "targetLanguage", "connectionId", "listenerCount", "qualityTier"),
        "broadcastState",
    ),
    "connectionRefreshComplete": ("sessionId", "newConnectionId", "role"),
    "stateRestored": ("broadcastState",),
    "audioReceived": (),
    "broadcastPaused": _SWITCHED,
    "broadcastResumed": _SWITCHED,
    "broadcastMuted": _SWITCHED,
    "broadcastUnmuted": _SWITCHED,
    "volumeChanged": ("volumeLevel",),
    "speakerStateChanged": ("state",),
    "sessionStatus": (
        *("listenerCount", "languageDistribution", "sessionDuration", "broadcastState", "updateReason", "lag"),
    ),
    "sessionEnded": ("reason",),
    "glossaryAccepted": ("version", "terms"),
    "playbackPaused": (),
    "playbackResumed": (),
    "languageChanged": ("targetLanguage",),
    "heartbeatAck": ("timestamp",),
    "sourceCaption": _CAPTION,
    "caption": (*_CAPTION, "language"),
    "audioData": ("audioData", "format", "sampleRate", "channels", "sequenceNumber"),
    "audioDropped": ("cues", "seconds"),
    "audioQualityWarning": ("issue", "value", "threshold", "advice"),
    "audioQualityRecovered": ("issue",),
    "rateLimitWarning": ("code", "message"),
    "transcriptionError": ("code", "message"),
    "systemRecovered": ("code", "message"),
    "languageUnavailable": ("language", "reason"),
    "connectionRefreshRequired": ("refreshBy",),
    "connectionWarning": ("remainingMinutes",),
    "connectionTimeout": ("reason",),
    "error": ("code", "status", "message", "correlationId", "timestamp"),
}
"""What a plain client may be sent, and the fields that each must have."""

_MILLISECONDS_SINCE_EPOCH = ("timestamp", "expiresAt", "refreshBy")
_SWITCHES = ("isPaused", "isMuted", "volume")


class Refused(Exception):
    """The upgrade was refused: an HTTP status, the error as JSON, and `Retry-After` in seconds where it was given."""

    def __init__(self, status: int, body: Message, retry_after: float | None) -> None:
        super().__init__(f"{status} {body.get('code')}: {body.get('message')}")
        self.status, self.body, self.retry_after = status, body, retry_after
        self.deviations = _compared({"type": "error", **body})


class Answered(Exception):
    """The server answered an action with an error; the connection lives."""

    def __init__(self, error: Message) -> None:
        super().__init__(f"{error.get('code')}: {error.get('message')}")
        self.code, self.status = error.get("code"), error.get("status")


class PlainClient:
    """One connection. `messages` are all that came, in order; `deviations` what of it the document does not say."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.messages: list[Message] = []
        self.deviations: list[str] = []
        self.close_code: int | None = None
        self._socket = socket
        self._ended = False
        self._changed = asyncio.Condition()

    async def read(self) -> None:
        """Takes in what comes until the socket closes."""
        if self._socket.protocol is not None:
            self.deviations.append(f"a subprotocol that nobody offered: {self._socket.protocol}")
        if self._socket.compress:
            self.deviations.append("compression was negotiated")
        async for frame in self._socket:
            if frame.type is aiohttp.WSMsgType.TEXT:
                message = json.loads(frame.data)
                self.deviations += _compared(message)
            else:
                message = {"type": "binary"}
                self.deviations.append("a binary frame")
            async with self._changed:
                self.messages.append(message)
                self._changed.notify_all()
        async with self._changed:
            self.close_code, self._ended = self._socket.close_code, True
            self._changed.notify_all()

    async def beat(self, seconds: float) -> None:
        """Sends heartbeats until cancelled or the socket closes."""
        with suppress(ConnectionError):
            while True:
                await asyncio.sleep(seconds)
                await self.send("heartbeat", timestamp=_now())

    def of(self, kind: str) -> list[Message]:
        return [message for message in self.messages if message["type"] == kind]

    async def send(self, action: str, **fields: object) -> None:
        await self._socket.send_str(json.dumps({"action": action, **fields}))

    async def ask(self, action: str, answer: str, **fields: object) -> Message:
        """Sends and waits for the answer. Raises Answered when an error comes instead."""
        before = len(self.messages)

        def found() -> Message | None:
            later = self.messages[before:]
            return next((message for message in later if message["type"] in (answer, "error")), None)

        await self.send(action, **fields)
        await self.until(found)
        message = found()
        assert message is not None
        if message["type"] == "error":
            raise Answered(message)
        return message

    async def heartbeat(self) -> Message:
        return await self.ask("heartbeat", "heartbeatAck", timestamp=_now())

    async def until(self, met: Callable[[], object], seconds: float = 30.0) -> None:
        """Waits for a condition over what has come. Fails when the socket ends first."""
        async with asyncio.timeout(seconds), self._changed:
            await self._changed.wait_for(lambda: met() or self._ended)
        assert met(), f"closed with {self.close_code} after {[message['type'] for message in self.messages]}"

    async def ended(self, seconds: float = 30.0) -> None:
        """Waits until the server has closed the socket."""
        async with asyncio.timeout(seconds), self._changed:
            await self._changed.wait_for(lambda: self._ended)


C = TypeVar("C", bound=PlainClient)


class PlainSpeaker(PlainClient):
    """Who speaks."""

    session_id = ""
    connection_id = ""

    async def send_audio(self, pcm: bytes, *, seq: int | None = None) -> None:
        """One chunk of PCM s16le mono 16 kHz, 100 B to 32 KB."""
        numbered = {} if seq is None else {"seq": seq}
        audio = base64.b64encode(pcm).decode("ascii")
        await self.send("sendAudio", audioData=audio, timestamp=_now(), **numbered)

    async def status(self) -> Message:
        return await self.ask("getSessionStatus", "sessionStatus")

    async def pause(self) -> Message:
        return await self.ask("pauseBroadcast", "broadcastPaused")

    async def resume(self) -> Message:
        return await self.ask("resumeBroadcast", "broadcastResumed")

    async def volume(self, level: float) -> Message:
        return await self.ask("setVolume", "volumeChanged", volumeLevel=level)

    async def end(self) -> Message:
        return await self.ask("endSession", "sessionEnded")


class PlainListener(PlainClient):
    """Who listens."""

    session_id = ""
    connection_id = ""

    @property
    def finals(self) -> list[str]:
        return [caption["text"] for caption in self.of("caption") if caption["isFinal"]]

    @property
    def last_cue(self) -> str | None:
        """The cue heard last, if the server names it: the document leaves that open."""
        named = [str(message["cueId"]) for message in self.of("audioData") if message.get("cueId")]
        return named[-1] if named else None

    def voice(self) -> bytes:
        """All audio so far: PCM s16le mono 16 kHz."""
        return b"".join(base64.b64decode(message["audioData"], validate=True) for message in self.of("audioData"))

    async def change_language(self, language: str) -> Message:
        return await self.ask("changeLanguage", "languageChanged", targetLanguage=language)


@asynccontextmanager
async def create_session(
    url: str,
    token: str,
    *,
    language: str = "en",
    ack: bool = False,
    heartbeat_seconds: float = 30.0,
    headers: Mapping[str, str] | None = None,
) -> AsyncIterator[PlainSpeaker]:
    """A new session's speaker. Raises Refused."""
    query = {"action": "createSession", "sourceLanguage": language, "qualityTier": "standard", "token": token}
    async with _open(url, PlainSpeaker, query | ({"ack": "1"} if ack else {}), heartbeat_seconds, headers) as speaker:
        created = await _first(speaker, "sessionCreated")
        speaker.session_id, speaker.connection_id = created["sessionId"], created["connectionId"]
        yield speaker


@asynccontextmanager
async def join_session(
    url: str,
    session_id: str,
    language: str,
    *,
    action: bool = True,
    options: Mapping[str, str] | None = None,
    heartbeat_seconds: float = 30.0,
    headers: Mapping[str, str] | None = None,
) -> AsyncIterator[PlainListener]:
    """A listener. `action`: whether the query says joinSession, which it may leave out. Raises Refused."""
    query = {"sessionId": session_id, "targetLanguage": language, **(options or {})}
    query |= {"action": "joinSession"} if action else {}
    async with _open(url, PlainListener, query, heartbeat_seconds, headers) as listener:
        joined = await _first(listener, "sessionJoined")
        listener.session_id, listener.connection_id = joined["sessionId"], joined["connectionId"]
        yield listener


@asynccontextmanager
async def refresh_speaker(
    url: str,
    session_id: str,
    token: str,
    *,
    heartbeat_seconds: float = 30.0,
    headers: Mapping[str, str] | None = None,
) -> AsyncIterator[PlainSpeaker]:
    """The speaker's next connection, its state restored. Raises Refused."""
    query = {"action": "refreshConnection", "sessionId": session_id, "role": "speaker", "token": token}
    async with _open(url, PlainSpeaker, query, heartbeat_seconds, headers) as speaker:
        speaker.session_id, speaker.connection_id = await _refreshed(speaker)
        yield speaker


@asynccontextmanager
async def refresh_listener(
    url: str,
    session_id: str,
    language: str,
    *,
    connection_id: str | None = None,
    last_cue: str | None = None,
    heartbeat_seconds: float = 30.0,
    headers: Mapping[str, str] | None = None,
) -> AsyncIterator[PlainListener]:
    """A listener's next connection, its state restored. Raises Refused."""
    query = {"action": "refreshConnection", "sessionId": session_id, "role": "listener", "targetLanguage": language}
    query |= {"connectionId": connection_id} if connection_id else {}
    query |= {"lastCue": last_cue} if last_cue else {}
    async with _open(url, PlainListener, query, heartbeat_seconds, headers) as listener:
        listener.session_id, listener.connection_id = await _refreshed(listener)
        yield listener


async def _refreshed(client: PlainClient) -> tuple[str, str]:
    complete = await _first(client, "connectionRefreshComplete")
    await client.until(lambda: len(client.messages) >= 2)
    if client.messages[1]["type"] != "stateRestored":
        client.deviations.append(f"{client.messages[1]['type']} before stateRestored")
    return complete["sessionId"], complete["newConnectionId"]


async def _first(client: PlainClient, kind: str) -> Message:
    await client.until(lambda: client.messages)
    first = client.messages[0]
    assert first["type"] == kind, f"{first['type']} came first, not {kind}"
    return first


@asynccontextmanager
async def _open(
    url: str, kind: type[C], query: Mapping[str, str], heartbeat_seconds: float, headers: Mapping[str, str] | None
) -> AsyncIterator[C]:
    refusal: list[bytes] = []

    async def keep(_http: aiohttp.ClientSession, _context: SimpleNamespace, end: aiohttp.TraceRequestEndParams) -> None:
        # ws_connect forgets the body of a refusal.
        if end.response.status != 101:
            refusal.append(await end.response.read())

    trace = aiohttp.TraceConfig()
    trace.on_request_end.append(keep)
    async with aiohttp.ClientSession(trace_configs=[trace]) as http:
        try:
            given = {name: value for name, value in query.items() if value}
            socket = await http.ws_connect(f"{url}/ws", params=given, headers=headers, compress=15)
        except aiohttp.WSServerHandshakeError as error:
            retry_after = error.headers.get("Retry-After") if error.headers else None
            body = json.loads(refusal[0]) if refusal and refusal[0] else {}
            raise Refused(error.status, body, float(retry_after) if retry_after else None) from error
        client = kind(socket)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(client.read())
            beating = tasks.create_task(client.beat(heartbeat_seconds))
            try:
                yield client
            finally:
                beating.cancel()
                await socket.close()


def _compared(message: Message) -> list[str]:
    """What of a message is not as the document says."""
    kind = str(message.get("type"))
    if kind not in DOCUMENTED:
        return [f"a message of no documented type: {kind}"]
    wrong = [f"{kind} without {name}" for name in DOCUMENTED[kind] if name not in message]
    for name in _MILLISECONDS_SINCE_EPOCH:
        value = message.get(name)
        if value is not None and not (isinstance(value, int) and abs(value - _now()) < 24 * 3600 * 1000):
            wrong.append(f"{kind}.{name} is no time in milliseconds: {value!r}")
    if kind == "audioData":
        shape = message.get("format"), message.get("sampleRate"), message.get("channels")
        wrong += [] if shape == ("pcm", 16000, 1) else [f"audioData is {shape}"]
    state = message.get("state" if kind == "speakerStateChanged" else "broadcastState")
    if isinstance(state, dict):
        wrong += [f"{kind}: a state without {name}" for name in _SWITCHES if name not in state]
    return wrong


def _now() -> int:
    """Milliseconds since the epoch."""
    return time.time_ns() // 1_000_000
