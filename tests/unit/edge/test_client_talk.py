"""A whole talk played by the demo's own code, against a small server that speaks the protocol."""

import asyncio
import json
import wave
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
from aiohttp import WSMsgType, web

from edge.client import ClientError
from edge.client.demo import main
from edge.client.screen import LineScreen
from edge.client.talk import Rhythm, perform, silent_talk

QUICK = Rhythm(silence=0.0, quiet=0.3, settle=5.0)
TALK = b"\1\0" * 16_000
VOICE = b"\2\0" * 3_200


class Edge:
    """Says "one" after 0.3 s of audio: a caption and a cue of 0.2 s for each listener. Ends when told to."""

    def __init__(self) -> None:
        self.url = ""
        self.heard = b""
        self.fail_at: int | None = None
        self._speaker: web.WebSocketResponse | None = None
        self._listeners: dict[web.WebSocketResponse, str] = {}

    async def ready(self, _: web.Request) -> web.Response:
        return web.Response(text="ok")

    async def answer(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(protocols=["lingocast.v1"])
        await socket.prepare(request)
        language = request.query.get("targetLanguage", "")
        common = {"sessionId": "s", "sourceLanguage": "en", "connectionId": "c", "qualityTier": "standard"}
        if request.query["action"] == "createSession":
            self._speaker = socket
            await say(socket, "sessionCreated", **common, joinUrl="j", expiresAt=0)
            await self._listen(socket)
        else:
            self._listeners[socket] = language
            await say(socket, "sessionJoined", **common, targetLanguage=language)
            async for _ in socket:
                pass
        return socket

    async def _listen(self, speaker: web.WebSocketResponse) -> None:
        told = False
        async for message in speaker:
            if message.type is WSMsgType.BINARY:
                self.heard += message.data
                if self.fail_at is not None and len(self.heard) >= self.fail_at:
                    await say(speaker, "error", code="INTERNAL", status=500, message="broken")
                    await speaker.close(code=4029)
                if len(self.heard) >= 9_600 and not told:
                    told = True
                    await self._tell(speaker)
            elif json.loads(message.data)["action"] == "endSession":
                for socket in (speaker, *self._listeners):
                    await say(socket, "sessionEnded", sessionId="s", reason="speaker")
                    await socket.close(code=4000)

    async def _tell(self, speaker: web.WebSocketResponse) -> None:
        segment = {"segmentId": 1, "stableChars": 3, "startMs": 0, "endMs": 300}
        await say(speaker, "sourceCaption", text="one", isFinal=True, **segment)
        for socket, language in self._listeners.items():
            await say(socket, "caption", text=f"uno <{language}>", isFinal=True, language=language, **segment)
            cue = {"cueId": "q", "segmentId": 1, "language": language, "sampleRate": 16000, "tempo": 1.0}
            await say(socket, "cueStart", **cue, startMs=0, endMs=300)
            await socket.send_bytes(VOICE)
            await say(socket, "cueEnd", cueId="q", durationMs=200)


async def say(socket: web.WebSocketResponse, type_: str, **fields: object) -> None:
    await socket.send_str(json.dumps({"type": type_, **fields}))


@pytest.fixture
async def edge() -> AsyncIterator[Edge]:
    fake = Edge()
    app = web.Application()
    app.router.add_get("/ws", fake.answer)
    app.router.add_get("/readyz", fake.ready)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    fake.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield fake
    await runner.cleanup()


async def test_a_talk_is_sent_whole_and_heard_in_every_language(edge: Edge) -> None:
    talk = silent_talk("en", ["pt", "es"])
    await perform(talk, edge.url, "jwt", TALK, LineScreen("en"), rhythm=QUICK)
    assert edge.heard == TALK
    report = talk.report()
    assert (report.seconds, report.source_words) == (1.0, 1)
    for one in report.languages:
        assert (one.captions, one.words, one.cues, one.incomplete_cues) == (1, 2, 1, 0)
        assert one.caption_lag is not None
        assert one.voice_lag is not None
        assert (one.caption_lag.count, one.voice_lag.count) == (1, 1)
    for track in talk.tracks().values():
        # Silence until the edge had heard 0.3 s, then the voice.
        samples = np.frombuffer(track, "<i2")
        assert np.count_nonzero(samples) == 3_200
        assert np.flatnonzero(samples)[0] > 0
        assert track.endswith(VOICE)


async def test_what_breaks_the_session_is_the_one_error(edge: Edge) -> None:
    edge.fail_at = 6_400
    with pytest.raises(ClientError, match="INTERNAL"):
        await perform(silent_talk("en", ["es"]), edge.url, "jwt", TALK, LineScreen("en"), rhythm=QUICK)


async def test_an_interrupted_talk_ends_its_session_and_keeps_what_was_heard(edge: Edge) -> None:
    talk = silent_talk("en", ["es"])
    async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
        playing = tasks.create_task(perform(talk, edge.url, "jwt", TALK * 60, LineScreen("en"), rhythm=QUICK))
        while not talk.report().languages[0].cues:  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0.01)
        playing.cancel()
    assert talk.report().languages[0].cues == 1
    assert len(edge.heard) < len(TALK) * 60


def recorded(folder: Path) -> Path:
    with wave.open(str(folder / "talk.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(TALK)
    return folder / "talk.wav"


async def test_the_command_leaves_tracks_captions_and_a_table(
    edge: Edge, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    talk = recorded(tmp_path)
    out = tmp_path / "out"
    arguments = ["--url", edge.url, "--token", "jwt", "--audio", str(talk), "--langs", "es,pt,es"]
    monkeypatch.setenv("COLUMNS", "200")
    status = await asyncio.to_thread(main, [*arguments, "--out", str(out), "--data", str(tmp_path)], QUICK)
    assert status == 0
    assert sorted(path.name for path in out.iterdir()) == ["es.vtt", "es.wav", "pt.vtt", "pt.wav", "source.vtt"]
    assert (out / "es.vtt").read_text("utf-8") == "WEBVTT\n\n00:00:00.000 --> 00:00:00.300\nuno &lt;es&gt;\n"
    with wave.open(str(out / "es.wav")) as file:
        assert (file.getframerate(), file.getnchannels()) == (16_000, 1)
        assert VOICE in file.readframes(file.getnframes())
    printed = capsys.readouterr().out
    assert "es     uno <es>" in printed
    assert "voice lag" in printed


async def test_a_named_system_that_is_not_there_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--url", "http://127.0.0.1:9", "--audio", str(recorded(tmp_path)), "--data", str(tmp_path)]
    assert await asyncio.to_thread(main, arguments) == 1
    assert "no system answers" in capsys.readouterr().err
