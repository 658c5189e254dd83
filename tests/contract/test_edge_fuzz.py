"""Nonsense by the thousands over real sockets: always told by a code, never INTERNAL, never an error in the log, and
the connection goes on unless a rule of the protocol ends it."""

import asyncio
import base64
import gc
import json
import logging
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote_from_bytes, urlencode

import pytest
import structlog
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from yarl import URL

from edge.protocol.errors import CODES
from edge.protocol.roles import ROLES
from tests.fakes.edge import RunningEdge, held, running_edge
from tests.fakes.raw_socket import BINARY, CONTINUATION, PING, TEXT, RawSocket

FRAMES_EACH = 1_300
BATCH = 50
WARM_UP = 5 * BATCH
GROWTH_BYTES = 320 * 1024
"""What the process may keep of a thousand frames (it keeps 20 KB, and some more for each session that they end): a
third of a kilobyte each would be a leak."""

V1_HEADER = b"Sec-WebSocket-Protocol: lingocast.v1"


@dataclass(frozen=True, slots=True)
class Sent:
    """A frame to send. `parts` > 1: in so many fragments."""

    opcode: int
    payload: bytes
    parts: int = 1


# ---------------------------------------------------------------------- what is sent

wild_text = st.text(st.characters(exclude_categories=()), max_size=30)
numbers = st.one_of(
    st.integers(),
    st.integers(min_value=-(10**400), max_value=10**400),
    st.floats(),
    st.sampled_from([0, -1, 1, 0.5, 2**63, 2**64, -(2**63) - 1, 1e308, float("nan"), float("inf"), float("-inf")]),
)
values: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), st.booleans(), numbers, wild_text),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(wild_text, inner, max_size=3),
    max_leaves=6,
)
plausible = st.sampled_from(
    ["es", "fr", "pt-BR", "de", "pause", "resume", "mute", "", "x" * 3_000, {"isPaused": False}, {"volume": 0.5}, True]
)
audio = st.binary(max_size=400).map(lambda data: base64.b64encode(data).decode()) | st.just("=" * 99) | wild_text
NAMES = [
    "timestamp", "chunkId", "reason", "expectedSeconds", "volumeLevel", "state", "command", "terms", "targetLanguage",
    "language", "sessionId", "connectionId", "token", "role",
]  # fmt: skip
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    **dict.fromkeys(NAMES, values | plausible),
    "audioData": audio | values,
    "seq": st.integers(0, 300) | numbers,
}
known_actions = st.sampled_from(sorted(ROLES))
objects = st.builds(
    lambda action, fields, extra: {**extra, **fields, "action": action},
    known_actions | wild_text | values,
    st.fixed_dictionaries({}, optional=FIELDS),
    st.dictionaries(wild_text, values, max_size=2),
)


def as_ascii(value: Any) -> bytes:
    return json.dumps(value).encode()


def as_utf8(value: Any) -> bytes:
    # Lone surrogates become bytes that are no UTF-8.
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")


messages = st.builds(lambda encode, value: encode(value), st.sampled_from([as_ascii, as_utf8]), objects)
truncated = st.builds(lambda data, keep: data[: int(len(data) * keep)], messages, st.floats(0, 1))
nested = st.builds(
    lambda around, depth: around[0] + around[1] * depth + around[2] * depth + around[3],
    st.sampled_from(
        [
            (b"", b"[", b"]", b""),
            (b"", b"[", b"", b""),
            (b"", b'{"action":', b"}", b""),
            (b'{"action":"setVolume","volumeLevel":', b"[", b"]", b"}"),
            (b'{"action":"speakerStateChange","state":', b'{"state":', b"}", b"}"),
            (b'{"action":"changeLanguage","targetLanguage":"es","x":', b"[", b"]", b"}"),
            (b'{"action":"setGlossary","terms":', b"[", b"]", b"}"),
        ]
    ),
    st.sampled_from([1, 5, 200, 1_000, 1_100, 10_000, 60_000]),
)
crafted = st.sampled_from(
    [
        b"", b"{}",
        b"null", b"0", b'"action"', b"\xff\xfe", b"\xed\xa0\x80", b"\x00", b"\xef\xbb\xbf{}", b"{" * 100_000,
        b'{"action":"heartbeat","timestamp":1e999}',
        b'{"action":"setVolume","volumeLevel":1e-999}',
        b'{"action":"setVolume","volumeLevel":-0}',
        b'{"action":"setVolume","volumeLevel":NaN}',
        b'{"action":"setVolume","volumeLevel":' + b"9" * 3_000 + b"}",
        b'{"action":"sendAudio","audioData":"' + b"A" * 100_000 + b'"}',
        b'{"action":"sendAudio","audioData":"' + b"?" * 100_000 + b'"}',
        b'{"action":"sendAudio","audioData":"\\ud800"}',
        b'{"action":"changeLanguage","targetLanguage":"\\ud800"}',
        b'{"action":"changeLanguage","targetLanguage":"' + b"a-" * 1_500 + b'"}',
        b'{"action":"pauseBroadcast","action":"endless"}',
        b'{"action":"setVolume","volumeLevel":7,"volumeLevel":0.5}',
        b'{"action":"pauseBroadcast","reason":"' + b"x" * 100_000 + b'"}',
        b'{"action":"\\u0000"}',
        b'{"\\ud800":1,"action":"heartbeat"}',
    ]
)  # fmt: skip
valid = st.sampled_from(
    [
        {"action": "pauseBroadcast"},
        {"action": "speakerStateChange", "state": {"isPaused": False, "isMuted": False}},
        {"action": "controlSession", "command": "end"},
        {"action": "getSessionStatus"},
        {"action": "pausePlayback"},
        {"action": "switchLanguage", "targetLanguage": "fr-CA"},
        {"action": "sendAudio", "audioData": base64.b64encode(bytes(200)).decode(), "seq": 3},
    ]
).map(as_ascii)
texts = st.one_of(messages, messages, messages, truncated, nested, crafted, valid, st.binary(max_size=200))
binaries = st.one_of(st.binary(max_size=300), st.sampled_from([0, 1, 99, 100, 101, 32_768, 32_769, 70_000]).map(bytes))
frames = st.one_of(
    st.builds(Sent, st.just(TEXT), texts),
    st.builds(Sent, st.just(TEXT), texts),
    st.builds(Sent, st.just(TEXT), texts, st.integers(2, 5)),
    st.builds(Sent, st.just(BINARY), binaries, st.integers(1, 3)),
)


def examples(strategy: st.SearchStrategy[Any], count: int) -> list[Any]:
    """So many examples, made before anything runs: hypothesis knows nothing of loops."""
    made: list[Any] = []

    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def collect(example: Any) -> None:
        made.append(example)

    collect()
    return made


# ---------------------------------------------------------------------- where it is sent


@pytest.fixture
async def running() -> AsyncIterator[RunningEdge]:
    # Rates of their own are tested elsewhere: here every frame is to be dealt with.
    unlimited = {"messages_per_second": 1e6, "audio_chunks_per_second": 1_000_000}
    async with held(running_edge(**unlimited, resume_seconds=0.0)) as edge:
        yield edge


@contextmanager
def no_errors_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Fails when a line of level error was logged meanwhile, by us or by a library."""
    with structlog.testing.capture_logs() as ours, caplog.at_level(logging.ERROR):
        yield
    assert not [line for line in ours if line["log_level"] in {"error", "critical"}]
    assert not caplog.records


def check(text: bytes, sent: list[Sent]) -> str:
    """The type of a message; fails for one that no client should get."""
    message = json.loads(text)
    assert b"Traceback" not in text, sent
    if message["type"] == "error":
        assert message["code"] in CODES, sent
        assert message["code"] != "INTERNAL", sent
    return str(message["type"])


@dataclass(slots=True)
class Fuzzed:
    """A socket of a role, opened again whenever a rule of the protocol ended it."""

    running: RunningEdge
    role: str
    plain: bool
    session_id: str
    socket: RawSocket | None = None
    reopened: int = 0

    async def open(self) -> RawSocket:
        if self.socket is None:
            port = URL(self.running.url).port
            assert port is not None
            query = (
                {"action": "createSession", "sourceLanguage": "en", "token": "valid-fuzz", "ack": "1"}
                if self.role == "speaker"
                else {"sessionId": self.session_id, "targetLanguage": "es", "captions": "source"}
            )
            headers = () if self.plain else (V1_HEADER,)
            self.socket = await RawSocket.open(port, f"/ws?{urlencode(query)}".encode(), *headers)
            assert self.socket.status == 101
        return self.socket

    async def send(self, batch: list[Sent]) -> set[str]:
        """Sends, waits until all is dealt with, and returns the types that were told."""
        socket = await self.open()
        for frame in batch:
            if frame.parts > 1:
                socket.send_in_parts(frame.opcode, frame.payload, frame.parts)
            else:
                socket.send(frame.opcode, frame.payload)
        # The audio that waits for a missing number goes on, and is not kept.
        if self.role == "speaker":
            socket.send(BINARY, bytes(320))
        async with asyncio.timeout(30):
            told, closed = await socket.handled(b"handled")
            types = {check(text, batch) for text in told}
            if "sessionEnded" in types and not closed:
                # What was read before the close frame.
                _, closed = await socket.handled(b"nothing more")
        if closed:
            assert closed == 1000, (closed, batch)
            assert "sessionEnded" in types, batch
            self.reopened += 1
            await self.close()
        for stream in self.running.transcription.streams:
            stream.audio.clear()
            stream.controls.clear()
        self.running.sessions.subjects.clear()
        return types

    async def close(self) -> None:
        if self.socket is not None:
            await self.socket.close()
            self.socket = None


@pytest.mark.parametrize("plain", [True, False], ids=["plain", "v1"])
@pytest.mark.parametrize("role", ["speaker", "listener"])
async def test_no_frame_breaks_a_connection_or_the_process(
    running: RunningEdge, role: str, plain: bool, caplog: pytest.LogCaptureFixture
) -> None:
    sent = examples(frames, FRAMES_EACH)
    assert len(sent) == FRAMES_EACH
    bystander, created = await running.speaker()
    fuzzed = Fuzzed(running, role, plain, created["sessionId"])
    told: set[str] = set()
    before = 0
    with no_errors_logged(caplog):
        tracemalloc.start()
        try:
            for start in range(0, len(sent), BATCH):
                if start == WARM_UP:
                    gc.collect()
                    before = tracemalloc.get_traced_memory()[0]
                told |= await fuzzed.send(sent[start : start + BATCH])
            gc.collect()
            growth = tracemalloc.get_traced_memory()[0] - before
        finally:
            tracemalloc.stop()
        ask = b'{"action":"setVolume","volumeLevel":0.25}' if role == "speaker" else b'{"action":"resumePlayback"}'
        answer = "volumeChanged" if role == "speaker" else "playbackResumed"
        # The last frames may have ended the session: then on a new socket.
        async with asyncio.timeout(20):
            while answer not in await fuzzed.send([Sent(TEXT, ask)]):
                pass
        await fuzzed.close()
        await bystander.alive()
        # Refused, and dealt with: the frames reached both sides of the edge's judgement.
        assert "error" in told
        assert told & {"broadcastPaused", "playbackPaused"}
    assert growth < GROWTH_BYTES * (len(sent) - WARM_UP) / 1_000, f"{growth} bytes kept"


# ---------------------------------------------------------------------- other nonsense

escaped = st.binary(max_size=40).map(quote_from_bytes)
query_values = st.one_of(
    escaped,
    st.sampled_from(
        [
            "createSession", "joinSession", "refreshConnection", "speaker", "listener", "en", "es", "valid-x", "", "1",
            "patient-ark-999", "%FF", "%00", "%ED%A0%80", "%F0%9F%98%80", "nan", "inf", "1e999", "0.8", "-1", "%",
            "%zz", "16000", "48000", "1" * 1_500, "0" * 32, "%0d%0aX:1", "a=b", "true", "null",
            "eyJhbGciOiJSUzI1NiJ9.e30.x",
        ]
    ),
)  # fmt: skip
query_names = st.sampled_from(
    [
        "action", "sessionId", "targetLanguage", "sourceLanguage", "token", "pin", "role", "connectionId", "lastCue",
        "sampleRate", "ack", "qualityTier", "partialResults", "minStability", "maxBufferSeconds", "captions", "audio",
        "audioFormat",
    ]
)  # fmt: skip
whole_queries = st.sampled_from(
    [
        "", "action=createSession&sourceLanguage=en&token=valid-x", "action=createSession&sourceLanguage=en",
        "sessionId=patient-ark-999&targetLanguage=es",
        "action=refreshConnection&role=speaker&sessionId=patient-ark-999",
    ]
)  # fmt: skip
queries = st.builds(
    lambda whole, pairs: "&".join([whole, *(f"{name}={value}" for name, value in pairs)]),
    whole_queries,
    st.lists(st.tuples(query_names | escaped, query_values), max_size=4),
)
wild_headers = st.sampled_from(
    [
        (), (V1_HEADER,), (b"Sec-WebSocket-Protocol: \xff, lingocast.v1",), (b"Authorization: Bearer \xff\xfe",),
        (b"Authorization: Bearer valid-eve", V1_HEADER), (b"X-Forwarded-For: \xff, , ::1%eth0",), (b"Origin: null",),
    ]
)  # fmt: skip


async def test_no_query_breaks_the_entrance(running: RunningEdge, caplog: pytest.LogCaptureFixture) -> None:
    port = URL(running.url).port
    assert port is not None
    asked = examples(st.tuples(queries, wild_headers), 400)
    statuses = set()
    with no_errors_logged(caplog):
        for query, headers in asked:
            socket = await RawSocket.open(port, b"/ws?" + query.encode(), *headers)
            statuses.add(socket.status)
            assert socket.status in {101, 400, 401, 403, 404, 409, 429}, (query, headers)
            if socket.status == 101:
                async with asyncio.timeout(10):
                    first = await socket.frame()
                assert check(first.payload, []) in {"error", "sessionCreated"}, (query, headers)
            else:
                assert socket.body[:1] == b"{", (query, headers, socket.status, socket.body)
                assert check(socket.body, []) == "error"
            await socket.close()
        await (await running.speaker())[0].alive()
    assert statuses >= {101, 400, 401, 404}


@pytest.mark.parametrize(
    ("reserved", "opcode", "payload"),
    [(4, TEXT, b"{}"), (1, TEXT, b"{}"), (0, 0x3, b""), (0, 0xB, b""), (0, PING, bytes(126)), (0, CONTINUATION, b"x")],
    ids=["compressed", "reserved bit", "reserved opcode", "reserved control", "long ping", "continues nothing"],
)
async def test_what_is_no_websocket_protocol_ends_that_connection_alone(
    running: RunningEdge, reserved: int, opcode: int, payload: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    bystander, created = await running.speaker()
    fuzzed = Fuzzed(running, "listener", False, created["sessionId"])
    with no_errors_logged(caplog):
        socket = await fuzzed.open()
        socket.send(opcode, payload, reserved=reserved)
        async with asyncio.timeout(10):
            told, closed = await socket.handled(b"?")
        assert closed in {1002, 1006}
        assert {check(text, []) for text in told} <= {"sessionJoined"}
        await fuzzed.close()
        kept = running.sessions.kept[created["sessionId"]]
        async with asyncio.timeout(10):
            await running.sessions.until(lambda: not kept.listeners)
        await bystander.alive()


async def test_a_peer_that_hangs_up_anywhere_leaves_nothing_behind(
    running: RunningEdge, caplog: pytest.LogCaptureFixture
) -> None:
    bystander, created = await running.speaker()
    kept = running.sessions.kept[created["sessionId"]]
    fuzzed = Fuzzed(running, "listener", False, created["sessionId"])
    with no_errors_logged(caplog):
        for frame in (b"", b"\x81", b"\x81\xfe\x00", b"\x81\xfe\xff\xff1234{", b"\x01\x82\x00\x00\x00\x00{}"):
            socket = await fuzzed.open()
            socket.writer.write(frame)
            await socket.writer.drain()
            socket.writer.transport.abort()
            await fuzzed.close()
        async with asyncio.timeout(10):
            await running.sessions.until(lambda: not kept.listeners)
            while len(running.edge.sockets) > 1:  # noqa: ASYNC110 - nothing tells
                await asyncio.sleep(0.01)
        await bystander.alive()


REASONS = ["", " ", "x" * 200, "expired", "\x00", "🙏" * 50, "Ende.", "rate_limited", "\u202e", '"}', "speaker_gone"]


@pytest.mark.parametrize("plain", [True, False], ids=["plain", "v1"])
async def test_any_reason_ends_a_session(running: RunningEdge, plain: bool, caplog: pytest.LogCaptureFixture) -> None:
    with no_errors_logged(caplog):
        for reason in REASONS:
            speaker, created = await running.speaker(plain)
            listener = await running.listener(created["sessionId"], plain=plain)
            ended = await speaker.ask("sessionEnded", "endSession", reason=reason)
            assert ended["reason"] == (reason or "speaker")
            assert (await listener.expect("sessionEnded"))["reason"] == ended["reason"]
            assert await speaker.closed() == 1000
