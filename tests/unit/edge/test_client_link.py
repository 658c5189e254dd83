"""The client against a real WebSocket server on loopback that does what each test says (E7, S8, E10, E12)."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import WSCloseCode, WSMsgType, web

from edge.client import (
    BroadcastPaused,
    BroadcastState,
    Caption,
    ClientError,
    CueAudio,
    CueEnd,
    CueStart,
    Disconnected,
    ErrorEvent,
    Event,
    LanguageChanged,
    Listener,
    Reconnected,
    RefreshRequired,
    SessionEnded,
    SessionStatus,
    Speaker,
    Term,
    Timing,
    Unknown,
)

FAST = Timing(heartbeat=60, silence=60, answer=5, first_retry=0.01, last_retry=0.02, patience=5, drain=5, goodbye=1)
STATE = {"isActive": True, "isPaused": False, "isMuted": False, "volume": 1.0, "lastStateChange": 0}
SECOND = bytes(32_000)


class Connection:
    """The server's end of one WebSocket."""

    def __init__(self, request: web.Request, socket: web.WebSocketResponse) -> None:
        self.query = dict(request.query)
        self.authorization = request.headers.get("Authorization", "")
        self.subprotocol = socket.ws_protocol
        self.socket = socket
        self._request = request
        self.heard: asyncio.Queue[dict[str, Any] | bytes] = asyncio.Queue()
        self.gone = asyncio.Event()

    async def say(self, type_: str, **fields: object) -> None:
        await self.socket.send_str(json.dumps({"type": type_, **fields}))

    async def created(self) -> None:
        await self.say(
            "sessionCreated",
            sessionId="faithful-shepherd-427",
            sourceLanguage="en",
            qualityTier="standard",
            connectionId="c1",
            expiresAt=1,
            joinUrl="http://host/j",
        )

    async def joined(self) -> None:
        language = self.query["targetLanguage"]
        names = {"sourceLanguage": "en", "targetLanguage": language, "connectionId": "c1", "qualityTier": "standard"}
        await self.say("sessionJoined", sessionId="x", listenerCount=1, broadcastState=STATE, **names)

    async def refreshed(self, connection: str = "c2") -> None:
        await self.say("connectionRefreshComplete", sessionId="x", newConnectionId=connection, role="listener")
        await self.say("stateRestored", broadcastState=STATE)

    async def refuse(self, code: str, status: int, close: int, **fields: object) -> None:
        await self.say("error", code=code, status=status, message="no", correlationId="1", timestamp=0, **fields)
        await self.close(close)

    async def cue(self, cue_id: str, *audio: bytes, end: bool = True, start_ms: int = 0) -> None:
        span = {"startMs": start_ms, "endMs": start_ms + 9}
        await self.say("cueStart", cueId=cue_id, segmentId=1, language="es", sampleRate=16000, tempo=1, **span)
        for pcm in audio:
            await self.socket.send_bytes(pcm)
        if end:
            await self.say("cueEnd", cueId=cue_id, durationMs=5)

    async def hear(self) -> dict[str, Any] | bytes:
        return await self.heard.get()

    async def close(self, code: int) -> None:
        await self.socket.close(code=code, drain=False)

    def reset(self) -> None:
        assert self._request.transport is not None
        self._request.transport.abort()


class Server:
    """Accepts sockets and hands them to the test; `refusals` are HTTP answers given before any upgrade."""

    def __init__(self) -> None:
        self.url = ""
        self.refusals: list[web.Response] = []
        self._arrived: asyncio.Queue[Connection] = asyncio.Queue()

    async def accept(self) -> Connection:
        async with asyncio.timeout(10):
            return await self._arrived.get()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        if self.refusals:
            return self.refusals.pop()
        socket = web.WebSocketResponse(protocols=["lingocast.v1"], autoping=True)
        await socket.prepare(request)
        connection = Connection(request, socket)
        self._arrived.put_nowait(connection)
        async for message in socket:
            connection.heard.put_nowait(message.data if message.type is WSMsgType.BINARY else json.loads(message.data))
        connection.gone.set()
        return socket


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    fake = Server()
    app = web.Application()
    app.router.add_get("/ws", fake.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    fake.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield fake
    await runner.cleanup()


@asynccontextmanager
async def listening(server: Server, **options: Any) -> AsyncIterator[tuple[Listener, Connection]]:
    async with asyncio.TaskGroup() as tasks:
        accepting = tasks.create_task(accept_listener(server))
        options = {"timing": FAST} | options
        async with Listener.open(server.url, "faithful-shepherd-427", "es", **options) as listener:
            yield listener, await accepting


async def accept_listener(server: Server) -> Connection:
    connection = await server.accept()
    await connection.joined()
    return connection


@asynccontextmanager
async def speaking(server: Server, **wishes: Any) -> AsyncIterator[tuple[Speaker, Connection]]:
    async with asyncio.TaskGroup() as tasks:
        accepting = tasks.create_task(accept_speaker(server))
        options: dict[str, Any] = {"timing": FAST, "end_on_exit": False, "token": "jwt"} | wishes
        token = options.pop("token")
        async with Speaker.open(server.url, token, **options) as speaker:
            yield speaker, await accepting


async def accept_speaker(server: Server) -> Connection:
    connection = await server.accept()
    await connection.created()
    return connection


async def rest(events: AsyncIterator[Event]) -> list[Event]:
    return [event async for event in events if not isinstance(event, Disconnected)]


async def heard_audio(events: AsyncIterator[Event]) -> list[tuple[str, bytes | int | bool]]:
    """What a listener would play: (cue, started / bytes / complete)."""
    played: list[tuple[str, bytes | int | bool]] = []
    async for event in events:
        match event:
            case CueAudio(cue_id, pcm) if played and played[-1][0] == cue_id and isinstance(played[-1][1], bytes):
                played[-1] = (cue_id, played[-1][1] + pcm)
            case CueAudio(cue_id, pcm):
                played.append((cue_id, pcm))
            case CueEnd(cue_id, _, complete):
                played.append((cue_id, complete))
    return played


# ---------------------------------------------------------------------- connecting


async def test_a_speaker_asks_for_a_session_and_keeps_its_token_out_of_the_address(server: Server) -> None:
    async with speaking(server, source_language="pt", pin="12", min_stability=0.9, partial_results=False) as (
        speaker,
        connection,
    ):
        assert connection.query == {
            "action": "createSession",
            "sourceLanguage": "pt",
            "qualityTier": "standard",
            "sampleRate": "16000",
            "pin": "12",
            "minStability": "0.9",
            "partialResults": "false",
        }
        assert connection.authorization == "Bearer jwt"
        assert connection.subprotocol == "lingocast.v1"
        assert (speaker.session_id, speaker.join_url) == ("faithful-shepherd-427", "http://host/j")


async def test_a_listener_joins_with_its_wishes(server: Server) -> None:
    async with listening(server, captions_source=True, audio=False) as (listener, connection):
        assert connection.query == {
            "action": "joinSession",
            "sessionId": "faithful-shepherd-427",
            "targetLanguage": "es",
            "captions": "source",
            "audio": "off",
        }
        assert listener.joined.broadcast_state == BroadcastState()


async def test_a_refusal_carries_code_status_and_languages(server: Server) -> None:
    async def refuse() -> None:
        connection = await server.accept()
        await connection.refuse("UNSUPPORTED_LANGUAGE", 400, 1008, languages=["es", "pt"], retryAfter=7)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(refuse())
        with pytest.raises(ClientError) as caught:
            async with Listener.open(server.url, "x", "xx", timing=FAST):
                pass
    error = caught.value
    assert (error.code, error.status, error.retry_after, error.languages) == (
        "UNSUPPORTED_LANGUAGE",
        400,
        7.0,
        ("es", "pt"),
    )


async def test_a_flood_refused_before_the_upgrade_tells_when_to_come_back(server: Server) -> None:
    server.refusals = [web.Response(status=429, headers={"Retry-After": "12"})]
    with pytest.raises(ClientError) as caught:
        async with Listener.open(server.url, "x", "es", timing=FAST):
            pass
    assert (caught.value.code, caught.value.retry_after) == ("RATE_LIMIT_EXCEEDED", 12.0)


async def test_nobody_there_is_unreachable() -> None:
    with pytest.raises(ClientError, match="UNREACHABLE"):
        async with Listener.open("http://127.0.0.1:9", "x", "es", timing=FAST):
            pass


async def test_a_server_that_says_nothing_is_given_up(server: Server) -> None:
    with pytest.raises(ClientError, match="NO_ANSWER"):
        async with Listener.open(server.url, "x", "es", timing=Timing(answer=0.05, goodbye=0.05)):
            pass


async def test_an_error_in_the_block_comes_out_as_it_is(server: Server) -> None:
    with pytest.raises(ExceptionGroup) as caught:  # The group is of the test's own TaskGroup.
        async with listening(server):
            raise KeyError("mine")
    assert [type(error) for error in caught.value.exceptions] == [KeyError]


# ---------------------------------------------------------------------- events


async def test_a_task_that_still_iterates_ends_when_the_block_is_left(server: Server) -> None:
    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks, listening(server) as (listener, connection):
        reading = tasks.create_task(rest(listener))
        await connection.say("caption", segmentId=1, language="es", text="hola", isFinal=True)
        await asyncio.sleep(0.05)
    assert len(reading.result()) == 1


async def test_captions_and_cues_arrive_in_order(server: Server) -> None:
    async with listening(server) as (listener, connection):
        caption = {"segmentId": 1, "language": "es", "stableChars": 4, "startMs": 0, "endMs": 900}
        await connection.say("caption", text="Hola", isFinal=True, **caption)
        await connection.cue("q1", b"ab", b"cd")
        await connection.say("somethingNew", value=1)
        await connection.say("sessionEnded", sessionId="x", reason="speaker")
        await connection.close(4000)
        assert await rest(listener) == [
            Caption(1, "es", "Hola", True, 4, 0, 900),
            CueStart("q1", 1, "es", 16000, 0, 9, 1.0),
            CueAudio("q1", b"ab"),
            CueAudio("q1", b"cd"),
            CueEnd("q1", 5),
            Unknown("somethingNew", {"type": "somethingNew", "value": 1}),
            SessionEnded("speaker"),
        ]
        assert await rest(listener) == []  # An ended iteration stays ended.


async def test_an_error_while_connected_is_an_event(server: Server) -> None:
    async with speaking(server) as (speaker, connection):
        await connection.refuse("AUDIO_CHUNK_TOO_SMALL", 400, 4000)
        assert await rest(speaker) == [ErrorEvent("AUDIO_CHUNK_TOO_SMALL", 400, "no", correlation_id="1")]


async def test_a_close_for_a_breach_raises_what_was_said_before_it(server: Server) -> None:
    async with speaking(server) as (speaker, connection):
        await connection.refuse("RATE_LIMIT_EXCEEDED", 429, 4029, retryAfter=30)
        with pytest.raises(ClientError) as caught:
            await rest(speaker)
        assert (caught.value.code, caught.value.retry_after) == ("RATE_LIMIT_EXCEEDED", 30.0)
        with pytest.raises(ClientError, match="RATE_LIMIT_EXCEEDED"):
            await speaker.send(SECOND)


async def test_a_client_that_does_not_read_stops_the_server(server: Server) -> None:
    async with listening(server, inbox=4) as (listener, connection):
        sent = 0

        async def send_until_it_stalls() -> None:
            nonlocal sent
            while sent < 1000:
                async with asyncio.timeout(1):
                    await connection.cue(f"q{sent}", bytes(60_000))
                sent += 1

        # The system's own buffers hold some megabytes, never 60.
        with pytest.raises(TimeoutError):
            await send_until_it_stalls()
        assert sent > 0
        first = [await anext(listener) for _ in range(6)]
        assert [type(event) for event in first] == [CueStart, CueAudio, CueEnd] * 2


# ---------------------------------------------------------------------- commands and heartbeats


async def test_a_command_returns_its_answer(server: Server) -> None:
    async with speaking(server) as (speaker, connection), asyncio.TaskGroup() as tasks:
        pausing = tasks.create_task(speaker.pause())
        assert await connection.hear() == {"action": "pauseBroadcast"}
        await connection.say("sourceCaption", segmentId=1, text="so", stableChars=0, isFinal=False, startMs=0, endMs=1)
        await connection.say("broadcastPaused", sessionId="x", timestamp=5)
        assert await pausing == BroadcastPaused("x", 5)

        asking = tasks.create_task(speaker.status())
        assert await connection.hear() == {"action": "getSessionStatus"}
        status = {"listenerCount": 2, "languageDistribution": {"es": 2}, "sessionDuration": 1.5, "lag": {"es": 2.5}}
        await connection.say("sessionStatus", **status, broadcastState=STATE, updateReason="requested")
        assert await asking == SessionStatus(2, {"es": 2}, 1.5, BroadcastState(), "requested", {"es": 2.5})


async def test_a_refused_command_raises_and_the_connection_lives(server: Server) -> None:
    async with listening(server) as (listener, connection), asyncio.TaskGroup() as tasks:
        changing = tasks.create_task(change(listener, "xx"))
        assert await connection.hear() == {"action": "changeLanguage", "targetLanguage": "xx"}
        await connection.say("error", code="UNSUPPORTED_LANGUAGE", status=400, message="no", languages=["es", "pt"])
        assert await changing == "UNSUPPORTED_LANGUAGE"
        assert listener.language == "es"

        changing = tasks.create_task(change(listener, "pt"))
        await connection.hear()
        await connection.say("languageChanged", targetLanguage="pt")
        assert await changing == "pt"
        assert listener.language == "pt"


async def change(listener: Listener, language: str) -> str:
    try:
        return (await listener.change_language(language)).target_language
    except ClientError as error:
        return error.code


async def test_leaving_ends_the_session(server: Server) -> None:
    async with asyncio.TaskGroup() as tasks:
        async with speaking(server, end_on_exit=True) as (_, connection):
            tasks.create_task(end_when_asked(connection))
        assert await connection.hear() == {"action": "endSession"}


async def end_when_asked(connection: Connection) -> None:
    asked = await connection.hear()
    connection.heard.put_nowait(asked)
    await connection.say("sessionEnded", sessionId="x", reason="speaker")
    await connection.close(4000)


async def test_no_answer_is_told_and_a_later_command_still_works(server: Server) -> None:
    timing = Timing(answer=0.2, goodbye=0.1)
    async with speaking(server, timing=timing) as (speaker, connection), asyncio.TaskGroup() as tasks:
        with pytest.raises(ClientError, match="NO_ANSWER"):
            await speaker.mute()
        pausing = tasks.create_task(speaker.pause())
        await connection.hear()
        await connection.hear()
        await connection.say("broadcastPaused", sessionId="x", timestamp=5)
        assert await pausing == BroadcastPaused("x", 5)


async def test_heartbeats_go_out_by_themselves_and_their_answers_stay_inside(server: Server) -> None:
    async with listening(server, timing=Timing(heartbeat=0.01)) as (listener, connection):
        for _ in range(3):
            beat = await connection.hear()
            assert isinstance(beat, dict)
            assert beat["action"] == "heartbeat"
            await connection.say("heartbeatAck", timestamp=beat["timestamp"])
        await connection.close(4000)
        assert await rest(listener) == []


async def test_audio_is_cut_to_what_the_server_takes(server: Server) -> None:
    async with speaking(server) as (speaker, connection):
        await speaker.send(b"\1\0" * 10)  # Too short to go alone.
        await speaker.send(SECOND * 2)
        chunks = [await connection.hear() for _ in range(3)]
        assert b"".join(chunk for chunk in chunks if isinstance(chunk, bytes)) == b"\1\0" * 10 + SECOND * 2
        with pytest.raises(ValueError, match="even"):
            await speaker.send(b"abc")


# ---------------------------------------------------------------------- losses


async def test_a_lost_listener_resumes_where_it_was_with_nothing_twice(server: Server) -> None:
    async with listening(server) as (listener, connection):
        await connection.cue("q1", b"aaaa")
        await connection.cue("q2", b"bb", end=False)
        # A reset discards what was not yet received, so it waits until all was.
        before = [await anext(listener) for _ in range(5)]
        connection.reset()
        again = await server.accept()
        assert again.query["action"] == "refreshConnection"
        assert again.query["connectionId"] == "c1"
        assert again.query["lastCue"] == "q1"
        await again.refreshed()
        await again.cue("q1", b"aaaa")
        await again.cue("q2", b"bbcc")
        await again.cue("q3", b"dd")
        await again.close(4000)
        events = before + await rest(listener)
        assert [(event.cue_id, event.pcm) for event in events if isinstance(event, CueAudio)] == [
            ("q1", b"aaaa"),
            ("q2", b"bb"),
            ("q2", b"cc"),
            ("q3", b"dd"),
        ]
        assert [event.cue_id for event in events if isinstance(event, CueStart)] == ["q1", "q2", "q3"]
        assert [(event.cue_id, event.complete) for event in events if isinstance(event, CueEnd)] == [
            ("q1", True),
            ("q2", True),
            ("q3", True),
        ]


@pytest.mark.parametrize("place_is_gone", [False, True])
async def test_who_is_lost_before_a_cue_was_heard_whole_misses_nothing(server: Server, place_is_gone: bool) -> None:
    async with listening(server) as (listener, connection):
        await connection.say("caption", segmentId=7, language="es", text="So", isFinal=True, startMs=7000)
        await connection.cue("q7", b"aa", end=False, start_ms=7000)
        before = [await anext(listener) for _ in range(3)]
        connection.reset()
        again = await server.accept()
        assert (again.query["connectionId"], again.query["lastCue"]) == ("c1", "-")
        if place_is_gone:
            await again.refuse("CONFLICT", 409, 1008)
            again = await server.accept()
            assert (again.query["action"], again.query["lastCue"]) == ("refreshConnection", "-")
        await again.refreshed()
        for segment, text in ((6, "Not for us"), (7, "So"), (8, "Lost")):
            start = 1000 * segment
            await again.say("caption", segmentId=segment, language="es", text=text, isFinal=True, startMs=start)
            await again.cue(f"q{segment}", b"aabb", start_ms=start)
        await again.close(4000)
        events = before + await rest(listener)
        assert Reconnected(resumed=True) in events
        assert [event.text for event in events if isinstance(event, Caption)] == ["So", "Lost"]
        heard = [(event.cue_id, event.pcm) for event in events if isinstance(event, CueAudio)]
        assert heard == [("q7", b"aa"), ("q7", b"bb"), ("q8", b"aabb")]
        assert [event.cue_id for event in events if isinstance(event, CueEnd) and event.complete] == ["q7", "q8"]


@pytest.mark.parametrize("code", [WSCloseCode.GOING_AWAY, WSCloseCode.INTERNAL_ERROR, 4008])
async def test_a_close_that_may_pass_is_followed_by_a_reconnect(server: Server, code: int) -> None:
    async with listening(server) as (listener, connection):
        await connection.close(code)
        again = await server.accept()
        await again.refreshed("c2")
        await again.close(4000)
        assert [type(event).__name__ for event in await rest(listener)] == ["Reconnected", "StateRestored"]


async def test_a_listener_whose_resume_is_refused_joins_anew(server: Server) -> None:
    async with listening(server) as (listener, connection):
        connection.reset()
        again = await server.accept()
        await again.refuse("CONFLICT", 409, 1008)
        third = await server.accept()
        assert third.query["action"] == "joinSession"
        await third.joined()
        await third.close(4000)
        assert await rest(listener) == [Reconnected(resumed=False)]


async def test_a_listener_whose_place_is_gone_asks_for_what_it_missed_all_the_same(server: Server) -> None:
    async with listening(server, pin="12") as (listener, connection):
        await connection.cue("q1", b"aa")
        before = [await anext(listener) for _ in range(3)]
        connection.reset()
        await (await server.accept()).refuse("CONFLICT", 409, 1008)
        third = await server.accept()
        assert third.query == {
            "action": "refreshConnection",
            "role": "listener",
            "sessionId": "faithful-shepherd-427",
            "targetLanguage": "es",
            "pin": "12",
            "lastCue": "q1",
        }
        await third.refreshed("c3")
        await third.cue("q1", b"aa")
        await third.cue("q2", b"bb")
        heard = before + [await anext(listener) for _ in range(6)]
        assert [event.pcm for event in heard if isinstance(event, CueAudio)] == [b"aa", b"bb"]
        assert Reconnected(resumed=True) in heard
        third.reset()
        fourth = await server.accept()
        assert (fourth.query["connectionId"], fourth.query["lastCue"]) == ("c3", "q2")
        await fourth.refreshed()
        await fourth.close(4000)
        await rest(listener)


async def test_a_session_that_ended_meanwhile_is_reported(server: Server) -> None:
    async with listening(server) as (listener, connection):
        connection.reset()
        for _ in range(2):
            again = await server.accept()
            await again.refuse("SESSION_NOT_FOUND", 404, 4004)
        with pytest.raises(ClientError, match="SESSION_NOT_FOUND"):
            await rest(listener)


async def test_a_server_that_stays_away_is_given_up_after_a_while(server: Server) -> None:
    timing = Timing(first_retry=0.01, last_retry=0.02, patience=0.1, goodbye=0.1)
    async with listening(server, timing=timing) as (listener, connection):
        server.refusals = [web.Response(status=503) for _ in range(1000)]
        connection.reset()
        with pytest.raises(ClientError, match="SERVICE_UNAVAILABLE"):
            await rest(listener)


async def test_a_lost_speaker_sends_on_over_the_next_connection(server: Server) -> None:
    tokens = iter(["first", "second"])

    async def fresh() -> str:
        return next(tokens)

    async with speaking(server, token=fresh, sample_rate=8000) as (speaker, connection), asyncio.TaskGroup() as tasks:
        assert connection.authorization == "Bearer first"
        connection.reset()
        await connection.gone.wait()
        event = await anext(speaker)
        assert isinstance(event, Disconnected)
        sending = tasks.create_task(speaker.send(SECOND))
        again = await server.accept()
        assert again.authorization == "Bearer second"
        assert again.query == {
            "action": "refreshConnection",
            "sessionId": "faithful-shepherd-427",
            "role": "speaker",
            "connectionId": "c1",
            "sampleRate": "8000",
        }
        await again.refreshed()
        await sending
        assert await again.hear() == SECOND


async def test_a_speaker_never_opens_another_session_by_itself(server: Server) -> None:
    async with speaking(server) as (speaker, connection):
        connection.reset()
        again = await server.accept()
        await again.refuse("SESSION_NOT_FOUND", 404, 4004)
        with pytest.raises(ClientError, match="SESSION_NOT_FOUND"):
            await rest(speaker)


async def test_silence_beyond_all_heartbeats_is_a_loss(server: Server) -> None:
    timing = Timing(silence=0.05, first_retry=0.01, goodbye=0.05)
    async with listening(server, timing=timing) as (listener, _):
        again = await server.accept()
        assert again.query["action"] == "refreshConnection"
        await again.refreshed()
        await again.close(4000)
        assert Reconnected(resumed=True) in await rest(listener)


# ---------------------------------------------------------------------- refreshes


async def test_a_refresh_reads_the_old_connection_to_its_end(server: Server) -> None:
    async with listening(server) as (listener, old):
        await old.cue("q1", b"aa")
        await old.say("connectionRefreshRequired", refreshBy=1)
        new = await server.accept()
        assert new.query["connectionId"] == "c1"
        await new.refreshed()
        await new.cue("q2", b"bbbb")  # Both bring it, as an edge does that swaps in the middle of a cue.
        await old.cue("q2", b"bb", end=False)
        await new.cue("q3", b"cc")
        await old.close(1000)
        await new.close(4000)
        events = await rest(listener)
        assert [event for event in events if isinstance(event, CueAudio)] == [
            CueAudio("q1", b"aa"),
            CueAudio("q2", b"bb"),
            CueAudio("q2", b"bb"),
            CueAudio("q3", b"cc"),
        ]
        assert [event.cue_id for event in events if isinstance(event, CueEnd)] == ["q1", "q2", "q3"]
        assert RefreshRequired(1) in events


async def test_a_refreshed_speaker_sends_on_the_new_connection_at_once(server: Server) -> None:
    async with speaking(server) as (speaker, old):
        await speaker.send(SECOND)
        assert await old.hear() == SECOND
        await old.say("connectionRefreshRequired", refreshBy=1)
        new = await server.accept()
        await new.refreshed()
        await old.close(1000)
        while not isinstance(await anext(speaker), Reconnected):
            pass
        await speaker.send(SECOND)
        assert await new.hear() == SECOND
        assert old.heard.empty()


async def test_an_old_connection_that_never_closes_is_left(server: Server) -> None:
    async with listening(server, timing=Timing(drain=0.05, goodbye=0.05)) as (listener, old):
        await old.say("connectionRefreshRequired", refreshBy=1)
        new = await server.accept()
        await new.refreshed()
        await old.gone.wait()
        await new.cue("q1", b"aa")
        await new.close(4000)
        assert ("q1", b"aa") in await heard_audio(listener)


async def test_a_refused_refresh_leaves_the_old_connection_working(server: Server) -> None:
    async with listening(server) as (listener, old):
        await old.say("connectionRefreshRequired", refreshBy=1)
        new = await server.accept()
        await new.refuse("CONFLICT", 409, 1008)
        await old.cue("q1", b"aa")
        await old.close(4000)
        assert ("q1", b"aa") in await heard_audio(listener)


async def test_a_refresh_that_failed_is_tried_again_at_the_warning(server: Server) -> None:
    async with speaking(server) as (speaker, old):
        await old.say("connectionRefreshRequired", refreshBy=1)
        await (await server.accept()).refuse("TOKEN_EXPIRED", 401, 4001)
        await speaker.send(SECOND)  # Goes on over the old one.
        assert await old.hear() == SECOND
        await old.say("connectionWarning", remainingMinutes=15)
        new = await server.accept()
        await new.refreshed()
        await old.say("connectionWarning", remainingMinutes=10)
        await old.close(1000)
        while not isinstance(await anext(speaker), Reconnected):
            pass
        await speaker.send(SECOND)
        assert await new.hear() == SECOND


async def test_a_speaker_whose_refresh_was_not_answered_does_not_insist_on_its_former_connection(
    server: Server,
) -> None:
    timing = Timing(answer=2.0, first_retry=0.01, last_retry=0.02, patience=30, goodbye=0.1)
    async with speaking(server, timing=timing) as (_, old):
        old.reset()
        unanswered = await server.accept()
        assert unanswered.query["connectionId"] == "c1"
        again = await server.accept()
        assert "connectionId" not in again.query
        await again.refreshed("c3")
        again.reset()
        assert (await server.accept()).query["connectionId"] == "c3"


async def test_a_refresh_that_waits_is_in_a_hurry_once_the_old_connection_is_gone(server: Server) -> None:
    # An edge that drains alone refuses refreshes until it is gone; its successor serves a moment later.
    timing = Timing(first_retry=0.01, patience=10_000, goodbye=0.1)
    async with listening(server, timing=timing) as (listener, old):
        await old.say("connectionRefreshRequired", refreshBy=1)
        new = await server.accept()
        await new.refuse("SERVICE_UNAVAILABLE", 503, 1011, retryAfter=3600)
        await old.close(1001)
        third = await server.accept()
        assert third.query["action"] == "refreshConnection"
        await third.refreshed()
        await third.close(4000)
        assert Reconnected(resumed=True) in await rest(listener)


async def test_a_language_changed_meanwhile_is_asked_for_again(server: Server) -> None:
    async with listening(server) as (listener, connection):
        await connection.say("languageChanged", targetLanguage="pt")
        assert await anext(listener) == LanguageChanged("pt")
        connection.reset()
        again = await server.accept()
        assert again.query["targetLanguage"] == "pt"
        await again.refreshed()


async def test_a_glossary_is_said_again_on_each_further_connection(server: Server) -> None:
    async with asyncio.timeout(20), asyncio.TaskGroup() as tasks, speaking(server) as (speaker, connection):
        reading = tasks.create_task(rest(speaker))
        setting = tasks.create_task(speaker.set_glossary([Term("grace", "gracia", "es"), Term("Zion")]))
        first = await connection.hear()
        await connection.say("glossaryAccepted", version="v1", terms=2)
        assert (await setting).terms == 2
        present = connection
        for number in (2, 3):
            present.reset()
            present = await server.accept()
            await present.refreshed(f"c{number}")
            assert await present.hear() == first
        reading.cancel()


async def test_a_glossary_that_was_refused_is_not_said_again(server: Server) -> None:
    async def refused(speaker: Speaker) -> ClientError:
        with pytest.raises(ClientError) as caught:
            await speaker.set_glossary([Term("grace", language="spanish")])
        return caught.value

    async with asyncio.timeout(20), asyncio.TaskGroup() as tasks, speaking(server) as (speaker, connection):
        reading = tasks.create_task(rest(speaker))
        setting = tasks.create_task(refused(speaker))
        await connection.hear()
        await connection.say("error", code="INVALID_LANGUAGE", status=400, message="no", correlationId="1", timestamp=0)
        assert (await setting).code == "INVALID_LANGUAGE"
        connection.reset()
        second = await server.accept()
        await second.refreshed()
        await speaker.send(bytes(3_200))
        assert isinstance(await second.hear(), bytes)
        reading.cancel()
